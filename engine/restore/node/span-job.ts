/**
 * SpanJob: the message to a restore thread: sealed blobs and all that has to be done with them. Kept
 * as columns, because cloning an object for each file costs more than writing the file's metadata.
 */
import type { Bytes } from "../../base/bytes.ts";
import type { ErrorCode } from "../../base/errors.ts";
import type { BlobLocation } from "../../index/blob-location.ts";
import type { FsXattr } from "../../read/readonly-fs.ts";
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
      readonly wantIdentity: boolean;
    };

/** A blob and, file by file, where its bytes go. */
export interface JobBlob {
  readonly location: BlobLocation;
  /** In the job's bytes. */
  readonly start: number;
  /** Uses of one file are neighbours. */
  readonly uses: readonly JobUse[];
}

export interface JobUse {
  /** Index in the job's files. */
  readonly slot: number;
  readonly fileOffset: number;
  readonly chunkOffset: number;
  readonly length: number;
}

export interface SpanJob {
  readonly bytes: Bytes;
  readonly locations: readonly Omit<BlobLocation, "packId">[];
  readonly starts: Uint32Array;
  /** Uses of blob i end before this one. */
  readonly useEnds: Uint32Array;
  readonly slots: Uint32Array;
  readonly fileOffsets: Float64Array;
  readonly chunkOffsets: Uint32Array;
  readonly lengths: Uint32Array;
  readonly files: FileColumns;
}

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
  /** Two for each file: mtime and atime. Nanoseconds alone would not fit: they end in 2262. */
  readonly seconds: BigInt64Array;
  readonly nanoseconds: Uint32Array;
  /** Of the few files that have any. */
  readonly xattrs: ReadonlyMap<number, readonly FsXattr[]>;
}

const FLAG = { replace: 1, sparse: 2, strip: 4, wantIdentity: 8, hasAtime: 16, isOwn: 32 } as const;

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

/** @param bytes Moved with the message. */
export function encodeSpanJob(
  bytes: Bytes,
  blobs: readonly JobBlob[],
  files: readonly JobFile[],
): SpanJob {
  const useCount = blobs.reduce((sum, { uses }) => sum + uses.length, 0);
  const message: SpanJob = {
    bytes,
    locations: blobs.map(({ location }) => {
      const { id, offset, sealedBytes, plainBytes, kind, codec, epoch } = location;
      return { id, offset, sealedBytes, plainBytes, kind, codec, epoch };
    }),
    starts: Uint32Array.from(blobs, ({ start }) => start),
    useEnds: new Uint32Array(blobs.length),
    slots: new Uint32Array(useCount),
    fileOffsets: new Float64Array(useCount),
    chunkOffsets: new Uint32Array(useCount),
    lengths: new Uint32Array(useCount),
    files: encodeFiles(files),
  };
  let at = 0;
  for (const [index, { uses }] of blobs.entries()) {
    for (const use of uses) {
      message.slots[at] = use.slot;
      message.fileOffsets[at] = use.fileOffset;
      message.chunkOffsets[at] = use.chunkOffset;
      message.lengths[at] = use.length;
      at++;
    }
    message.useEnds[index] = at;
  }
  return message;
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
    seconds: new BigInt64Array(2 * count),
    nanoseconds: new Uint32Array(2 * count),
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
      putTime(columns, 2 * slot, metadata.mtimeNs);
      if (metadata.atimeNs !== undefined) putTime(columns, 2 * slot + 1, metadata.atimeNs);
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
    (file.wantIdentity ? FLAG.wantIdentity : 0) |
    (file.metadata.atimeNs === undefined ? 0 : FLAG.hasAtime)
  );
}

type TimeColumns = Pick<FileColumns, "seconds" | "nanoseconds">;
const NS_PER_SECOND = 1_000_000_000n;

/** Rounded towards the past, so that nanoseconds count forwards before 1970 too. */
function putTime({ seconds, nanoseconds }: TimeColumns, at: number, timeNs: bigint): void {
  const ns = ((timeNs % NS_PER_SECOND) + NS_PER_SECOND) % NS_PER_SECOND;
  seconds[at] = (timeNs - ns) / NS_PER_SECOND;
  nanoseconds[at] = Number(ns);
}

function timeAt({ seconds, nanoseconds }: TimeColumns, at: number): bigint {
  return (seconds[at] as bigint) * NS_PER_SECOND + BigInt(nanoseconds[at] as number);
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
      mtimeNs: timeAt(columns, 2 * slot),
      atimeNs: (flags & FLAG.hasAtime) === 0 ? undefined : timeAt(columns, 2 * slot + 1),
      xattrs: columns.xattrs.get(slot) ?? NO_XATTRS,
    },
    replace: (flags & FLAG.replace) !== 0,
    sparse: (flags & FLAG.sparse) !== 0,
    strip: (flags & FLAG.strip) !== 0,
    isOwn: (flags & FLAG.isOwn) !== 0,
    wantIdentity: (flags & FLAG.wantIdentity) !== 0,
  };
}
