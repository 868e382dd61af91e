/**
 * Source: what is backed up, with the operating system hidden. A source lists directories; the
 * backup walks it, and hands file entries on to be read. Listing is synchronous on purpose:
 * measured 4–10 times cheaper than promises, and the walk is the whole of an unchanged backup.
 */
import type { Bytes } from "../base/bytes.ts";
import type { ForgeError } from "../base/errors.ts";
import type { EntryStamp } from "../snapshots/entry-stamp.ts";
import type { NodeMetadata, NodeType } from "../snapshots/tree-node.ts";

/**
 * lstat(2) of one entry. Read its fields one by one: a spread may not find them, which may be made when
 * they are asked for. Owner names and xattrs are looked up later, and only for what changed.
 */
export interface SourceStat {
  readonly type: NodeType;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly atimeNs: bigint;
  readonly device: bigint;
  readonly inode: bigint;
  readonly linkCount: number;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  /** Times and inode once more, where they can be compared without making bigints of them. */
  readonly stamp?: EntryStamp | undefined;
}

export interface SourceEntry {
  readonly name: Bytes;
  readonly stat: SourceStat;
  /**
   * A path that open(2) takes now, as bytes. Not the path of the snapshot: very deep entries are
   * reached through `/proc/self/fd/<n>/…`, valid until the directory was `close`d.
   */
  readonly openPath: Bytes;
  /** A descriptor to read to its end in place of a path: a pipe. The backup closes it. */
  readonly fd?: number | undefined;
}

export interface SourceDirectory {
  /** Sorted by name bytes; excluded entries are left out. */
  readonly entries: readonly SourceEntry[];
  /** Entries that could not be looked at, and why. */
  readonly problems: readonly SourceProblem[];
  /** Frees what the listing holds open; called once, after everything below it was saved. */
  close(): void;
}

export interface SourceProblem {
  /** Path for people. */
  readonly path: string;
  readonly error: ForgeError;
}

export interface Source {
  /**
   * The directories that lead from `/` to what is backed up, and what is backed up, as one virtual
   * tree: listing the root gives only the components of the given paths.
   */
  readonly root: SourceEntry;
  /** @throws ForgeError "permission", "io", "source-changed" when the directory cannot be listed. */
  list(directory: SourceEntry): SourceDirectory;
  /**
   * Everything else that is kept of an entry that is not a file: owner names, xattrs, link target.
   * @throws ForgeError as `list`; warnings (an xattr that cannot be read) go to `onProblem`.
   */
  describe(entry: SourceEntry, onProblem: (problem: SourceProblem) => void): SourceDescription;
  /** Owner names of ids; "" when there is none. Cached. */
  userName(uid: number): string;
  groupName(gid: number): string;
  /** The path for people of an entry. */
  displayPath(entry: SourceEntry): string;
  /**
   * Whether what was read is whole, asked before the commit: a command whose output was read must
   * have succeeded. Absent where reading itself tells.
   * @throws ForgeError; then there is no snapshot.
   */
  confirm?(): Promise<void>;
  close(): void;
}

export interface SourceDescription {
  readonly metadata: NodeMetadata;
  /** Symlinks only. */
  readonly linkTarget: Bytes | undefined;
}
