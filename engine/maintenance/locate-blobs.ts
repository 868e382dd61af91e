/**
 * Looks up where everything that snapshots need stands, by going once through all records of the
 * index: ten million look-ups at random would read each page a thousand times.
 */
import type { PackId } from "../base/ids.ts";
import { SEALED_KINDS } from "../crypto/key-ring.ts";
import type { BlobIndex, RecordPage } from "../index/blob-index.ts";
import { RECORD_BYTES } from "../index/index-record.ts";
import type { BlobIdSet } from "./blob-id-set.ts";
import { ReachableBlobs } from "./reachable.ts";

/** Whether what the index places in a pack counts: "partly" when only `good` blobs do. */
export type PackState = "good" | "partly" | "bad";

export interface LocateOptions {
  readonly index: Pick<BlobIndex, "recordPages">;
  readonly reachable: ReachableBlobs;
  /** @param packBytes What the index says. */
  readonly packState: (packId: PackId, packBytes: number) => PackState;
  /** Good blobs of packs that are in part. */
  readonly goodBlobs: BlobIdSet;
  /** Segments that stand in the storage; what only others know is not indexed. */
  readonly isStored: (segment: RecordPage["segment"]) => boolean;
}

export interface LocatedBlobs {
  /** Blobs without a good place. */
  readonly lost: ReachableBlobs;
  /** Blobs with a good place that no stored segment names. */
  readonly unindexed: number;
  /** Good packs that hold something needed. */
  readonly packs: ReadonlySet<PackId>;
  /** Packs of which a record contradicts what files say of their chunks. */
  readonly contradicting: ReadonlySet<PackId>;
}

const UNINDEXED = 1;
const INDEXED = 2;
/** Where a record has its pack number, plain length and kind: `index-record.ts`. */
const PACK_AT = 32;
const PLAIN_AT = 44;
const KIND_AT = 48;

export async function locateBlobs(options: LocateOptions): Promise<LocatedBlobs> {
  const { index, reachable, goodBlobs } = options;
  const sets = [reachable.data, reachable.trees, reachable.lists];
  const found = sets.map((set) => new Uint8Array(set.size));
  const contradicting = new Set<PackId>();
  const segments = new Map<string, SegmentPacks>();
  for await (const { segment, records } of index.recordPages()) {
    if (records === undefined) continue;
    const packs = packsOf(segment, options, segments);
    const mark = options.isStored(segment) ? INDEXED : UNINDEXED;
    const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
    for (let at = 0; at < records.length; at += RECORD_BYTES) {
      const kind = kindNumber(view.getUint8(at + KIND_AT));
      const set = sets[kind] as BlobIdSet;
      const number = set.find(records, at);
      if (number < 0) continue;
      const pack = view.getUint32(at + PACK_AT, true);
      const state = packs.states[pack];
      if (state === BAD || (state === PARTLY && !goodBlobs.has(records, at))) continue;
      if (kind === 0 && view.getUint32(at + PLAIN_AT, true) !== set.valueAt(number)) {
        contradicting.add(segment.packId(pack));
        continue;
      }
      const marks = found[kind] as Uint8Array;
      if ((marks[number] as number) < mark) marks[number] = mark;
      packs.needed[pack] = 1;
    }
  }
  return { ...collect(sets, found), packs: neededPacks(segments), contradicting };
}

const GOOD = 0;
const PARTLY = 1;
const BAD = 2;

/** By number of the pack in its segment. */
interface SegmentPacks {
  readonly segment: RecordPage["segment"];
  readonly states: Uint8Array;
  readonly needed: Uint8Array;
}

function packsOf(
  segment: RecordPage["segment"],
  { packState }: LocateOptions,
  known: Map<string, SegmentPacks>,
): SegmentPacks {
  let packs = known.get(segment.id);
  if (packs !== undefined) return packs;
  const states = new Uint8Array(segment.packCount);
  for (let pack = 0; pack < states.length; pack++) {
    const state = packState(segment.packId(pack), segment.packBytes(pack));
    states[pack] = state === "good" ? GOOD : state === "partly" ? PARTLY : BAD;
  }
  packs = { segment, states, needed: new Uint8Array(segment.packCount) };
  known.set(segment.id, packs);
  return packs;
}

function neededPacks(segments: ReadonlyMap<string, SegmentPacks>): ReadonlySet<PackId> {
  const packs = new Set<PackId>();
  for (const { segment, needed } of segments.values()) {
    for (let pack = 0; pack < needed.length; pack++) {
      if (needed[pack] === 1) packs.add(segment.packId(pack));
    }
  }
  return packs;
}

/** Place of a stored kind among the sets. Pages are checked, so there is no other. */
function kindNumber(stored: number): number {
  return stored === SEALED_KINDS.data ? 0 : stored === SEALED_KINDS.tree ? 1 : 2;
}

function collect(
  sets: readonly BlobIdSet[],
  found: readonly Uint8Array[],
): Pick<LocatedBlobs, "lost" | "unindexed"> {
  const lost = new ReachableBlobs();
  const lostSets = [lost.data, lost.trees, lost.lists];
  let unindexed = 0;
  sets.forEach((set, kind) => {
    const marks = found[kind] as Uint8Array;
    for (let number = 0; number < marks.length; number++) {
      if (marks[number] === 0) lostSets[kind]?.intern(set.bytesAt(number));
      else if (marks[number] === UNINDEXED) unindexed++;
    }
  });
  return { lost, unindexed };
}
