/**
 * The index as a check sees it: the segments in the storage, and in memory those that packs without
 * a segment need. With them a repository that lost its index is checked like any other.
 */
import type { Bytes } from "../base/bytes.ts";
import { ForgeError } from "../base/errors.ts";
import type { IndexId } from "../base/ids.ts";
import { BlobIndex, type RecordPage, type SegmentStorage } from "../index/blob-index.ts";
import { RECORD_BYTES } from "../index/index-record.ts";
import type { Repository } from "../repository/repository.ts";
import type { ListedPack, RebuiltSegment } from "./rebuild-index.ts";

export interface SegmentFault {
  readonly id: IndexId;
  readonly error: ForgeError;
}

export class CheckedIndex {
  readonly index: BlobIndex;
  readonly #memory: MemorySegments;
  readonly #faults: Map<IndexId, ForgeError>;
  /** Packs with the size that the index says; the last segment counts. */
  readonly packs: Map<ListedPack["packId"], number> = new Map();
  /** Records that name each pack, over all segments. */
  readonly recordsOfPack: Map<ListedPack["packId"], number> = new Map();
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
        checked.#count(segment, records);
      }
    }
    return checked;
  }

  /** Segments that cannot be read, wholly or in part, and those that say something wrong. */
  get faults(): readonly SegmentFault[] {
    return [...this.#faults].map(([id, error]) => ({ id, error }));
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

  #count(segment: RecordPage["segment"], records: Bytes): void {
    const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
    const counts = new Uint32Array(segment.packCount);
    for (let at = 0; at < records.length; at += RECORD_BYTES) {
      const pack = view.getUint32(at + 32, true);
      counts[pack] = (counts[pack] as number) + 1;
      this.records++;
    }
    counts.forEach((count, i) => {
      if (count === 0) return;
      const packId = segment.packId(i);
      this.recordsOfPack.set(packId, (this.recordsOfPack.get(packId) ?? 0) + count);
    });
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
