/**
 * FilePool: who reads, chunks, hashes, compresses and seals files. In Node it is a pool of worker
 * threads; the backup hands it batches of files and takes back what it needs for their tree nodes.
 */
import type { Bytes } from "../base/bytes.ts";
import type { ErrorCode } from "../base/errors.ts";
import type { FinishedPack } from "../packs/pack-builder.ts";
import type { Hole, Xattr } from "../snapshots/tree-node.ts";
import type { SourceStat } from "./source.ts";

/** What tells that a file is the one the walk saw. */
export type FileIdentity = Pick<
  SourceStat,
  "sizeBytes" | "mtimeNs" | "ctimeNs" | "inode" | "device"
>;

export interface FileJob {
  /** What open(2) takes, or a descriptor that is read to its end. */
  readonly input: { readonly path: Bytes } | { readonly fd: number };
  /** From the walk: a file that differs when it is opened has changed. Absent for a stream. */
  readonly stat: FileIdentity | undefined;
  /**
   * False on the second try of a file, when the repository's index turned out not to have a blob
   * that the shared fingerprints promised.
   */
  readonly trustFingerprints: boolean;
}

export interface SavedFile {
  readonly sizeBytes: number;
  readonly crc32: number;
  /** Number of chunks; their ids and lengths stand in the batch's columns. */
  readonly chunkCount: number;
  readonly holes: readonly Hole[];
  readonly xattrs: readonly Xattr[];
  /** As the open file showed it, when that differs from the job's. */
  readonly stat: SourceStat | undefined;
  /** True when it changed while it was read, so the content is of no single moment. */
  readonly changed: boolean;
  /** Attributes that could not be read. */
  readonly warnings: readonly string[];
}

export interface FailedFile {
  readonly code: ErrorCode;
  readonly message: string;
}

export interface BatchResult {
  /** In the order of the jobs. */
  readonly files: readonly (SavedFile | FailedFile)[];
  /** Chunk ids of all saved files, 32 bytes each. */
  readonly ids: Bytes;
  readonly lengths: Uint32Array<ArrayBuffer>;
  /** For each chunk: whose word it is that it is stored. */
  readonly origins: Bytes;
  /** Bytes of new blobs: plain, and as they go into packs. */
  readonly newBlobs: number;
  readonly newPlainBytes: number;
  readonly newSealedBytes: number;
}

/** Values of `BatchResult.origins`. */
export const CHUNK_ORIGIN = {
  /** This backup stores it: in a pack that is or will be uploaded before the commit. */
  session: 0,
  /** The fingerprints of the index say so; to be confirmed against full ids. */
  fingerprint: 1,
} as const;

export interface FilePool {
  /** Batches the pool can take without letting a worker run idle or queueing much. */
  readonly concurrency: number;
  save(jobs: readonly FileJob[]): Promise<BatchResult>;
  /** Ends the packs begun; afterwards every stored blob has been handed to `onPack`. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface FilePoolOptions {
  /**
   * Takes ownership of a finished pack. The pool counts it as in flight, and holds its workers back,
   * until the promise settles; a rejection fails the pool.
   */
  readonly onPack: (pack: FinishedPack) => Promise<void>;
}
