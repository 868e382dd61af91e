/**
 * Search by name, type, size and time: below one directory, or through many snapshots, where a
 * subtree that several of them share is read once.
 */
import { type Bytes, concatBytes } from "../base/bytes.ts";
import { throwIfAborted } from "../base/concurrency.ts";
import { ForgeError } from "../base/errors.ts";
import { TREE_DEPTH_MAX } from "../base/limits.ts";
import {
  type FsDirectory,
  type FsEntry,
  type FsEntryType,
  displayName,
  fsEntries,
} from "./readonly-fs.ts";

/** What is looked for; every given part must hold. */
export interface FindQuery {
  /** Holds for the name alone: subtrees are shared by several paths. */
  readonly name?: ((name: Bytes) => boolean) | undefined;
  /** Holds for the whole path, without a slash at the beginning. */
  readonly path?: ((path: Bytes) => boolean) | undefined;
  readonly types?: ReadonlySet<FsEntryType> | undefined;
  /** Sizes of files, both inclusive; anything else has none and does not match. */
  readonly sizeBytesMin?: number | undefined;
  readonly sizeBytesMax?: number | undefined;
  /** Times of the last change, both inclusive. */
  readonly mtimeNsMin?: bigint | undefined;
  readonly mtimeNsMax?: bigint | undefined;
}

export interface FoundEntry {
  /** Components joined by `/`, relative to where the search began. */
  readonly path: Bytes;
  readonly entry: FsEntry;
}

export interface FindOptions {
  readonly signal?: AbortSignal | undefined;
}

/**
 * Everything below `root` that matches, in order: a directory before what is in it.
 * @throws ForgeError what reading a directory throws: a search is never silently incomplete.
 */
export async function* findEntries(
  root: FsDirectory,
  query: FindQuery,
  options: FindOptions = {},
): AsyncGenerator<FoundEntry> {
  yield* findBelow(root, new Uint8Array(0), 0, query, options);
}

async function* findBelow(
  directory: FsDirectory,
  path: Bytes,
  depth: number,
  query: FindQuery,
  options: FindOptions,
): AsyncGenerator<FoundEntry> {
  checkDepth(depth, path);
  for await (const entry of fsEntries(directory, options)) {
    throwIfAborted(options.signal);
    const childPath = joinPath(path, entry.name);
    if (matchesAlone(entry, query) && query.path?.(childPath) !== false) {
      yield { path: childPath, entry };
    }
    if (entry.type === "directory") {
      yield* findBelow(entry, childPath, depth + 1, query, options);
    }
  }
}

/** Whether an entry matches, its path aside. */
function matchesAlone(entry: FsEntry, query: FindQuery): boolean {
  if (query.types?.has(entry.type) === false) return false;
  if (query.name?.(entry.name) === false) return false;
  const { sizeBytesMin, sizeBytesMax, mtimeNsMin, mtimeNsMax } = query;
  const bySize = sizeBytesMin !== undefined || sizeBytesMax !== undefined;
  const byTime = mtimeNsMin !== undefined || mtimeNsMax !== undefined;
  if (!bySize && !byTime) return true;
  const { sizeBytes, mtimeNs } = entry.attributes;
  if (bySize && entry.type !== "file") return false;
  return (
    sizeBytes >= (sizeBytesMin ?? 0) &&
    sizeBytes <= (sizeBytesMax ?? Number.MAX_SAFE_INTEGER) &&
    mtimeNs >= (mtimeNsMin ?? mtimeNs) &&
    mtimeNs <= (mtimeNsMax ?? mtimeNs)
  );
}

/** One snapshot to search; `Snapshot` is whatever the caller knows it by. */
export interface SearchedSnapshot<Snapshot> {
  readonly snapshot: Snapshot;
  readonly root: FsDirectory;
}

export interface FoundVersion<Snapshot> extends FoundEntry {
  readonly snapshot: Snapshot;
  /** Against the snapshot before: the path was not there, its content was another, or the same. */
  readonly change: "added" | "changed" | "unchanged";
}

/** What matched in one directory and below; shared by all places where the directory stands. */
interface Matches {
  readonly own: readonly FsEntry[];
  /** Directories with matches below. */
  readonly below: readonly { readonly name: Bytes; readonly matches: Matches }[];
}

const NONE: Matches = { own: [], below: [] };
/** Directories whose result is remembered, about 150 bytes each; beyond, remembering begins anew. */
const REMEMBERED_MAX = 500_000;

/**
 * Searches snapshots in the given order, best the oldest first.
 * @throws as `findEntries`.
 */
export async function* findVersions<Snapshot>(
  snapshots: AsyncIterable<SearchedSnapshot<Snapshot>> | Iterable<SearchedSnapshot<Snapshot>>,
  query: FindQuery,
  options: FindOptions = {},
): AsyncGenerator<FoundVersion<Snapshot>> {
  const remembered = new Map<string, Matches>();
  let before = new Map<string, string>();
  for await (const { snapshot, root } of snapshots) {
    const matches = await search(root, 0, query, remembered, options);
    const seen = new Map<string, string>();
    for (const { path, entry } of flatten(matches, new Uint8Array(0))) {
      if (query.path?.(path) === false) continue;
      const place = keyOf(path);
      const version = versionKey(entry);
      const last = before.get(place);
      seen.set(place, version);
      const change = last === undefined ? "added" : last === version ? "unchanged" : "changed";
      yield { snapshot, path, entry, change };
    }
    before = seen;
  }
}

async function search(
  directory: FsDirectory,
  depth: number,
  query: FindQuery,
  remembered: Map<string, Matches>,
  options: FindOptions,
): Promise<Matches> {
  const key = directory.contentKey;
  const known = key === undefined ? undefined : remembered.get(key);
  if (known !== undefined) return known;
  checkDepth(depth, directory.name);
  const own: FsEntry[] = [];
  const below: { name: Bytes; matches: Matches }[] = [];
  // Page by page: awaiting each entry would cost more than looking at it.
  for (let from = 0; ;) {
    throwIfAborted(options.signal);
    const page = directory.readEntriesNow?.(from) ?? (await directory.readEntries(from, options));
    if (page.length === 0) break;
    from += page.length;
    for (const entry of page) {
      if (matchesAlone(entry, query)) own.push(entry);
      if (entry.type !== "directory") continue;
      const matches = await search(entry, depth + 1, query, remembered, options);
      if (matches !== NONE) below.push({ name: entry.name.slice(), matches });
    }
  }
  const result = own.length === 0 && below.length === 0 ? NONE : { own, below };
  if (remembered.size >= REMEMBERED_MAX) remembered.clear();
  if (key !== undefined) remembered.set(key, result);
  return result;
}

function* flatten(matches: Matches, path: Bytes): Generator<FoundEntry> {
  const { own, below } = matches;
  for (const entry of own) yield { path: joinPath(path, entry.name), entry };
  for (const child of below) yield* flatten(child.matches, joinPath(path, child.name));
}

/** Equal for entries of one content: what tells the versions of a path apart. */
export function versionKey(entry: FsEntry): string {
  switch (entry.type) {
    case "file":
      return `file:${entry.contentKey}`;
    case "directory":
      return `directory:${entry.contentKey ?? ""}`;
    case "symlink":
      return `symlink:${keyOf(entry.target)}`;
    case "fifo":
    case "socket":
    case "char-device":
    case "block-device":
      return `${entry.type}:${entry.attributes.deviceMajor}:${entry.attributes.deviceMinor}`;
    default:
      return entry satisfies never;
  }
}

/** Bytes as the key of a Map: each as one character. */
function keyOf(bytes: Bytes): string {
  let key = "";
  for (const byte of bytes) key += String.fromCharCode(byte);
  return key;
}

const SLASH = new Uint8Array([0x2f]);

/** A fresh path. */
function joinPath(path: Bytes, name: Bytes): Bytes {
  return path.length === 0 ? name.slice() : concatBytes([path, SLASH, name]);
}

function checkDepth(depth: number, path: Bytes): void {
  if (depth <= TREE_DEPTH_MAX) return;
  throw new ForgeError(
    "too-large",
    `Cannot search below ${displayName(path.subarray(0, 200))}: it is deeper than ${TREE_DEPTH_MAX}`,
  );
}
