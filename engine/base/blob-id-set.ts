/**
 * BlobIdSet: a set of full blob ids in typed arrays: about 40 bytes an id and no object, so that ten
 * million fit where a Set of strings would not. Ids are numbered from 0 in the order they came, and
 * each can carry one number.
 */
import { type Bytes, releaseBytes } from "./bytes.ts";
import { assert } from "./errors.ts";
import { type BlobId, ID_BYTES, idOf } from "./ids.ts";

/** Ids stand in pages of 2 MiB that never move; memory not yet written to costs nothing. */
const PAGE_IDS = 65_536;
const SLOTS_MIN = 1024;
const LOAD_MAX = 0.7;
/** Memory of an id that carries a number, in a set of many. */
export const BYTES_PER_NUMBERED_ID = 52;

export class BlobIdSet {
  readonly #pages: Bytes[] = [];
  /** Number of an id and 1; 0 is a free slot. A power of two. */
  #slots: Uint32Array<ArrayBuffer> = new Uint32Array(SLOTS_MIN);
  #values: Uint32Array<ArrayBuffer> | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get memoryBytes(): number {
    const pages = this.#pages.length * PAGE_IDS * ID_BYTES;
    return pages + this.#slots.byteLength + (this.#values?.byteLength ?? 0);
  }

  /**
   * The number of an id, which is added when it is new: then `size` has grown.
   * @param bytes Holds the 32 bytes of the id from `at`; copied.
   */
  intern(bytes: Uint8Array, at = 0): number {
    if (this.#size >= this.#slots.length * LOAD_MAX) this.#grow();
    const slot = this.#slotOf(bytes, at);
    const known = this.#slots[slot] as number;
    if (known !== 0) return known - 1;
    const number = this.#size++;
    const page = Math.floor(number / PAGE_IDS);
    const own = (this.#pages[page] ??= new Uint8Array(PAGE_IDS * ID_BYTES));
    own.set(bytes.subarray(at, at + ID_BYTES), (number - page * PAGE_IDS) * ID_BYTES);
    this.#slots[slot] = number + 1;
    return number;
  }

  /** Adds the ids of `others`, without their numbers. */
  addAll(others: BlobIdSet): void {
    for (let number = 0; number < others.size; number++) this.intern(others.bytesAt(number));
  }

  /** The number of an id, or −1. */
  find(bytes: Uint8Array, at = 0): number {
    return (this.#slots[this.#slotOf(bytes, at)] as number) - 1;
  }

  has(bytes: Uint8Array, at = 0): boolean {
    return this.find(bytes, at) >= 0;
  }

  /** The first of the 32 bytes of id `number`. */
  firstByteAt(number: number): number {
    const page = Math.floor(number / PAGE_IDS);
    return (this.#pages[page] as Bytes)[(number - page * PAGE_IDS) * ID_BYTES] as number;
  }

  /** The 32 bytes of id `number`, a view that stays valid until the set is freed. */
  bytesAt(number: number): Bytes {
    assert(number >= 0 && number < this.#size, `id ${number} of ${this.#size}`);
    const page = Math.floor(number / PAGE_IDS);
    const at = (number - page * PAGE_IDS) * ID_BYTES;
    return (this.#pages[page] as Bytes).subarray(at, at + ID_BYTES);
  }

  idAt(number: number): BlobId {
    return idOf<BlobId>(this.bytesAt(number));
  }

  /** What was set for id `number`, 0 at first. */
  valueAt(number: number): number {
    return this.#values?.[number] ?? 0;
  }

  /** @param value A u32. */
  setValue(number: number, value: number): void {
    assert(number >= 0 && number < this.#size, `id ${number} of ${this.#size}`);
    if (this.#values === undefined || number >= this.#values.length) {
      const grown = new Uint32Array(Math.max(SLOTS_MIN, this.#slots.length));
      if (this.#values !== undefined) grown.set(this.#values);
      this.#values = grown;
    }
    this.#values[number] = value;
  }

  /** Forgets all ids, and gives their memory back at once: views of them must not be used any more. */
  free(): void {
    for (const page of this.#pages) releaseBytes(page);
    this.#slots.buffer.transfer(0);
    this.#values?.buffer.transfer(0);
    this.#pages.length = 0;
    this.#slots = new Uint32Array(SLOTS_MIN);
    this.#values = undefined;
    this.#size = 0;
  }

  /** The slot of the id, or the free one where it belongs. */
  #slotOf(bytes: Uint8Array, at: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = hashOf(bytes, at) & mask;
    for (;;) {
      const known = slots[slot] as number;
      if (known === 0 || this.#equals(known - 1, bytes, at)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #equals(number: number, bytes: Uint8Array, at: number): boolean {
    const page = Math.floor(number / PAGE_IDS);
    const own = this.#pages[page] as Bytes;
    const ownAt = (number - page * PAGE_IDS) * ID_BYTES;
    for (let i = 0; i < ID_BYTES; i++) if (own[ownAt + i] !== bytes[at + i]) return false;
    return true;
  }

  #grow(): void {
    const slots = new Uint32Array(this.#slots.length * 2);
    const mask = slots.length - 1;
    for (let number = 0; number < this.#size; number++) {
      const page = Math.floor(number / PAGE_IDS);
      const at = (number - page * PAGE_IDS) * ID_BYTES;
      let slot = hashOf(this.#pages[page] as Bytes, at) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = number + 1;
    }
    this.#slots = slots;
  }
}

/**
 * Ids are hashes: any bits of them are as good as a hash of them. Not the first, which all ids of a part
 * have in common.
 */
function hashOf(bytes: Uint8Array, at: number): number {
  const low = (bytes[at + 8] as number) | ((bytes[at + 9] as number) << 8);
  return low | ((bytes[at + 10] as number) << 16) | ((bytes[at + 11] as number) << 24);
}
