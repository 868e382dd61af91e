/**
 * What differs between two directories, of one snapshot or of two. Equal subtrees are skipped by
 * their content key, so that two snapshots of a million files with three changes compare at once.
 */
import { type Bytes, compareBytes, concatBytes, equalBytes } from "../base/bytes.ts";
import { throwIfAborted } from "../base/concurrency.ts";
import { ForgeError } from "../base/errors.ts";
import { TREE_DEPTH_MAX } from "../base/limits.ts";
import { type FsDirectory, type FsEntry, displayName } from "./readonly-fs.ts";

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
  if (isSameDirectory(before, after)) return;
  if (depth > TREE_DEPTH_MAX) {
    throw new ForgeError(
      "too-large",
      `Cannot compare ${displayName(path.subarray(0, 200))}…: it is too deep`,
    );
  }
  const olds = new Listing(before);
  const news = new Listing(after);
  for (;;) {
    // Awaiting each entry would cost more than comparing it.
    if (olds.needsPage) await olds.load(options.signal);
    if (news.needsPage) await news.load(options.signal);
    const { current: firstOld } = olds;
    const { current: firstNew } = news;
    if (firstOld === undefined && firstNew === undefined) return;
    throwIfAborted(options.signal);
    const order =
      firstOld === undefined
        ? 1
        : firstNew === undefined
          ? -1
          : compareBytes(firstOld.name, firstNew.name);
    const old = order <= 0 ? firstOld : undefined;
    const now = order >= 0 ? firstNew : undefined;
    if (order <= 0) olds.advance();
    if (order >= 0) news.advance();
    const difference = compareEntries(old, now);
    const isTold =
      difference !== undefined &&
      !(options.contentOnly === true && difference.change === "metadata");
    const oldDirectory = old?.type === "directory" ? old : undefined;
    const newDirectory = now?.type === "directory" ? now : undefined;
    const isBelow =
      (oldDirectory !== undefined || newDirectory !== undefined) &&
      !isSameDirectory(oldDirectory, newDirectory);
    if (!isTold && !isBelow) continue;
    const name = (old ?? now)?.name ?? new Uint8Array(0);
    const childPath = path.length === 0 ? name.slice() : concatBytes([path, SLASH, name]);
    if (isTold) yield { path: childPath, before: old, after: now, ...difference };
    if (isBelow)
      yield* compareDirectories(oldDirectory, newDirectory, childPath, depth + 1, options);
  }
}

function isSameDirectory(before: FsDirectory | undefined, after: FsDirectory | undefined): boolean {
  const key = before?.contentKey;
  return key !== undefined && key === after?.contentKey;
}

/** The entries of a directory one by one, read page by page; of no directory none. */
class Listing {
  readonly #directory: FsDirectory | undefined;
  #page: readonly FsEntry[] = [];
  #at = 0;
  /** Number of the entry after the page. */
  #next = 0;
  #ended: boolean;

  constructor(directory: FsDirectory | undefined) {
    this.#directory = directory;
    this.#ended = directory === undefined;
  }

  get needsPage(): boolean {
    return this.#at === this.#page.length && !this.#ended;
  }

  /** `undefined` at the end, and while a page is needed. */
  get current(): FsEntry | undefined {
    return this.#page[this.#at];
  }

  advance(): void {
    this.#at++;
  }

  async load(signal: AbortSignal | undefined): Promise<void> {
    const from = this.#next;
    this.#page =
      this.#directory?.readEntriesNow?.(from) ??
      (await this.#directory?.readEntries(from, { signal })) ??
      [];
    this.#at = 0;
    this.#next += this.#page.length;
    this.#ended = this.#page.length === 0;
  }
}

function compareEntries(
  before: FsEntry | undefined,
  after: FsEntry | undefined,
): Pick<DiffEntry, "change" | "fields"> | undefined {
  if (before === undefined || after === undefined) {
    return { change: after === undefined ? "removed" : "added", fields: [] };
  }
  const fields = differingFields(before, after);
  if (before.type !== after.type) return { change: "type", fields };
  if (!sameContent(before, after)) return { change: "modified", fields };
  return fields.length > 0 ? { change: "metadata", fields } : undefined;
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
