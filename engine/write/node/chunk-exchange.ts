/**
 * ChunkExchange: chunks of a large file that one thread cuts and others help to seal. In shared memory:
 * the owner puts a chunk into a free slot, a helper copies it out, seals it and leaves there what came
 * of it, and the owner picks that up. Where no slot is free the owner seals the chunk itself, so nobody
 * waits for anybody but at the end of the file, and one thread alone does everything as ever.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Bytes } from "../../base/bytes.ts";
import { ID_BYTES } from "../../base/ids.ts";

/** Posted to helpers as it is. */
export interface ExchangeMemory {
  readonly control: SharedArrayBuffer;
  readonly chunks: SharedArrayBuffer;
  /** Size of a slot, bytes. */
  readonly slotBytes: number;
}

/** What came of a chunk. */
export interface SealedChunk {
  readonly id: Bytes;
  /** One of `CHUNK_ORIGIN`. */
  readonly origin: number;
  /** What was stored for it: nothing when it was known. */
  readonly blobs: number;
  readonly plainBytes: number;
  readonly sealedBytes: number;
}

/** Words of the control memory before those of the slots. */
const STATE = 0;
const HELPERS = 1;
/** Counts up whenever somebody may have something to do; waited on. */
const TURN = 2;
const HEAD_WORDS = 4;

const OPEN = 0;
const CLOSED = 1;
/** Some thread failed: who waits must not go on waiting. */
const BROKEN = 2;

/** Words of a slot: where it stands, and the chunk or what came of it. */
const SLOT_STATE = 0;
const LENGTH = 1;
const TRUST = 2;
const ORIGIN = 3;
const BLOBS = 4;
const PLAIN_BYTES = 5;
const SEALED_BYTES = 6;
const ID = 8;
const SLOT_WORDS: number = ID + ID_BYTES / 4;

const FREE = 0;
const OFFERED = 1;
const TAKEN = 2;
const DONE = 3;
const FAILED = 4;

/** A wait ends after this, in case that what it waits for was missed. */
const WAIT_MS = 50;

/** @param slots Two for each helper keep it at work. @param slotBytes The largest chunk. */
export function createExchange(slots: number, slotBytes: number): ExchangeMemory {
  const control = new SharedArrayBuffer(4 * (HEAD_WORDS + slots * SLOT_WORDS));
  new Int32Array(control)[STATE] = CLOSED;
  return { control, chunks: new SharedArrayBuffer(slots * slotBytes), slotBytes };
}

/** Whether there is, or will soon be, something to help with. */
export function isOpen({ control }: ExchangeMemory): boolean {
  return Atomics.load(new Int32Array(control), STATE) === OPEN;
}

/** A thread of the exchange failed, which says so itself. */
export class BrokenExchangeError extends Error {
  constructor() {
    super("another thread of the backup failed");
    this.name = "BrokenExchangeError";
  }
}

/** Ends all waiting: some thread failed, and with it the backup. */
export function breakExchange({ control }: ExchangeMemory): void {
  const words = new Int32Array(control);
  Atomics.store(words, STATE, BROKEN);
  wake(words);
}

/** Lets helpers look up, after one of them was told to leave. */
export function wakeHelpers({ control }: ExchangeMemory): void {
  wake(new Int32Array(control));
}

function wake(words: Int32Array): void {
  Atomics.add(words, TURN, 1);
  Atomics.notify(words, TURN);
}

/** The owner's side. */
export class ChunkOffers {
  readonly #memory: ExchangeMemory;
  readonly #words: Int32Array;
  readonly #chunks: Uint8Array;
  readonly #slots: number;
  readonly #waiting: ((sealed: SealedChunk) => void)[] = [];

  constructor(memory: ExchangeMemory) {
    this.#memory = memory;
    this.#words = new Int32Array(memory.control);
    this.#chunks = new Uint8Array(memory.chunks);
    this.#slots = memory.chunks.byteLength / memory.slotBytes;
  }

  /** A large file begins. */
  open(): void {
    Atomics.compareExchange(this.#words, STATE, CLOSED, OPEN);
  }

  /**
   * @param chunk Copied.
   * @param onSealed Called on this thread, during a later call of this object.
   * @returns false when nobody is free to take it: then the caller seals it.
   * @throws BrokenExchangeError.
   */
  offer(
    chunk: Bytes,
    trustFingerprints: boolean,
    onSealed: (sealed: SealedChunk) => void,
  ): boolean {
    if (this.#load(STATE) === BROKEN) throw new BrokenExchangeError();
    if (this.#load(HELPERS) === 0 || chunk.length > this.#memory.slotBytes) return false;
    const slot = this.#freeSlot();
    if (slot < 0) return false;
    this.#chunks.set(chunk, slot * this.#memory.slotBytes);
    const at = wordOf(slot);
    this.#words[at + LENGTH] = chunk.length;
    this.#words[at + TRUST] = trustFingerprints ? 1 : 0;
    this.#waiting[slot] = onSealed;
    Atomics.store(this.#words, at + SLOT_STATE, OFFERED);
    wake(this.#words);
    return true;
  }

  /**
   * The file is at its end: waits for what was taken; what nobody has taken is sealed by `seal`.
   * @throws BrokenExchangeError; what `seal` throws.
   */
  close(seal: (chunk: Bytes, trustFingerprints: boolean) => SealedChunk): void {
    for (let slot = 0; slot < this.#slots; slot++) {
      const at = wordOf(slot);
      const was = Atomics.compareExchange(this.#words, at + SLOT_STATE, OFFERED, TAKEN);
      if (was !== OFFERED) continue;
      try {
        const sealed = seal(this.#copyOf(slot), this.#words[at + TRUST] === 1);
        Atomics.store(this.#words, at + SLOT_STATE, FREE);
        this.#waiting[slot]?.(sealed);
      } catch (error) {
        Atomics.store(this.#words, at + SLOT_STATE, FAILED);
        throw error;
      }
    }
    for (let slot = 0; slot < this.#slots; slot++) {
      for (;;) {
        const turn = this.#load(TURN);
        this.#pickUp(slot);
        if (this.#load(wordOf(slot) + SLOT_STATE) === FREE) break;
        if (this.#load(STATE) === BROKEN) throw new BrokenExchangeError();
        Atomics.wait(this.#words, TURN, turn, WAIT_MS);
      }
    }
    Atomics.compareExchange(this.#words, STATE, OPEN, CLOSED);
    wake(this.#words);
  }

  #freeSlot(): number {
    for (let slot = 0; slot < this.#slots; slot++) {
      this.#pickUp(slot);
      if (this.#load(wordOf(slot) + SLOT_STATE) === FREE) return slot;
    }
    return -1;
  }

  /** Frees the slot when its chunk is sealed. */
  #pickUp(slot: number): void {
    const at = wordOf(slot);
    const state = this.#load(at + SLOT_STATE);
    if (state === FAILED) throw new BrokenExchangeError();
    if (state !== DONE) return;
    const words = this.#words;
    const id = new Uint8Array(ID_BYTES);
    id.set(new Uint8Array(words.buffer, 4 * (at + ID), ID_BYTES));
    const sealed: SealedChunk = {
      id,
      origin: words[at + ORIGIN] as number,
      blobs: words[at + BLOBS] as number,
      plainBytes: words[at + PLAIN_BYTES] as number,
      sealedBytes: words[at + SEALED_BYTES] as number,
    };
    Atomics.store(words, at + SLOT_STATE, FREE);
    this.#waiting[slot]?.(sealed);
  }

  #copyOf(slot: number): Bytes {
    const length = this.#words[wordOf(slot) + LENGTH] as number;
    const chunk = new Uint8Array(length);
    const from = slot * this.#memory.slotBytes;
    chunk.set(this.#chunks.subarray(from, from + length));
    return chunk;
  }

  #load(word: number): number {
    return Atomics.load(this.#words, word);
  }
}

export interface HelpOptions {
  /** One Int32: not 0 when this thread is wanted elsewhere. */
  readonly leave: Int32Array;
  /** Room for the largest chunk. */
  readonly scratch: Bytes;
  readonly seal: (chunk: Bytes, trustFingerprints: boolean) => SealedChunk;
  /** Bytes after which the event loop gets a turn. */
  readonly turnBytes: number;
}

/**
 * The helper's side: seals what is offered until the file is at its end or the thread is wanted
 * elsewhere. @throws what `seal` throws; the owner fails as well.
 */
export async function helpSealing(memory: ExchangeMemory, options: HelpOptions): Promise<void> {
  const words = new Int32Array(memory.control);
  const chunks = new Uint8Array(memory.chunks);
  const slots = memory.chunks.byteLength / memory.slotBytes;
  let sinceTurn = 0;
  Atomics.add(words, HELPERS, 1);
  try {
    for (;;) {
      const turn = Atomics.load(words, TURN);
      if (Atomics.load(words, STATE) !== OPEN || Atomics.load(options.leave, 0) !== 0) return;
      const slot = takeSlot(words, slots);
      if (slot < 0) {
        Atomics.wait(words, TURN, turn, WAIT_MS);
        continue;
      }
      const at = wordOf(slot);
      const length = words[at + LENGTH] as number;
      const from = slot * memory.slotBytes;
      options.scratch.set(chunks.subarray(from, from + length));
      try {
        const chunk = options.scratch.subarray(0, length);
        leaveResult(words, at, options.seal(chunk, words[at + TRUST] === 1));
      } catch (error) {
        Atomics.store(words, at + SLOT_STATE, FAILED);
        throw error;
      } finally {
        wake(words);
      }
      sinceTurn += length;
      if (sinceTurn < options.turnBytes) continue;
      sinceTurn = 0;
      await nextTurn();
    }
  } finally {
    Atomics.sub(words, HELPERS, 1);
  }
}

function takeSlot(words: Int32Array, slots: number): number {
  for (let slot = 0; slot < slots; slot++) {
    const at = wordOf(slot) + SLOT_STATE;
    if (Atomics.compareExchange(words, at, OFFERED, TAKEN) === OFFERED) return slot;
  }
  return -1;
}

function leaveResult(words: Int32Array, at: number, sealed: SealedChunk): void {
  new Uint8Array(words.buffer, 4 * (at + ID), ID_BYTES).set(sealed.id);
  words[at + ORIGIN] = sealed.origin;
  words[at + BLOBS] = sealed.blobs;
  words[at + PLAIN_BYTES] = sealed.plainBytes;
  words[at + SEALED_BYTES] = sealed.sealedBytes;
  Atomics.store(words, at + SLOT_STATE, DONE);
}

function wordOf(slot: number): number {
  return HEAD_WORDS + slot * SLOT_WORDS;
}
