/**
 * ReferredChunks: the chunks that files refer to, with the plain length that the files say: in memory
 * up to a bound, beyond it in scratch. They are looked at in parts, by the first byte of their ids: each
 * part has all references to its chunks, so that what holds for every chunk of every part holds for all.
 * (A Grace hash join with the index, whose segments are sorted by id.)
 *
 * ```ts
 * for (const part of chunks.parts(onConflict)) {
 *   for await (const { records } of index.recordPages(part)) … part.chunks.find(records, at) …
 * }
 * ```
 */
import type { Bytes } from "../base/bytes.ts";
import { assert } from "../base/errors.ts";
import { ALL_IDS, type IdRange } from "../base/id-range.ts";
import { type BlobId, ID_BYTES } from "../base/ids.ts";
import { BYTES_PER_NUMBERED_ID, BlobIdSet } from "../base/blob-id-set.ts";
import type { IdMemory, Scratch } from "./scratch.ts";

export interface ChunkPart extends IdRange {
  /** `valueAt` is the plain length. Valid until the next part is asked for. */
  readonly chunks: BlobIdSet;
}

/** Files that do not agree on the plain length of a chunk. */
export interface ChunkConflict {
  readonly id: BlobId;
  readonly plainBytes: readonly [number, number];
}

/** What was moved to scratch at once: entries sorted by the first byte of their ids. */
interface Run {
  readonly position: number;
  /** Number of the first entry of each first byte, and the number of all. */
  readonly starts: Uint32Array;
}

/** An id and its plain length, a u32 in the machine's order. */
const ENTRY_BYTES = ID_BYTES + 4;
/** Entries written or read at once: a megabyte. */
const BUFFER_ENTRIES = 32_768;

export class ReferredChunks {
  readonly #memory: IdMemory | undefined;
  readonly #idsMax: number;
  #latest = new BlobIdSet();
  readonly #runs: Run[] = [];
  #scratch: Scratch | undefined;
  /** Chunks of which a conflict was told. */
  readonly #told = new BlobIdSet();

  /** @param memory Without a bound when absent. */
  constructor(memory?: IdMemory) {
    this.#memory = memory;
    this.#idsMax = memory === undefined ? Infinity : memory.bytes / BYTES_PER_NUMBERED_ID;
  }

  /**
   * @param bytes Holds the 32 bytes of the id from `at`; copied. @param plainBytes A u32.
   * @returns a conflict that is already known; others are told with the parts.
   * @throws what scratch throws.
   */
  add(bytes: Uint8Array, at: number, plainBytes: number): ChunkConflict | undefined {
    const conflict = this.#addTo(this.#latest, bytes, at, plainBytes);
    if (this.#latest.size >= this.#idsMax) this.#spill();
    return conflict;
  }

  /**
   * Every chunk once, in as many parts as the bound on memory makes necessary. Chunks may be added
   * again when all parts were seen.
   * @throws what scratch throws.
   */
  *parts(onConflict: (conflict: ChunkConflict) => void): Generator<ChunkPart> {
    if (this.#runs.length === 0) {
      yield { ...ALL_IDS, chunks: this.#latest };
      return;
    }
    if (this.#latest.size > 0) this.#spill();
    for (let first = 0; first < ALL_IDS.end;) {
      let end = first + 1;
      while (end < ALL_IDS.end && this.#entriesIn({ first, end: end + 1 }) <= this.#idsMax) end++;
      const chunks = this.#load({ first, end }, onConflict);
      yield { first, end, chunks };
      chunks.free();
      first = end;
    }
  }

  /** Lets go of everything. */
  close(): void {
    this.#latest.free();
    this.#runs.length = 0;
    this.#scratch?.close();
    this.#scratch = undefined;
  }

  #addTo(
    set: BlobIdSet,
    bytes: Uint8Array,
    at: number,
    plainBytes: number,
  ): ChunkConflict | undefined {
    const size = set.size;
    const number = set.intern(bytes, at);
    if (set.size > size) {
      set.setValue(number, plainBytes);
      return undefined;
    }
    const said = set.valueAt(number);
    if (said === plainBytes || this.#told.has(bytes, at)) return undefined;
    this.#told.intern(bytes, at);
    return { id: set.idAt(number), plainBytes: [said, plainBytes] };
  }

  #spill(): void {
    const set = this.#latest;
    const { starts, order } = sortByFirstByte(set);
    assert(this.#memory !== undefined, "chunks without a bound need no scratch");
    const scratch = (this.#scratch ??= this.#memory.openScratch());
    const buffer = new Uint8Array(Math.min(set.size, BUFFER_ENTRIES) * ENTRY_BYTES);
    const view = new DataView(buffer.buffer);
    let position: number | undefined;
    for (let done = 0; done < order.length;) {
      const count = Math.min(BUFFER_ENTRIES, order.length - done);
      for (let i = 0; i < count; i++) {
        const number = order[done + i] as number;
        buffer.set(set.bytesAt(number), i * ENTRY_BYTES);
        view.setUint32(i * ENTRY_BYTES + ID_BYTES, set.valueAt(number), true);
      }
      const at = scratch.append(buffer.subarray(0, count * ENTRY_BYTES));
      position ??= at;
      done += count;
    }
    this.#runs.push({ position: position ?? 0, starts });
    this.#latest = new BlobIdSet();
    set.free();
  }

  #load(range: IdRange, onConflict: (conflict: ChunkConflict) => void): BlobIdSet {
    const chunks = new BlobIdSet();
    const buffer: Bytes = new Uint8Array(BUFFER_ENTRIES * ENTRY_BYTES);
    const view = new DataView(buffer.buffer);
    for (const { position, starts } of this.#runs) {
      const last = starts[range.end] as number;
      for (let entry = starts[range.first] as number; entry < last;) {
        const count = Math.min(BUFFER_ENTRIES, last - entry);
        const bytes = buffer.subarray(0, count * ENTRY_BYTES);
        this.#scratch?.read(bytes, position + entry * ENTRY_BYTES);
        for (let at = 0; at < bytes.length; at += ENTRY_BYTES) {
          const conflict = this.#addTo(chunks, bytes, at, view.getUint32(at + ID_BYTES, true));
          if (conflict !== undefined) onConflict(conflict);
        }
        entry += count;
      }
    }
    return chunks;
  }

  /** Those that stand in several runs count as often. */
  #entriesIn({ first, end }: IdRange): number {
    let entries = 0;
    for (const { starts } of this.#runs) {
      entries += (starts[end] as number) - (starts[first] as number);
    }
    return entries;
  }
}

/** Numbers of ids by the first byte of the id: a counting sort. */
function sortByFirstByte(set: BlobIdSet): {
  readonly starts: Uint32Array;
  readonly order: Uint32Array;
} {
  const starts = new Uint32Array(ALL_IDS.end + 1);
  for (let number = 0; number < set.size; number++) {
    const next = set.firstByteAt(number) + 1;
    starts[next] = (starts[next] as number) + 1;
  }
  for (let byte = 1; byte < starts.length; byte++) {
    starts[byte] = (starts[byte] as number) + (starts[byte - 1] as number);
  }
  const next = starts.slice();
  const order = new Uint32Array(set.size);
  for (let number = 0; number < set.size; number++) {
    const byte = set.firstByteAt(number);
    const place = next[byte] as number;
    order[place] = number;
    next[byte] = place + 1;
  }
  return { starts, order };
}
