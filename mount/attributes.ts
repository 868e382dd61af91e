/** What stat(2) shows of an entry, in the form both bindings need. */
import type { FsAttributes, FsEntry, FsEntryType } from "../engine/read/readonly-fs.ts";

/** File type bits of `st_mode`. */
const TYPE_BITS = {
  fifo: 0o010000,
  "char-device": 0o020000,
  directory: 0o040000,
  "block-device": 0o060000,
  file: 0o100000,
  symlink: 0o120000,
  socket: 0o140000,
} as const satisfies Record<FsEntryType, number>;

const PERMISSION_BITS = 0o7777;

/** `st_mode`: type and permission bits. */
export function modeOf(entry: FsEntry): number {
  return TYPE_BITS[entry.type] | (entry.attributes.mode & PERMISSION_BITS);
}

/** `d_type` of a directory entry: the type bits of the mode, shifted. */
export function directoryEntryTypeOf(entry: FsEntry): number {
  return TYPE_BITS[entry.type] >> 12;
}

/** `st_nlink`, at least 1. */
export function linkCountOf(attributes: FsAttributes): number {
  return Math.max(1, Math.min(attributes.linkCount, 0xffff_ffff));
}

/** `st_rdev` as 32 bits, the way the kernel packs it: 12 bits of major, 20 bits of minor. */
export function encodeDevice(major: number, minor: number): number {
  return ((minor & 0xff) | ((major & 0xfff) << 8) | ((minor & 0xfff00) << 12)) >>> 0;
}

/** Seconds and nanoseconds of a time; before 1970 the seconds are negative, the rest never is. */
export function splitTime(timeNs: bigint): {
  readonly seconds: bigint;
  readonly nanoseconds: number;
} {
  const remainder = timeNs % NS_PER_SECOND;
  const nanoseconds = remainder < 0n ? remainder + NS_PER_SECOND : remainder;
  return {
    seconds: (timeNs - nanoseconds) / NS_PER_SECOND,
    nanoseconds: Number(nanoseconds),
  };
}

const NS_PER_SECOND = 1_000_000_000n;
