/**
 * One file: read → chunk → hash → dedup → seal, and the CRC of the whole on the way. Synchronous
 * between its yields, so that a worker thread saves small files in one stroke and still turns its
 * event loop inside a large one (native buffers are only freed there).
 */
import type { Bytes } from "../base/bytes.ts";
import { crc32Zeros } from "../base/crc32.ts";
import { type ChunkerParameters, findCut } from "../chunking/fastcdc.ts";
import type { SyncPlatform } from "../platform/platform.ts";
import type { Hole } from "../snapshots/tree-node.ts";

/** Yields after this much, about 50 ms of work. */
const YIELD_BYTES: number = 16 * 1024 * 1024;

/** A run of data between holes. */
export interface DataExtent {
  readonly offset: number;
  readonly length: number;
}

export interface FileReading {
  /** Reads up to `length` bytes at `position` of the file into `buffer` at `at`; 0 at the end. */
  readInto(buffer: Bytes, at: number, length: number, position: number): number;
  /**
   * Where data stands, in order. The last extent of a file that is not sparse may reach beyond the
   * end: reading stops where the file does.
   */
  readonly extents: readonly DataExtent[];
  /** The size the extents were made for; what follows the last extent up to here is a hole. */
  readonly sizeBytes: number;
  /** Reading stops here: a file that grows for ever would never end. */
  readonly bytesMax: number;
}

export interface ReadResult {
  /** Logical size as it was read. */
  readonly sizeBytes: number;
  readonly crc32: number;
  readonly holes: readonly Hole[];
}

export interface ChunkingTools {
  readonly platform: Pick<SyncPlatform, "crc32">;
  readonly chunker: ChunkerParameters;
  readonly gearTable: Uint32Array;
  /** At least twice the largest chunk; reused for every file of a worker. */
  readonly scratch: Bytes;
  /** Called with each chunk in order; the view is valid during the call only. */
  readonly onChunk: (chunk: Bytes) => void;
}

/** Cuts the data of a file into chunks. Yields from time to time; returns when all was handed on. */
export function* chunkFile(
  reading: FileReading,
  tools: ChunkingTools,
): Generator<void, ReadResult> {
  const { scratch, chunker, gearTable } = tools;
  const feed = new ExtentFeed(reading, tools.platform);
  let start = 0;
  let end = 0;
  let ended = false;
  let sinceYield = 0;
  for (;;) {
    // A cut may look at most at one largest chunk.
    if (!ended && end - start < chunker.maxBytes) {
      if (start > 0) {
        scratch.copyWithin(0, start, end);
        end -= start;
        start = 0;
      }
      while (!ended && end < scratch.length) {
        const got = feed.read(scratch, end, scratch.length - end);
        if (got === 0) ended = true;
        end += got;
      }
    }
    if (start === end) break;
    const cut = findCut(scratch, start, end, chunker, gearTable);
    tools.onChunk(scratch.subarray(start, cut));
    sinceYield += cut - start;
    start = cut;
    if (sinceYield >= YIELD_BYTES) {
      sinceYield = 0;
      yield;
    }
  }
  return feed.finish();
}

/** The data of the extents one after another, with the CRC of the whole file kept up. */
class ExtentFeed {
  readonly #reading: FileReading;
  readonly #platform: Pick<SyncPlatform, "crc32">;
  readonly #holes: Hole[] = [];
  #extent = 0;
  /** Position in the file; everything before is in the CRC. */
  #position = 0;
  #crc = 0;
  #sawEnd = false;

  constructor(reading: FileReading, platform: Pick<SyncPlatform, "crc32">) {
    this.#reading = reading;
    this.#platform = platform;
  }

  read(buffer: Bytes, at: number, room: number): number {
    const { extents, bytesMax } = this.#reading;
    for (;;) {
      const extent = extents[this.#extent];
      if (extent === undefined || this.#sawEnd) return 0;
      if (this.#position < extent.offset) this.#skipTo(extent.offset);
      const left = Math.min(extent.offset + extent.length, bytesMax) - this.#position;
      if (left <= 0) {
        this.#extent++;
        continue;
      }
      const got = this.#reading.readInto(buffer, at, Math.min(room, left), this.#position);
      if (got === 0) {
        this.#sawEnd = true;
        return 0;
      }
      this.#crc = this.#platform.crc32(buffer.subarray(at, at + got), this.#crc);
      this.#position += got;
      return got;
    }
  }

  finish(): ReadResult {
    // A file cut short while it was read ends where its data did.
    if (!this.#sawEnd && this.#position < this.#reading.sizeBytes) {
      this.#skipTo(this.#reading.sizeBytes);
    }
    return { sizeBytes: this.#position, crc32: this.#crc, holes: this.#holes };
  }

  #skipTo(offset: number): void {
    const length = offset - this.#position;
    this.#holes.push({ offset: this.#position, length });
    this.#crc = crc32Zeros(this.#crc, length);
    this.#position = offset;
  }
}
