/**
 * What stands under a name in a directory that is held open: looked at without opening it, and
 * without following a symlink.
 */
import { closeSync, constants, fstatSync } from "node:fs";
import { errnoCodeOf } from "../../base/errno-code.ts";
import type { Bytes } from "../../base/bytes.ts";
import { O_PATH, openat, splitDevice } from "../../platform/node/libc.ts";
import type { FsEntry } from "../../read/readonly-fs.ts";
import type { FileIdentity, TargetStat } from "../restore-target.ts";
import { targetError } from "./target-error.ts";

/** The types of entries by the type bits of a mode. */
const TYPES: ReadonlyMap<number, FsEntry["type"]> = new Map<number, FsEntry["type"]>([
  [constants.S_IFREG, "file"],
  [constants.S_IFDIR, "directory"],
  [constants.S_IFLNK, "symlink"],
  [constants.S_IFIFO, "fifo"],
  [constants.S_IFSOCK, "socket"],
  [constants.S_IFCHR, "char-device"],
  [constants.S_IFBLK, "block-device"],
]);

/** @returns `undefined` when nothing stands there, or something of a type that no entry has. */
export function inspectEntry(dirfd: number, name: Bytes): TargetStat | undefined {
  let fd: number;
  try {
    fd = openPath(dirfd, name);
  } catch (error) {
    if (errnoCodeOf(error) === "ENOENT") return undefined;
    throw targetError(error, "look at what stands there");
  }
  try {
    return statOf(fd);
  } finally {
    closeSync(fd);
  }
}

/** @throws ErrnoError "ENOENT" when nothing stands there. */
export function identityAt(dirfd: number, name: Bytes): FileIdentity {
  const fd = openPath(dirfd, name);
  try {
    return identityOf(fd);
  } finally {
    closeSync(fd);
  }
}

export function identityOf(fd: number): FileIdentity {
  const { dev, ino } = fstatSync(fd, { bigint: true });
  return { device: dev, inode: ino };
}

/** A descriptor that stands for whatever has the name, without opening it. */
function openPath(dirfd: number, name: Bytes): number {
  return openat(dirfd, name, O_PATH | constants.O_NOFOLLOW);
}

function statOf(fd: number): TargetStat | undefined {
  const stat = fstatSync(fd, { bigint: true });
  const mode = Number(stat.mode);
  const type = TYPES.get(mode & constants.S_IFMT);
  if (type === undefined) return undefined;
  const { major, minor } = splitDevice(stat.rdev);
  return {
    type,
    sizeBytes: Number(stat.size),
    mtimeNs: stat.mtimeNs,
    mode: mode & 0o7777,
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    linkCount: Number(stat.nlink),
    deviceMajor: major,
    deviceMinor: minor,
    identity: { device: stat.dev, inode: stat.ino },
  };
}
