/** Which packs to let go of and which to write anew, as a pure function of what is used of each. */
import type { PackId } from "../base/ids.ts";

/** One pack that is there and not condemned. */
export interface PackState {
  readonly packId: PackId;
  readonly sizeBytes: number;
  /** When it was stored, by the storage's clock. */
  readonly storedMs: number;
  readonly isData: boolean;
  readonly liveBytes: number;
  readonly liveBlobs: number;
  readonly leastEpoch: number;
}

export interface PackPolicy {
  /** Share of waste from which on a pack is written anew: 0 … 1. */
  readonly threshold: number;
  /** Bytes that may be written anew; the most wasteful packs come first. */
  readonly repackBytesMax: number;
  /** Sizes that packs should have. */
  readonly dataPackBytes: number;
  readonly treePackBytes: number;
  /** Packs stored at this time or later are left alone: someone may be about to need them. */
  readonly spareSinceMs: number;
  /** Packs with blobs of an older key epoch than this are written anew. */
  readonly epochMin?: number | undefined;
}

export interface PackChoice {
  /** Nothing in them is needed. */
  readonly dead: readonly PackState[];
  /** What is needed of them is to be moved. */
  readonly repack: readonly PackState[];
  /** Would be let go of or written anew were they not too new. */
  readonly spared: readonly PackState[];
  /** What would have been written anew were it not for `repackBytesMax`. */
  readonly postponed: readonly PackState[];
}

/** Directory and trailer: a fixed part, and what an entry takes. An id does not compress. */
const OVERHEAD_BYTES = 128;
const ENTRY_BYTES = 48;
/** Below this share of the wanted size a pack is small; so many small ones are merged. */
const SMALL_SHARE = 0.25;
const SMALL_PACKS_MIN = 4;

/** Bytes of a pack that nobody needs. */
export function wasteOf(pack: PackState): number {
  const needed = pack.liveBytes + OVERHEAD_BYTES + ENTRY_BYTES * pack.liveBlobs;
  return Math.max(0, pack.sizeBytes - needed);
}

export function choosePacks(packs: readonly PackState[], policy: PackPolicy): PackChoice {
  const dead: PackState[] = [];
  const spared: PackState[] = [];
  const wanted: PackState[] = [];
  const small: { data: PackState[]; tree: PackState[] } = { data: [], tree: [] };
  for (const pack of packs) {
    const isNew = pack.storedMs >= policy.spareSinceMs;
    const isWasteful = wasteOf(pack) >= Math.max(policy.threshold * pack.sizeBytes, 1);
    if (pack.liveBlobs === 0) {
      (isNew ? spared : dead).push(pack);
    } else if (isWasteful || pack.leastEpoch < (policy.epochMin ?? 0)) {
      (isNew ? spared : wanted).push(pack);
    } else if (!isNew) {
      const target = pack.isData ? policy.dataPackBytes : policy.treePackBytes;
      if (pack.sizeBytes < target * SMALL_SHARE) (pack.isData ? small.data : small.tree).push(pack);
    }
  }
  for (const group of [small.data, small.tree]) {
    if (group.length >= SMALL_PACKS_MIN) wanted.push(...group);
  }
  const share = (pack: PackState): number => wasteOf(pack) / pack.sizeBytes;
  wanted.sort((a, b) => share(b) - share(a) || (a.packId < b.packId ? -1 : 1));
  const repack: PackState[] = [];
  const postponed: PackState[] = [];
  let bytes = 0;
  for (const pack of wanted) {
    const fits = bytes + pack.liveBytes <= policy.repackBytesMax;
    (fits ? repack : postponed).push(pack);
    if (fits) bytes += pack.liveBytes;
  }
  return { dead, repack, spared, postponed };
}
