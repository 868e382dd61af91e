/**
 * The walk of a restore: what was chosen, in batches that are worked on while the walk goes on.
 * Depth first, so that directories come to an end early and little is held at a time.
 */
import type { Bytes } from "../base/bytes.ts";
import { throwIfAborted } from "../base/concurrency.ts";
import { ForgeError, isForgeError } from "../base/errors.ts";
import { TREE_DEPTH_MAX } from "../base/limits.ts";
import {
  type FsAttributes,
  type FsDirectory,
  type FsEntry,
  displayName,
} from "../read/readonly-fs.ts";
import { nameFault } from "../snapshots/entry-name.ts";
import type { TargetDirectory } from "./restore-target.ts";

/**
 * "take" restores the entry; for a directory what is below is asked about in turn. "skip" leaves out
 * the entry and all below. "look-inside" is for directories that were not chosen themselves: they
 * are made when something below is taken.
 */
export type Choice = "take" | "skip" | "look-inside";

/** @param path Components below the root of the restore; never empty. */
export type Select = (path: readonly Bytes[], entry: FsEntry) => Choice;

/** A directory in the target; "absent" in a dry run that would make it, "failed" if it cannot be. */
export type OpenedDirectory = TargetDirectory | "absent" | "failed";

/** A directory on the way. Holds its parents, so that paths are made only when they are needed. */
export interface WalkedDirectory {
  readonly parent: WalkedDirectory | undefined;
  readonly entry: FsDirectory;
  readonly taken: boolean;
  /** Set by whoever works on the batches, once it is wanted in the target; a promise at first. */
  opened: OpenedDirectory | Promise<OpenedDirectory> | undefined;
}

export interface WalkedEntry {
  readonly directory: WalkedDirectory;
  readonly entry: Exclude<FsEntry, FsDirectory>;
  /** Of `entry`, got once: an entry of a snapshot decodes them each time. */
  readonly name: Bytes;
  readonly attributes: FsAttributes;
}

export interface WalkBatch {
  readonly entries: readonly WalkedEntry[];
  /** Directories of which nothing follows any more, deepest first. */
  readonly finished: readonly WalkedDirectory[];
}

export interface WalkOptions {
  readonly select: Select | undefined;
  readonly signal: AbortSignal | undefined;
  readonly onEntry: (entry: WalkedEntry) => void;
  /** A directory whose content cannot be listed, or not whole. */
  readonly onProblem: (path: string, error: ForgeError) => void;
}

/** The first batch is small so that writing begins early. */
const FIRST_BATCH_ENTRIES = 1_000;
/** Large enough to read a pack of small files in few spans; an entry on its way takes some 4 KB. */
const BATCH_ENTRIES_MAX = 4_000;
/** Directories listed ahead of the walk. */
const LISTED_AHEAD = 16;

interface Level {
  readonly directory: WalkedDirectory;
  /** The number of the next entry to list. */
  from: number;
  /** The page with that entry, or what is being read of it. */
  page: readonly FsEntry[] | Promise<readonly FsEntry[]> | undefined;
  /** Directories of the current page, after whose entries they come. */
  children: Level[];
}

/** Everything below `root` in batches; `root` itself is finished in the last one. */
export async function* walkForRestore(
  root: WalkedDirectory,
  options: WalkOptions,
): AsyncGenerator<WalkBatch> {
  const stack: Level[] = [levelOf(root)];
  let entries: WalkedEntry[] = [];
  let finished: WalkedDirectory[] = [];
  let limit = FIRST_BATCH_ENTRIES;
  const isFull = (): boolean => entries.length + finished.length >= limit;
  const takeBatch = (): WalkBatch => {
    const batch = { entries, finished };
    entries = [];
    finished = [];
    limit = Math.min(limit * 2, BATCH_ENTRIES_MAX);
    return batch;
  };
  for (let level = stack.at(-1); level !== undefined; level = stack.at(-1)) {
    throwIfAborted(options.signal);
    const child = level.children.shift();
    if (child !== undefined) {
      listAhead(level, options.signal);
      if (stack.length < TREE_DEPTH_MAX) stack.push(child);
      else options.onProblem(pathOf(child.directory), tooDeep());
      continue;
    }
    const page = await nextPage(level, options);
    if (page.length === 0) {
      stack.pop();
      finished.push(level.directory);
      if (isFull()) yield takeBatch();
      continue;
    }
    level.from += page.length;
    const parts = options.select === undefined ? [] : partsOf(level.directory);
    for (const entry of page) {
      const walked = chosen(level, parts, entry, options);
      if (walked === undefined) continue;
      entries.push(walked);
      if (isFull()) yield takeBatch();
    }
    listAhead(level, options.signal);
  }
  yield takeBatch();
}

/**
 * What is to be restored of an entry now: nothing of a directory, which is put on its level's list.
 * @param parts Of the level's directory, for `select`.
 */
function chosen(
  level: Level,
  parts: readonly Bytes[],
  entry: FsEntry,
  options: WalkOptions,
): WalkedEntry | undefined {
  const { directory } = level;
  const { name } = entry;
  const fault = nameFault(name, 0, name.length);
  if (fault !== undefined) {
    options.onProblem(pathOf(directory, name), badName(fault));
    return undefined;
  }
  const choice = options.select?.([...parts, name], entry) ?? "take";
  if (choice === "skip") return undefined;
  if (entry.type === "directory") {
    const taken = choice === "take";
    level.children.push(levelOf({ parent: directory, entry, taken, opened: undefined }));
    return undefined;
  }
  if (choice !== "take") return undefined;
  const walked: WalkedEntry = { directory, entry, name, attributes: entry.attributes };
  options.onEntry(walked);
  return walked;
}

function levelOf(directory: WalkedDirectory): Level {
  return { directory, from: 0, page: undefined, children: [] };
}

/** Begins to list the next directories, so that the walk does not wait for the storage each time. */
function listAhead(level: Level, signal: AbortSignal | undefined): void {
  for (const child of level.children.slice(0, LISTED_AHEAD)) {
    child.page ??= entriesSoon(child.directory.entry, 0, signal);
  }
}

/** At once when they are in memory: a promise for each directory costs as much as its entries. */
function entriesSoon(
  directory: FsDirectory,
  from: number,
  signal: AbortSignal | undefined,
): readonly FsEntry[] | Promise<readonly FsEntry[]> {
  try {
    const now = directory.readEntriesNow?.(from);
    if (now !== undefined) return now;
  } catch (error) {
    if (!isForgeError(error)) throw error;
    // Reading it meets the same, and tells whoever takes the page.
  }
  const soon = directory.readEntries(from, { signal });
  // Until somebody takes the page a failure must not count as unhandled.
  soon.catch(() => undefined);
  return soon;
}

async function nextPage(level: Level, options: WalkOptions): Promise<readonly FsEntry[]> {
  const { signal } = options;
  try {
    const page = level.page ?? entriesSoon(level.directory.entry, level.from, signal);
    level.page = undefined;
    return page instanceof Promise ? await page : page;
  } catch (error) {
    if (!isForgeError(error) || error.code === "aborted") throw error;
    options.onProblem(pathOf(level.directory), error);
    return [];
  }
}

function tooDeep(): ForgeError {
  return new ForgeError(
    "too-large",
    `Cannot restore a directory at depth ${TREE_DEPTH_MAX}: that is the deepest allowed`,
  );
}

function badName(fault: string): ForgeError {
  return new ForgeError("corrupt", `Cannot restore an entry: ${fault}`);
}

/** The components of a directory below the root of the restore. */
export function partsOf(directory: WalkedDirectory): Bytes[] {
  const parts: Bytes[] = [];
  for (let at = directory; at.parent !== undefined; at = at.parent) parts.push(at.entry.name);
  return parts.reverse();
}

/** A path for people. */
export function pathOf(directory: WalkedDirectory, name?: Bytes): string {
  const parts = partsOf(directory);
  if (name !== undefined) parts.push(name);
  return parts.length === 0 ? "." : parts.map(displayName).join("/");
}
