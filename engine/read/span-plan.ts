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

/** @param items All of one pack; any order. Equal and overlapping locations are fine. */
export function planSpans<Item extends { readonly location: BlobLocation }>(
  items: readonly Item[],
  options: SpanOptions,
): PlannedSpan<Item>[] {
  const sorted = [...items].sort((a, b) => a.location.offset - b.location.offset);
  const spans: PlannedSpan<Item>[] = [];
  let members: { item: Item; start: number }[] = [];
  let begin = 0;
  let end = 0;
  const close = (): void => {
    if (members.length > 0) {
      spans.push({ span: { offset: begin, length: end - begin }, items: members });
    }
  };
  for (const item of sorted) {
    const { offset, sealedBytes } = item.location;
    const itemEnd = offset + sealedBytes;
    const fits =
      members.length > 0 &&
      offset - end <= options.gapBytesMax &&
      Math.max(end, itemEnd) - begin <= options.spanBytesMax;
    if (!fits) {
      close();
      members = [];
      begin = offset;
      end = offset;
    }
    members.push({ item, start: offset - begin });
    end = Math.max(end, itemEnd);
  }
  close();
  return spans;
}
