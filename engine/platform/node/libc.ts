/**
 * libc: the one door to the system calls that Node lacks, through `koffi`. Linux, 64 bit, glibc or
 * musl. Loaded at the first call, so a run that needs none does not pay the 15 ms; works in worker
 * threads. Every call is synchronous and costs 0.2–0.3 µs on top of the kernel's work.
 *
 * Names and paths are bytes without a NUL. Failures throw `ErrnoError`; a machine without the
 * library or the function throws ForgeError "not-supported". What Node has is not here: fchmod,
 * ftruncate, geteuid, and lstat of `/proc/self/fd/<directory>/<name>`.
 *
 * One file although it is long: the native door is one place, and every function is three lines.
 */
import { constants as fsConstants } from "node:fs";
import { constants as osConstants } from "node:os";
import type * as Koffi from "koffi";
import type { Bytes } from "../../base/bytes.ts";
import { ForgeError, messageOf } from "../../base/errors.ts";
import { ErrnoError } from "./errno-error.ts";
import { loadKoffi } from "./koffi.ts";

// linux/fcntl.h, asm-generic/fcntl.h
export const AT_FDCWD = -100;
export const O_PATH = 0o10000000;
export const O_CLOEXEC = 0o2000000;
export const O_DIRECTORY: number = fsConstants.O_DIRECTORY;
export const O_NOFOLLOW: number = fsConstants.O_NOFOLLOW;
export const AT_SYMLINK_NOFOLLOW = 0x100;
export const AT_REMOVEDIR = 0x200;
export const AT_SYMLINK_FOLLOW = 0x400;
export const AT_EMPTY_PATH = 0x1000;
// linux/fs.h
export const RENAME_NOREPLACE = 1;
export const RENAME_EXCHANGE = 2;
const SEEK_DATA = 3;
const SEEK_HOLE = 4;
// linux/falloc.h
export const FALLOC_FL_KEEP_SIZE = 1;
export const FALLOC_FL_PUNCH_HOLE = 2;
// linux/xattr.h
export const XATTR_CREATE = 1;
export const XATTR_REPLACE = 2;
/** Largest value and largest list of names that the kernel's VFS lets through. */
export const XATTR_SIZE_MAX = 65_536;
const XATTR_LIST_MAX = 65_536;
// linux/limits.h, with the NUL
const PATH_MAX = 4096;
// linux/mount.h
export const MS_RDONLY = 1;
export const MS_NOSUID = 2;
export const MS_NODEV = 4;
export const MS_NOEXEC = 8;
// linux/fs.h (umount2)
export const MNT_FORCE = 1;
export const MNT_DETACH = 2;
export const UMOUNT_NOFOLLOW = 8;
// asm-generic/fcntl.h
const F_GETFL = 3;
const F_SETFL = 4;
const O_NONBLOCK: number = fsConstants.O_NONBLOCK;
// asm-generic/poll.h: int fd, short events, short revents
const POLLIN = 1;
const POLLFD_BYTES = 8;
// linux/stat.h
const UTIME_NOW = 0x3fffffffn;
const UTIME_OMIT = 0x3ffffffen;

/** Nanoseconds since 1970, negative before; or the kernel's clock; or leave it as it is. */
export type FileTime = bigint | "now" | "omit";

// --- xattrs -----------------------------------------------------------------------------------

/**
 * Names of the extended attributes of an open file. Empty, without a second call, when there are
 * none or the file system has no such thing. Fresh buffers.
 */
export function flistxattr(fd: number): readonly Bytes[] {
  const list = scratch().list;
  return namesOf("flistxattr", list, flistxattrOf()(fd, list, XATTR_LIST_MAX));
}

/** As `flistxattr`, of what stands at a path; a symlink is not followed. */
export function llistxattr(path: Bytes): readonly Bytes[] {
  const list = scratch().list;
  return namesOf("llistxattr", list, llistxattrOf()(cString(path), list, XATTR_LIST_MAX));
}

/** @throws ErrnoError "ENODATA" when the file has no such attribute. */
export function fgetxattr(fd: number, name: Bytes): Bytes {
  const value = scratch().list;
  const length = fgetxattrOf()(fd, cString(name), value, XATTR_SIZE_MAX);
  return value.slice(0, checked("fgetxattr", length));
}

/** As `fgetxattr`, of what stands at a path; a symlink is not followed. */
export function lgetxattr(path: Bytes, name: Bytes): Bytes {
  const value = scratch().list;
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

// --- holes ------------------------------------------------------------------------------------

/**
 * Offset of the first data at or after `offset`; `undefined` when there is none up to the end. A
 * file system without holes answers as if all were data. Moves the descriptor's position.
 */
export function seekData(fd: number, offset: number): number | undefined {
  return seek(fd, offset, SEEK_DATA);
}

/** Offset of the first hole at or after `offset`, the end of the file at the latest. */
export function seekHole(fd: number, offset: number): number | undefined {
  return seek(fd, offset, SEEK_HOLE);
}

function seek(fd: number, offset: number, whence: number): number | undefined {
  const result = lseekOf()(fd, offset, whence);
  if (result >= 0) return result;
  const errno = loaded().koffi.errno();
  if (errno === osConstants.errno.ENXIO) return undefined;
  throw new ErrnoError(errno, "lseek");
}

/** @param mode 0 or FALLOC_FL_ flags. */
export function fallocate(fd: number, mode: number, offset: number, length: number): void {
  checked("fallocate", fallocateOf()(fd, mode, offset, length));
}

// --- relative to a directory ------------------------------------------------------------------
// A component that someone swaps for a symlink cannot lead these away from the directory held.

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
  const times = scratch().times;
  setTime(times, 0, atime);
  setTime(times, 2, mtime);
  if (name === null) {
    // glibc's utimensat refuses a null path that the kernel would take.
    checked("futimens", futimensOf()(dirfd, times));
    return;
  }
  checked("utimensat", utimensatOf()(dirfd, cString(name), times, AT_SYMLINK_NOFOLLOW));
}

const NS_PER_SECOND = 1_000_000_000n;

function setTime(times: BigInt64Array, at: number, time: FileTime): void {
  if (typeof time !== "bigint") {
    times[at] = 0n;
    times[at + 1] = time === "now" ? UTIME_NOW : UTIME_OMIT;
    return;
  }
  // Floor division: the nanoseconds of a time before 1970 still count forwards.
  const ns = ((time % NS_PER_SECOND) + NS_PER_SECOND) % NS_PER_SECOND;
  times[at] = (time - ns) / NS_PER_SECOND;
  times[at + 1] = ns;
}

/** The kernel's number of a device, as `stat.rdev` has it. @see glibc gnu_dev_makedev */
export function makeDevice(major: number, minor: number): bigint {
  const [high, low] = [BigInt(major), BigInt(minor)];
  return (
    ((high & 0xfffff000n) << 32n) |
    ((high & 0xfffn) << 8n) |
    ((low & 0xffffff00n) << 12n) |
    (low & 0xffn)
  );
}

/** The inverse of `makeDevice`. */
export function splitDevice(device: bigint): { readonly major: number; readonly minor: number } {
  return {
    major: Number(((device >> 32n) & 0xfffff000n) | ((device >> 8n) & 0xfffn)),
    minor: Number(((device >> 12n) & 0xffffff00n) | (device & 0xffn)),
  };
}

// --- mounting ---------------------------------------------------------------------------------

/** mount(2). @param data options as text, for fuse `fd=…,rootmode=…,user_id=…,group_id=…`. */
export function mount(options: {
  readonly source: Bytes;
  readonly target: Bytes;
  readonly type: Bytes;
  readonly flags: number;
  readonly data: Bytes;
}): void {
  const [source, target] = [freshCString(options.source), freshCString(options.target)];
  const [type, data] = [freshCString(options.type), freshCString(options.data)];
  checked("mount", mountOf()(source, target, type, options.flags, data));
}

export function umount2(path: Bytes, flags: number): void {
  checked("umount2", umount2Of()(cString(path), flags));
}

/**
 * _exit(2): the process ends at once, with this status. For when a thread that is blocked in a
 * system call would keep it from ending; nothing is flushed and no handler runs.
 */
export function exitNow(status: number): never {
  exitOf()(status);
  throw new Error("forge has a defect: _exit returned");
}

/**
 * Two connected stream sockets, closed on exec. One that stands in `stdio` of `child_process.spawn`
 * is open in the child all the same, under its place there.
 */
export function socketPair(): readonly [number, number] {
  const AF_UNIX = 1;
  const SOCK_STREAM = 1;
  const fds = new Int32Array(2);
  checked("socketpair", socketpairOf()(AF_UNIX, SOCK_STREAM | O_CLOEXEC, 0, fds));
  return [fds[0] ?? -1, fds[1] ?? -1];
}

/** [reading end, writing end], closed on exec. */
export function pipe(): readonly [number, number] {
  const fds = new Int32Array(2);
  checked("pipe2", pipe2Of()(fds, O_CLOEXEC));
  return [fds[0] ?? -1, fds[1] ?? -1];
}

/**
 * Receives one descriptor that the other end sends with SCM_RIGHTS; it is closed on exec.
 *
 * ```text
 * msghdr   0 name  8 name length  16 iov → 64  24 iov count  32 control → 96  40 control length
 * iovec   64 base → 80  72 length 1          cmsg  96 length u64  104 level i32  108 type i32  112 fd
 * ```
 * @param options.wait false: ErrnoError "EAGAIN" when nothing is there yet. It blocks the thread.
 * @returns `undefined` when the other end was closed, or sent bytes without a descriptor.
 */
export function receiveFd(
  socketFd: number,
  options: { readonly wait: boolean } = { wait: true },
): number | undefined {
  const SOL_SOCKET = 1;
  const SCM_RIGHTS = 1;
  const MSG_DONTWAIT = 0x40;
  const MSG_CMSG_CLOEXEC = 0x40000000;
  const memory = new ArrayBuffer(128);
  const base = loaded().koffi.address(memory);
  const view = new DataView(memory);
  view.setBigUint64(16, base + 64n, true);
  view.setBigUint64(24, 1n, true);
  view.setBigUint64(32, base + 96n, true);
  view.setBigUint64(40, 24n, true);
  view.setBigUint64(64, base + 80n, true);
  view.setBigUint64(72, 1n, true);
  const flags = MSG_CMSG_CLOEXEC | (options.wait ? 0 : MSG_DONTWAIT);
  for (;;) {
    const received = recvmsgOf()(socketFd, new Uint8Array(memory), flags);
    if (received < 0 && loaded().koffi.errno() === osConstants.errno.EINTR) continue;
    if (checked("recvmsg", received) === 0) return undefined;
    break;
  }
  const sent =
    view.getBigUint64(40, true) >= 20n &&
    view.getInt32(104, true) === SOL_SOCKET &&
    view.getInt32(108, true) === SCM_RIGHTS;
  return sent ? view.getInt32(112, true) : undefined;
}

// --- owner names ------------------------------------------------------------------------------

/** The user name of an id by the system's name service; "" when it has none. */
export function userNameOf(uid: number): string {
  return ownerName(getpwuidOf(), uid);
}

export function groupNameOf(gid: number): string {
  return ownerName(getgrgidOf(), gid);
}

type OwnerLookup = (
  id: number,
  record: Uint8Array,
  text: Uint8Array,
  size: number,
  found: Uint8Array,
) => number;

function ownerName(lookup: OwnerLookup, id: number): string {
  // struct passwd and struct group both begin with a pointer to the name, which points into `text`.
  const record = new ArrayBuffer(128);
  const found = new ArrayBuffer(8);
  // A group's record holds all its members, so the text may be large.
  for (let size = 4096; size <= 16 * 1024 * 1024; size *= 16) {
    const text = new Uint8Array(size);
    const errno = lookup(id, new Uint8Array(record), text, size, new Uint8Array(found));
    if (errno === osConstants.errno.ERANGE) continue;
    if (errno !== 0 || new DataView(found).getBigUint64(0, true) === 0n) return "";
    const pointer = new DataView(record).getBigUint64(0, true);
    const start = Number(pointer - loaded().koffi.address(text.buffer));
    if (start < 0 || start >= size) return "";
    return Buffer.from(text.subarray(start, text.indexOf(0, start))).toString("utf8");
  }
  return "";
}

// --- requests of a device ---------------------------------------------------------------------

/** Makes `readAvailable` answer at once. */
export function makeNonBlocking(fd: number): void {
  const flags = checked("fcntl", fcntlOf()(fd, F_GETFL, "int", 0));
  checked("fcntl", fcntlOf()(fd, F_SETFL, "int", flags | O_NONBLOCK));
}

/**
 * read(2) on a descriptor that does not block. Node's own answers "nothing there" by an exception,
 * which costs more than the call.
 * @returns bytes read; `undefined` when there is nothing to read now.
 */
export function readAvailable(fd: number, into: Bytes): number | undefined {
  const result = readOf()(fd, into, into.length);
  if (result >= 0) return result;
  const errno = loaded().koffi.errno();
  if (errno === osConstants.errno.EAGAIN) return undefined;
  throw new ErrnoError(errno, "read");
}

/** Resolves when there is something to read, or the other end is gone. Holds a thread of the pool. */
export function waitReadable(fd: number): Promise<void> {
  const request = new DataView(new ArrayBuffer(POLLFD_BYTES));
  request.setInt32(0, fd, true);
  request.setInt16(4, POLLIN, true);
  return new Promise((resolve, reject) => {
    pollOf().async(new Uint8Array(request.buffer), 1, -1, (error: Error | null) => {
      // A failed poll shows in the read that follows.
      if (error === null) resolve();
      else reject(error);
    });
  });
}

// --- the binding ------------------------------------------------------------------------------

interface Loaded {
  readonly koffi: typeof Koffi;
  readonly library: Koffi.LibraryHandle;
}

let loadedOnce: Loaded | undefined;

function loaded(): Loaded {
  return (loadedOnce ??= load());
}

function load(): Loaded {
  if (process.platform !== "linux") {
    throw new ForgeError(
      "not-supported",
      `Cannot use the system's C library on ${process.platform}: only Linux is supported`,
    );
  }
  const machine = process.arch === "arm64" ? "aarch64" : "x86_64";
  const names = ["libc.so.6", `libc.musl-${machine}.so.1`];
  const causes: string[] = [];
  for (const name of names) {
    try {
      const koffi = loadKoffi();
      return { koffi, library: koffi.load(name) };
    } catch (error) {
      causes.push(`${name}: ${messageOf(error)}`);
    }
  }
  throw new ForgeError(
    "not-supported",
    `Cannot load the system's C library (${causes.join("; ")}); forge needs glibc or musl and the npm package koffi`,
  );
}

/**
 * A function that is looked up at its first use. The type argument states in TypeScript what the
 * definition states in C; nothing can check that the two agree but the tests.
 */
function symbol<Call>(definition: string): () => Call {
  let call: Call | undefined;
  return () => (call ??= find(definition) as Call);
}

function find(definition: string): unknown {
  const { library } = loaded();
  try {
    return library.func(definition);
  } catch (cause) {
    const message = `Cannot find a function in the system's C library: ${definition}`;
    throw new ForgeError("not-supported", message, { cause });
  }
}

/** `result` when it is not an error. Reads errno at once: nothing may come in between. */
function checked(syscall: string, result: number): number {
  if (result >= 0) return result;
  throw new ErrnoError(loaded().koffi.errno(), syscall);
}

interface Scratch {
  readonly list: Bytes;
  readonly times: BigInt64Array;
  readonly strings: readonly [Bytes, Bytes];
}

let scratchOnce: Scratch | undefined;

/** Buffers used again by every call: none of them outlives it, and no call runs inside another. */
function scratch(): Scratch {
  return (scratchOnce ??= {
    list: new Uint8Array(XATTR_LIST_MAX),
    times: new BigInt64Array(4),
    strings: [new Uint8Array(PATH_MAX), new Uint8Array(PATH_MAX)],
  });
}

/** `bytes` with a NUL behind, valid until the next `cString`. */
function cString(bytes: Bytes): Bytes {
  return terminated(scratch().strings[0], bytes);
}

/** As `cString`, for a call that takes two. */
function secondCString(bytes: Bytes): Bytes {
  return terminated(scratch().strings[1], bytes);
}

function freshCString(bytes: Bytes): Bytes {
  return terminated(new Uint8Array(PATH_MAX), bytes);
}

function terminated(buffer: Bytes, bytes: Bytes): Bytes {
  // What the kernel would say of a longer path, and what Node says of a NUL inside.
  if (bytes.length >= PATH_MAX) throw new ErrnoError(osConstants.errno.ENAMETOOLONG, "libc");
  if (bytes.includes(0)) throw new ErrnoError(osConstants.errno.EINVAL, "libc");
  buffer.set(bytes);
  buffer[bytes.length] = 0;
  return buffer;
}

const NO_NAMES: readonly Bytes[] = [];

/** Splits `name NUL name NUL …`. */
function namesOf(syscall: string, list: Bytes, length: number): readonly Bytes[] {
  if (length === 0) return NO_NAMES;
  if (length < 0) {
    const errno = loaded().koffi.errno();
    if (errno === osConstants.errno.EOPNOTSUPP) return NO_NAMES;
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
const flistxattrOf = symbol<(fd: number, list: C, size: number) => number>(
  "int64_t flistxattr(int fd, void *list, size_t size)",
);
const llistxattrOf = symbol<(path: C, list: C, size: number) => number>(
  "int64_t llistxattr(const void *path, void *list, size_t size)",
);
const fgetxattrOf = symbol<(fd: number, name: C, value: C, size: number) => number>(
  "int64_t fgetxattr(int fd, const void *name, void *value, size_t size)",
);
const lgetxattrOf = symbol<(path: C, name: C, value: C, size: number) => number>(
  "int64_t lgetxattr(const void *path, const void *name, void *value, size_t size)",
);
const fsetxattrOf = symbol<(fd: number, name: C, value: C, size: number, flags: number) => number>(
  "int fsetxattr(int fd, const void *name, const void *value, size_t size, int flags)",
);
const lsetxattrOf = symbol<(path: C, name: C, value: C, size: number, flags: number) => number>(
  "int lsetxattr(const void *path, const void *name, const void *value, size_t size, int flags)",
);
const fremovexattrOf = symbol<(fd: number, name: C) => number>(
  "int fremovexattr(int fd, const void *name)",
);
const lremovexattrOf = symbol<(path: C, name: C) => number>(
  "int lremovexattr(const void *path, const void *name)",
);
// 64-bit off_t everywhere: Node 24 has no 32-bit Linux.
const lseekOf = symbol<(fd: number, offset: number, whence: number) => number>(
  "int64_t lseek(int fd, int64_t offset, int whence)",
);
const fallocateOf = symbol<(fd: number, mode: number, offset: number, length: number) => number>(
  "int fallocate(int fd, int mode, int64_t offset, int64_t length)",
);
// Variadic in C; Linux on x86-64 and arm64 passes those arguments like named ones.
const openatOf = symbol<(dirfd: number, name: C, flags: number, mode: number) => number>(
  "int openat(int dirfd, const void *name, int flags, uint32_t mode)",
);
const mkdiratOf = symbol<(dirfd: number, name: C, mode: number) => number>(
  "int mkdirat(int dirfd, const void *name, uint32_t mode)",
);
const symlinkatOf = symbol<(target: C, dirfd: number, name: C) => number>(
  "int symlinkat(const void *target, int dirfd, const void *name)",
);
const linkatOf = symbol<(from: number, a: C, to: number, b: C, flags: number) => number>(
  "int linkat(int from, const void *a, int to, const void *b, int flags)",
);
const mknodatOf = symbol<(dirfd: number, name: C, mode: number, device: bigint) => number>(
  "int mknodat(int dirfd, const void *name, uint32_t mode, uint64_t device)",
);
const unlinkatOf = symbol<(dirfd: number, name: C, flags: number) => number>(
  "int unlinkat(int dirfd, const void *name, int flags)",
);
const renameat2Of = symbol<(from: number, a: C, to: number, b: C, flags: number) => number>(
  "int renameat2(int from, const void *a, int to, const void *b, uint32_t flags)",
);
const fchownatOf = symbol<
  (dirfd: number, name: C, uid: number, gid: number, flags: number) => number
>("int fchownat(int dirfd, const void *name, uint32_t uid, uint32_t gid, int flags)");
const fchmodatOf = symbol<(dirfd: number, name: C, mode: number, flags: number) => number>(
  "int fchmodat(int dirfd, const void *name, uint32_t mode, int flags)",
);
const utimensatOf = symbol<(dirfd: number, name: C, times: BigInt64Array, flags: number) => number>(
  "int utimensat(int dirfd, const void *name, const void *times, int flags)",
);
const futimensOf = symbol<(fd: number, times: BigInt64Array) => number>(
  "int futimens(int fd, const void *times)",
);
const mountOf = symbol<(source: C, target: C, type: C, flags: number, data: C) => number>(
  "int mount(const void *source, const void *target, const void *type, uint64_t flags, const void *data)",
);
const umount2Of = symbol<(path: C, flags: number) => number>(
  "int umount2(const void *path, int flags)",
);
const exitOf = symbol<(status: number) => void>("void _exit(int status)");
const socketpairOf = symbol<
  (domain: number, type: number, protocol: number, fds: Int32Array) => number
>("int socketpair(int domain, int type, int protocol, void *fds)");
const pipe2Of = symbol<(fds: Int32Array, flags: number) => number>(
  "int pipe2(void *fds, int flags)",
);
const recvmsgOf = symbol<(fd: number, message: C, flags: number) => number>(
  "int64_t recvmsg(int fd, void *message, int flags)",
);
const getpwuidOf = symbol<OwnerLookup>(
  "int getpwuid_r(uint32_t uid, void *record, void *text, size_t size, void *found)",
);
const getgrgidOf = symbol<OwnerLookup>(
  "int getgrgid_r(uint32_t gid, void *record, void *text, size_t size, void *found)",
);
const fcntlOf = symbol<(fd: number, command: number, type: "int", value: number) => number>(
  "int fcntl(int fd, int command, ...)",
);
const readOf = symbol<(fd: number, into: C, size: number) => number>(
  "int64_t read(int fd, void *into, size_t size)",
);
const pollOf = symbol<{
  async(requests: C, count: number, timeoutMs: number, done: (error: Error | null) => void): void;
}>("int poll(void *requests, unsigned long count, int timeoutMs)");
