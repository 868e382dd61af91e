/**
 * Index segments, the reading half: header and directory at once, pages when they are asked for.
 * FORMAT.md "Index segments".
 */
import { type Bytes, concatBytes, releaseBytes } from "../base/bytes.ts";
import { ForgeError, assert, isForgeError } from "../base/errors.ts";
import type { IdRange } from "../base/id-range.ts";
import { ID_BYTES, type IndexId, type PackId, idBytes, idOf } from "../base/ids.ts";
import { SEGMENT_PACKS_MAX, SEGMENT_RECORDS_MAX } from "../base/limits.ts";
import { SEAL_OVERHEAD_BYTES, open } from "../crypto/envelope.ts";
import type { KeyRing } from "../crypto/key-ring.ts";
import { CODEC_BY_NUMBER, type Codec, type Platform } from "../platform/platform.ts";
import { RECORD_BYTES, checkRecordPage } from "./index-record.ts";
import {
  SEGMENT_HEADER_BYTES,
  SEGMENT_MAGIC,
  SEGMENT_VERSION,
  type SegmentCounts,
  segmentDirectoryBytes,
} from "./index-segment.ts";

/** A range of the segment's object. */
export interface SegmentSpan {
  readonly offset: number;
  /** At least 1. */
  readonly length: number;
}

export interface SegmentSource {
  /** Exactly these bytes, a buffer the segment may keep. */
  readonly read: (span: SegmentSpan) => Promise<Bytes>;
  readonly platform: Platform;
  readonly keys: KeyRing;
  readonly id: IndexId;
  /** Size of the object, from the listing. */
  readonly totalBytes: number;
}

/** A segment up to here is read whole at once: one request, and its pages are there. */
export const SMALL_SEGMENT_BYTES: number = 256 * 1024;
/** Of larger ones the directory is 7 to 11 %, as long as packs hold more than a few blobs. */
const DIRECTORY_SHARE = 8;
const RECORDS_PER_PAGE_MAX = 65_536;

interface Header extends SegmentCounts {
  readonly epoch: number;
  readonly codec: Codec;
  readonly directoryBytes: number;
  readonly directoryPlainBytes: number;
}

/**
 * Reads header and directory: one request, a second only when the directory is unusually long.
 *
 * @throws ForgeError "corrupt"; "unsupported-version"; whatever `read` throws.
 */
export async function openIndexSegment(source: SegmentSource): Promise<IndexSegment> {
  const { id, totalBytes } = source;
  if (totalBytes < SEGMENT_HEADER_BYTES) fault(id, `it has ${totalBytes} bytes`);
  const isSmall = totalBytes <= SMALL_SEGMENT_BYTES;
  const length = isSmall ? totalBytes : Math.ceil(totalBytes / DIRECTORY_SHARE);
  const head = await source.read({ offset: 0, length });
  if (head.length !== length) fault(id, `${head.length} of ${length} bytes were read`);
  const version = head[4] ?? 0;
  if (version > SEGMENT_VERSION) {
    return explainVersion(() => openHead(source, head), version, id);
  }
  if (version !== SEGMENT_VERSION) fault(id, `it is of version ${version}`);
  return openHead(source, head);
}

async function openHead(source: SegmentSource, begin: Bytes): Promise<IndexSegment> {
  const { id, totalBytes } = source;
  const header = decodeHeader(begin, source);
  const end = SEGMENT_HEADER_BYTES + header.directoryBytes;
  let head = begin;
  if (end > head.length) {
    const rest = { offset: head.length, length: end - head.length };
    head = concatBytes([head, await source.read(rest)]);
  }
  const request = {
    kind: "index-directory",
    objectId: idBytes(id),
    codec: header.codec,
    epoch: header.epoch,
    plainBytes: header.directoryPlainBytes,
  } as const;
  const sealed = head.subarray(SEGMENT_HEADER_BYTES, end);
  const directory = await open(source.platform, source.keys, request, sealed);
  const whole = head.length === totalBytes ? head : undefined;
  const segment = new IndexSegment(source, header, directory, whole);
  // Freed now: of hundreds of segments that would be more than all that is kept. (With cipher "none"
  // the directory is a part of the object.)
  if (directory.buffer !== head.buffer) releaseBytes(directory);
  if (whole === undefined) releaseBytes(head);
  return segment;
}

/**
 * The version of a header is not authenticated. When the rest opens as version 1, the version is
 * damaged; when it does not, a newer forge is the better explanation.
 */
async function explainVersion(
  opening: () => Promise<IndexSegment>,
  version: number,
  id: IndexId,
): Promise<never> {
  try {
    await opening();
  } catch (cause) {
    if (!isForgeError(cause, "corrupt")) throw cause;
    throw new ForgeError(
      "unsupported-version",
      `Cannot read index segment ${id}: it is of version ${version}, this forge knows ` +
        `${SEGMENT_VERSION}; use a newer forge`,
      { cause },
    );
  }
  return fault(id, `its version is damaged: it says ${version}`);
}

function decodeHeader(bytes: Bytes, { id, totalBytes }: SegmentSource): Header {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== SEGMENT_MAGIC) fault(id, "it does not begin with FIDX");
  const codec = CODEC_BY_NUMBER[view.getUint8(6)];
  if (codec === undefined || view.getUint8(7) !== 0) fault(id, "its header is damaged");
  const header: Header = {
    epoch: view.getUint8(5),
    codec,
    records: view.getUint32(8, true),
    recordsPerPage: view.getUint32(12, true),
    packs: view.getUint32(16, true),
    superseded: view.getUint32(20, true),
    directoryBytes: view.getUint32(24, true),
    directoryPlainBytes: view.getUint32(28, true),
  };
  if (
    header.records > SEGMENT_RECORDS_MAX ||
    header.recordsPerPage < 1 ||
    header.recordsPerPage > RECORDS_PER_PAGE_MAX ||
    header.packs > SEGMENT_PACKS_MAX ||
    header.superseded > SEGMENT_PACKS_MAX ||
    header.directoryPlainBytes !== segmentDirectoryBytes(header) ||
    header.directoryBytes < SEAL_OVERHEAD_BYTES ||
    header.directoryBytes > totalBytes - SEGMENT_HEADER_BYTES
  ) {
    fault(id, "the numbers of its header cannot be");
  }
  return header;
}

/** An open segment: its directory in memory, its pages in the storage. */
export class IndexSegment {
  readonly id: IndexId;
  readonly recordCount: number;
  readonly recordsPerPage: number;
  readonly pageCount: number;
  readonly packCount: number;
  /** Segments whose records are all in this one. */
  readonly superseded: readonly IndexId[];
  readonly #source: SegmentSource;
  readonly #header: Header;
  readonly #packIds: Bytes;
  readonly #packBytes: Uint32Array;
  /** Where each page begins, and the end of the last. */
  readonly #pageOffsets: Float64Array;
  /** Hex of pack ids that were asked for. */
  readonly #packNames: (PackId | undefined)[] = [];
  #prefixes: Uint32Array | undefined;
  /** The first byte of each page's first id. */
  readonly #firstBytes: Uint8Array;
  /** The whole object while it is small and its pages were not taken yet. */
  #whole: Bytes | undefined;

  /** Use `openIndexSegment`. @throws ForgeError "corrupt". */
  constructor(source: SegmentSource, header: Header, directory: Bytes, whole: Bytes | undefined) {
    const view = new DataView(directory.buffer, directory.byteOffset, directory.byteLength);
    this.#source = source;
    this.#header = header;
    this.#whole = whole;
    this.id = source.id;
    this.recordCount = header.records;
    this.recordsPerPage = header.recordsPerPage;
    this.pageCount = Math.ceil(header.records / header.recordsPerPage);
    this.packCount = header.packs;
    const repeated = [header.records, header.recordsPerPage, header.packs, header.superseded];
    if (repeated.some((number, i) => view.getUint32(4 * i, true) !== number)) {
      fault(this.id, "its header and its directory disagree");
    }
    let at = 16;
    // Copies: a view would keep the whole directory alive.
    this.#packIds = directory.slice(at, (at += ID_BYTES * header.packs));
    this.#packBytes = readU32s(view, at, header.packs);
    at += 4 * header.packs;
    this.superseded = Array.from({ length: header.superseded }, (_, i) =>
      idOf<IndexId>(directory.subarray(at + ID_BYTES * i, at + ID_BYTES * (i + 1))),
    );
    if (this.superseded.includes(this.id)) fault(this.id, "it supersedes itself");
    at += ID_BYTES * header.superseded;
    this.#prefixes = readU32s(view, at, header.records);
    at += 4 * header.records;
    this.#pageOffsets = this.#sumPages(readU32s(view, at, this.pageCount));
    this.#checkPrefixes(this.#prefixes);
    const { recordsPerPage } = header;
    const prefixes = this.#prefixes;
    this.#firstBytes = Uint8Array.from(
      { length: this.pageCount },
      (_, page) => (prefixes[page * recordsPerPage] as number) >>> 24,
    );
  }

  /** Bytes this keeps alive. */
  get memoryBytes(): number {
    const small =
      this.#packIds.length +
      this.#packBytes.byteLength +
      this.#pageOffsets.byteLength +
      this.#firstBytes.length;
    return small + (this.#prefixes?.byteLength ?? 0) + (this.#whole?.length ?? 0);
  }

  /** The first four bytes of every record's id as a number, ascending. Once: they are let go of. */
  takePrefixes(): Uint32Array {
    const prefixes = this.#prefixes;
    assert(prefixes !== undefined, "prefixes of a segment that were taken before");
    this.#prefixes = undefined;
    return prefixes;
  }

  packId(number: number): PackId {
    assert(number >= 0 && number < this.packCount, `pack ${number} of ${this.packCount}`);
    const known = this.#packNames[number];
    if (known !== undefined) return known;
    const at = ID_BYTES * number;
    const id = idOf<PackId>(this.#packIds.subarray(at, at + ID_BYTES));
    this.#packNames[number] = id;
    return id;
  }

  packBytes(number: number): number {
    return this.#packBytes[number] ?? 0;
  }

  /** The pages that may hold ids of a range: from number `first` to `end − 1`. */
  pagesWith(range: IdRange): { readonly first: number; readonly end: number } {
    const firsts = this.#firstBytes;
    let first = 0;
    // The last id of a page may begin like the first of the next.
    while (first + 1 < firsts.length && (firsts[first + 1] as number) < range.first) first++;
    let end = first;
    while (end < firsts.length && (firsts[end] as number) < range.end) end++;
    return { first, end };
  }

  /** Bytes of one page in the storage. */
  pageBytes(number: number): number {
    return (this.#pageOffsets[number + 1] ?? 0) - (this.#pageOffsets[number] ?? 0);
  }

  async readPage(number: number): Promise<Bytes> {
    const [page] = await this.readPages(number, number + 1);
    assert(page !== undefined, `page ${number} of ${this.pageCount}`);
    return page;
  }

  /**
   * Pages `first … end − 1`, read in one request, opened and checked; each in a buffer of its own.
   * @throws ForgeError "corrupt" and whatever `read` throws.
   */
  async readPages(first: number, end: number): Promise<Bytes[]> {
    assert(first >= 0 && first < end && end <= this.pageCount, `pages ${first} to ${end}`);
    const offset = this.#pageOffsets[first] as number;
    const length = (this.#pageOffsets[end] as number) - offset;
    const sealed =
      this.#whole?.subarray(offset, offset + length) ??
      (await this.#source.read({ offset, length }));
    if (sealed.length !== length) fault(this.id, `${sealed.length} of ${length} bytes were read`);
    const pages: Bytes[] = [];
    for (let number = first; number < end; number++) {
      const from = (this.#pageOffsets[number] as number) - offset;
      pages.push(
        await this.#openPage(number, sealed.subarray(from, from + this.pageBytes(number))),
      );
    }
    return pages;
  }

  /**
   * All pages of a segment that was small enough to be read whole, once; `undefined` else. Frees the
   * object, so later pages come from the storage.
   */
  async takeSmallPages(): Promise<Bytes[] | undefined> {
    if (this.#whole === undefined || this.pageCount === 0) return undefined;
    const pages = await this.readPages(0, this.pageCount);
    this.#whole = undefined;
    return pages;
  }

  /** Frees the object of a small segment without opening its pages. */
  forgetSmallPages(): void {
    this.#whole = undefined;
  }

  async #openPage(number: number, sealed: Bytes): Promise<Bytes> {
    const records = Math.min(this.recordsPerPage, this.recordCount - number * this.recordsPerPage);
    const { platform, keys, id } = this.#source;
    const request = {
      kind: "index-page",
      objectId: idBytes(id),
      codec: this.#header.codec,
      epoch: this.#header.epoch,
      plainBytes: records * RECORD_BYTES,
      extra: { first: number, second: this.pageCount },
    } as const;
    const opened = await open(platform, keys, request, sealed);
    // With cipher "none" the result is a view of what was read, which may be many pages.
    const page = opened.buffer.byteLength === opened.length ? opened : opened.slice();
    checkRecordPage(page, this.#packBytes);
    if (page[0] !== this.#firstBytes[number]) {
      fault(id, `page ${number} does not begin with the id that its directory says`);
    }
    return page;
  }

  #sumPages(lengths: Uint32Array): Float64Array {
    const offsets = new Float64Array(lengths.length + 1);
    let at = SEGMENT_HEADER_BYTES + this.#header.directoryBytes;
    lengths.forEach((length, i) => {
      if (length < SEAL_OVERHEAD_BYTES) fault(this.id, `its page ${i} has ${length} bytes`);
      offsets[i] = at;
      at += length;
    });
    offsets[lengths.length] = at;
    const { totalBytes } = this.#source;
    if (at !== totalBytes) fault(this.id, `its pages end at ${at}, the object at ${totalBytes}`);
    return offsets;
  }

  #checkPrefixes(prefixes: Uint32Array): void {
    for (let i = 1; i < prefixes.length; i++) {
      if ((prefixes[i] as number) < (prefixes[i - 1] as number)) {
        fault(this.id, "its records are not sorted");
      }
    }
  }
}

/** A copy, aligned: columns in a directory may begin anywhere. */
function readU32s(view: DataView, at: number, count: number): Uint32Array {
  const bytes = new Uint8Array(view.buffer, view.byteOffset + at, 4 * count);
  const numbers = new Uint32Array(count);
  // Little-endian like every machine that runs JavaScript engines.
  new Uint8Array(numbers.buffer).set(bytes);
  return numbers;
}

function fault(id: IndexId, found: string): never {
  throw new ForgeError("corrupt", `Cannot read index segment ${id}: ${found}`);
}
