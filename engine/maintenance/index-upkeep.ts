/**
 * Upkeep of the index: segments that name packs which are going are written anew without them, many
 * small ones are merged, and what was superseded is deleted. A new segment is durable before those it
 * takes the place of go, so a reader finds every record at any moment.
 */
import { toHex } from "../base/bytes.ts";
import { type ForgeError, assert, isForgeError } from "../base/errors.ts";
import { type IndexId, type PackId, parseId } from "../base/ids.ts";
import type { BlobIndex } from "../index/blob-index.ts";
import type { IndexSegment } from "../index/index-segment-reader.ts";
import { mergeSegments } from "../index/merge-segments.ts";
import type { Repository } from "../repository/repository.ts";
import type { Backend } from "../storage/backend.ts";

/** Records of a merged segment: 53 MB, held whole while it is written. */
const MERGED_RECORDS_MAX = 1_048_576;
/** Segments below this are small: merging eight of them makes one that is not. */
const SMALL_RECORDS = MERGED_RECORDS_MAX / 8;
/** So many small segments are merged: each costs a reader a request when it opens the repository. */
const SMALL_SEGMENTS_MIN = 8;

export interface UpkeepOptions {
  readonly repository: Repository<Backend>;
  /** Up to date with the storage; it is again when this returns. */
  readonly index: BlobIndex;
  /** Their records go. */
  readonly dropped: ReadonlySet<PackId>;
  /** Writes every segment anew: under a new key epoch. */
  readonly rewriteAll?: boolean | undefined;
  /** A segment that cannot be read: it stays as it is. */
  readonly onProblem: (error: ForgeError) => void;
}

export interface UpkeepResult {
  readonly segmentsBefore: number;
  readonly segmentsAfter: number;
  readonly storedBytes: number;
}

/** Which segments `upkeepIndex` would write anew. */
export function chooseSegments(
  segments: readonly IndexSegment[],
  dropped: ReadonlySet<PackId>,
  rewriteAll = false,
): IndexSegment[] {
  const small = segments.filter(({ recordCount }) => recordCount < SMALL_RECORDS);
  const merged = new Set(small.length >= SMALL_SEGMENTS_MIN ? small : []);
  return segments.filter(
    (segment) => rewriteAll || merged.has(segment) || namesOneOf(segment, dropped),
  );
}

export async function upkeepIndex(options: UpkeepOptions): Promise<UpkeepResult> {
  const { repository, index, dropped } = options;
  const segmentsBefore = index.segments().length;
  await deleteSuperseded(repository, index);
  const chosen = chooseSegments(index.segments(), dropped, options.rewriteAll);
  let storedBytes = 0;
  for (const group of groupsOf(chosen)) {
    try {
      storedBytes += await replaceSegments(options, group);
    } catch (error) {
      // Its records may be all there is of them until the index is rebuilt: nothing of it goes.
      if (!isForgeError(error, "corrupt")) throw error;
      options.onProblem(error);
    }
  }
  await index.refresh();
  return { segmentsBefore, segmentsAfter: index.segments().length, storedBytes };
}

/** Whether records of `dropped` packs are still in a readable segment. */
export function isIndexed(index: BlobIndex, dropped: ReadonlySet<PackId>): boolean {
  return index.segments().some((segment) => namesOneOf(segment, dropped));
}

async function replaceSegments(
  { repository, dropped }: UpkeepOptions,
  inputs: readonly IndexSegment[],
): Promise<number> {
  const { backend, platform, keys } = repository;
  const id = parseId<IndexId>(toHex(platform.randomBytes(32)));
  const merged = await mergeSegments(platform, keys, { id, inputs, dropped });
  if (merged !== undefined) {
    assert(merged.records > 0, "an index segment without records");
    await backend.put({ kind: "index", name: id }, merged.bytes);
  }
  await backend.delete(inputs.map((segment) => ({ kind: "index", name: segment.id })));
  return merged?.bytes.length ?? 0;
}

/** What a crash left: a segment must not come back to life when the one that superseded it goes. */
async function deleteSuperseded(repository: Repository<Backend>, index: BlobIndex): Promise<void> {
  const superseded = new Set<string>();
  for (const segment of index.segments()) for (const id of segment.superseded) superseded.add(id);
  if (superseded.size === 0) return;
  const listed = await repository.backend.list("index");
  const left = listed.filter(({ name }) => superseded.has(name));
  await repository.backend.delete(left.map(({ name }) => ({ kind: "index", name })));
}

/** Groups of at most MERGED_RECORDS_MAX records; a larger segment is alone. */
function groupsOf(segments: readonly IndexSegment[]): IndexSegment[][] {
  const groups: IndexSegment[][] = [];
  let records = Number.POSITIVE_INFINITY;
  for (const segment of segments.toSorted((a, b) => a.recordCount - b.recordCount)) {
    if (records + segment.recordCount > MERGED_RECORDS_MAX) {
      groups.push([]);
      records = 0;
    }
    groups.at(-1)?.push(segment);
    records += segment.recordCount;
  }
  return groups;
}

function namesOneOf(segment: IndexSegment, packs: ReadonlySet<PackId>): boolean {
  if (packs.size === 0) return false;
  for (let i = 0; i < segment.packCount; i++) if (packs.has(segment.packId(i))) return true;
  return false;
}
