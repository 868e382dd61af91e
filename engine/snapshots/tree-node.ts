/**
 * TreeNode: everything forge keeps about one entry of a directory. The walk makes them, tree pages
 * store them, the read side shows them. Names and link targets are bytes: not all are UTF-8.
 */
import type { Bytes } from "../base/bytes.ts";
import type { BlobId } from "../base/ids.ts";

/** The number is what a tree page stores. */
export const NODE_TYPES = {
  file: 0,
  directory: 1,
  symlink: 2,
  fifo: 3,
  socket: 4,
  "char-device": 5,
  "block-device": 6,
} as const;
export type NodeType = keyof typeof NODE_TYPES;

/** A run of the file that takes no space and reads as zeros. */
export interface Hole {
  readonly offset: number;
  readonly length: number;
}

/** One chunk of a file's data: the bytes of the file with its holes left out. */
export interface ChunkRef {
  readonly id: BlobId;
  readonly plainBytes: number;
}

/** Chunk lists and their order: see FORMAT.md "Chunk lists". */
export interface ChunkListRef {
  readonly id: BlobId;
  /** 0: the blob lists chunks; above: it lists chunk lists of one level less. */
  readonly level: number;
}

export interface FileContent {
  readonly sizeBytes: number;
  /** CRC-32 (IEEE) of the whole content, holes as zeros. */
  readonly crc32: number;
  /** In order of the data. Either this … */
  readonly chunks: readonly ChunkRef[];
  /** … or, for files of many chunks, this; then `chunks` is empty. */
  readonly chunkList?: ChunkListRef | undefined;
  /** Sorted, not touching, inside the size. Either this … */
  readonly holes: readonly Hole[];
  /** … or, for files of many holes, blobs that list them in order; then `holes` is empty. */
  readonly holeLists?: readonly BlobId[] | undefined;
}

export interface Xattr {
  readonly name: Bytes;
  readonly value: Bytes;
}

/** What stat(2) tells, and owner names. */
export interface NodeMetadata {
  readonly type: NodeType;
  /** Permission bits with setuid, setgid and sticky: 0 … 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Empty when the number has no name on the source machine. */
  readonly user: string;
  readonly group: string;
  /** Nanoseconds since 1970; negative before. */
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  /** Only when asked for: it would rewrite directories that did not change. */
  readonly atimeNs?: bigint | undefined;
  /** Device and inode on the source: hard-link identity (with `linkCount` above 1) and the sign of an unchanged file. */
  readonly device: bigint;
  readonly inode: bigint;
  readonly linkCount: number;
  /** Of the device node itself. */
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  /** Sorted by name bytes. */
  readonly xattrs: readonly Xattr[];
}

export interface TreeNode extends NodeMetadata {
  /** One path component: no NUL, no slash, not empty, `.` or `..` (empty for the root entry alone). */
  readonly name: Bytes;
  /** Files only. */
  readonly content?: FileContent | undefined;
  /** Directories only: the root blob of its entries. */
  readonly subtree?: BlobId | undefined;
  /** Symlinks only. */
  readonly linkTarget?: Bytes | undefined;
}
