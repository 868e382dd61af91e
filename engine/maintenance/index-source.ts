/**
 * The index as a check sees it: the segments in the storage, and in memory those that packs without
 * a segment need. With them a repository that lost its index is checked like any other.
 */
import type { Bytes } from "../base/bytes.ts";
import { ForgeError } from "../base/errors.ts";
import type { IndexId } from "../base/ids.ts";
import { BlobIndex, type RecordPage } from "../index/blob-index.ts";
import type { SegmentStorage } from "../index/stored-segments.ts";
import { RECORD_BYTES } from "../index/index-record.ts";
import type { Repository } from "../repository/repository.ts";
import { type RecordSum, SegmentSums, addSums } from "./record-sum.ts";
import type { ListedPack, RebuiltSegment } from "./rebuild-index.ts";

export interface SegmentFault {
  readonly id: IndexId;
  readonly error: ForgeError;
}

/** What `segments` segments say together of one pack. */
export interface PackSum {
  readonly sum: RecordSum;
  readonly segments: number;
}

interface OpenSums {
  readonly id: IndexId;
  readonly segment: RecordPage["segment"];
  readonly sums: SegmentSums;
}

export class CheckedIndex {
  readonly index: BlobIndex;
  readonly #memory: MemorySegments;
  readonly #faults: Map<IndexId, ForgeError>;
  /** Packs with the size that the index says; the last segment counts. */
  readonly packs: Map<ListedPack["packId"], number> = new Map();
  /** What segments say of each pack, over all that name it. */
  readonly #sums = new Map<ListedPack["packId"], PackSum>();
  records = 0;
  /** Those in the storage that hold records. */
  readonly #segments = new Map<IndexId, RecordPage["segment"]>();

  private constructor(index: BlobIndex, memory: MemorySegments, faults: Map<IndexId, ForgeError>) {
    this.index = index;
    this.#memory = memory;
    this.#faults = faults;
  }

  /** Opens every segment and every page. @throws ForgeError what listing throws; "aborted". */
  static async open(repository: Repository, signal?: AbortSignal): Promise<CheckedIndex> {
    const { backend, platform, keys } = repository;
    const memory = new MemorySegments(backend);
    const faults = new Map<IndexId, ForgeError>();
    const index = await BlobIndex.open({
      backend: memory,
      platform,
      keys,
      signal,
      onProblem: (error, id) => {
        if (!faults.has(id)) faults.set(id, error);
      },
    });
    const checked = new CheckedIndex(index, memory, faults);
    let sums: OpenSums | undefined;
    for await (const { segment, records } of index.recordPages()) {
      if (!checked.#segments.has(segment.id)) {
        checked.#segments.set(segment.id, segment);
        for (let i = 0; i < segment.packCount; i++) {
          checked.packs.set(segment.packId(i), segment.packBytes(i));
        }
      }
      if (records === undefined) {
        if (!faults.has(segment.id)) faults.set(segment.id, damagedPage(segment.id));
      } else {
        if (sums?.id !== segment.id) {
          checked.#addSums(sums);
          sums = { id: segment.id, segment, sums: new SegmentSums(segment.packCount) };
        }
        sums.sums.addPage(records);
        checked.records += records.length / RECORD_BYTES;
      }
    }
    checked.#addSums(sums);
    return checked;
  }

  /** Segments that cannot be read, wholly or in part, and those that say something wrong. */
  get faults(): readonly SegmentFault[] {
    return [...this.#faults].map(([id, error]) => ({ id, error }));
  }

  /** What the index says of a pack; `undefined` when no stored segment names it. */
  sumOf(packId: ListedPack["packId"]): PackSum | undefined {
    return this.#sums.get(packId);
  }

  get segmentCount(): number {
    return this.#segments.size;
  }

  isStored(id: IndexId): boolean {
    return !this.#memory.has(id);
  }

  /** Packs that a segment not among `segments` describes. */
  packsOutside(segments: ReadonlySet<string>): Set<ListedPack["packId"]> {
    const found = new Set<ListedPack["packId"]>();
    for (const segment of this.#segments.values()) {
      if (segments.has(segment.id)) continue;
      for (let i = 0; i < segment.packCount; i++) found.add(segment.packId(i));
    }
    return found;
  }

  /** Adds segments that are not stored. */
  async addUnstored(segments: readonly RebuiltSegment[]): Promise<void> {
    for (const { id, bytes } of segments) this.#memory.add(id, bytes);
    if (segments.length > 0) await this.index.refresh();
  }

  /** Stored segments that name one of `packs`. */
  segmentsOf(packs: ReadonlySet<string>): IndexId[] {
    const found: IndexId[] = [];
    for (const segment of this.#segments.values()) {
      const ids = Array.from({ length: segment.packCount }, (_, i) => segment.packId(i));
      if (ids.some((id) => packs.has(id))) found.push(segment.id);
    }
    return found;
  }

  #addSums(open: OpenSums | undefined): void {
    if (open === undefined) return;
    for (let i = 0; i < open.segment.packCount; i++) {
      const sum = open.sums.of(i);
      if (sum.count === 0) continue;
      const packId = open.segment.packId(i);
      const before = this.#sums.get(packId);
      const segments = (before?.segments ?? 0) + 1;
      this.#sums.set(packId, { sum: addSums(before?.sum, sum), segments });
    }
  }
}

/** The storage's segments and some that are not stored. */
class MemorySegments implements SegmentStorage {
  readonly #stored: SegmentStorage;
  readonly #own = new Map<string, Bytes>();

  constructor(stored: SegmentStorage) {
    this.#stored = stored;
  }

  has(id: IndexId): boolean {
    return this.#own.has(id);
  }

  add(id: IndexId, bytes: Bytes): void {
    this.#own.set(id, bytes);
  }

  async list(
    kind: "index",
    options?: Parameters<SegmentStorage["list"]>[1],
  ): ReturnType<SegmentStorage["list"]> {
    const own = [...this.#own].map(([name, { length }]) => ({ name, sizeBytes: length }));
    return [...(await this.#stored.list(kind, options)), ...own];
  }

  async read(...[ref, options]: Parameters<SegmentStorage["read"]>): Promise<Bytes> {
    const own = this.#own.get(ref.name);
    if (own === undefined) return this.#stored.read(ref, options);
    const { offset, length } = options.span;
    return own.slice(offset, offset + length);
  }
}

function damagedPage(id: IndexId): ForgeError {
  return new ForgeError("corrupt", `Cannot read a page of index segment ${id}: it is damaged`);
}
