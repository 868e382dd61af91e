/**
 * What is done to names relative to a directory that is held open: a component that someone swaps
 * for a symlink cannot lead these away from it. @see open(2) "Rationale for openat()"
 */
import type { Bytes } from "../../../base/bytes.ts";
import { cString, secondCString } from "./c-string.ts";
import { makeDevice } from "./device-number.ts";
import { checked, libraryFunction } from "./library.ts";
import { O_CLOEXEC } from "./open-flags.ts";

// linux/fcntl.h
export const AT_FDCWD = -100;
export const AT_SYMLINK_NOFOLLOW = 0x100;
export const AT_REMOVEDIR = 0x200;
export const AT_SYMLINK_FOLLOW = 0x400;
export const AT_EMPTY_PATH = 0x1000;
// linux/fs.h
export const RENAME_NOREPLACE = 1;
export const RENAME_EXCHANGE = 2;
// linux/stat.h
const UTIME_NOW = 0x3fffffffn;
const UTIME_OMIT = 0x3ffffffen;

/** Nanoseconds since 1970, negative before; or the kernel's clock; or leave it as it is. */
export type FileTime = bigint | "now" | "omit";

/** @returns a descriptor, closed on exec. @param mode permission bits for O_CREAT. */
export function openat(dirfd: number, name: Bytes, flags: number, mode = 0): number {
  return checked("openat", openatOf()(dirfd, cString(name), flags | O_CLOEXEC, mode));
}

/** The umask applies to `mode`, as everywhere below. */
export function mkdirat(dirfd: number, name: Bytes, mode: number): void {
  checked("mkdirat", mkdiratOf()(dirfd, cString(name), mode));
}

export function symlinkat(target: Bytes, dirfd: number, name: Bytes): void {
  checked("symlinkat", symlinkatOf()(cString(target), dirfd, secondCString(name)));
}

/** A hard link. @param flags 0 (a symlink itself is linked), AT_SYMLINK_FOLLOW, AT_EMPTY_PATH. */
export function linkat(
  fromDirfd: number,
  fromName: Bytes,
  toDirfd: number,
  toName: Bytes,
  flags = 0,
): void {
  const from = cString(fromName);
  checked("linkat", linkatOf()(fromDirfd, from, toDirfd, secondCString(toName), flags));
}

/** @param mode the type (S_IFIFO, S_IFCHR, S_IFBLK, S_IFSOCK) and permission bits. */
export function mknodat(
  dirfd: number,
  name: Bytes,
  mode: number,
  device: { readonly major: number; readonly minor: number } = { major: 0, minor: 0 },
): void {
  const number = makeDevice(device.major, device.minor);
  checked("mknodat", mknodatOf()(dirfd, cString(name), mode, number));
}

/** @param flags 0, or AT_REMOVEDIR for an empty directory. */
export function unlinkat(dirfd: number, name: Bytes, flags = 0): void {
  checked("unlinkat", unlinkatOf()(dirfd, cString(name), flags));
}

/** @param flags 0, or RENAME_NOREPLACE: EEXIST when the new name is taken. */
export function renameat2(
  fromDirfd: number,
  fromName: Bytes,
  toDirfd: number,
  toName: Bytes,
  flags = 0,
): void {
  const from = cString(fromName);
  checked("renameat2", renameat2Of()(fromDirfd, from, toDirfd, secondCString(toName), flags));
}

/** Renames by paths, EEXIST when the new one is taken: the exclusive commit where link(2) is not. */
export function renameExclusive(from: Bytes, to: Bytes): void {
  renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);
}

/** Never follows a symlink. An id of 0xffffffff leaves that one as it is. */
export function fchownat(dirfd: number, name: Bytes, uid: number, gid: number): void {
  checked("fchownat", fchownatOf()(dirfd, cString(name), uid, gid, AT_SYMLINK_NOFOLLOW));
}

/** Permission bits of anything but a symlink, which is not followed but refused (ENOTSUP). */
export function fchmodat(dirfd: number, name: Bytes, mode: number): void {
  checked("fchmodat", fchmodatOf()(dirfd, cString(name), mode, AT_SYMLINK_NOFOLLOW));
}

/** Times of a name, never following a symlink; of the descriptor itself when `name` is null. */
export function utimensat(
  dirfd: number,
  name: Bytes | null,
  atime: FileTime,
  mtime: FileTime,
): void {
  const times = scratch();
  setTime(times, 0, atime);
  setTime(times, 2, mtime);
  if (name === null) {
    // glibc's utimensat refuses a null path that the kernel would take.
    checked("futimens", futimensOf()(dirfd, times));
    return;
  }
  checked("utimensat", utimensatOf()(dirfd, cString(name), times, AT_SYMLINK_NOFOLLOW));
}

let scratchOnce: BigInt64Array | undefined;

/** Two times: used again by every call, as none runs inside another. */
function scratch(): BigInt64Array {
  return (scratchOnce ??= new BigInt64Array(4));
}

const NS_PER_SECOND = 1_000_000_000n;

function setTime(times: BigInt64Array, at: number, time: FileTime): void {
  if (typeof time !== "bigint") {
    times[at] = 0n;
    times[at + 1] = time === "now" ? UTIME_NOW : UTIME_OMIT;
    return;
  }
  const seconds = time / NS_PER_SECOND;
  const ns = time - seconds * NS_PER_SECOND;
  // The nanoseconds of a time before 1970 still count forwards.
  times[at] = ns < 0n ? seconds - 1n : seconds;
  times[at + 1] = ns < 0n ? ns + NS_PER_SECOND : ns;
}

type C = Uint8Array;
// Variadic in C; Linux on x86-64 and arm64 passes those arguments like named ones.
const openatOf = libraryFunction<(dirfd: number, name: C, flags: number, mode: number) => number>(
  "int openat(int dirfd, const void *name, int flags, uint32_t mode)",
);
const mkdiratOf = libraryFunction<(dirfd: number, name: C, mode: number) => number>(
  "int mkdirat(int dirfd, const void *name, uint32_t mode)",
);
const symlinkatOf = libraryFunction<(target: C, dirfd: number, name: C) => number>(
  "int symlinkat(const void *target, int dirfd, const void *name)",
);
const linkatOf = libraryFunction<(from: number, a: C, to: number, b: C, flags: number) => number>(
  "int linkat(int from, const void *a, int to, const void *b, int flags)",
);
const mknodatOf = libraryFunction<(dirfd: number, name: C, mode: number, device: bigint) => number>(
  "int mknodat(int dirfd, const void *name, uint32_t mode, uint64_t device)",
);
const unlinkatOf = libraryFunction<(dirfd: number, name: C, flags: number) => number>(
  "int unlinkat(int dirfd, const void *name, int flags)",
);
const renameat2Of = libraryFunction<
  (from: number, a: C, to: number, b: C, flags: number) => number
>("int renameat2(int from, const void *a, int to, const void *b, uint32_t flags)");
const fchownatOf = libraryFunction<
  (dirfd: number, name: C, uid: number, gid: number, flags: number) => number
>("int fchownat(int dirfd, const void *name, uint32_t uid, uint32_t gid, int flags)");
const fchmodatOf = libraryFunction<(dirfd: number, name: C, mode: number, flags: number) => number>(
  "int fchmodat(int dirfd, const void *name, uint32_t mode, int flags)",
);
const utimensatOf = libraryFunction<
  (dirfd: number, name: C, times: BigInt64Array, flags: number) => number
>("int utimensat(int dirfd, const void *name, const void *times, int flags)");
const futimensOf = libraryFunction<(fd: number, times: BigInt64Array) => number>(
  "int futimens(int fd, const void *times)",
);
