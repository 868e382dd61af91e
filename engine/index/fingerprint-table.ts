/**
 * FingerprintTable: the first four bytes of a blob id → numbers of records that may be of that blob,
 * 8 bytes a slot and no object, in memory that worker threads can share.
 *
 * Ids are uniformly distributed, so the prefix scaled to the capacity is the slot, and the table is
 * a sorted array with gaps: prefixes that come sorted are written from front to back, which makes
 * building it four times faster than hashing. An id that is not there is met by chance once in
 * 2^32 / n look-ups; who needs certainty compares the record's full id.
 *
 * One thread writes. Others see what was added a moment later or, once the table had to grow, not at
 * all: to them "no" means "not known", never "not stored".
 */
import { assert } from "../base/errors.ts";

/** Linear probing looks at 8 slots (one cache line) for an absent id at this load. */
const LOAD_MAX = 0.75;
const LOAD_NEW = 0.6;
const SLOTS_MIN = 1024;
const SLOT_BYTES = 8;
const TWO_32 = 0x1_0000_0000;
/** Of the sorted columns, what falls into one of so many ranges is added together: 10 million
 * records in 500 columns then stay within the processor's cache. */
const RANGES = 256;

/** A sorted column of prefixes; record numbers count up from `firstRecord`. */
export interface PrefixColumn {
  readonly prefixes: Uint32Array;
  readonly firstRecord: number;
}

export class FingerprintTable {
  readonly #buffer: SharedArrayBuffer | ArrayBuffer;
  /** Pairs of prefix and record number + 1; 0 there is a free slot. */
  readonly #slots: Uint32Array;
  readonly #capacity: number;
  readonly #scale: number;
  #count = 0;

  private constructor(buffer: SharedArrayBuffer | ArrayBuffer) {
    this.#buffer = buffer;
    this.#slots = new Uint32Array(buffer);
    this.#capacity = buffer.byteLength / SLOT_BYTES;
    this.#scale = this.#capacity / TWO_32;
  }

  /** An empty table with room for `records` and a quarter more. */
  static withRoomFor(records: number): FingerprintTable {
    const slots = Math.max(SLOTS_MIN, Math.ceil(records / LOAD_NEW));
    const bytes = slots * SLOT_BYTES;
    // Browsers have shared memory only on pages that ask to be isolated.
    const isShared = typeof SharedArrayBuffer === "function";
    return new FingerprintTable(isShared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes));
  }

  /** A view of another thread's table, for `mayContain` alone. */
  static fromShared(buffer: SharedArrayBuffer): FingerprintTable {
    return new FingerprintTable(buffer);
  }

  /** To be posted to worker threads. */
  get sharedBuffer(): SharedArrayBuffer {
    const buffer = this.#buffer;
    assert(
      typeof SharedArrayBuffer === "function" && buffer instanceof SharedArrayBuffer,
      "a fingerprint table shared where memory cannot be shared",
    );
    return buffer;
  }

  get memoryBytes(): number {
    return this.#buffer.byteLength;
  }

  /** Records added by this thread. */
  get count(): number {
    return this.#count;
  }

  hasRoomFor(records: number): boolean {
    return this.#count + records <= this.#capacity * LOAD_MAX;
  }

  /** Whether a blob with this id (32 bytes) may be known; wrong once in 2^32 / count. */
  mayContain(id: Uint8Array): boolean {
    const [a = 0, b = 0, c = 0, d = 0] = [id[0], id[1], id[2], id[3]];
    return this.firstSlot(((a << 24) | (b << 16) | (c << 8) | d) >>> 0) >= 0;
  }

  /** The first slot that holds `prefix`, or −1. */
  firstSlot(prefix: number): number {
    return this.#probe(prefix, Math.floor(prefix * this.#scale));
  }

  /** The next slot that holds `prefix` after one that did, or −1. */
  nextSlot(prefix: number, slot: number): number {
    return this.#probe(prefix, slot + 1 === this.#capacity ? 0 : slot + 1);
  }

  /** The record number in a slot that was found. */
  recordAt(slot: number): number {
    return (this.#slots[2 * slot + 1] as number) - 1;
  }

  /** Adds columns, interleaved by ranges of prefixes. Ask `hasRoomFor` before. */
  addColumns(columns: readonly PrefixColumn[]): void {
    const total = columns.reduce((sum, column) => sum + column.prefixes.length, 0);
    assert(this.hasRoomFor(total), "a fingerprint table that is full");
    const next = new Uint32Array(columns.length);
    for (let range = 1; range <= RANGES; range++) {
      const limit = (TWO_32 / RANGES) * range;
      for (let c = 0; c < columns.length; c++) {
        const { prefixes, firstRecord } = columns[c] as PrefixColumn;
        let i = next[c] as number;
        for (; i < prefixes.length; i++) {
          const prefix = prefixes[i] as number;
          if (prefix >= limit) break;
          this.#insert(prefix, firstRecord + i);
        }
        next[c] = i;
      }
    }
    this.#count += total;
  }

  /** Calls `visit` for every record, nearly in order of prefixes. */
  forEach(visit: (prefix: number, record: number) => void): void {
    for (let slot = 0; slot < this.#capacity; slot++) {
      const record = this.#slots[2 * slot + 1] as number;
      if (record !== 0) visit(this.#slots[2 * slot] as number, record - 1);
    }
  }

  /** Adds one record. Ask `hasRoomFor` before. */
  add(prefix: number, record: number): void {
    assert(this.hasRoomFor(1), "a fingerprint table that is full");
    this.#insert(prefix, record);
    this.#count++;
  }

  #insert(prefix: number, record: number): void {
    const slots = this.#slots;
    let slot = Math.floor(prefix * this.#scale);
    while (slots[2 * slot + 1] !== 0) if (++slot === this.#capacity) slot = 0;
    // The prefix first: another thread that sees the record number sees a complete slot.
    slots[2 * slot] = prefix;
    slots[2 * slot + 1] = record + 1;
  }

  #probe(prefix: number, start: number): number {
    const slots = this.#slots;
    let slot = start;
    while (slots[2 * slot + 1] !== 0) {
      if (slots[2 * slot] === prefix) return slot;
      if (++slot === this.#capacity) slot = 0;
    }
    return -1;
  }
}
