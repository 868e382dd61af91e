/**
 * Pack usage: what of each pack the snapshots need. One pass over the records of the index, a part of
 * the chunks after another, with a few numbers a pack and one bit a reachable blob in memory.
 */
import type { Bytes } from "../base/bytes.ts";
import { type ForgeError, isForgeError } from "../base/errors.ts";
import type { PackId } from "../base/ids.ts";
import { SEALED_KINDS } from "../crypto/key-ring.ts";
import type { BlobIndex } from "../index/blob-index.ts";
import { RECORD_BYTES } from "../index/index-record.ts";
import type { IndexSegment } from "../index/index-segment-reader.ts";
import { PlacedBlobs } from "./placed-blobs.ts";
import type { ReachableBlobs } from "./reachable.ts";
import type { ChunkPart, IdRange } from "./referred-chunks.ts";

/** Pages of an index segment read in one request: 3 MiB. */
const RUN_PAGES = 64;
/** Fields of a record: `index-record.ts`. */
const PACK_AT = 32;
const SEALED_BYTES_AT = 40;
const KIND_AT = 48;
const EPOCH_AT = 50;

export interface PackUsage {
  readonly packId: PackId;
  readonly isData: boolean;
  /** Sealed bytes of blobs that snapshots need and that were counted nowhere else. */
  liveBytes: number;
  liveBlobs: number;
  /** The least key epoch of a blob that counts. */
  leastEpoch: number;
}

export interface UsageOptions {
  readonly index: BlobIndex;
  readonly reachable: ReachableBlobs;
  /** What other packs hold does not count. */
  readonly packs: ReadonlySet<string>;
  /** Pages of the index that cannot be read: their records count for nothing. */
  readonly onProblem: (error: ForgeError) => void;
  /** All records of a part were seen. */
  readonly onPart: (placed: PlacedBlobs, part: ChunkPart) => void;
}

/**
 * Places every reachable blob that a record puts into one of `packs`, and counts what of each pack is
 * needed. A blob that stands in several is counted for the first that is met.
 * @returns every one of `packs` that a record names.
 */
export async function measureUsage(options: UsageOptions): Promise<Map<PackId, PackUsage>> {
  const { index, reachable, packs, onProblem, onPart } = options;
  const usages = new Map<PackId, PackUsage>();
  for (const part of reachable.chunkParts()) {
    const placed = new PlacedBlobs(reachable, part);
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
      for await (const records of recordsOf(segment, part, onProblem)) {
        const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
        for (let at = 0; at < records.length; at += RECORD_BYTES) {
          const packNumber = view.getUint32(at + PACK_AT, true);
          const kind = view.getUint8(at + KIND_AT);
          const usage = (ofSegment[packNumber] ??= find(packNumber, kind));
          if (usage === "elsewhere" || placed.place(kind, records, at) !== "first") continue;
          usage.liveBytes += view.getUint32(at + SEALED_BYTES_AT, true);
          usage.liveBlobs++;
          usage.leastEpoch = Math.min(usage.leastEpoch, view.getUint8(at + EPOCH_AT));
        }
      }
    }
    onPart(placed, part);
  }
  return usages;
}

/**
 * Pages of records that hold all ids of the range, and some others.
 * @throws what reading throws, but "corrupt".
 */
export async function* recordsOf(
  segment: IndexSegment,
  range: IdRange,
  onProblem: (error: ForgeError) => void,
): AsyncGenerator<Bytes> {
  const wanted = segment.pagesWith(range);
  for (let page = wanted.first; page < wanted.end; page += RUN_PAGES) {
    const end = Math.min(wanted.end, page + RUN_PAGES);
    try {
      yield* await segment.readPages(page, end);
    } catch (error) {
      if (!isForgeError(error, "corrupt")) throw error;
      onProblem(error);
    }
  }
}
