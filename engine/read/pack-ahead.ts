/**
 * PackAhead: sealed bytes read beyond what was asked for. Small files lie in a pack in the order they
 * were walked, and are read in that order by whoever copies or searches a folder: a window read once
 * saves a request to the storage for each of the next hundred files.
 *
 * Only who goes forward in a pack gets a window; a single small read stays small.
 */
import type { Bytes } from "../base/bytes.ts";
import type { PackId } from "../base/ids.ts";
import type { BlobLocation } from "../index/blob-location.ts";
import type { ByteSpan } from "../storage/backend.ts";
import { releaseSoon } from "./release-soon.ts";

/** 512 KiB: about a hundred small files, and less than a large chunk. */
const WINDOW_BYTES = 512 * 1024;
/** Larger reads are worth a request of their own. */
const SMALL_BYTES = 64 * 1024;
/** Bytes that may be skipped and still count as going forward: what was read before, or is large. */
const GAP_BYTES_MAX = 128 * 1024;
/** Packs that are gone forward in at a time: one for each writing thread, for a few readers. */
const PACKS_MAX = 16;

interface Progress {
  /** Behind the last blob that was asked for. */
  nextOffset: number;
  /** Where the pack ends, once a window has met it. */
  packBytes: number | undefined;
  window: { readonly offset: number; readonly bytes: Bytes } | undefined;
}

export class PackAhead {
  /** In order of use, the oldest first. */
  readonly #packs = new Map<PackId, Progress>();

  /**
   * The sealed bytes of a blob, when a window holds them: a view that is gone with the window, at a
   * later turn of the event loop.
   */
  find(location: BlobLocation): Bytes | undefined {
    const progress = this.#packs.get(location.packId);
    const window = progress?.window;
    if (progress === undefined || window === undefined) return undefined;
    const start = location.offset - window.offset;
    const end = start + location.sealedBytes;
    if (start < 0 || end > window.bytes.length) return undefined;
    progress.nextOffset = location.offset + location.sealedBytes;
    return window.bytes.subarray(start, end);
  }

  /** A longer span to read in place of `span`, when its reader goes forward; else `undefined`. */
  plan(packId: PackId, span: ByteSpan): ByteSpan | undefined {
    const progress = this.#use(packId);
    const gap = span.offset - progress.nextOffset;
    progress.nextOffset = span.offset + span.length;
    if (gap < 0 || gap > GAP_BYTES_MAX || span.length > SMALL_BYTES) return undefined;
    const room = (progress.packBytes ?? Infinity) - span.offset;
    const length = Math.min(WINDOW_BYTES, room);
    return length > span.length ? { offset: span.offset, length } : undefined;
  }

  /** @param bytes What was read for a planned span, all of its buffer: kept, and freed in the end. */
  keep(packId: PackId, offset: number, bytes: Bytes): void {
    const progress = this.#use(packId);
    free(progress);
    progress.window = { offset, bytes };
  }

  /** A window reached beyond the end of the pack. @param packBytes 0 when it is not known. */
  ended(packId: PackId, packBytes: number): void {
    this.#use(packId).packBytes = packBytes;
  }

  #use(packId: PackId): Progress {
    const known = this.#packs.get(packId);
    const progress = known ?? { nextOffset: -Infinity, packBytes: undefined, window: undefined };
    this.#packs.delete(packId);
    this.#packs.set(packId, progress);
    if (this.#packs.size > PACKS_MAX) {
      for (const [oldest, unused] of this.#packs) {
        this.#packs.delete(oldest);
        free(unused);
        break;
      }
    }
    return progress;
  }
}

function free(progress: Progress): void {
  if (progress.window !== undefined) releaseSoon(progress.window.bytes);
  progress.window = undefined;
}
