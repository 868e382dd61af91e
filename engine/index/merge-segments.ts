/**
 * Merging index segments: several → one, without the records of packs that are going. Records stay
 * the 51 bytes they are; no object is made for one, so a million of them take some 60 MB.
 */
import { type Bytes, concatBytes } from "../base/bytes.ts";
import { assert } from "../base/errors.ts";
import { ID_BYTES, type IndexId, type PackId, idBytes } from "../base/ids.ts";
import { seal } from "../crypto/envelope.ts";
import type { KeyRing } from "../crypto/key-ring.ts";
import type { Platform } from "../platform/platform.ts";
import { RECORD_BYTES, recordId } from "./index-record.ts";
import {
  SEGMENT_HEADER_BYTES,
  SEGMENT_MAGIC,
  SEGMENT_VERSION,
  type SegmentCounts,
  idPrefix,
  segmentDirectoryBytes,
} from "./index-segment.ts";
import type { IndexSegment } from "./index-segment-reader.ts";

const RECORDS_PER_PAGE = 1024;
/** Pages read in one request: 3 MiB. */
const RUN_PAGES = 64;

export interface MergeRequest {
  /** The name of the new segment: random. */
  readonly id: IndexId;
  readonly inputs: readonly IndexSegment[];
  /** Their records are left out. */
  readonly dropped: ReadonlySet<PackId>;
}

export interface MergedSegment {
  /** The whole object. */
  readonly bytes: Bytes;
  readonly records: number;
}

/**
 * @returns `undefined` when nothing is left: then the inputs may simply go.
 * @throws ForgeError "corrupt" when a page cannot be read; what reading throws.
 */
export async function mergeSegments(
  platform: Platform,
  keys: KeyRing,
  request: MergeRequest,
): Promise<MergedSegment | undefined> {
  const packs = new PackTable();
  const all = new Uint8Array(
    request.inputs.reduce((sum, { recordCount }) => sum + recordCount, 0) * RECORD_BYTES,
  );
  let count = 0;
  for (const segment of request.inputs) {
    const numbers = packs.take(segment, request.dropped);
    for (let page = 0; page < segment.pageCount; page += RUN_PAGES) {
      const end = Math.min(segment.pageCount, page + RUN_PAGES);
      for (const records of await segment.readPages(page, end)) {
        count = copyRecords(records, numbers, all, count);
      }
    }
  }
  const records = sortRecords(all, count);
  const kept = records.length / RECORD_BYTES;
  if (kept === 0) return undefined;
  return { bytes: await encode(platform, keys, request, packs, records), records: kept };
}

/** The packs of the new segment, numbered in the order they come. */
class PackTable {
  readonly ids: PackId[] = [];
  readonly bytes: number[] = [];
  readonly #numbers = new Map<PackId, number>();

  /** @returns by the segment's pack number the new one, or −1 for a dropped pack. */
  take(segment: IndexSegment, dropped: ReadonlySet<PackId>): Int32Array {
    const numbers = new Int32Array(segment.packCount);
    for (let i = 0; i < segment.packCount; i++) {
      const id = segment.packId(i);
      if (dropped.has(id)) {
        numbers[i] = -1;
        continue;
      }
      let number = this.#numbers.get(id);
      if (number === undefined) {
        number = this.ids.length;
        this.#numbers.set(id, number);
        this.ids.push(id);
        this.bytes.push(segment.packBytes(i));
      }
      numbers[i] = number;
    }
    return numbers;
  }
}

function copyRecords(page: Bytes, numbers: Int32Array, into: Bytes, count: number): number {
  const from = new DataView(page.buffer, page.byteOffset, page.byteLength);
  const to = new DataView(into.buffer);
  let next = count;
  for (let at = 0; at < page.length; at += RECORD_BYTES) {
    const number = numbers[from.getUint32(at + ID_BYTES, true)] as number;
    if (number < 0) continue;
    into.set(page.subarray(at, at + RECORD_BYTES), next * RECORD_BYTES);
    to.setUint32(next * RECORD_BYTES + ID_BYTES, number, true);
    next++;
  }
  return next;
}

/** By all of their bytes, and each place once: two segments may describe the same pack. */
function sortRecords(all: Bytes, count: number): Bytes {
  const keys = new BigUint64Array(count);
  const halves = new Uint32Array(keys.buffer);
  for (let i = 0; i < count; i++) {
    halves[2 * i] = i;
    halves[2 * i + 1] = idPrefix(recordId(all, i));
  }
  keys.sort();
  const order = new Uint32Array(count);
  for (let i = 0; i < count; i++) order[i] = halves[2 * i] as number;
  for (let start = 0; start < count;) {
    let end = start + 1;
    while (end < count && halves[2 * end + 1] === halves[2 * start + 1]) end++;
    if (end - start > 1) order.subarray(start, end).sort((a, b) => compareRecords(all, a, b));
    start = end;
  }
  const sorted = new Uint8Array(count * RECORD_BYTES);
  let kept = 0;
  for (let i = 0; i < count; i++) {
    const record = order[i] as number;
    if (i > 0 && compareRecords(all, order[i - 1] as number, record) === 0) continue;
    const at = record * RECORD_BYTES;
    sorted.set(all.subarray(at, at + RECORD_BYTES), kept * RECORD_BYTES);
    kept++;
  }
  return sorted.subarray(0, kept * RECORD_BYTES);
}

function compareRecords(all: Bytes, a: number, b: number): number {
  for (let i = 0; i < RECORD_BYTES; i++) {
    const difference =
      (all[a * RECORD_BYTES + i] as number) - (all[b * RECORD_BYTES + i] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** FORMAT.md "Index segments". */
async function encode(
  platform: Platform,
  keys: KeyRing,
  { id, inputs }: MergeRequest,
  packs: PackTable,
  records: Bytes,
): Promise<Bytes> {
  const counts: SegmentCounts = {
    records: records.length / RECORD_BYTES,
    recordsPerPage: RECORDS_PER_PAGE,
    packs: packs.ids.length,
    superseded: inputs.length,
  };
  const objectId = idBytes(id);
  const compression = { codec: "none", level: 0 } as const;
  const pageCount = Math.ceil(counts.records / RECORDS_PER_PAGE);
  const pages: Bytes[] = [];
  for (let number = 0; number < pageCount; number++) {
    const from = number * RECORDS_PER_PAGE * RECORD_BYTES;
    const plain = records.slice(from, from + RECORDS_PER_PAGE * RECORD_BYTES);
    const extra = { first: number, second: pageCount };
    const request = { kind: "index-page", objectId, plain, compression, extra } as const;
    pages.push((await seal(platform, keys, request)).sealed);
  }
  const plain = encodeDirectory(counts, inputs, packs, records, pages);
  const directory = await seal(platform, keys, {
    kind: "index-directory",
    objectId,
    plain,
    compression,
  });
  const header = new Uint8Array(SEGMENT_HEADER_BYTES);
  const view = new DataView(header.buffer);
  view.setUint32(0, SEGMENT_MAGIC, true);
  header[4] = SEGMENT_VERSION;
  header[5] = directory.epoch;
  writeCounts(view, 8, counts);
  view.setUint32(24, directory.sealed.length, true);
  view.setUint32(28, directory.plainBytes, true);
  return concatBytes([header, directory.sealed, ...pages]);
}

function encodeDirectory(
  counts: SegmentCounts,
  inputs: readonly IndexSegment[],
  packs: PackTable,
  records: Bytes,
  pages: readonly Bytes[],
): Bytes {
  const directory = new Uint8Array(segmentDirectoryBytes(counts));
  const view = new DataView(directory.buffer);
  writeCounts(view, 0, counts);
  let at = 16;
  const u32 = (value: number): void => {
    view.setUint32(at, value, true);
    at += 4;
  };
  const id = (value: PackId | IndexId): void => {
    directory.set(idBytes(value), at);
    at += ID_BYTES;
  };
  packs.ids.forEach(id);
  packs.bytes.forEach(u32);
  for (const segment of inputs) id(segment.id);
  for (let i = 0; i < counts.records; i++) u32(idPrefix(recordId(records, i)));
  for (const page of pages) u32(page.length);
  assert(at === directory.length, "a segment directory of another length");
  return directory;
}

function writeCounts(view: DataView, at: number, counts: SegmentCounts): void {
  view.setUint32(at, counts.records, true);
  view.setUint32(at + 4, counts.recordsPerPage, true);
  view.setUint32(at + 8, counts.packs, true);
  view.setUint32(at + 12, counts.superseded, true);
}
