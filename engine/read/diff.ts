/**
 * What differs between two directories, of one snapshot or of two. Equal subtrees are skipped by
 * their content key, so that two snapshots of a million files with three changes compare at once.
 */
import { type Bytes, compareBytes, concatBytes, equalBytes } from "../base/bytes.ts";
import { throwIfAborted } from "../base/concurrency.ts";
import { ForgeError } from "../base/errors.ts";
import { TREE_DEPTH_MAX } from "../base/limits.ts";
import { type FsDirectory, type FsEntry, displayName, fsEntries } from "./readonly-fs.ts";

/** Fields of an entry's metadata that a difference can be in. */
export type MetadataField =
  "mode" | "uid" | "gid" | "user" | "group" | "mtime" | "xattrs" | "device";

export type DiffChange =
  | "added"
  | "removed"
  /** Another content of a file, another target of a link. */
  | "modified"
  /** The content is equal, something else is not. */
  | "metadata"
  /** A file became a directory or the like; what was below either is told as well. */
  | "type";

export interface DiffEntry {
  /** Components joined by `/`, without one at the beginning. */
  readonly path: Bytes;
  readonly change: DiffChange;
  readonly before: FsEntry | undefined;
  readonly after: FsEntry | undefined;
  /** Which metadata differs; of a modified file as well. */
  readonly fields: readonly MetadataField[];
}

export interface DiffOptions {
  /** Leave differences in metadata alone out. */
  readonly contentOnly?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

const SLASH = new Uint8Array([0x2f]);

/**
 * Differences in order of paths, a directory before what is below it. The two given directories
 * themselves are not compared.
 * @throws ForgeError whatever reading either of them throws; a difference is never left out silently.
 */
export async function* diffDirectories(
  before: FsDirectory,
  after: FsDirectory,
  options: DiffOptions = {},
): AsyncGenerator<DiffEntry> {
  yield* compareDirectories(before, after, new Uint8Array(0), 0, options);
}

async function* compareDirectories(
  before: FsDirectory | undefined,
  after: FsDirectory | undefined,
  path: Bytes,
  depth: number,
  options: DiffOptions,
): AsyncGenerator<DiffEntry> {
  const key = before?.contentKey;
  if (key !== undefined && key === after?.contentKey) return;
  if (depth > TREE_DEPTH_MAX) {
    throw new ForgeError(
      "too-large",
      `Cannot compare ${displayName(path.subarray(0, 200))}…: it is too deep`,
    );
  }
  for await (const [old, now] of mergeEntries(before, after, options.signal)) {
    throwIfAborted(options.signal);
    const name = (old ?? now)?.name ?? new Uint8Array(0);
    const childPath = path.length === 0 ? name.slice() : concatBytes([path, SLASH, name]);
    const entry = compareEntries(childPath, old, now);
    if (entry !== undefined && !(options.contentOnly === true && entry.change === "metadata")) {
      yield entry;
    }
    const oldDirectory = old?.type === "directory" ? old : undefined;
    const newDirectory = now?.type === "directory" ? now : undefined;
    if (oldDirectory !== undefined || newDirectory !== undefined) {
      yield* compareDirectories(oldDirectory, newDirectory, childPath, depth + 1, options);
    }
  }
}

/** Both listings side by side, in order of names. */
async function* mergeEntries(
  before: FsDirectory | undefined,
  after: FsDirectory | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<readonly [FsEntry | undefined, FsEntry | undefined]> {
  const olds = before === undefined ? undefined : fsEntries(before, { signal });
  const news = after === undefined ? undefined : fsEntries(after, { signal });
  let old = await next(olds);
  let now = await next(news);
  while (old !== undefined || now !== undefined) {
    const order = old === undefined ? 1 : now === undefined ? -1 : compareBytes(old.name, now.name);
    yield [order <= 0 ? old : undefined, order >= 0 ? now : undefined];
    if (order <= 0) old = await next(olds);
    if (order >= 0) now = await next(news);
  }
}

async function next(entries: AsyncGenerator<FsEntry> | undefined): Promise<FsEntry | undefined> {
  const result = await entries?.next();
  return result === undefined || result.done === true ? undefined : result.value;
}

function compareEntries(
  path: Bytes,
  before: FsEntry | undefined,
  after: FsEntry | undefined,
): DiffEntry | undefined {
  if (before === undefined || after === undefined) {
    return { path, change: after === undefined ? "removed" : "added", before, after, fields: [] };
  }
  const fields = differingFields(before, after);
  const make = (change: DiffChange): DiffEntry => ({ path, change, before, after, fields });
  if (before.type !== after.type) return make("type");
  if (!sameContent(before, after)) return make("modified");
  return fields.length > 0 ? make("metadata") : undefined;
}

/** Of two entries of one type; directories are told apart by what is below them. */
function sameContent(before: FsEntry, after: FsEntry): boolean {
  if (before.type === "file" && after.type === "file") {
    return before.contentKey === after.contentKey;
  }
  if (before.type === "symlink" && after.type === "symlink") {
    return equalBytes(before.target, after.target);
  }
  return true;
}

function differingFields(before: FsEntry, after: FsEntry): MetadataField[] {
  const a = before.attributes;
  const b = after.attributes;
  const fields: MetadataField[] = [];
  if (a.mode !== b.mode) fields.push("mode");
  if (a.uid !== b.uid) fields.push("uid");
  if (a.gid !== b.gid) fields.push("gid");
  if (a.user !== b.user) fields.push("user");
  if (a.group !== b.group) fields.push("group");
  if (a.mtimeNs !== b.mtimeNs) fields.push("mtime");
  if (!sameXattrs(before, after)) fields.push("xattrs");
  if (a.deviceMajor !== b.deviceMajor || a.deviceMinor !== b.deviceMinor) fields.push("device");
  return fields;
}

function sameXattrs(before: FsEntry, after: FsEntry): boolean {
  const a = before.xattrs;
  const b = after.xattrs;
  return (
    a.length === b.length &&
    a.every((xattr, i) => {
      const other = b[i];
      return (
        other !== undefined &&
        equalBytes(xattr.name, other.name) &&
        equalBytes(xattr.value, other.value)
      );
    })
  );
}
