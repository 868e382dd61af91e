/**
 * SessionTable: the ids of blobs that this backup has stored or is storing, in memory that all
 * worker threads share. `claim` answers in well under a microsecond who is the first to meet a blob,
 * so that it is compressed, sealed and stored once.
 *
 * Open addressing with full 32-byte ids, in levels that each hold eight times more than the one
 * before: a full level is never rehashed, which threads could not do under each other's feet. The
 * shared buffer grows when a level is first needed. Two threads that disagree for a moment about
 * whether a level is full may both claim a blob; then it is stored twice, which is harmless.
 */
import { type Bytes } from "../base/bytes.ts";
import { ForgeError } from "../base/errors.ts";
import { ID_BYTES } from "../base/ids.ts";

const FIRST_LEVEL_SLOTS = 16_384;
const LEVEL_FACTOR = 8;
/** 16 Ki, 128 Ki, 1 Mi, 8 Mi, 64 Mi slots: 51 million blobs in one backup at 70 % load. */
const LEVELS = 5;
const LOAD_MAX = 0.7;
const SLOT_BYTES: number = ID_BYTES + 4;

const EMPTY = 0;
const WRITING = 1;
const FULL = 2;

interface Level {
  readonly slots: number;
  /** Byte offsets in the buffer. */
  readonly statesAt: number;
  readonly idsAt: number;
  readonly endAt: number;
}

/** The buffer begins with one counter a level. */
const HEADER_BYTES: number = 64;

const LAYOUT: readonly Level[] = (() => {
  const levels: Level[] = [];
  let at = HEADER_BYTES;
  for (let k = 0, slots = FIRST_LEVEL_SLOTS; k < LEVELS; k++, slots *= LEVEL_FACTOR) {
    const idsAt = at + slots * 4;
    levels.push({ slots, statesAt: at, idsAt, endAt: at + slots * SLOT_BYTES });
    at += slots * SLOT_BYTES;
  }
  return levels;
})();

export class SessionTable {
  readonly #buffer: SharedArrayBuffer;
  readonly #counts: Int32Array;
  readonly #states: (Int32Array | undefined)[] = [];
  readonly #ids: (Int32Array | undefined)[] = [];

  /** @param buffer Of another thread's table, to share it; a new table when absent. */
  constructor(buffer?: SharedArrayBuffer) {
    const last = LAYOUT[LEVELS - 1] as Level;
    // Only touched pages take memory; the maximum is a reservation of addresses.
    this.#buffer =
      buffer ?? new SharedArrayBuffer((LAYOUT[0] as Level).endAt, { maxByteLength: last.endAt });
    this.#counts = new Int32Array(this.#buffer, 0, LEVELS);
  }

  get sharedBuffer(): SharedArrayBuffer {
    return this.#buffer;
  }

  /** Number of blobs claimed. */
  get size(): number {
    let size = 0;
    for (let k = 0; k < LEVELS; k++) size += Atomics.load(this.#counts, k);
    return size;
  }

  /**
   * @param id 32 bytes, aligned or not; read only.
   * @returns true for the first caller with this id, who must then store the blob.
   */
  claim(id: Bytes): boolean {
    const words = wordsOf(id);
    for (let k = 0; k < LEVELS; k++) {
      const level = LAYOUT[k] as Level;
      const isFull = Atomics.load(this.#counts, k) >= level.slots * LOAD_MAX;
      const answer = this.#claimInLevel(k, level, words, isFull);
      if (answer !== "not-here") return answer === "claimed";
    }
    throw new ForgeError("too-large", "Cannot back up more than 51 million new blobs in one go");
  }

  #claimInLevel(
    k: number,
    level: Level,
    words: Int32Array,
    isFull: boolean,
  ): "claimed" | "present" | "not-here" {
    const [states, ids] = this.#views(k, level);
    const mask = level.slots - 1;
    // Ids are hashes: any bits of them are as good as a hash of them.
    let slot = (words[0] as number) & mask;
    for (;;) {
      let state = Atomics.load(states, slot);
      if (state === EMPTY) {
        if (isFull) return "not-here";
        state = Atomics.compareExchange(states, slot, EMPTY, WRITING);
        if (state === EMPTY) {
          ids.set(words, slot * 8);
          Atomics.store(states, slot, FULL);
          Atomics.add(this.#counts, k, 1);
          return "claimed";
        }
      }
      // The other thread is between two instructions.
      while (state === WRITING) state = Atomics.load(states, slot);
      if (equalWords(ids, slot * 8, words)) return "present";
      slot = (slot + 1) & mask;
    }
  }

  #views(k: number, level: Level): [Int32Array, Int32Array] {
    let states = this.#states[k];
    let ids = this.#ids[k];
    if (states === undefined || ids === undefined) {
      // Another thread may grow it first; growing to the same size again does nothing.
      if (this.#buffer.byteLength < level.endAt) this.#grow(level.endAt);
      states = new Int32Array(this.#buffer, level.statesAt, level.slots);
      ids = new Int32Array(this.#buffer, level.idsAt, level.slots * 8);
      this.#states[k] = states;
      this.#ids[k] = ids;
    }
    return [states, ids];
  }

  #grow(toBytes: number): void {
    try {
      this.#buffer.grow(toBytes);
    } catch (error) {
      if (this.#buffer.byteLength < toBytes) throw error;
    }
  }
}

function wordsOf(id: Bytes): Int32Array {
  if (id.byteOffset % 4 === 0) return new Int32Array(id.buffer, id.byteOffset, 8);
  const copy = id.slice();
  return new Int32Array(copy.buffer, 0, 8);
}

function equalWords(ids: Int32Array, at: number, words: Int32Array): boolean {
  for (let i = 0; i < 8; i++) if (ids[at + i] !== words[i]) return false;
  return true;
}
