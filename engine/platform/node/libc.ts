/**
 * libc: the one door to the system calls that Node lacks, through `koffi`. Linux, 64 bit, glibc or
 * musl. Loaded at the first call, so a run that needs none does not pay the 15 ms; works in worker
 * threads. Every call is synchronous and costs 0.2–0.3 µs on top of the kernel's work.
 *
 * Names and paths are bytes without a NUL. Failures throw `ErrnoError`; a machine without the
 * library or the function throws ForgeError "not-supported". What Node has is not here: fchmod,
 * ftruncate, geteuid, and lstat of `/proc/self/fd/<directory>/<name>`.
 *
 * The calls stand by family in `libc/`, which nothing but this door imports.
 */
export {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_REMOVEDIR,
  AT_SYMLINK_FOLLOW,
  AT_SYMLINK_NOFOLLOW,
  type FileTime,
  RENAME_EXCHANGE,
  RENAME_NOREPLACE,
  fchmodat,
  fchownat,
  linkat,
  mkdirat,
  mknodat,
  openat,
  renameExclusive,
  renameat2,
  symlinkat,
  unlinkat,
  utimensat,
} from "./libc/at-functions.ts";
export { reserveDescriptors } from "./libc/descriptor-table.ts";
export { makeDevice, splitDevice } from "./libc/device-number.ts";
export { pipe, receiveFd, socketPair } from "./libc/ipc.ts";
export {
  MNT_DETACH,
  MNT_FORCE,
  MS_NODEV,
  MS_NOEXEC,
  MS_NOSUID,
  MS_RDONLY,
  UMOUNT_NOFOLLOW,
  mount,
  umount2,
} from "./libc/mounting.ts";
export { groupNameOf, userNameOf } from "./libc/name-service.ts";
export {
  exitNow,
  isReadableWithin,
  makeNonBlocking,
  readAvailable,
  waitReadable,
  writeMessage,
} from "./libc/nonblocking-read.ts";
export { O_CLOEXEC, O_DIRECTORY, O_NOFOLLOW, O_PATH } from "./libc/open-flags.ts";
export {
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  fallocate,
  seekData,
  seekHole,
} from "./libc/sparse-file.ts";
export { STATX_BYTES, statx } from "./libc/statx.ts";
export {
  XATTR_CREATE,
  XATTR_REPLACE,
  XATTR_SIZE_MAX,
  fgetxattr,
  flistxattr,
  fremovexattr,
  fsetxattr,
  lgetxattr,
  llistxattr,
  lremovexattr,
  lsetxattr,
} from "./libc/xattrs.ts";
