/**
 * ReadonlyFs: THE surface every consumer sees. The mount, WebDAV, the web API, ls, find, diff, dump
 * and restore all read snapshots through these types and through nothing else, so a file looks the
 * same everywhere.
 *
 * Entries are immutable values, cheap to hold; nothing is loaded before it is asked for. A read that
 * cannot be satisfied throws `ForgeError`; it never returns zeros in place of data.
 */
import { type Bytes, findUtf8, lossyUtf8 } from "../base/bytes.ts";
import { ForgeError } from "../base/errors.ts";

export type FsEntryType =
  "file" | "directory" | "symlink" | "fifo" | "socket" | "char-device" | "block-device";

export interface FsAttributes {
  /** Permission bits with setuid, setgid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Empty when unknown. */
  readonly user: string;
  readonly group: string;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly atimeNs: bigint | undefined;
  /** Logical size; of a symlink the length of its target; 0 for all else but files. */
  readonly sizeBytes: number;
  /** Space the content takes, in blocks of 512 bytes, holes left out. */
  readonly blocks512: number;
  readonly linkCount: number;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  /**
   * Entries with equal keys are hard links of one another. Absent for an entry with one link, and
   * for directories.
   */
  readonly hardLinkKey: string | undefined;
}

export interface FsXattr {
  readonly name: Bytes;
  readonly value: Bytes;
}

interface FsEntryBase {
  /** One path component, bytes as they were on the source. Empty for the root. */
  readonly name: Bytes;
  readonly attributes: FsAttributes;
  /** Sorted by name bytes. */
  readonly xattrs: readonly FsXattr[];
  /** True when this entry and everything below it can never change: it may be cached for ever. */
  readonly immutable: boolean;
  /** Its number in its directory, in order of names, where the directory can never change. */
  readonly ordinal?: number | undefined;
}

export interface FsRange {
  readonly offset: number;
  readonly length: number;
  readonly signal?: AbortSignal | undefined;
}

export interface FsHole {
  readonly offset: number;
  readonly length: number;
}

export interface FsFile extends FsEntryBase {
  readonly type: "file";
  /** Equal for equal content (size, chunks and holes), different otherwise: a strong ETag. */
  readonly contentKey: string;
  /** CRC-32 (IEEE) of the whole content. */
  readonly crc32: number;
  /**
   * The bytes of a range, cut at the end of the file; empty beyond it. A fresh buffer.
   * @throws ForgeError "corrupt", "missing-object", "io", "aborted".
   */
  read(range: FsRange): Promise<Bytes>;
  /**
   * `read` at once when all of the range is in memory: views of it in order, which belong to others
   * and must not be changed. Use or copy them before waiting for anything: then they may be gone.
   * `undefined` when `read` has to load something.
   * @param range.once The caller keeps a copy: nothing of it has to stay in memory here.
   * @throws ForgeError "corrupt".
   */
  readNow?(range: {
    readonly offset: number;
    readonly length: number;
    readonly once?: boolean;
  }): readonly Bytes[] | undefined;
  /**
   * Loads a range so that `readNow`, called at once afterwards, most likely has it: what `read` would
   * copy together can be passed on as it lies. Does nothing where there is no such way.
   * @throws as `read`.
   */
  load?(range: FsRange): Promise<void>;
  /** Begins to load a range into the cache, in parallel; never throws, never waits. */
  prefetch(range: { readonly offset: number; readonly length: number }): void;
  /** Runs of zeros that take no space, sorted. */
  holes(): Promise<readonly FsHole[]>;
}

export interface FsDirectory extends FsEntryBase {
  readonly type: "directory";
  /** Equal for directories whose whole content is equal; `undefined` when it cannot be told. */
  readonly contentKey: string | undefined;
  /**
   * Entries in order of their name bytes, beginning with number `from`: some of them (a page), or
   * none at the end. Going on from `from + result.length` visits each entry once.
   */
  readEntries(
    from: number,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<readonly FsEntry[]>;
  /** `readEntries` at once from what is in memory; `undefined` when it has to load something. */
  readEntriesNow?(from: number): readonly FsEntry[] | undefined;
  /**
   * Of a directory that changes: looks for changes, so that `attributes` are those of now. With every change of
   * its entries the mtime goes forward.
   */
  refresh?(): Promise<void>;
  lookup(name: Bytes): Promise<FsEntry | undefined>;
  /** `lookup` at once from what is in memory; "unread" when only `lookup` can tell. */
  lookupNow?(name: Bytes): FsEntry | "absent" | "unread";
}

export interface FsSymlink extends FsEntryBase {
  readonly type: "symlink";
  readonly target: Bytes;
}

export interface FsSpecial extends FsEntryBase {
  readonly type: "fifo" | "socket" | "char-device" | "block-device";
}

export type FsEntry = FsFile | FsDirectory | FsSymlink | FsSpecial;

export interface ReadonlyFs {
  readonly root: FsDirectory;
  /** Sum of the logical sizes and number of entries where known without reading all: for statfs. */
  readonly totals: { readonly bytes: number; readonly entries: number };
}

/** All entries of a directory, page by page. */
export async function* fsEntries(
  directory: FsDirectory,
  options: { readonly signal?: AbortSignal | undefined } = {},
): AsyncGenerator<FsEntry> {
  for (let from = 0; ;) {
    const page = await directory.readEntries(from, options);
    if (page.length === 0) return;
    yield* page;
    from += page.length;
  }
}

/** The components of a path in bytes; empty ones and `.` are dropped, `..` is refused. */
export function splitPath(path: Bytes): Bytes[] {
  const parts: Bytes[] = [];
  let start = 0;
  for (let i = 0; i <= path.length; i++) {
    if (i < path.length && path[i] !== 0x2f) continue;
    const part = path.subarray(start, i);
    start = i + 1;
    if (part.length === 0 || (part.length === 1 && part[0] === 0x2e)) continue;
    if (part.length === 2 && part[0] === 0x2e && part[1] === 0x2e) {
      throw new ForgeError("usage", `Cannot use the path "${lossyUtf8(path)}": it contains ".."`);
    }
    parts.push(part);
  }
  return parts;
}

/**
 * The entry at a path, or `undefined`. Symlinks on the way are not followed: inside a snapshot a
 * path names what was stored there.
 */
export async function findEntry(
  root: FsDirectory,
  parts: readonly Bytes[],
): Promise<FsEntry | undefined> {
  let entry: FsEntry = root;
  for (const part of parts) {
    if (entry.type !== "directory") return undefined;
    const next: FsEntry | undefined = await entry.lookup(part);
    if (next === undefined) return undefined;
    entry = next;
  }
  return entry;
}

/** A name or path for people: UTF-8 as it is, other bytes as `\xff`, control characters escaped. */
export function displayName(bytes: Bytes): string {
  const text = findUtf8(bytes);
  if (text !== undefined && !/[\u0000-\u001f\u007f-\u009f]/.test(text)) return text;
  let out = "";
  if (text !== undefined) {
    for (const char of text) {
      const code = char.codePointAt(0) ?? 0;
      const control = code < 0x20 || (code >= 0x7f && code < 0xa0);
      out += control ? `\\u${code.toString(16).padStart(4, "0")}` : char;
    }
    return out;
  }
  for (const byte of bytes) {
    out +=
      byte >= 0x20 && byte < 0x7f
        ? String.fromCharCode(byte)
        : `\\x${byte.toString(16).padStart(2, "0")}`;
  }
  return out;
}
