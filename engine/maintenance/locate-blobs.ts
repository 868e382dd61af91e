/**
 * Looks up where everything that snapshots need stands, by going once through all records of the
 * index: ten million look-ups at random would read each page a thousand times. One part of the chunks
 * after another, each with the records of its range of ids.
 */
import type { IdRange } from "../base/id-range.ts";
import type { PackId } from "../base/ids.ts";
import { SEALED_KINDS } from "../crypto/key-ring.ts";
import type { BlobIndex, RecordPage } from "../index/blob-index.ts";
import { KIND_AT, PACK_AT, PLAIN_BYTES_AT, RECORD_BYTES } from "../index/index-record.ts";
import type { BlobIdSet } from "../base/blob-id-set.ts";
import { BlobSets } from "./blob-sets.ts";
import type { ReachableBlobs } from "./reachable.ts";
import type { ChunkConflict } from "./referred-chunks.ts";

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
  /** Files that contradict each other about a chunk, unless the walk has told. */
  readonly onConflict: (conflict: ChunkConflict) => void;
}

export interface LocatedBlobs {
  /** Blobs without a good place. */
  readonly lost: BlobSets;
  /** Distinct chunks that files refer to. */
  readonly chunks: number;
  /** Blobs with a good place that no stored segment names. */
  readonly unindexed: number;
  /** Good packs that hold something needed. */
  readonly packs: ReadonlySet<PackId>;
  /** Packs of which a record contradicts what files say of their chunks. */
  readonly contradicting: ReadonlySet<PackId>;
}

const UNINDEXED = 1;
const INDEXED = 2;

export async function locateBlobs(options: LocateOptions): Promise<LocatedBlobs> {
  const { reachable } = options;
  const run: LocateRun = {
    options,
    segments: new Map(),
    contradicting: new Set(),
    lost: new BlobSets(),
    sums: { chunks: 0, unindexed: 0 },
  };
  const trees = columnOf(reachable.trees);
  const lists = columnOf(reachable.lists);
  for (const part of reachable.chunks.parts(options.onConflict)) {
    const data = columnOf(part.chunks);
    await markRecords(run, part, [data, trees, lists]);
    run.sums.chunks += part.chunks.size;
    collect(run, data, run.lost.data);
  }
  collect(run, trees, run.lost.trees);
  collect(run, lists, run.lost.lists);
  const { lost, contradicting, sums } = run;
  return { ...sums, lost, contradicting, packs: neededPacks(run.segments) };
}

/** Blobs of one kind, and what was found of each: 0, UNINDEXED or INDEXED. */
interface Column {
  readonly set: BlobIdSet;
  readonly marks: Uint8Array;
}

interface LocateRun {
  readonly options: LocateOptions;
  readonly segments: Map<string, SegmentPacks>;
  readonly contradicting: Set<PackId>;
  readonly lost: BlobSets;
  readonly sums: { chunks: number; unindexed: number };
}

/** Goes through the records of a range of ids. @param columns Data, trees and lists. */
async function markRecords(
  { options, segments, contradicting }: LocateRun,
  range: IdRange,
  columns: readonly [Column, Column, Column],
): Promise<void> {
  const { index, goodBlobs } = options;
  for await (const { segment, records } of index.recordPages(range)) {
    if (records === undefined) continue;
    const packs = packsOf(segment, options, segments);
    const mark = options.isStored(segment) ? INDEXED : UNINDEXED;
    const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
    for (let at = 0; at < records.length; at += RECORD_BYTES) {
      const kind = kindNumber(view.getUint8(at + KIND_AT));
      const { set, marks } = columns[kind];
      const number = set.find(records, at);
      if (number < 0) continue;
      const pack = view.getUint32(at + PACK_AT, true);
      const state = packs.states[pack];
      if (state === BAD || (state === PARTLY && !goodBlobs.has(records, at))) continue;
      if (kind === 0 && view.getUint32(at + PLAIN_BYTES_AT, true) !== set.valueAt(number)) {
        contradicting.add(segment.packId(pack));
        continue;
      }
      if ((marks[number] as number) < mark) marks[number] = mark;
      packs.needed[pack] = 1;
    }
  }
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

/** Place of a stored kind among the columns. Pages are checked, so there is no other. */
function kindNumber(stored: number): 0 | 1 | 2 {
  return stored === SEALED_KINDS.data ? 0 : stored === SEALED_KINDS.tree ? 1 : 2;
}

function columnOf(set: BlobIdSet): Column {
  return { set, marks: new Uint8Array(set.size) };
}

function collect({ sums }: LocateRun, { set, marks }: Column, lost: BlobIdSet): void {
  for (let number = 0; number < marks.length; number++) {
    if (marks[number] === 0) lost.intern(set.bytesAt(number));
    else if (marks[number] === UNINDEXED) sums.unindexed++;
  }
}
