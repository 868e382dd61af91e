/**
 * BlobIndex: blob id → where the blob stands, over all index segments of a repository. In memory are
 * the fingerprint table (8 bytes a slot), the pack ids and the pages used last; no object for a
 * record, so that ten million blobs open in about a second. An answer always compares full ids.
 */
import type { Bytes } from "../base/bytes.ts";
import { mapBounded } from "../base/concurrency.ts";
import { ALL_IDS, type IdRange } from "../base/id-range.ts";
import { type BlobId, type IndexId, type PackId, idBytes, idOf } from "../base/ids.ts";
import type { BlobLocation, BlobPlace } from "./blob-location.ts";
import type { FingerprintTable } from "./fingerprint-table.ts";
import { RECORD_BYTES, isRecordOf, packNumberOf, recordId } from "./index-record.ts";
import { idPrefix, idTextPrefix } from "./index-segment.ts";
import { type IndexSegment, type SegmentSpan, openIndexSegment } from "./index-segment-reader.ts";
import {
  type Candidate,
  RUN_PAGES_MAX,
  type WantedRecord,
  locatedAt,
  locationOf,
  placeOf,
  runsOf,
} from "./record-candidate.ts";
import { SegmentPages } from "./segment-pages.ts";
import { SegmentSet } from "./segment-set.ts";
import { StoredSegments, type StoredSegmentsOptions } from "./stored-segments.ts";

export interface BlobIndexOptions extends StoredSegmentsOptions {
  /** Opened pages kept in memory, bytes. */
  readonly pageCacheBytes?: number | undefined;
}

/** 64 MiB = 1.3 million records. */
const PAGE_CACHE_BYTES_DEFAULT: number = 64 * 1024 * 1024;
/** Runs of pages read at once by `visitPlaces`. */
const RUN_CONCURRENCY = 4;
/** A listing may name segments that a merge removes meanwhile; then the new one is in the next. */
const LISTINGS_MAX = 3;

/** Ids that are asked for together, each by a number from 0. */
export interface NumberedIds {
  readonly count: number;
  /** The 32 bytes of an id. */
  bytesAt(number: number): Bytes;
}

/** A page of a segment, as `recordPages` gives it. */
export interface RecordPage {
  readonly segment: Pick<IndexSegment, "id" | "packCount" | "packId" | "packBytes">;
  /** Records of RECORD_BYTES each; `undefined` when the page is damaged. */
  readonly records: Bytes | undefined;
}

export class BlobIndex {
  readonly #options: BlobIndexOptions;
  readonly #stored: StoredSegments;
  readonly #segments: SegmentSet = new SegmentSet();
  readonly #pages: SegmentPages;
  /** Segments not to be opened (again): superseded or corrupt. */
  readonly #ignored = new Set<IndexId>();
  #refreshing: Promise<number> | undefined;

  private constructor(options: BlobIndexOptions) {
    this.#options = options;
    this.#stored = new StoredSegments(options);
    this.#pages = new SegmentPages({
      budgetBytes: options.pageCacheBytes ?? PAGE_CACHE_BYTES_DEFAULT,
      recordCount: () => this.#segments.liveRecords,
      onProblem: options.onProblem,
      // Merged into another segment meanwhile: `refresh` finds that one.
      onGone: (loaded) => this.#segments.drop(loaded),
    });
  }

  /**
   * Lists and opens all segments.
   * @throws ForgeError "unsupported-version" when a newer forge wrote one; "aborted"; what listing
   *   throws. Unreadable segments go to `onProblem`.
   */
  static async open(options: BlobIndexOptions): Promise<BlobIndex> {
    const index = new BlobIndex(options);
    await index.refresh();
    return index;
  }

  /** Records in use; a blob that is stored twice counts twice. */
  get blobCount(): number {
    return this.#segments.liveRecords;
  }

  /** Bytes held: table, directories and pages. */
  get memoryBytes(): number {
    return this.#segments.memoryBytes + this.#pages.usedBytes;
  }

  /** The table as it is now; another one takes its place when it has to grow. */
  get fingerprints(): FingerprintTable {
    return this.#segments.table;
  }

  /** Ids of the segments in use. */
  segmentIds(): IndexId[] {
    return Array.from(this.#segments.live(), ({ segment }) => segment.id);
  }

  /** The segments in use, for who works on whole segments. */
  segments(): IndexSegment[] {
    return Array.from(this.#segments.live(), ({ segment }) => segment);
  }

  /** Known packs with their sizes. A pack that two segments describe comes twice. */
  *packs(): Generator<{ readonly packId: PackId; readonly packBytes: number }> {
    for (const { segment } of this.#segments.live()) {
      for (let i = 0; i < segment.packCount; i++) {
        yield { packId: segment.packId(i), packBytes: segment.packBytes(i) };
      }
    }
  }

  /**
   * All places where the blob is stored; empty when it is not known.
   * @throws ForgeError when a page cannot be read for a reason that may pass ("io", "permission",
   *   "aborted"); a corrupt page is reported and left out.
   */
  async find(id: BlobId): Promise<readonly BlobLocation[]> {
    const bytes = idBytes(id);
    const found: BlobLocation[] = [];
    for (const candidate of this.#candidates(idPrefix(bytes))) {
      const page = await this.#pages.get(candidate.loaded, candidate.page);
      if (page === undefined || !isRecordOf(page, candidate.slot, bytes)) continue;
      found.push(locationOf(candidate, page, id));
    }
    return found;
  }

  /**
   * `find` at once from pages in memory: some of the places, "absent" when the blob is certainly not
   * known, "unread" when only `find` can tell.
   */
  peek(id: BlobId): readonly BlobLocation[] | "absent" | "unread" {
    const { table } = this.#segments;
    const prefix = idTextPrefix(id);
    // Decoded only when something may be there: of new data nearly nothing is.
    let bytes: Bytes | undefined;
    let found: BlobLocation[] | undefined;
    let isUnread = false;
    for (let at = table.firstSlot(prefix); at >= 0; at = table.nextSlot(prefix, at)) {
      const candidate = this.#candidateOf(table.recordAt(at));
      if (candidate === undefined) continue;
      const page = this.#pages.peek(candidate.loaded, candidate.page);
      if (page === undefined) continue;
      bytes ??= idBytes(id);
      if (page === "unread") isUnread = true;
      else if (isRecordOf(page, candidate.slot, bytes)) {
        (found ??= []).push(locationOf(candidate, page, id));
      }
    }
    return found ?? (isUnread ? "unread" : "absent");
  }

  /**
   * `peek` by the bytes of an id, of the packs alone: for who asks about every blob of a snapshot, and
   * would make a string and two objects for each.
   * @param id 32 bytes from `at` on.
   * @param onPack Told every pack in memory that has the blob.
   * @returns "found" when it was told one; else as `peek`.
   */
  peekPacks(id: Bytes, at: number, onPack: (pack: PackId) => void): "found" | "absent" | "unread" {
    const { table } = this.#segments;
    const prefix = idPrefix(id, at);
    let isFound = false;
    let isUnread = false;
    for (let slot = table.firstSlot(prefix); slot >= 0; slot = table.nextSlot(prefix, slot)) {
      const record = table.recordAt(slot);
      const loaded = this.#segments.findRecord(record);
      if (loaded === undefined) continue;
      const { segment, firstRecord } = loaded;
      const number = Math.floor((record - firstRecord) / segment.recordsPerPage);
      const page = this.#pages.peek(loaded, number);
      if (page === undefined) continue;
      if (page === "unread") {
        isUnread = true;
        continue;
      }
      const inPage = record - firstRecord - number * segment.recordsPerPage;
      if (!isRecordOf(page, inPage, id, at)) continue;
      isFound = true;
      onPack(segment.packId(packNumberOf(page, inPage)));
    }
    if (isFound) return "found";
    return isUnread ? "unread" : "absent";
  }

  /**
   * `find` for many ids: each page is read once, neighbouring pages in one request. Needs about
   * 300 bytes an id; who has millions asks in batches.
   * @returns every known id with its places; unknown ids are not in it.
   */
  async findMany(ids: Iterable<BlobId>): Promise<Map<BlobId, BlobLocation[]>> {
    const wanted = [...new Set(ids)];
    const bytes = wanted.map(idBytes);
    const found = new Map<BlobId, BlobLocation[]>();
    await this.visitPlaces(
      { count: wanted.length, bytesAt: (number) => bytes[number] as Bytes },
      (number, place) => {
        const id = wanted[number] as BlobId;
        const location = locatedAt(place, id);
        const places = found.get(id);
        if (places === undefined) found.set(id, [location]);
        else places.push(location);
      },
    );
    return found;
  }

  /**
   * `findMany` by the bytes of ids: tells `visit` every place of each id that is known, those in pages
   * in memory first.
   */
  async visitPlaces(
    ids: NumberedIds,
    visit: (number: number, place: BlobPlace) => void,
  ): Promise<void> {
    const { table } = this.#segments;
    const wanted: WantedRecord[] = [];
    for (let number = 0; number < ids.count; number++) {
      const bytes = ids.bytesAt(number);
      const prefix = idPrefix(bytes);
      for (let at = table.firstSlot(prefix); at >= 0; at = table.nextSlot(prefix, at)) {
        const candidate = this.#candidateOf(table.recordAt(at));
        if (candidate === undefined) continue;
        const page = this.#pages.peek(candidate.loaded, candidate.page);
        if (page === "unread") wanted.push({ ...candidate, number });
        else if (page !== undefined && isRecordOf(page, candidate.slot, bytes)) {
          visit(number, placeOf(candidate, page));
        }
      }
    }
    wanted.sort((a, b) => a.loaded.firstPage + a.page - (b.loaded.firstPage + b.page));
    const { signal } = this.#options;
    await mapBounded(runsOf(wanted), { concurrency: RUN_CONCURRENCY, signal }, async (run) => {
      const first = run[0];
      const last = run[run.length - 1];
      if (first === undefined || last === undefined) return;
      const pages = await this.#pages.getRun(first.loaded, first.page, last.page + 1);
      for (const record of run) {
        const page = pages.get(record.page);
        if (page === undefined || !isRecordOf(page, record.slot, ids.bytesAt(record.number)))
          continue;
        visit(record.number, placeOf(record, page));
      }
    });
  }

  /** Every record, segment by segment in order of ids. Pages are not kept. */
  async *locations(): AsyncGenerator<BlobLocation> {
    for (const loaded of [...this.#segments.live()]) {
      for (let page = 0; page < loaded.segment.pageCount; page++) {
        const [records] = await this.#pages.load(loaded, page, page + 1);
        if (records === undefined) continue;
        for (let slot = 0; slot * RECORD_BYTES < records.length; slot++) {
          const id = idOf<BlobId>(recordId(records, slot));
          yield locationOf({ loaded, page, slot }, records, id);
        }
      }
    }
  }

  /**
   * Every page of every segment in use, one after another, for who looks at all records: as they
   * stand, to be read with `recordId` and `readRecord`. Pages are not kept.
   * @param range Pages that hold no id whose first byte is in it are left out; others may hold more.
   * @throws what reading throws, but "corrupt": a damaged page is reported and has no records.
   */
  async *recordPages(range: IdRange = ALL_IDS): AsyncGenerator<RecordPage> {
    for (const loaded of [...this.#segments.live()]) {
      const { segment } = loaded;
      const wanted = segment.pagesWith(range);
      for (let { first } = wanted; first < wanted.end; first += RUN_PAGES_MAX) {
        const end = Math.min(wanted.end, first + RUN_PAGES_MAX);
        const pages = await this.#pages.load(loaded, first, end);
        for (const records of pages) yield { segment, records };
      }
    }
  }

  /**
   * Loads segments that are new in the storage and lets go of those that are gone.
   * @returns the number of segments added.
   * @throws as `open`.
   */
  async refresh(): Promise<number> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  /**
   * Adds a segment that this process has just stored, without reading it back.
   * @param bytes The whole object; not kept.
   */
  async addSegment(id: IndexId, bytes: Bytes): Promise<void> {
    let own: Bytes | undefined = bytes;
    const stored = this.#stored.source({ id, sizeBytes: bytes.length });
    const read = ({ offset, length }: SegmentSpan): Promise<Bytes> =>
      own === undefined
        ? stored.read({ offset, length })
        : Promise.resolve(own.slice(offset, offset + length));
    const segment = await openIndexSegment({ ...stored, read });
    own = undefined;
    await this.#add([segment]);
  }

  async #refresh(): Promise<number> {
    let added = 0;
    for (let listing = 0; listing < LISTINGS_MAX; listing++) {
      const { opened, vanished } = await this.#openListed();
      added += opened;
      if (vanished === 0) break;
    }
    return added;
  }

  async #openListed(): Promise<{ opened: number; vanished: number }> {
    // Only what was there before can be missed by the listing.
    const before = [...this.#segments.live()];
    const listed = await this.#stored.list();
    const ids = new Set(listed.map(({ id }) => id));
    for (const loaded of before) if (!ids.has(loaded.segment.id)) this.#segments.drop(loaded);
    const fresh = listed.filter(({ id }) => !this.#segments.has(id) && !this.#ignored.has(id));
    const { opened, corrupt, vanished } = await this.#stored.open(fresh);
    for (const id of corrupt) this.#ignored.add(id);
    return { opened: await this.#add(opened), vanished };
  }

  /** @returns how many of `segments` are in use now. */
  async #add(segments: readonly IndexSegment[]): Promise<number> {
    for (const { superseded } of segments) for (const id of superseded) this.#ignored.add(id);
    this.#segments.dropAll(this.#ignored);
    const added = this.#segments.add(segments.filter(({ id }) => !this.#ignored.has(id)));
    for (const loaded of added) await this.#pages.keepSmall(loaded);
    return added.length;
  }

  #candidates(prefix: number): Candidate[] {
    const { table } = this.#segments;
    const candidates: Candidate[] = [];
    for (let at = table.firstSlot(prefix); at >= 0; at = table.nextSlot(prefix, at)) {
      const candidate = this.#candidateOf(table.recordAt(at));
      if (candidate !== undefined) candidates.push(candidate);
    }
    return candidates;
  }

  #candidateOf(record: number): Candidate | undefined {
    const loaded = this.#segments.findRecord(record);
    if (loaded === undefined) return undefined;
    const inSegment = record - loaded.firstRecord;
    const { recordsPerPage } = loaded.segment;
    const page = Math.floor(inSegment / recordsPerPage);
    return { loaded, page, slot: inSegment - page * recordsPerPage };
  }
}
