/**
 * Operations: requests of the kernel → inode table → ReadonlyFs → answers.
 *
 * What is known is answered at once; what has to be loaded is answered when it is there, and other
 * requests go on meanwhile. An answer is written in the same breath in which it is put together,
 * because all answers but file content share one buffer.
 */
import { type Bytes, ByteReader, releaseLarge } from "../../engine/base/bytes.ts";
import { ForgeError, messageOf } from "../../engine/base/errors.ts";
import type { FsDirectory, FsEntry, FsFile, ReadonlyFs } from "../../engine/read/readonly-fs.ts";
import { ERRNO, errnoOf, isDataFailure } from "../errno.ts";
import { HoleCache } from "../hole-cache.ts";
import { type Inode, InodeTable, pathOf } from "../inode-table.ts";
import { Prefetcher } from "../prefetch.ts";
import { SEEK_DATA, SEEK_HOLE, seekInHoles } from "../seek.ts";
import { findXattr, isAskedByListings, xattrNames } from "../xattrs.ts";
import { type DirectoryPage, DirectoryReader, type DirectoryRequest } from "./directory-reader.ts";
import { READ_BYTES_MAX, negotiate } from "./negotiation.ts";
import { PendingRequests } from "./pending.ts";
import {
  ATTR_REPLY_BYTES,
  ENTRY_BYTES,
  FOREVER_SECONDS,
  INIT_FLAG,
  OPCODE,
  OPEN_FLAG,
  OPEN_REPLY_BYTES,
  type Request,
  STATFS_BYTES,
  type Validity,
  decodeName,
  writeAttrReply,
  writeEntry,
  writeNegativeEntry,
  writeOpenReply,
  writeStatfs,
  writeU64,
} from "./protocol.ts";
import type { Channel } from "./session.ts";

export interface OperationsOptions {
  readonly allowOther: boolean;
  readonly attributeSeconds: number;
  readonly prefetchBytesMax: number;
  readonly onError: (error: unknown) => void;
}

/** An errno, as an exception that `Operations` turns into the answer. */
class Refusal extends Error {
  readonly errno: number;

  constructor(errno: number) {
    super(`errno ${errno}`);
    this.errno = errno;
  }
}

const EMPTY = new Uint8Array(0);

export class Operations {
  readonly #fs: ReadonlyFs;
  readonly #options: OperationsOptions;
  readonly #table: InodeTable;
  readonly #prefetcher: Prefetcher;
  readonly #holes = new HoleCache();
  readonly #pending = new PendingRequests();
  readonly #directories = new Map<number, DirectoryReader>();
  readonly #out = new Uint8Array(READ_BYTES_MAX);
  readonly #view = new DataView(this.#out.buffer);
  #nextHandle = 1;
  #canSkipOpen = false;

  constructor(fs: ReadonlyFs, options: OperationsOptions) {
    this.#fs = fs;
    this.#options = options;
    this.#table = new InodeTable(fs.root);
    this.#prefetcher = new Prefetcher({ budgetBytes: options.prefetchBytesMax });
  }

  /** Answers one request, now or later. Never throws. */
  handle(request: Request, channel: Channel): void {
    try {
      const later = this.#dispatch(request, channel);
      later?.catch((error: unknown) => this.#fail(request, channel, error));
    } catch (error) {
      this.#fail(request, channel, error);
    }
  }

  /** The kernel has let go of the mount. */
  close(): void {
    this.#pending.abortAll();
    this.#directories.clear();
  }

  #dispatch(request: Request, channel: Channel): Promise<void> | undefined {
    switch (request.opcode) {
      case OPCODE.lookup:
        return this.#lookup(request, channel);
      case OPCODE.forget:
        this.#table.forget(request.nodeId, new ByteReader(request.body, "FUSE FORGET").u64());
        return undefined;
      case OPCODE.batchForget:
        this.#batchForget(request.body);
        return undefined;
      case OPCODE.getattr:
        this.#getattr(request, channel);
        return undefined;
      case OPCODE.readlink:
        this.#readlink(request, channel);
        return undefined;
      case OPCODE.open:
        this.#open(request, channel);
        return undefined;
      case OPCODE.opendir:
        this.#opendir(request, channel);
        return undefined;
      case OPCODE.read:
        return this.#read(request, channel);
      case OPCODE.readdir:
      case OPCODE.readdirplus:
        return this.#readdir(request, channel);
      case OPCODE.releasedir:
        this.#directories.delete(new ByteReader(request.body, "FUSE RELEASEDIR").u64());
        channel.reply(request.unique, EMPTY);
        return undefined;
      case OPCODE.statfs:
        writeStatfs(this.#view, 0, this.#fs.totals);
        channel.reply(request.unique, this.#out.subarray(0, STATFS_BYTES));
        return undefined;
      case OPCODE.getxattr:
      case OPCODE.listxattr:
        this.#xattr(request, channel);
        return undefined;
      case OPCODE.lseek:
        return this.#lseek(request, channel);
      case OPCODE.interrupt:
        this.#pending.interrupt(new ByteReader(request.body, "FUSE INTERRUPT").i64());
        return undefined;
      case OPCODE.init:
        this.#init(request, channel);
        return undefined;
      case OPCODE.release:
      case OPCODE.destroy:
        channel.reply(request.unique, EMPTY);
        return undefined;
      default:
        throw new Refusal(refusalOf(request.opcode));
    }
  }

  #init(request: Request, channel: Channel): void {
    const negotiated = negotiate(request.body, { enforceAcls: this.#options.allowOther });
    this.#canSkipOpen = (negotiated.flags & INIT_FLAG.noOpenSupport) !== 0;
    channel.reply(request.unique, negotiated.reply);
  }

  #lookup(request: Request, channel: Channel): Promise<void> | undefined {
    const parent = this.#inodeOf(request);
    const directory = directoryOf(parent);
    const name = decodeName(request.body);
    const found = directory.lookupNow?.(name) ?? "unread";
    if (found !== "unread") {
      this.#replyEntry(request, channel, parent, found === "absent" ? undefined : found);
      return undefined;
    }
    return directory.lookup(name).then((entry) => {
      this.#replyEntry(request, channel, parent, entry);
    });
  }

  #replyEntry(request: Request, channel: Channel, parent: Inode, entry: FsEntry | undefined): void {
    const directory = directoryOf(parent);
    if (entry === undefined) {
      if (!directory.immutable) throw new Refusal(ERRNO.ENOENT);
      writeNegativeEntry(this.#view, 0, FOREVER_SECONDS);
      channel.reply(request.unique, this.#out.subarray(0, ENTRY_BYTES));
      return;
    }
    const inode = this.#table.enter(parent, entry);
    writeEntry(this.#view, 0, inode, this.#validityOf(directory, entry));
    const taken = channel.reply(request.unique, this.#out.subarray(0, ENTRY_BYTES));
    if (!taken) this.#table.forget(inode.id, 1);
  }

  #batchForget(body: Bytes): void {
    const reader = new ByteReader(body, "FUSE BATCH_FORGET");
    const count = reader.u32();
    reader.u32();
    for (let i = 0; i < count; i++) this.#table.forget(reader.u64(), reader.u64());
  }

  #getattr(request: Request, channel: Channel): void {
    const inode = this.#inodeOf(request);
    writeAttrReply(this.#view, 0, inode, this.#secondsOf(inode.entry.immutable));
    channel.reply(request.unique, this.#out.subarray(0, ATTR_REPLY_BYTES));
  }

  #readlink(request: Request, channel: Channel): void {
    const { entry } = this.#inodeOf(request);
    if (entry.type !== "symlink") throw new Refusal(ERRNO.EINVAL);
    channel.reply(request.unique, entry.target);
  }

  #open(request: Request, channel: Channel): void {
    fileOf(this.#inodeOf(request));
    // Content never changes: with ENOSYS the kernel opens files by itself from now on, keeps what
    // it has cached, and sends neither OPEN nor RELEASE.
    if (this.#canSkipOpen) throw new Refusal(ERRNO.ENOSYS);
    writeOpenReply(this.#view, 0, 0, OPEN_FLAG.keepCache);
    channel.reply(request.unique, this.#out.subarray(0, OPEN_REPLY_BYTES));
  }

  #opendir(request: Request, channel: Channel): void {
    const inode = this.#inodeOf(request);
    const directory = directoryOf(inode);
    const handle = this.#nextHandle++;
    this.#directories.set(handle, new DirectoryReader(inode, directory));
    const flags = directory.immutable ? OPEN_FLAG.keepCache | OPEN_FLAG.cacheDirectory : 0;
    writeOpenReply(this.#view, 0, handle, flags);
    const taken = channel.reply(request.unique, this.#out.subarray(0, OPEN_REPLY_BYTES));
    if (!taken) this.#directories.delete(handle);
  }

  /** fuse_read_in: handle (8), offset (8), size (4), and more that does not matter here. */
  #read(request: Request, channel: Channel): Promise<void> | undefined {
    const file = fileOf(this.#inodeOf(request));
    const reader = new ByteReader(request.body, "FUSE READ");
    reader.u64();
    const offset = reader.u64();
    const length = Math.min(reader.u32(), READ_BYTES_MAX);
    this.#prefetcher.onRead(file, { offset, length });
    if (this.#replyNow(request, channel, file, { offset, length })) return undefined;
    return this.#interruptible(request, async (signal) => {
      await file.load?.({ offset, length, signal });
      if (this.#replyNow(request, channel, file, { offset, length })) return;
      const bytes = await file.read({ offset, length, signal });
      checkReadBytes(file, { offset, length }, [bytes]);
      channel.reply(request.unique, bytes);
      // Ours alone: freed now, and not when the collector comes by.
      releaseLarge(bytes);
    });
  }

  /** Answers with what is in memory, as it lies there. @returns false when not all of it is. */
  #replyNow(
    request: Request,
    channel: Channel,
    file: FsFile,
    range: { readonly offset: number; readonly length: number },
  ): boolean {
    const parts = file.readNow?.(range);
    if (parts === undefined) return false;
    checkReadBytes(file, range, parts);
    channel.reply(request.unique, ...parts);
    return true;
  }

  #readdir(request: Request, channel: Channel): Promise<void> | undefined {
    const reader = new ByteReader(request.body, "FUSE READDIR");
    const directory = this.#directories.get(reader.u64());
    if (directory === undefined) throw new Refusal(ERRNO.EIO);
    const inode = this.#inodeOf(request);
    const position = reader.u64();
    const sizeBytes = reader.u32();
    const plus = request.opcode === OPCODE.readdirplus;
    const wanted: DirectoryRequest = { position, sizeBytes, plus };
    const reply = (page: DirectoryPage): void => {
      const entered: Inode[] = [];
      const validityOf = (entry: FsEntry): Validity => this.#validityOf(inode.entry, entry);
      const length = directory.write(this.#out, wanted, {
        page,
        table: this.#table,
        validityOf,
        entered,
      });
      if (channel.reply(request.unique, this.#out.subarray(0, length))) return;
      for (const { id } of entered) this.#table.forget(id, 1);
    };
    const page = directory.findPage(wanted);
    if (page !== undefined) {
      reply(page);
      return undefined;
    }
    return this.#interruptible(request, (signal) => directory.readPage(wanted, signal)).then(reply);
  }

  /** fuse_getxattr_in: size (4), padding (4), and for GETXATTR the name. Size 0 asks for the size. */
  #xattr(request: Request, channel: Channel): void {
    const inode = this.#inodeOf(request);
    const sizeBytes = new ByteReader(request.body, "FUSE GETXATTR").u32();
    const value =
      request.opcode === OPCODE.listxattr
        ? xattrNames(inode.entry)
        : this.#getxattr(inode, decodeName(request.body, 8));
    if (sizeBytes === 0) {
      writeU64(this.#view, 0, value.length);
      channel.reply(request.unique, this.#out.subarray(0, 8));
      return;
    }
    if (value.length > sizeBytes) throw new Refusal(ERRNO.ERANGE);
    channel.reply(request.unique, value);
  }

  /**
   * `ls -l` asks for the SELinux label and the ACL of every file, two requests each, which made it
   * 20 times slower than all the rest of it. It stops asking once a file system says that it has no
   * such thing, so that is said as long as nothing in the directory has one. (Not when the kernel
   * itself reads ACLs to enforce them.)
   */
  #getxattr(inode: Inode, name: Bytes): Bytes {
    const value = findXattr(inode.entry, name);
    if (value !== undefined) return value;
    const isAsked = isAskedByListings(name) && !this.#options.allowOther;
    const isAbsent = isAsked && !this.#table.isXattrNear(inode, name);
    throw new Refusal(isAbsent ? ERRNO.EOPNOTSUPP : ERRNO.ENODATA);
  }

  /** fuse_lseek_in: handle (8), offset (8), whence (4). */
  async #lseek(request: Request, channel: Channel): Promise<void> {
    const file = fileOf(this.#inodeOf(request));
    const reader = new ByteReader(request.body, "FUSE LSEEK");
    reader.u64();
    // Signed and possibly huge: beyond every file is ENXIO, no defect.
    const offset = Number(reader.i64());
    const whence = reader.u32();
    if (whence !== SEEK_DATA && whence !== SEEK_HOLE) throw new Refusal(ERRNO.EINVAL);
    const holes = await this.#holes.holesOf(file);
    const found = seekInHoles(holes, file.attributes.sizeBytes, { offset, whence });
    if (found === undefined) throw new Refusal(ERRNO.ENXIO);
    writeU64(this.#view, 0, found);
    channel.reply(request.unique, this.#out.subarray(0, 8));
  }

  async #interruptible<Result>(
    request: Request,
    work: (signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    const signal = this.#pending.begin(request.unique);
    try {
      return await work(signal);
    } finally {
      this.#pending.end(request.unique);
    }
  }

  #inodeOf(request: Request): Inode {
    const inode = this.#table.find(request.nodeId);
    if (inode === undefined) throw new Refusal(ERRNO.ENOENT);
    return inode;
  }

  #validityOf(directory: FsEntry, entry: FsEntry): Validity {
    return {
      nameSeconds: this.#secondsOf(directory.immutable),
      attributeSeconds: this.#secondsOf(entry.immutable),
    };
  }

  #secondsOf(immutable: boolean): number {
    return immutable ? FOREVER_SECONDS : this.#options.attributeSeconds;
  }

  #fail(request: Request, channel: Channel, error: unknown): void {
    const errno = error instanceof Refusal ? error.errno : errnoOf(error);
    if (!(error instanceof Refusal) && isDataFailure(errno)) this.#report(request, error);
    const { opcode } = request;
    const isOneWay =
      opcode === OPCODE.forget || opcode === OPCODE.batchForget || opcode === OPCODE.interrupt;
    if (!isOneWay) channel.replyError(request.unique, errno);
  }

  #report(request: Request, error: unknown): void {
    const inode = this.#table.find(request.nodeId);
    const path = inode === undefined ? "the mount" : pathOf(inode);
    const code = error instanceof ForgeError ? error.code : "io";
    this.#options.onError(
      new ForgeError(code, `Cannot read ${path}: ${messageOf(error)}`, { cause: error }),
    );
  }
}

/** The kernel fills up a short answer with zeros: that must never happen inside a file. */
function checkReadBytes(
  file: FsFile,
  { offset, length }: { readonly offset: number; readonly length: number },
  parts: readonly Bytes[],
): void {
  const got = parts.reduce((sum, part) => sum + part.length, 0);
  const wanted = Math.max(0, Math.min(length, file.attributes.sizeBytes - offset));
  if (got === wanted) return;
  const found = `got ${got} of ${wanted} bytes at offset ${offset}`;
  throw new ForgeError("corrupt", `the content does not have the size of the file: ${found}`);
}

function directoryOf(inode: Inode): FsDirectory {
  if (inode.entry.type !== "directory") throw new Refusal(ERRNO.ENOTDIR);
  return inode.entry;
}

function fileOf(inode: Inode): FsFile {
  if (inode.entry.type === "directory") throw new Refusal(ERRNO.EISDIR);
  if (inode.entry.type !== "file") throw new Refusal(ERRNO.EINVAL);
  return inode.entry;
}

/** Why a request is not served. After ENOSYS the kernel never asks again and does it by itself. */
function refusalOf(opcode: number): number {
  switch (opcode) {
    case OPCODE.setattr:
    case OPCODE.symlink:
    case OPCODE.mknod:
    case OPCODE.mkdir:
    case OPCODE.unlink:
    case OPCODE.rmdir:
    case OPCODE.rename:
    case OPCODE.rename2:
    case OPCODE.link:
    case OPCODE.write:
    case OPCODE.setxattr:
    case OPCODE.removexattr:
    case OPCODE.create:
    case OPCODE.fallocate:
    case OPCODE.copyFileRange:
    case OPCODE.tmpfile:
      return ERRNO.EROFS;
    case OPCODE.ioctl:
      return ERRNO.ENOTTY;
    default:
      // ACCESS, FLUSH, FSYNC, POLL, STATX, BMAP, SYNCFS …
      return ERRNO.ENOSYS;
  }
}
