/**
 * SpanJob: the message to a restore thread: sealed blobs and all that has to be done with them. Kept
 * as columns, because cloning an object for each file costs more than writing the file's metadata.
 */
import type { Bytes } from "../../base/bytes.ts";
import type { ErrorCode } from "../../base/errors.ts";
import { ID_BYTES } from "../../base/ids.ts";
import {
  type PackRead,
  type PlannedBlobs,
  type ReadPlan,
  firstUseOf,
} from "../../read/read-plan.ts";
import type { FsXattr } from "../../read/readonly-fs.ts";
import type { BlobUses } from "../../read/wanted-chunks.ts";
import type { FileIdentity } from "../restore-target.ts";
import type { EntryMetadata } from "./entry-metadata.ts";

/** A file of the job: one that is open already, or one that the thread makes, writes and finishes. */
export type JobFile =
  | { readonly openFd: number }
  | {
      readonly dirfd: number;
      readonly name: Bytes;
      readonly sizeBytes: number;
      readonly metadata: EntryMetadata;
      readonly replace: boolean;
      readonly sparse: boolean;
      readonly strip: boolean;
      readonly isOwn: boolean;
      /** It is made with its mode. */
      readonly hasMode: boolean;
      readonly wantIdentity: boolean;
    };

/** The blobs of one read, their uses and the files that they go to. */
export interface SpanJob {
  readonly bytes: Bytes;
  readonly blobs: PlannedBlobs;
  /** Of each use: the index of its file in `files`, or `NO_SLOT` when it is to be passed over. */
  readonly slots: Uint32Array;
  readonly uses: Omit<BlobUses, "fileIndexes">;
  readonly files: FileColumns;
}

export const NO_SLOT = 0xffff_ffff;

export interface FileColumns {
  /** The open file, or −1. */
  readonly fds: Int32Array;
  readonly dirfds: Int32Array;
  readonly nameEnds: Uint32Array;
  readonly names: Bytes;
  /** Bits of `FLAG`. */
  readonly flags: Uint8Array;
  readonly sizes: Float64Array;
  readonly modes: Uint16Array;
  readonly uids: Uint32Array;
  readonly gids: Uint32Array;
  /** Nanoseconds; in 64 bits they would end in 2262. */
  readonly mtimes: readonly bigint[];
  readonly atimes: readonly (bigint | undefined)[];
  /** Of the few files that have any. */
  readonly xattrs: ReadonlyMap<number, readonly FsXattr[]>;
}

const FLAG = { replace: 1, sparse: 2, strip: 4, wantIdentity: 8, isOwn: 16, hasMode: 32 } as const;

export interface SlotFailure {
  readonly slot: number;
  readonly code: ErrorCode;
  readonly message: string;
  /** The content could not be had; else it could not be written. */
  readonly again: boolean;
}

export interface SpanAnswer {
  /** By slot: the bits of `LOST` of files that were finished. */
  readonly lost: Uint8Array;
  readonly identities: readonly (FileIdentity & { readonly slot: number })[];
  /** At most one for each slot. */
  readonly failures: readonly SlotFailure[];
  readonly bytesWritten: number;
}

/**
 * @param bytes Of the read; moved with the message.
 * @param slotOf The index in `files` by the plan's `fileIndex`; `NO_SLOT` for files not wanted.
 */
export function encodeSpanJob(
  bytes: Bytes,
  { plan, read }: { readonly plan: Pick<ReadPlan, "blobs" | "uses">; readonly read: PackRead },
  files: readonly JobFile[],
  slotOf: Uint32Array,
): SpanJob {
  const { firstBlob: first, endBlob: end } = read;
  const { blobs, uses } = plan;
  const firstUse = firstUseOf(blobs, first);
  const endUse = firstUseOf(blobs, end);
  // Slices: of a view the whole buffer would be sent.
  return {
    bytes,
    blobs: {
      ids: blobs.ids.slice(ID_BYTES * first, ID_BYTES * end),
      starts: blobs.starts.slice(first, end),
      sealedBytes: blobs.sealedBytes.slice(first, end),
      plainBytes: blobs.plainBytes.slice(first, end),
      codecs: blobs.codecs.slice(first, end),
      epochs: blobs.epochs.slice(first, end),
      useEnds: blobs.useEnds.slice(first, end).map((useEnd) => useEnd - firstUse),
    },
    slots: uses.fileIndexes.slice(firstUse, endUse).map((file) => slotOf[file] as number),
    uses: {
      fileOffsets: uses.fileOffsets.slice(firstUse, endUse),
      chunkOffsets: uses.chunkOffsets.slice(firstUse, endUse),
      lengths: uses.lengths.slice(firstUse, endUse),
    },
    files: encodeFiles(files),
  };
}

function encodeFiles(files: readonly JobFile[]): FileColumns {
  const count = files.length;
  const nameBytes = files.reduce((sum, file) => sum + ("name" in file ? file.name.length : 0), 0);
  const xattrs = new Map<number, readonly FsXattr[]>();
  const columns = {
    fds: new Int32Array(count).fill(-1),
    dirfds: new Int32Array(count),
    nameEnds: new Uint32Array(count),
    names: new Uint8Array(nameBytes),
    flags: new Uint8Array(count),
    sizes: new Float64Array(count),
    modes: new Uint16Array(count),
    uids: new Uint32Array(count),
    gids: new Uint32Array(count),
    mtimes: files.map((file) => ("name" in file ? file.metadata.mtimeNs : 0n)),
    atimes: files.map((file) => ("name" in file ? file.metadata.atimeNs : undefined)),
    xattrs,
  };
  let nameEnd = 0;
  for (const [slot, file] of files.entries()) {
    if ("openFd" in file) {
      columns.fds[slot] = file.openFd;
    } else {
      const { metadata } = file;
      columns.dirfds[slot] = file.dirfd;
      columns.names.set(file.name, nameEnd);
      nameEnd += file.name.length;
      columns.flags[slot] = flagsOf(file);
      columns.sizes[slot] = file.sizeBytes;
      columns.modes[slot] = metadata.mode;
      columns.uids[slot] = metadata.uid;
      columns.gids[slot] = metadata.gid;
      if (metadata.xattrs.length > 0) xattrs.set(slot, metadata.xattrs);
    }
    columns.nameEnds[slot] = nameEnd;
  }
  return columns;
}

function flagsOf(file: Exclude<JobFile, { openFd: number }>): number {
  return (
    (file.replace ? FLAG.replace : 0) |
    (file.sparse ? FLAG.sparse : 0) |
    (file.strip ? FLAG.strip : 0) |
    (file.isOwn ? FLAG.isOwn : 0) |
    (file.hasMode ? FLAG.hasMode : 0) |
    (file.wantIdentity ? FLAG.wantIdentity : 0)
  );
}

const NO_XATTRS: readonly FsXattr[] = [];

/** One file of the columns. Names are views of `columns.names`. */
export function decodeJobFile(columns: FileColumns, slot: number): JobFile {
  const openFd = columns.fds[slot] as number;
  if (openFd >= 0) return { openFd };
  const flags = columns.flags[slot] as number;
  const nameStart = slot === 0 ? 0 : (columns.nameEnds[slot - 1] as number);
  return {
    dirfd: columns.dirfds[slot] as number,
    name: columns.names.subarray(nameStart, columns.nameEnds[slot]),
    sizeBytes: columns.sizes[slot] as number,
    metadata: {
      mode: columns.modes[slot] as number,
      uid: columns.uids[slot] as number,
      gid: columns.gids[slot] as number,
      mtimeNs: columns.mtimes[slot] as bigint,
      atimeNs: columns.atimes[slot],
      xattrs: columns.xattrs.get(slot) ?? NO_XATTRS,
    },
    replace: (flags & FLAG.replace) !== 0,
    sparse: (flags & FLAG.sparse) !== 0,
    strip: (flags & FLAG.strip) !== 0,
    isOwn: (flags & FLAG.isOwn) !== 0,
    hasMode: (flags & FLAG.hasMode) !== 0,
    wantIdentity: (flags & FLAG.wantIdentity) !== 0,
  };
}
