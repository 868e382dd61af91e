/**
 * SegmentSet: the open segments and the one fingerprint table over all their records, which are
 * numbered through: segment after segment in the order they came.
 */
import { assert } from "../base/errors.ts";
import type { IndexId } from "../base/ids.ts";
import { FingerprintTable, type PrefixColumn } from "./fingerprint-table.ts";
import type { IndexSegment } from "./index-segment-reader.ts";

export interface LoadedSegment {
  readonly segment: IndexSegment;
  /** Number of its first record; changes when the table is rebuilt. */
  readonly firstRecord: number;
  /** Number of its first page among all that were ever loaded; never changes. */
  readonly firstPage: number;
  /** False when it was superseded or is gone; its records in the table mean nothing. */
  readonly isLive: boolean;
}

interface Entry extends LoadedSegment {
  firstRecord: number;
  isLive: boolean;
}

/** Record numbers and one more have to fit 32 bits. */
const RECORDS_MAX = 0xffff_fff0;

export class SegmentSet {
  /** By ascending `firstRecord`. */
  #entries: Entry[] = [];
  readonly #byId = new Map<IndexId, Entry>();
  #table = FingerprintTable.withRoomFor(0);
  #nextRecord = 0;
  #nextPage = 0;
  #liveRecords = 0;

  get table(): FingerprintTable {
    return this.#table;
  }

  get liveRecords(): number {
    return this.#liveRecords;
  }

  get memoryBytes(): number {
    let bytes = this.#table.memoryBytes;
    for (const { segment } of this.#entries) bytes += segment.memoryBytes;
    return bytes;
  }

  has(id: IndexId): boolean {
    return this.#byId.has(id);
  }

  live(): MapIterator<LoadedSegment> {
    return this.#byId.values();
  }

  /** The live segment that holds record number `record`. */
  findRecord(record: number): LoadedSegment | undefined {
    const entry = this.#entryOf(record);
    return entry.isLive ? entry : undefined;
  }

  /** @returns the segments that were not there before. */
  add(segments: readonly IndexSegment[]): LoadedSegment[] {
    const fresh = segments.filter(({ id }) => !this.#byId.has(id));
    const records = fresh.reduce((sum, { recordCount }) => sum + recordCount, 0);
    const fits = this.#nextRecord + records <= RECORDS_MAX;
    if (!fits || !this.#table.hasRoomFor(records)) this.#rebuild(records);
    const columns: PrefixColumn[] = [];
    const added: LoadedSegment[] = [];
    for (const segment of fresh) {
      const { recordCount, pageCount } = segment;
      const firstRecord = this.#nextRecord;
      const entry: Entry = { segment, firstRecord, firstPage: this.#nextPage, isLive: true };
      this.#entries.push(entry);
      this.#byId.set(segment.id, entry);
      columns.push({ prefixes: segment.takePrefixes(), firstRecord });
      added.push(entry);
      this.#nextRecord += recordCount;
      this.#nextPage += pageCount;
      this.#liveRecords += recordCount;
    }
    this.#table.addColumns(columns);
    return added;
  }

  /** Its records are not found any more; they leave the table when it is next rebuilt. */
  drop(loaded: LoadedSegment): void {
    const entry = this.#byId.get(loaded.segment.id);
    if (entry === undefined) return;
    entry.isLive = false;
    this.#byId.delete(entry.segment.id);
    this.#liveRecords -= entry.segment.recordCount;
  }

  dropAll(ids: ReadonlySet<IndexId>): void {
    for (const [id, entry] of this.#byId) if (ids.has(id)) this.drop(entry);
  }

  /** A new table of the live records alone, with room for `records` more. */
  #rebuild(records: number): void {
    const old = this.#entries;
    const live = old.filter(({ isLive }) => isLive);
    const shifts = new Map<Entry, number>();
    let next = 0;
    for (const entry of live) {
      shifts.set(entry, next - entry.firstRecord);
      next += entry.segment.recordCount;
    }
    assert(next + records <= RECORDS_MAX, "an index of more than four billion records");
    const table = FingerprintTable.withRoomFor(next + records);
    if (next > 0) {
      this.#table.forEach((prefix, record) => {
        const entry = this.#entryOf(record);
        const shift = shifts.get(entry);
        if (shift !== undefined) table.add(prefix, record + shift);
      });
    }
    for (const entry of live) entry.firstRecord += shifts.get(entry) ?? 0;
    this.#entries = live;
    this.#table = table;
    this.#nextRecord = next;
  }

  #entryOf(record: number): Entry {
    let low = 0;
    let high = this.#entries.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#entries[middle] as Entry).firstRecord <= record) low = middle;
      else high = middle - 1;
    }
    return this.#entries[low] as Entry;
  }
}
