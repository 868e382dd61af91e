/**
 * RecordSum: a number of all that is said of a pack's blobs, in any order. The index and the directory
 * say the same when their sums agree, and ten million records are compared without an object each.
 * Both are authenticated, so the sum has to find mistakes and not forgeries.
 */
import { ID_BYTES } from "../base/ids.ts";
import { SEALED_KINDS } from "../crypto/key-ring.ts";
import {
  CODEC_AT,
  EPOCH_AT,
  KIND_AT,
  OFFSET_AT,
  PACK_AT,
  PLAIN_BYTES_AT,
  RECORD_BYTES,
  SEALED_BYTES_AT,
} from "../index/index-record.ts";
import type { PackEntry } from "../packs/pack-format.ts";
import { CODECS } from "../platform/platform.ts";

export interface RecordSum {
  readonly count: number;
  /** Unsigned 32-bit sums. */
  readonly low: number;
  readonly high: number;
}

/** @param times How many segments have each record. */
export function isSameSum(index: RecordSum, directory: RecordSum, times: number): boolean {
  return (
    index.count === directory.count * times &&
    index.low === Math.imul(directory.low, times) >>> 0 &&
    index.high === Math.imul(directory.high, times) >>> 0
  );
}

/** Sums of the records of one segment, by pack. */
export class SegmentSums {
  readonly #counts: Uint32Array;
  readonly #lows: Uint32Array;
  readonly #highs: Uint32Array;

  constructor(packCount: number) {
    this.#counts = new Uint32Array(packCount);
    this.#lows = new Uint32Array(packCount);
    this.#highs = new Uint32Array(packCount);
  }

  /** @param records Whole records of a checked page. */
  addPage(records: Uint8Array): void {
    const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
    for (let at = 0; at < records.length; at += RECORD_BYTES) {
      const pack = view.getUint32(at + PACK_AT, true);
      const hash = hashId(view, at);
      const offset = view.getUint32(at + OFFSET_AT, true);
      const sealed = view.getUint32(at + SEALED_BYTES_AT, true);
      const plain = view.getUint32(at + PLAIN_BYTES_AT, true);
      const kinds =
        view.getUint8(at + KIND_AT) |
        (view.getUint8(at + CODEC_AT) << 8) |
        (view.getUint8(at + EPOCH_AT) << 16);
      this.#counts[pack] = (this.#counts[pack] as number) + 1;
      this.#lows[pack] = (this.#lows[pack] as number) + mixPlace(hash, offset, sealed);
      this.#highs[pack] = (this.#highs[pack] as number) + mixPlace(~hash, plain, kinds);
    }
  }

  of(pack: number): RecordSum {
    return {
      count: this.#counts[pack] ?? 0,
      low: this.#lows[pack] ?? 0,
      high: this.#highs[pack] ?? 0,
    };
  }
}

export function addSums(a: RecordSum | undefined, b: RecordSum): RecordSum {
  if (a === undefined) return b;
  return { count: a.count + b.count, low: (a.low + b.low) >>> 0, high: (a.high + b.high) >>> 0 };
}

/** The sum of a directory. */
export function sumOfEntries(entries: readonly PackEntry[]): RecordSum {
  let low = 0;
  let high = 0;
  for (const { id, kind, codec, epoch, offset, sealedBytes, plainBytes } of entries) {
    const hash = hashId(new DataView(id.buffer, id.byteOffset, ID_BYTES), 0);
    const kinds = SEALED_KINDS[kind] | (CODECS[codec] << 8) | (epoch << 16);
    low = (low + mixPlace(hash, offset, sealedBytes)) >>> 0;
    high = (high + mixPlace(~hash, plainBytes, kinds)) >>> 0;
  }
  return { count: entries.length, low, high };
}

/** All eight words of an id. */
function hashId(view: DataView, at: number): number {
  let hash = 0;
  for (let i = 0; i < ID_BYTES; i += 4) {
    hash = Math.imul(hash ^ view.getInt32(at + i, true), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  return hash;
}

function mixPlace(hash: number, a: number, b: number): number {
  let mixed = Math.imul(hash ^ a, 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13) ^ b, 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
