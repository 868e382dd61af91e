/**
 * Index segments, the writing half: directories of packs → one sealed object that can be searched by
 * pages. Reading is `index-segment-reader.ts`. FORMAT.md "Index segments".
 */
import { type Bytes, compareBytes, concatBytes } from "../base/bytes.ts";
import { ForgeError, assert } from "../base/errors.ts";
import { type BlobId, ID_BYTES, type IndexId, type PackId, idBytes } from "../base/ids.ts";
import { SEGMENT_PACKS_MAX, SEGMENT_RECORDS_MAX } from "../base/limits.ts";
import { type SealedObject, seal } from "../crypto/envelope.ts";
import type { BlobKind, KeyRing } from "../crypto/key-ring.ts";
import type { Codec, Platform } from "../platform/platform.ts";
import { RECORD_BYTES, writeRecord } from "./index-record.ts";

export const SEGMENT_HEADER_BYTES = 32;
export const SEGMENT_VERSION = 1;
/** `"FIDX"` read as a little-endian u32. */
export const SEGMENT_MAGIC = 0x58444946;
/** 1024 × 51 bytes: a lookup reads 51 KiB, and 10 million blobs make 10,000 pages. */
const RECORDS_PER_PAGE = 1024;

/** One blob of a pack, as the pack's directory has it. */
export interface SegmentBlob {
  /** 32 bytes. */
  readonly id: Bytes;
  readonly kind: BlobKind;
  readonly codec: Codec;
  readonly epoch: number;
  readonly offset: number;
  readonly sealedBytes: number;
  readonly plainBytes: number;
}

/** One pack and what it holds. */
export interface SegmentPack {
  readonly packId: PackId;
  /** Size of the whole pack. */
  readonly packBytes: number;
  readonly entries: readonly SegmentBlob[];
}

export interface SegmentContent {
  /** The name the segment will have: random. */
  readonly id: IndexId;
  readonly packs: readonly SegmentPack[];
  /** Segments whose records are all in this one. */
  readonly superseded: readonly IndexId[];
}

/** The counts that the header and the directory both hold. */
export interface SegmentCounts {
  readonly records: number;
  readonly recordsPerPage: number;
  readonly packs: number;
  readonly superseded: number;
}

/**
 * Encodes and seals a segment.
 *
 * @returns the whole object, a fresh buffer. Only the random nonces differ between two runs.
 * @throws ForgeError "too-large" beyond SEGMENT_RECORDS_MAX or SEGMENT_PACKS_MAX.
 */
export async function encodeIndexSegment(
  platform: Platform,
  keys: KeyRing,
  content: SegmentContent,
): Promise<Bytes> {
  const records = sortRecords(content.packs);
  checkCounts(content, records.order.length);
  const pages: Bytes[] = [];
  const pageCount = Math.ceil(records.order.length / RECORDS_PER_PAGE);
  const objectId = idBytes(content.id);
  const compression = { codec: "none", level: 0 } as const;
  for (let number = 0; number < pageCount; number++) {
    const plain = encodePage(content.packs, records, number);
    const extra = { first: number, second: pageCount };
    const request = { kind: "index-page", objectId, plain, compression, extra } as const;
    pages.push((await seal(platform, keys, request)).sealed);
  }
  const plain = encodeDirectory(content, records, pages);
  const directory = await seal(platform, keys, {
    kind: "index-directory",
    objectId,
    plain,
    compression,
  });
  return concatBytes([encodeHeader(content, records, directory), directory.sealed, ...pages]);
}

/** Length of the directory's plaintext. */
export function segmentDirectoryBytes(counts: SegmentCounts): number {
  const pages = Math.ceil(counts.records / counts.recordsPerPage);
  return (
    16 +
    (ID_BYTES + 4) * counts.packs +
    ID_BYTES * counts.superseded +
    4 * counts.records +
    4 * pages
  );
}

/** Records in order of their blob ids. `order[i]` is a number into the two columns. */
interface SortedRecords {
  readonly order: Uint32Array;
  readonly packNumbers: Uint32Array;
  readonly entryNumbers: Uint32Array;
}

function blobOf(packs: readonly SegmentPack[], records: SortedRecords, i: number): SegmentBlob {
  const record = records.order[i] as number;
  const pack = packs[records.packNumbers[record] as number] as SegmentPack;
  return pack.entries[records.entryNumbers[record] as number] as SegmentBlob;
}

/**
 * Sorts numbers (prefix and record number in one u64) and not objects: 16 million records are within
 * the limits.
 */
function sortRecords(packs: readonly SegmentPack[]): SortedRecords {
  const count = packs.reduce((sum, pack) => sum + pack.entries.length, 0);
  const packNumbers = new Uint32Array(count);
  const entryNumbers = new Uint32Array(count);
  const keys = new BigUint64Array(count);
  // Upper and lower half of each key; every machine that runs JavaScript engines is little-endian.
  const halves = new Uint32Array(keys.buffer);
  let record = 0;
  packs.forEach((pack, packNumber) => {
    pack.entries.forEach((entry, entryNumber) => {
      packNumbers[record] = packNumber;
      entryNumbers[record] = entryNumber;
      halves[2 * record] = record;
      halves[2 * record + 1] = idPrefix(entry.id);
      record++;
    });
  });
  keys.sort();
  const order = new Uint32Array(count);
  for (let i = 0; i < count; i++) order[i] = halves[2 * i] as number;
  const records = { order, packNumbers, entryNumbers };
  sortEqualPrefixes(packs, records, halves);
  return records;
}

/** Ids that agree in their first four bytes: one pair among 10,000 records in 86 segments. */
function sortEqualPrefixes(
  packs: readonly SegmentPack[],
  records: SortedRecords,
  halves: Uint32Array,
): void {
  const { order } = records;
  for (let start = 0; start < order.length;) {
    let end = start + 1;
    while (end < order.length && halves[2 * end + 1] === halves[2 * start + 1]) end++;
    if (end - start > 1) {
      const run = Array.from({ length: end - start }, (_, i) => ({
        record: order[start + i] as number,
        id: blobOf(packs, records, start + i).id,
      }));
      run.sort((a, b) => compareBytes(a.id, b.id));
      run.forEach(({ record }, i) => (order[start + i] = record));
    }
    start = end;
  }
}

/** The first four bytes of an id, 32 bytes from `at` on, as a big-endian number. */
export function idPrefix(id: Uint8Array, at = 0): number {
  const high = ((id[at] as number) << 8) | (id[at + 1] as number);
  const low = ((id[at + 2] as number) << 8) | (id[at + 3] as number);
  return ((high << 16) | low) >>> 0;
}

/** `idPrefix` of an id as text. */
export function idTextPrefix(id: BlobId): number {
  return Number.parseInt(id.slice(0, 8), 16);
}

function checkCounts({ id, packs, superseded }: SegmentContent, records: number): void {
  assert(!superseded.includes(id), "an index segment that supersedes itself");
  if (
    records > SEGMENT_RECORDS_MAX ||
    packs.length > SEGMENT_PACKS_MAX ||
    superseded.length > SEGMENT_PACKS_MAX
  ) {
    throw new ForgeError(
      "too-large",
      `Cannot write one index segment of ${records} records in ${packs.length} packs: at most ` +
        `${SEGMENT_RECORDS_MAX} in ${SEGMENT_PACKS_MAX}`,
    );
  }
}

function encodePage(packs: readonly SegmentPack[], records: SortedRecords, number: number): Bytes {
  const first = number * RECORDS_PER_PAGE;
  const count = Math.min(RECORDS_PER_PAGE, records.order.length - first);
  const page = new Uint8Array(count * RECORD_BYTES);
  const view = new DataView(page.buffer);
  for (let slot = 0; slot < count; slot++) {
    const blob = blobOf(packs, records, first + slot);
    const packNumber = records.packNumbers[records.order[first + slot] as number] as number;
    const { offset, sealedBytes, plainBytes, kind, codec, epoch } = blob;
    const placed = { packNumber, offset, sealedBytes, plainBytes, kind, codec, epoch };
    writeRecord(view, slot * RECORD_BYTES, blob.id, placed);
  }
  return page;
}

function countsOf(content: SegmentContent, records: SortedRecords): SegmentCounts {
  return {
    records: records.order.length,
    recordsPerPage: RECORDS_PER_PAGE,
    packs: content.packs.length,
    superseded: content.superseded.length,
  };
}

function writeCounts(view: DataView, at: number, counts: SegmentCounts): void {
  view.setUint32(at, counts.records, true);
  view.setUint32(at + 4, counts.recordsPerPage, true);
  view.setUint32(at + 8, counts.packs, true);
  view.setUint32(at + 12, counts.superseded, true);
}

function encodeDirectory(
  content: SegmentContent,
  records: SortedRecords,
  pages: readonly Bytes[],
): Bytes {
  const { packs, superseded } = content;
  const counts = countsOf(content, records);
  const directory = new Uint8Array(segmentDirectoryBytes(counts));
  const view = new DataView(directory.buffer);
  writeCounts(view, 0, counts);
  let at = 16;
  for (const pack of packs) {
    directory.set(idBytes(pack.packId), at);
    at += ID_BYTES;
  }
  for (const pack of packs) {
    view.setUint32(at, pack.packBytes, true);
    at += 4;
  }
  for (const id of superseded) {
    directory.set(idBytes(id), at);
    at += ID_BYTES;
  }
  for (let i = 0; i < counts.records; i++) {
    view.setUint32(at, idPrefix(blobOf(packs, records, i).id), true);
    at += 4;
  }
  for (const page of pages) {
    view.setUint32(at, page.length, true);
    at += 4;
  }
  return directory;
}

function encodeHeader(
  content: SegmentContent,
  records: SortedRecords,
  directory: SealedObject,
): Bytes {
  const header = new Uint8Array(SEGMENT_HEADER_BYTES);
  const view = new DataView(header.buffer);
  view.setUint32(0, SEGMENT_MAGIC, true);
  header[4] = SEGMENT_VERSION;
  header[5] = directory.epoch;
  writeCounts(view, 8, countsOf(content, records));
  view.setUint32(24, directory.sealed.length, true);
  view.setUint32(28, directory.plainBytes, true);
  return header;
}
