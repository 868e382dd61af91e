/**
 * Search by name through many snapshots at once. The trees are walked together: what several
 * snapshots share is looked at once, and a path is told once, with the snapshots that have it.
 */
import { type Bytes, concatBytes } from "../base/bytes.ts";
import { throwIfAborted } from "../base/concurrency.ts";
import { ForgeError } from "../base/errors.ts";
import type { BlobId } from "../base/ids.ts";
import { TREE_DEPTH_MAX } from "../base/limits.ts";
import { BestFound, type Found, type Step } from "./best-found.ts";
import { type NamePlace, mergeByName } from "./merge-names.ts";
import type { LoadOptions, NameIndex } from "./name-index.ts";
import type { NamePage } from "./name-page.ts";
import { type Fit, NameMatcher, type NameQuery } from "./name-query.ts";
import { type FsDirectory, type FsEntry, findEntry } from "./readonly-fs.ts";
import { SnapshotDirectory } from "./snapshot-entry.ts";

/** One snapshot to search. */
export interface NamedSnapshot<Snapshot> {
  /** Whatever the caller knows it by. */
  readonly snapshot: Snapshot;
  /** The directory to search below, as a snapshot has it; `undefined` when it has not. */
  readonly root: FsDirectory | undefined;
}

export interface NameSearchOptions<Snapshot> extends LoadOptions {
  /** Hits that are told; the best of all. */
  readonly limit: number;
  /**
   * Whether `later`, which lacks the path, should have it: then it was deleted since. Absent: every
   * later snapshot should.
   * @param path Components joined by `/`, from where the search began.
   */
  readonly misses?: ((later: Snapshot, newest: Snapshot, path: Bytes) => boolean) | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** One path that matched, over all snapshots. */
export interface NameHit<Snapshot> {
  /** Components from where the search began. */
  readonly parts: readonly Bytes[];
  /** As in `newest`. */
  readonly entry: FsEntry;
  /** Of the snapshots where it matched. */
  readonly newest: Snapshot;
  readonly oldest: Snapshot;
  readonly snapshotCount: number;
  /** Distinct contents among them; a chance of one in 2^32 that two count as one. */
  readonly versionCount: number;
  readonly isDeleted: boolean;
}

export interface NameSearchResult<Snapshot> {
  /**
   * The best first: the name itself, then names that begin with it, then the rest; of these what is
   * still there before what was deleted; of these what changed last first.
   */
  readonly hits: readonly NameHit<Snapshot>[];
  /** Of all paths that matched. */
  readonly total: number;
}

/** A directory as some of the snapshots have it; their numbers ascend, 0 being the newest. */
interface Group {
  readonly id: BlobId;
  readonly snapshots: readonly number[];
}

/** A directory on its way, in all the forms it has. */
interface Place {
  readonly step: Step | undefined;
  readonly depth: number;
  /** Only kept when the query looks at it. */
  readonly folder: string;
  readonly groups: readonly Group[];
}

/** A page with the snapshots that have it. */
interface SharedPage {
  readonly page: NamePage;
  snapshots: readonly number[];
}

/**
 * @param snapshots The newest first: that is the order that "newest" and "deleted" mean.
 * @throws ForgeError "aborted", and what reading a directory throws: a search is never silently
 *   incomplete.
 */
export async function searchNames<Snapshot>(
  index: NameIndex,
  snapshots: readonly NamedSnapshot<Snapshot>[],
  query: NameQuery,
  options: NameSearchOptions<Snapshot>,
): Promise<NameSearchResult<Snapshot>> {
  index.begin();
  const roots = snapshots.map(({ root }) => (root === undefined ? undefined : pageOf(root)));
  const seen = new Set<BlobId>();
  for (const [number, root] of roots.entries()) {
    if (root !== undefined) await index.fill(root, seen, options);
    options.onProgress?.(number + 1, roots.length);
  }
  const isDeleted = (step: Step, newest: number): boolean => {
    const last = snapshots[newest];
    if (last === undefined) return false;
    if (options.misses === undefined) return true;
    const path = pathOf(step);
    for (let later = 0; later < newest; later++) {
      const other = snapshots[later];
      if (other !== undefined && options.misses(other.snapshot, last.snapshot, path)) return true;
    }
    return false;
  };
  const best = new BestFound(options.limit, isDeleted);
  await walk(index, roots, new NameMatcher(query), { ...options, best });
  const hits: NameHit<Snapshot>[] = [];
  for (const found of best.finish()) {
    throwIfAborted(options.signal);
    hits.push(await hitOf(found, snapshots));
  }
  return { hits, total: best.total };
}

interface WalkOptions extends LoadOptions {
  readonly best: BestFound;
}

async function walk(
  index: NameIndex,
  roots: readonly (BlobId | undefined)[],
  matcher: NameMatcher,
  options: WalkOptions,
): Promise<void> {
  const waiting: Place[] = [{ step: undefined, depth: 0, folder: "", groups: groupsOf(roots) }];
  for (let place = waiting.pop(); place !== undefined; place = waiting.pop()) {
    throwIfAborted(options.signal);
    await options.pause?.();
    if (place.depth > TREE_DEPTH_MAX) {
      throw new ForgeError("too-large", `Cannot search deeper than ${TREE_DEPTH_MAX} folders`);
    }
    const pages = await pagesOf(index, place.groups, options.signal);
    const children: Place[] = [];
    if (place.groups.length === 1) {
      for (const shared of pages) findAlone(shared, place, matcher, { ...options, children });
    } else {
      await findTogether(pages, place, matcher, { ...options, children });
    }
    for (let i = children.length - 1; i >= 0; i--) waiting.push(children[i] as Place);
  }
}

/** The distinct pages of all forms of a directory. */
async function pagesOf(
  index: NameIndex,
  groups: readonly Group[],
  signal: AbortSignal | undefined,
): Promise<readonly SharedPage[]> {
  const byPage = new Map<NamePage, SharedPage>();
  for (const { id, snapshots } of groups) {
    const leaves = index.peekLeaves(id) ?? (await index.leaves(id, signal));
    for (const page of leaves) {
      const known = byPage.get(page);
      if (known === undefined) byPage.set(page, { page, snapshots });
      else known.snapshots = merge(known.snapshots, snapshots);
    }
  }
  return [...byPage.values()];
}

interface Finding extends WalkOptions {
  readonly children: Place[];
}

/** A page of a directory that is the same in all snapshots that have it. */
function findAlone(
  { page, snapshots }: SharedPage,
  { step, depth, folder }: Place,
  matcher: NameMatcher,
  { best, children }: Finding,
): void {
  const newest = snapshots[0] as number;
  const oldest = snapshots[snapshots.length - 1] as number;
  const snapshotCount = snapshots.length;
  for (const { index, fit } of matcher.find(page, folder)) {
    const here = { parent: step, page, index };
    best.add({ step: here, fit, newest, oldest, snapshotCount, versionCount: 1 });
  }
  const { directories, subtrees } = page;
  for (let i = 0; i < directories.length; i++) {
    const index = directories[i] as number;
    children.push({
      step: { parent: step, page, index },
      depth: depth + 1,
      folder: matcher.needsFolder ? `${folder}/${matcher.spellName(page, index)}` : "",
      groups: [{ id: subtrees[i] as BlobId, snapshots }],
    });
  }
}

/** A name in one page that matched, and what other pages have of it. */
interface Gathered extends NamePlace {
  readonly fit: Fit;
  readonly newest: number;
  oldest: number;
  snapshotCount: number;
  readonly versions: number[];
}

/** A directory in one page, and its forms in other pages. */
interface GatheredDirectory extends NamePlace {
  readonly forms: Map<BlobId, number[]>;
}

/** A directory that differs between snapshots: its entries are brought together by name. */
async function findTogether(
  pages: readonly SharedPage[],
  { step, depth, folder }: Place,
  matcher: NameMatcher,
  { best, children, pause, signal }: Finding,
): Promise<void> {
  const gathered: Gathered[] = [];
  const below: GatheredDirectory[] = [];
  // The page that is in the newest snapshot stands for the entry.
  const inOrder = [...pages].sort(
    (a, b) => (a.snapshots[0] as number) - (b.snapshots[0] as number),
  );
  for (const { page, snapshots } of inOrder) {
    throwIfAborted(signal);
    await pause?.();
    const newest = snapshots[0] as number;
    const oldest = snapshots[snapshots.length - 1] as number;
    const found = matcher.find(page, folder).map(({ index, fit }) => ({
      page,
      index,
      fit,
      newest,
      oldest,
      snapshotCount: snapshots.length,
      versions: [page.version(index)],
    }));
    mergeByName<Gathered>(gathered, found, (known, again) => {
      if (again.oldest > known.oldest) known.oldest = again.oldest;
      known.snapshotCount += again.snapshotCount;
      for (const version of again.versions) {
        if (!known.versions.includes(version)) known.versions.push(version);
      }
    });
    const directories = Array.from(page.directories, (index, i) => ({
      page,
      index,
      forms: new Map([[page.subtrees[i] as BlobId, [...snapshots]]]),
    }));
    mergeByName<GatheredDirectory>(below, directories, (known, again) => {
      for (const [id, more] of again.forms) {
        const form = known.forms.get(id);
        if (form === undefined) known.forms.set(id, more);
        else form.push(...more);
      }
    });
  }
  for (const { page, index, versions, ...rest } of gathered) {
    best.add({ ...rest, step: { parent: step, page, index }, versionCount: versions.length });
  }
  for (const { page, index, forms } of below) {
    children.push({
      step: { parent: step, page, index },
      depth: depth + 1,
      folder: matcher.needsFolder ? `${folder}/${matcher.spellName(page, index)}` : "",
      groups: Array.from(forms, ([id, unsorted]) => ({
        id,
        snapshots: unsorted.sort((a, b) => a - b),
      })),
    });
  }
}

async function hitOf<Snapshot>(
  found: Found,
  snapshots: readonly NamedSnapshot<Snapshot>[],
): Promise<NameHit<Snapshot>> {
  const newest = snapshots[found.newest];
  const oldest = snapshots[found.oldest];
  const parts = partsOf(found.step);
  const entry = newest?.root === undefined ? undefined : await findEntry(newest.root, parts);
  if (newest === undefined || oldest === undefined || entry === undefined) {
    throw new ForgeError(
      "corrupt",
      "Cannot read an entry that its directory lists: it is not there",
    );
  }
  const { snapshotCount, versionCount, isDeleted } = found;
  return {
    parts,
    entry,
    newest: newest.snapshot,
    oldest: oldest.snapshot,
    snapshotCount,
    versionCount,
    isDeleted,
  };
}

function pageOf(root: FsDirectory): BlobId {
  if (root instanceof SnapshotDirectory) return root.contentKey;
  throw new ForgeError("not-supported", "Cannot search by name in what is no folder of a snapshot");
}

/** Snapshots with the same form of a directory come together. */
function groupsOf(roots: readonly (BlobId | undefined)[]): Group[] {
  const byId = new Map<BlobId, number[]>();
  for (const [snapshot, id] of roots.entries()) {
    if (id === undefined) continue;
    const known = byId.get(id);
    if (known === undefined) byId.set(id, [snapshot]);
    else known.push(snapshot);
  }
  return Array.from(byId, ([id, snapshots]) => ({ id, snapshots }));
}

function merge(a: readonly number[], b: readonly number[]): readonly number[] {
  return [...a, ...b].sort((x, y) => x - y);
}

function partsOf(step: Step): Bytes[] {
  const parts: Bytes[] = [];
  for (let at: Step | undefined = step; at !== undefined; at = at.parent) {
    parts.push(at.page.name(at.index).slice());
  }
  return parts.reverse();
}

const SLASH = new Uint8Array([0x2f]);

function pathOf(step: Step): Bytes {
  return concatBytes(partsOf(step).flatMap((part, i) => (i === 0 ? [part] : [SLASH, part])));
}
