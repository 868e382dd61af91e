/**
 * Pack usage: what of each pack the snapshots need. One pass over the records of the index, a part of
 * the chunks after another, with a few numbers a pack and one bit a reachable blob in memory.
 */
import type { ForgeError } from "../base/errors.ts";
import type { PackId } from "../base/ids.ts";
import { SEALED_KINDS } from "../crypto/key-ring.ts";
import type { BlobIndex } from "../index/blob-index.ts";
import { EPOCH_AT, KIND_AT, SEALED_BYTES_AT } from "../index/index-record.ts";
import { PlacedBlobs } from "./placed-blobs.ts";
import type { ReachableBlobs } from "./reachable.ts";
import { visitRecords } from "./visit-records.ts";

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
  readonly onPart: (placed: PlacedBlobs) => void;
}

/**
 * Places every reachable blob that a record puts into one of `packs`, and counts what of each pack is
 * needed. A blob that stands in several is counted for the first that is met.
 * @returns every one of `packs` that a record names.
 */
export async function measureUsage(options: UsageOptions): Promise<Map<PackId, PackUsage>> {
  const { index, reachable, packs, onProblem } = options;
  const usages = new Map<PackId, PackUsage>();
  const usageOf = (packId: PackId, kind: number): PackUsage => {
    let usage = usages.get(packId);
    if (usage === undefined) {
      const isData = kind === SEALED_KINDS.data;
      usage = { packId, isData, liveBytes: 0, liveBlobs: 0, leastEpoch: 255 };
      usages.set(packId, usage);
    }
    return usage;
  };
  for (const part of reachable.chunkParts()) {
    const placed = new PlacedBlobs(reachable, part);
    await visitRecords<{ readonly packId: PackId; usage?: PackUsage }>({
      index,
      range: part,
      onProblem,
      choose: (packId) => (packs.has(packId) ? { packId } : undefined),
      visit: (pack, { records, at, view }) => {
        const kind = view.getUint8(at + KIND_AT);
        const usage = (pack.usage ??= usageOf(pack.packId, kind));
        if (placed.place(kind, records, at) !== "first") return;
        usage.liveBytes += view.getUint32(at + SEALED_BYTES_AT, true);
        usage.liveBlobs++;
        usage.leastEpoch = Math.min(usage.leastEpoch, view.getUint8(at + EPOCH_AT));
      },
    });
    options.onPart(placed);
  }
  return usages;
}
