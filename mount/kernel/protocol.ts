/**
 * The kernel's FUSE protocol, version 7: numbers and layouts of what a read-only file system meets.
 * All integers are in the machine's byte order, which is little-endian wherever Node runs on Linux.
 *
 * @see the kernel's include/uapi/linux/fuse.h and Documentation/filesystems/fuse
 */
import { type Bytes, ByteReader } from "../../engine/base/bytes.ts";
import type { FsAttributes } from "../../engine/read/readonly-fs.ts";
import { encodeDevice, linkCountOf, modeOf, splitTime } from "../attributes.ts";
import type { Inode } from "../inode-table.ts";

export const PROTOCOL_MAJOR = 7;
/** What is spoken here. The kernel takes the lower of both sides' minors. */
export const PROTOCOL_MINOR = 38;
/** 7.23 (Linux 3.15) has the INIT reply of 64 bytes; READDIRPLUS came with 7.21. */
export const PROTOCOL_MINOR_MIN = 23;

export const OPCODE = {
  lookup: 1,
  forget: 2,
  getattr: 3,
  setattr: 4,
  readlink: 5,
  symlink: 6,
  mknod: 8,
  mkdir: 9,
  unlink: 10,
  rmdir: 11,
  rename: 12,
  link: 13,
  open: 14,
  read: 15,
  write: 16,
  statfs: 17,
  release: 18,
  fsync: 20,
  setxattr: 21,
  getxattr: 22,
  listxattr: 23,
  removexattr: 24,
  flush: 25,
  init: 26,
  opendir: 27,
  readdir: 28,
  releasedir: 29,
  create: 35,
  interrupt: 36,
  destroy: 38,
  ioctl: 39,
  batchForget: 42,
  fallocate: 43,
  readdirplus: 44,
  rename2: 45,
  lseek: 46,
  copyFileRange: 47,
  tmpfile: 51,
} as const;

const ONE_WAY: ReadonlySet<number> = new Set([OPCODE.forget, OPCODE.batchForget, OPCODE.interrupt]);

/** Whether nobody waits for an answer, so that none may be written. */
export function isOneWay(opcode: number): boolean {
  return ONE_WAY.has(opcode);
}

/** Flags of INIT. */
export const INIT_FLAG = {
  asyncRead: 1 << 0,
  autoInvalidateData: 1 << 12,
  doReaddirplus: 1 << 13,
  asyncDirectIo: 1 << 15,
  noOpenSupport: 1 << 17,
  parallelDirops: 1 << 18,
  posixAcl: 1 << 20,
  maxPages: 1 << 22,
  cacheSymlinks: 1 << 23,
  noOpendirSupport: 1 << 24,
} as const;

/** Flags of the answer to OPEN and OPENDIR. */
export const OPEN_FLAG = { keepCache: 1 << 1, cacheDirectory: 1 << 3 } as const;

/** Request header.
 *
 * | offset | size | field                                  |
 * |-------:|-----:|----------------------------------------|
 * |      0 |    4 | length of the request, header included |
 * |      4 |    4 | opcode                                 |
 * |      8 |    8 | unique: the answer repeats it          |
 * |     16 |    8 | node id                                |
 * |     24 |   12 | uid, gid, pid                          |
 * |     36 |    4 | length of extensions, padding          |
 */
export const REQUEST_HEADER_BYTES = 40;

export interface Request {
  readonly opcode: number;
  readonly unique: bigint;
  readonly nodeId: number;
  /** What follows the header: a view of the read buffer, gone when the handler first waits. */
  readonly body: Bytes;
}

/** @throws ForgeError "corrupt" when the bytes are not one whole request. */
export function decodeRequest(bytes: Bytes): Request {
  const reader = new ByteReader(bytes, "FUSE request");
  const length = reader.u32();
  const opcode = reader.u32();
  const unique = reader.i64();
  const nodeId = reader.u64();
  reader.bytes(16);
  if (length !== bytes.length) reader.fail(`${bytes.length} bytes that say they are ${length}`);
  return { opcode, unique, nodeId, body: bytes.subarray(REQUEST_HEADER_BYTES) };
}

/** A name that ends with a zero byte. @returns A copy: names outlive the read buffer. */
export function decodeName(body: Bytes, from = 0): Bytes {
  const end = body.indexOf(0, from);
  return body.slice(from, end < 0 ? body.length : end);
}

/** Answer header: length (4), negative errno (4), unique (8). */
export const REPLY_HEADER_BYTES = 16;

/** fuse_attr.
 *
 * | offset | size | field                                              |
 * |-------:|-----:|----------------------------------------------------|
 * |      0 |    8 | inode number                                       |
 * |      8 |    8 | size                                               |
 * |     16 |    8 | blocks of 512 bytes                                |
 * |     24 | 3×8  | atime, mtime, ctime: seconds, signed               |
 * |     48 | 3×4  | atime, mtime, ctime: nanoseconds                   |
 * |     60 |    4 | mode                                               |
 * |     64 |    4 | links                                              |
 * |     68 |  2×4 | uid, gid                                           |
 * |     76 |    4 | device                                             |
 * |     80 |    4 | block size; 0: the kernel's default                |
 * |     84 |    4 | flags                                              |
 */
export const ATTR_BYTES = 88;

export function writeAttr(view: DataView, at: number, inode: Inode): void {
  const { entry } = inode;
  const { attributes } = entry;
  view.setBigUint64(at, inode.number, true);
  view.setBigUint64(at + 8, BigInt(attributes.sizeBytes), true);
  view.setBigUint64(at + 16, BigInt(attributes.blocks512), true);
  writeTimes(view, at, attributes);
  view.setUint32(at + 60, modeOf(entry), true);
  view.setUint32(at + 64, linkCountOf(attributes), true);
  view.setUint32(at + 68, attributes.uid, true);
  view.setUint32(at + 72, attributes.gid, true);
  view.setUint32(at + 76, encodeDevice(attributes.deviceMajor, attributes.deviceMinor), true);
  view.setUint32(at + 80, 0, true);
  view.setUint32(at + 84, 0, true);
}

function writeTimes(view: DataView, at: number, attributes: FsAttributes): void {
  const mtime = splitTime(attributes.mtimeNs);
  const atime = attributes.atimeNs === undefined ? mtime : splitTime(attributes.atimeNs);
  const ctime = attributes.ctimeNs === attributes.mtimeNs ? mtime : splitTime(attributes.ctimeNs);
  view.setBigInt64(at + 24, atime.seconds, true);
  view.setBigInt64(at + 32, mtime.seconds, true);
  view.setBigInt64(at + 40, ctime.seconds, true);
  view.setUint32(at + 48, atime.nanoseconds, true);
  view.setUint32(at + 52, mtime.nanoseconds, true);
  view.setUint32(at + 56, ctime.nanoseconds, true);
}

/** How long the kernel may believe a name and attributes, in seconds. */
export interface Validity {
  readonly nameSeconds: number;
  readonly attributeSeconds: number;
}

/** "For ever": the longest time the kernel takes in all versions. */
export const FOREVER_SECONDS = 0x7fff_ffff;

/** fuse_entry_out: node id (8), generation (8), valid seconds of name and attributes (2×8), their
 * nanoseconds (2×4), fuse_attr. The generation is 0: node ids are never used twice. */
export const ENTRY_BYTES: number = 40 + ATTR_BYTES;

export function writeEntry(view: DataView, at: number, inode: Inode, validity: Validity): void {
  writeEntryHead(view, at, inode.id, validity);
  writeAttr(view, at + 40, inode);
}

/** "There is no such name", to be believed for `nameSeconds`. */
export function writeNegativeEntry(view: DataView, at: number, nameSeconds: number): void {
  writeEntryHead(view, at, 0, { nameSeconds, attributeSeconds: 0 });
  new Uint8Array(view.buffer, view.byteOffset + at + 40, ATTR_BYTES).fill(0);
}

function writeEntryHead(view: DataView, at: number, nodeId: number, validity: Validity): void {
  writeU64(view, at, nodeId);
  writeU64(view, at + 8, 0);
  writeSeconds(view, at + 16, at + 32, validity.nameSeconds);
  writeSeconds(view, at + 24, at + 36, validity.attributeSeconds);
}

/** fuse_attr_out: valid seconds (8), nanoseconds (4), padding (4), fuse_attr. */
export const ATTR_REPLY_BYTES: number = 16 + ATTR_BYTES;

export function writeAttrReply(view: DataView, at: number, inode: Inode, seconds: number): void {
  writeSeconds(view, at, at + 8, seconds);
  view.setUint32(at + 12, 0, true);
  writeAttr(view, at + 16, inode);
}

/** fuse_dirent: inode number (8), offset of the next entry (8), length of the name (4), type (4),
 * name, padded to 8 bytes. */
const DIRENT_HEAD_BYTES = 24;

export function direntBytes(nameBytes: number): number {
  return (DIRENT_HEAD_BYTES + nameBytes + 7) & ~7;
}

export interface Dirent {
  readonly number: bigint;
  /** Where reading goes on after this entry. */
  readonly nextOffset: number;
  readonly name: Uint8Array;
  /** `d_type`. */
  readonly type: number;
}

/** @returns The bytes it took: `direntBytes(name.length)`. */
export function writeDirent(view: DataView, at: number, dirent: Dirent): number {
  const { name } = dirent;
  const size = direntBytes(name.length);
  view.setBigUint64(at, dirent.number, true);
  writeU64(view, at + 8, dirent.nextOffset);
  view.setUint32(at + 16, name.length, true);
  view.setUint32(at + 20, dirent.type, true);
  const bytes = new Uint8Array(view.buffer, view.byteOffset + at + DIRENT_HEAD_BYTES);
  bytes.set(name);
  bytes.fill(0, name.length, size - DIRENT_HEAD_BYTES);
  return size;
}

/** fuse_open_out: handle (8), flags (4), padding (4). */
export const OPEN_REPLY_BYTES = 16;

export function writeOpenReply(view: DataView, at: number, handle: number, flags: number): void {
  writeU64(view, at, handle);
  view.setUint32(at + 8, flags, true);
  view.setUint32(at + 12, 0, true);
}

/** fuse_kstatfs: blocks, free, available, files, free files (5×8), block size, longest name,
 * fragment size, padding (4×4), spare (6×4). */
export const STATFS_BYTES = 80;

const STATFS_BLOCK_BYTES = 4096;

/** A full disk of `bytes` with `entries` files: nothing can be added to a snapshot. */
export function writeStatfs(
  view: DataView,
  at: number,
  totals: { readonly bytes: number; readonly entries: number },
): void {
  new Uint8Array(view.buffer, view.byteOffset + at, STATFS_BYTES).fill(0);
  writeU64(view, at, Math.ceil(totals.bytes / STATFS_BLOCK_BYTES));
  writeU64(view, at + 24, totals.entries);
  view.setUint32(at + 40, STATFS_BLOCK_BYTES, true);
  view.setUint32(at + 44, 255, true);
  view.setUint32(at + 48, STATFS_BLOCK_BYTES, true);
}

/** 64 bits of a safe integer, without the cost of a BigInt. */
export function writeU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % 0x1_0000_0000, true);
  view.setUint32(at + 4, Math.floor(value / 0x1_0000_0000), true);
}

function writeSeconds(view: DataView, at: number, nanosecondsAt: number, seconds: number): void {
  const whole = Math.floor(seconds);
  writeU64(view, at, whole);
  view.setUint32(nanosecondsAt, Math.round((seconds - whole) * 1e9), true);
}
