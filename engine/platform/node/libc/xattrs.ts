/** Extended attributes of open files, and of what stands at a path. @see xattr(7), linux/xattr.h */
import { constants } from "node:os";
import type { Bytes } from "../../../base/bytes.ts";
import { ErrnoError } from "../errno-error.ts";
import { cString, secondCString } from "./c-string.ts";
import { checked, lastErrno, libraryFunction } from "./library.ts";

export const XATTR_CREATE = 1;
export const XATTR_REPLACE = 2;
/** Largest value and largest list of names that the kernel's VFS lets through. */
export const XATTR_SIZE_MAX = 65_536;
const XATTR_LIST_MAX = 65_536;

/**
 * Names of the extended attributes of an open file. Empty, without a second call, when there are
 * none or the file system has no such thing. Fresh buffers.
 */
export function flistxattr(fd: number): readonly Bytes[] {
  const list = scratch();
  return namesOf("flistxattr", list, flistxattrOf()(fd, list, XATTR_LIST_MAX));
}

/** As `flistxattr`, of what stands at a path; a symlink is not followed. */
export function llistxattr(path: Bytes): readonly Bytes[] {
  const list = scratch();
  return namesOf("llistxattr", list, llistxattrOf()(cString(path), list, XATTR_LIST_MAX));
}

/** @throws ErrnoError "ENODATA" when the file has no such attribute. */
export function fgetxattr(fd: number, name: Bytes): Bytes {
  const value = scratch();
  const length = fgetxattrOf()(fd, cString(name), value, XATTR_SIZE_MAX);
  return value.slice(0, checked("fgetxattr", length));
}

/** As `fgetxattr`, of what stands at a path; a symlink is not followed. */
export function lgetxattr(path: Bytes, name: Bytes): Bytes {
  const value = scratch();
  const length = lgetxattrOf()(cString(path), secondCString(name), value, XATTR_SIZE_MAX);
  return value.slice(0, checked("lgetxattr", length));
}

/** @param flags 0, XATTR_CREATE or XATTR_REPLACE. */
export function fsetxattr(fd: number, name: Bytes, value: Bytes, flags = 0): void {
  checked("fsetxattr", fsetxattrOf()(fd, cString(name), value, value.length, flags));
}

export function lsetxattr(path: Bytes, name: Bytes, value: Bytes, flags = 0): void {
  const result = lsetxattrOf()(cString(path), secondCString(name), value, value.length, flags);
  checked("lsetxattr", result);
}

export function fremovexattr(fd: number, name: Bytes): void {
  checked("fremovexattr", fremovexattrOf()(fd, cString(name)));
}

export function lremovexattr(path: Bytes, name: Bytes): void {
  checked("lremovexattr", lremovexattrOf()(cString(path), secondCString(name)));
}

let scratchOnce: Bytes | undefined;

/** For lists and values: used again by every call, as none runs inside another. */
function scratch(): Bytes {
  return (scratchOnce ??= new Uint8Array(XATTR_LIST_MAX));
}

const NO_NAMES: readonly Bytes[] = [];

/** Splits `name NUL name NUL …`. */
function namesOf(syscall: string, list: Bytes, length: number): readonly Bytes[] {
  if (length === 0) return NO_NAMES;
  if (length < 0) {
    const errno = lastErrno();
    if (errno === constants.errno.EOPNOTSUPP) return NO_NAMES;
    throw new ErrnoError(errno, syscall);
  }
  const names: Bytes[] = [];
  for (let start = 0; start < length;) {
    const end = list.indexOf(0, start);
    names.push(list.slice(start, end));
    start = end + 1;
  }
  return names;
}

type C = Uint8Array;
const flistxattrOf = libraryFunction<(fd: number, list: C, size: number) => number>(
  "int64_t flistxattr(int fd, void *list, size_t size)",
);
const llistxattrOf = libraryFunction<(path: C, list: C, size: number) => number>(
  "int64_t llistxattr(const void *path, void *list, size_t size)",
);
const fgetxattrOf = libraryFunction<(fd: number, name: C, value: C, size: number) => number>(
  "int64_t fgetxattr(int fd, const void *name, void *value, size_t size)",
);
const lgetxattrOf = libraryFunction<(path: C, name: C, value: C, size: number) => number>(
  "int64_t lgetxattr(const void *path, const void *name, void *value, size_t size)",
);
const fsetxattrOf = libraryFunction<
  (fd: number, name: C, value: C, size: number, flags: number) => number
>("int fsetxattr(int fd, const void *name, const void *value, size_t size, int flags)");
const lsetxattrOf = libraryFunction<
  (path: C, name: C, value: C, size: number, flags: number) => number
>("int lsetxattr(const void *path, const void *name, const void *value, size_t size, int flags)");
const fremovexattrOf = libraryFunction<(fd: number, name: C) => number>(
  "int fremovexattr(int fd, const void *name)",
);
const lremovexattrOf = libraryFunction<(path: C, name: C) => number>(
  "int lremovexattr(const void *path, const void *name)",
);
