/**
 * The tree as WebDAV can show it: files and directories only. Symlinks are resolved inside the
 * snapshot, an absolute target against the snapshot's own root; what points outside, dangles, or is a
 * fifo, socket or device is left out.
 *
 * A client that copies everything must come to an end. So a listing leaves out links to directories
 * that lead back to where they are, and, once the path went through one link to a directory, all
 * further ones. Asked for by their path they are still found.
 */
import { type Bytes, equalBytes, findUtf8 } from "../engine/base/bytes.ts";
import type { FsDirectory, FsEntry, FsFile, FsSymlink } from "../engine/read/readonly-fs.ts";
import { aliasOf, lookupShown } from "./entry-name.ts";

/** As Linux: more links than this on one path are a loop. */
const LINKS_MAX = 40;

/** An entry and how it was reached. */
export interface Place {
  readonly entry: FsFile | FsDirectory;
  /** The directories that really lead to the entry, the root first, without the entry itself. */
  readonly parents: readonly FsDirectory[];
  /** The names that really lead to it; as many as parents. */
  readonly realNames: readonly Bytes[];
  /** Links to directories inside a snapshot that the path went through. */
  readonly directoryLinks: number;
}

export interface ShownEntry {
  /** What people see and links are made of. */
  readonly name: string;
  readonly entry: FsFile | FsDirectory;
}

export function rootPlace(root: FsDirectory): Place {
  return { entry: root, parents: [], realNames: [], directoryLinks: 0 };
}

/** The place of a path as it stood in a URL, or `undefined`. */
export async function findPlace(
  root: FsDirectory,
  names: readonly Bytes[],
): Promise<Place | undefined> {
  let place: Place | undefined = rootPlace(root);
  const budget = { links: LINKS_MAX };
  for (const name of names) {
    if (place.entry.type !== "directory") return undefined;
    const next: FsEntry | undefined = await lookupShown(place.entry, name);
    if (next === undefined) return undefined;
    place = await arrive(place, next, budget);
    if (place === undefined) return undefined;
  }
  return place;
}

/**
 * The entries of a directory to show, page by page as it is read. Awaits nothing for an entry that
 * is shown as it is: there may be hundreds of thousands.
 */
export async function* listShown(
  place: Place & { readonly entry: FsDirectory },
  signal: AbortSignal,
): AsyncGenerator<readonly ShownEntry[]> {
  const directory = place.entry;
  for (let from = 0; ;) {
    const page = await directory.readEntries(from, { signal });
    if (page.length === 0) return;
    from += page.length;
    const shown: ShownEntry[] = [];
    for (const entry of page) {
      const target =
        entry.type === "symlink" ? await findListedTarget(place, entry) : findShowable(entry);
      if (target === undefined) continue;
      const name = findUtf8(entry.name) ?? (await aliasOf(directory, entry.name));
      shown.push({ name, entry: target });
    }
    yield shown;
  }
}

function findShowable(entry: FsEntry): FsFile | FsDirectory | undefined {
  return entry.type === "file" || entry.type === "directory" ? entry : undefined;
}

async function findListedTarget(
  place: Place & { readonly entry: FsDirectory },
  link: FsSymlink,
): Promise<FsFile | FsDirectory | undefined> {
  const target = await follow(place, link, { links: LINKS_MAX });
  if (target?.entry.type !== "directory") return target?.entry;
  // In the view of all snapshots `latest` is a link; what it points at has other links of its own.
  if (!place.entry.immutable) return target.entry;
  if (place.directoryLinks > 0 || leadsTo(target, place)) return undefined;
  return target.entry;
}

/** Whether `place` lies in the directory `above`, or is it. */
function leadsTo(above: Place, place: Place): boolean {
  return (
    above.realNames.length <= place.realNames.length &&
    above.realNames.every((name, i) => equalBytes(name, place.realNames[i] ?? name))
  );
}

interface LinkBudget {
  links: number;
}

/** The place of an entry of `from`, through it when it is a link. */
async function arrive(from: Place, entry: FsEntry, budget: LinkBudget): Promise<Place | undefined> {
  if (from.entry.type !== "directory") return undefined;
  if (entry.type === "symlink") {
    const target = await follow({ ...from, entry: from.entry }, entry, budget);
    const counts = from.entry.immutable && target?.entry.type === "directory";
    if (target === undefined || !counts) return target;
    return { ...target, directoryLinks: target.directoryLinks + 1 };
  }
  if (entry.type !== "file" && entry.type !== "directory") return undefined;
  return {
    entry,
    parents: [...from.parents, from.entry],
    realNames: [...from.realNames, entry.name],
    directoryLinks: from.directoryLinks,
  };
}

/** Where a link in the directory `from` leads to; it never leaves the snapshot it is in. */
async function follow(
  from: Place & { readonly entry: FsDirectory },
  link: FsSymlink,
  budget: LinkBudget,
): Promise<Place | undefined> {
  if (budget.links-- <= 0) return undefined;
  const chain = [...from.parents, from.entry];
  // The root of the snapshot, the topmost directory that cannot change; above it is only our view.
  const topmost = chain.findIndex((directory) => directory.immutable);
  const rootDepth = from.entry.immutable && topmost >= 0 ? topmost : 0;
  let place: Place | undefined = isAbsolute(link.target) ? ancestor(from, rootDepth) : from;
  for (const part of partsOf(link.target)) {
    if (place?.entry.type !== "directory") return undefined;
    if (isDotDot(part)) {
      place = ancestor(place, Math.max(rootDepth, place.parents.length - 1));
      continue;
    }
    const next: FsEntry | undefined = await place.entry.lookup(part);
    place = next === undefined ? undefined : await arrive(place, next, budget);
  }
  return place;
}

/** The place of the directory at `depth` of the real path to `place`. */
function ancestor(place: Place, depth: number): Place | undefined {
  if (depth >= place.parents.length) return place;
  const entry = place.parents[depth];
  if (entry === undefined) return undefined;
  return {
    entry,
    parents: place.parents.slice(0, depth),
    realNames: place.realNames.slice(0, depth),
    directoryLinks: place.directoryLinks,
  };
}

function isAbsolute(target: Bytes): boolean {
  return target[0] === 0x2f;
}

function isDotDot(part: Bytes): boolean {
  return part.length === 2 && part[0] === 0x2e && part[1] === 0x2e;
}

function partsOf(path: Bytes): Bytes[] {
  const parts: Bytes[] = [];
  let start = 0;
  for (let i = 0; i <= path.length; i++) {
    if (i < path.length && path[i] !== 0x2f) continue;
    const part = path.subarray(start, i);
    start = i + 1;
    if (part.length > 1 || (part.length === 1 && part[0] !== 0x2e)) parts.push(part);
  }
  return parts;
}
