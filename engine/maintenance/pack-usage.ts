/**
 * Pack usage: what of each pack the snapshots need. One pass over the records of the index, with a few
 * numbers a pack and one bit a reachable blob in memory.
 */
import type { Bytes } from "../base/bytes.ts";
import { type ForgeError, isForgeError } from "../base/errors.ts";
import { ID_BYTES, type PackId } from "../base/ids.ts";
import { SEALED_KINDS } from "../crypto/key-ring.ts";
import type { BlobIndex } from "../index/blob-index.ts";
import { RECORD_BYTES } from "../index/index-record.ts";
import type { IndexSegment } from "../index/index-segment-reader.ts";
import type { BlobIdSet } from "./blob-id-set.ts";
import type { ReachableBlobs } from "./reachable.ts";

/** Pages of an index segment read in one request: 3 MiB. */
const RUN_PAGES = 64;

export interface PackUsage {
  readonly packId: PackId;
  readonly isData: boolean;
  /** Sealed bytes of blobs that snapshots need and that were counted nowhere else. */
  liveBytes: number;
  liveBlobs: number;
  /** The least key epoch of a blob that counts. */
  leastEpoch: number;
}

/** Remembers for each reachable blob whether it was met in a pack that stays. */
export class PlacedBlobs {
  readonly #reachable: ReachableBlobs;
  readonly #bits: readonly [Bytes, Bytes, Bytes];
  #placed = 0;

  constructor(reachable: ReachableBlobs) {
    this.#reachable = reachable;
    const bits = (set: BlobIdSet): Bytes => new Uint8Array(Math.ceil(set.size / 8));
    this.#bits = [bits(reachable.data), bits(reachable.trees), bits(reachable.lists)];
  }

  /** Reachable blobs that were not met yet. */
  get missing(): number {
    return this.#reachable.size - this.#placed;
  }

  /**
   * @param kind The number of the blob's kind. @param at Where the 32 bytes of its id stand.
   * @returns "garbage" when no snapshot needs it, "again" when it was met before.
   */
  place(kind: number, bytes: Uint8Array, at: number): "first" | "again" | "garbage" {
    const column = columnOf(kind);
    const number = this.#set(column).find(bytes, at);
    if (number < 0) return "garbage";
    const bits = this.#bits[column];
    const mask = 1 << (number & 7);
    const byte = bits[number >>> 3] as number;
    if ((byte & mask) !== 0) return "again";
    bits[number >>> 3] = byte | mask;
    this.#placed++;
    return "first";
  }

  /** Whether a snapshot needs the blob and it was not met yet. */
  isMissing(kind: number, bytes: Uint8Array, at: number): boolean {
    const column = columnOf(kind);
    const number = this.#set(column).find(bytes, at);
    return number >= 0 && !this.#has(column, number);
  }

  /** Ids of the blobs that were not met, 32 bytes each. */
  *missingIds(): Generator<{ readonly kind: number; readonly id: Bytes }> {
    for (const column of [0, 1, 2] as const) {
      const set = this.#set(column);
      for (let number = 0; number < set.size; number++) {
        if (!this.#has(column, number)) yield { kind: KINDS[column], id: set.bytesAt(number) };
      }
    }
  }

  #has(column: Column, number: number): boolean {
    return ((this.#bits[column][number >>> 3] as number) & (1 << (number & 7))) !== 0;
  }

  #set(column: Column): BlobIdSet {
    const { data, trees, lists } = this.#reachable;
    return column === 0 ? data : column === 1 ? trees : lists;
  }
}

type Column = 0 | 1 | 2;
const KINDS = [SEALED_KINDS.data, SEALED_KINDS.tree, SEALED_KINDS.list] as const;

function columnOf(kind: number): Column {
  return kind === SEALED_KINDS.data ? 0 : kind === SEALED_KINDS.tree ? 1 : 2;
}

/**
 * Places every reachable blob that a record puts into one of `packs`, and counts what of each pack is
 * needed. A blob that stands in several is counted for the first that is met.
 *
 * @param onProblem A page of the index that cannot be read: its records count for nothing.
 */
export async function measureUsage(
  index: BlobIndex,
  placed: PlacedBlobs,
  packs: ReadonlySet<string>,
  onProblem: (error: ForgeError) => void,
): Promise<Map<PackId, PackUsage>> {
  const usages = new Map<PackId, PackUsage>();
  for (const segment of index.segments()) {
    const ofSegment: (PackUsage | "elsewhere" | undefined)[] = [];
    const find = (packNumber: number, kind: number): PackUsage | "elsewhere" => {
      const packId = segment.packId(packNumber);
      if (!packs.has(packId)) return "elsewhere";
      let usage = usages.get(packId);
      if (usage === undefined) {
        const isData = kind === SEALED_KINDS.data;
        usage = { packId, isData, liveBytes: 0, liveBlobs: 0, leastEpoch: 255 };
        usages.set(packId, usage);
      }
      return usage;
    };
    for await (const records of pagesOf(segment, onProblem)) {
      const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
      for (let at = 0; at < records.length; at += RECORD_BYTES) {
        const packNumber = view.getUint32(at + ID_BYTES, true);
        const kind = view.getUint8(at + 48);
        const usage = (ofSegment[packNumber] ??= find(packNumber, kind));
        if (usage === "elsewhere" || placed.place(kind, records, at) !== "first") continue;
        usage.liveBytes += view.getUint32(at + 40, true);
        usage.liveBlobs++;
        usage.leastEpoch = Math.min(usage.leastEpoch, view.getUint8(at + 50));
      }
    }
  }
  return usages;
}

async function* pagesOf(
  segment: IndexSegment,
  onProblem: (error: ForgeError) => void,
): AsyncGenerator<Bytes> {
  for (let page = 0; page < segment.pageCount; page += RUN_PAGES) {
    const end = Math.min(segment.pageCount, page + RUN_PAGES);
    try {
      yield* await segment.readPages(page, end);
    } catch (error) {
      if (!isForgeError(error, "corrupt")) throw error;
      onProblem(error);
    }
  }
}
