/**
 * Which bytes of a pack to read for some of its blobs: neighbours in one span when the gap between
 * them is cheaper to read than to skip, and no span larger than a bound.
 */
import type { BlobLocation } from "../index/blob-location.ts";
import type { ByteSpan } from "../storage/backend.ts";

export interface SpanOptions {
  /** Bytes between two blobs that are read and thrown away rather than asked for anew. */
  readonly gapBytesMax: number;
  /** Longest span, except for a single blob, which is never cut. */
  readonly spanBytesMax: number;
}

/** 128 KiB: at 100 MB/s a gap costs 1.3 ms, less than another request to any remote storage. */
export const SPAN_OPTIONS_DEFAULT: SpanOptions = {
  gapBytesMax: 128 * 1024,
  spanBytesMax: 8 * 1024 * 1024,
};

export interface PlannedSpan<Item> {
  readonly span: ByteSpan;
  readonly items: readonly { readonly item: Item; readonly start: number }[];
}

/** Blobs of one pack, in order of their offsets. Equal and overlapping ones are fine. */
export interface SortedBlobs {
  readonly count: number;
  offsetAt(blob: number): number;
  sealedBytesAt(blob: number): number;
}

/** The spans for blobs `first` to `end − 1` of those that were given, in order. */
export function* cutSpans(
  blobs: SortedBlobs,
  { gapBytesMax, spanBytesMax }: SpanOptions,
): Generator<{ readonly span: ByteSpan; readonly first: number; readonly end: number }> {
  for (let first = 0, next = 0; first < blobs.count; first = next) {
    const offset = blobs.offsetAt(first);
    let stop = offset + blobs.sealedBytesAt(first);
    for (next = first + 1; next < blobs.count; next++) {
      const begin = blobs.offsetAt(next);
      const end = Math.max(stop, begin + blobs.sealedBytesAt(next));
      if (begin - stop > gapBytesMax || end - offset > spanBytesMax) break;
      stop = end;
    }
    yield { span: { offset, length: stop - offset }, first, end: next };
  }
}

/** `cutSpans` of locations. @param items All of one pack; any order. */
export function planSpans<Item extends { readonly location: BlobLocation }>(
  items: readonly Item[],
  options: SpanOptions,
): PlannedSpan<Item>[] {
  const sorted = [...items].sort((a, b) => a.location.offset - b.location.offset);
  const blobs: SortedBlobs = {
    count: sorted.length,
    offsetAt: (blob) => (sorted[blob] as Item).location.offset,
    sealedBytesAt: (blob) => (sorted[blob] as Item).location.sealedBytes,
  };
  return Array.from(cutSpans(blobs, options), ({ span, first, end }) => ({
    span,
    items: sorted
      .slice(first, end)
      .map((item) => ({ item, start: item.location.offset - span.offset })),
  }));
}
