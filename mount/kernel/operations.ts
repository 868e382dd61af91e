/**
 * Operations: requests of the kernel → inode table → ReadonlyFs → answers.
 *
 * What is known is answered at once; what has to be loaded is answered when it is there, and other
 * requests go on meanwhile. An answer is written in the same breath in which it is put together,
 * because all answers but file content share one buffer.
 */
import { type Bytes, ByteReader } from "../../engine/base/bytes.ts";
import { ForgeError, messageOf } from "../../engine/base/errors.ts";
import type { FsEntry, ReadonlyFs } from "../../engine/read/readonly-fs.ts";
import { ERRNO, errnoOf, isDataFailure } from "../errno.ts";
import { type Inode, InodeTable, pathOf } from "../inode-table.ts";
import { findXattr, isAskedByListings, xattrNames } from "../xattrs.ts";
import { SmallFilesAhead } from "../small-files-ahead.ts";
import { ContentReader } from "./content-reader.ts";
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
  isOneWay,
  writeAttrReply,
  writeEntry,
  writeNegativeEntry,
  writeOpenReply,
  writeStatfs,
  writeU64,
} from "./protocol.ts";
import { Refusal, directoryOf, fileOf, refusalOf, refuse } from "./refusal.ts";
import type { Channel } from "./session.ts";

export interface OperationsOptions {
  readonly allowOther: boolean;
  readonly xattrs: boolean;
  readonly attributeSeconds: number;
  readonly prefetchBytesMax: number;
  readonly onError: (error: unknown) => void;
}

const EMPTY = new Uint8Array(0);
/** Directories under way at a time whose last page is kept; of any other it is looked up again. */
const READERS_MAX = 64;
/** Who only looks at a directory does not wait longer for a storage that hangs. */
const REFRESH_WAIT_MS = 1000;

export class Operations {
  readonly #fs: ReadonlyFs;
  readonly #options: OperationsOptions;
  readonly #table: InodeTable;
  readonly #pending = new PendingRequests();
  readonly #content: ContentReader;
  readonly #ahead = new SmallFilesAhead();
  /** By node id, the one begun last at the end: from the first READDIR to the last. */
  readonly #readers = new Map<number, DirectoryReader>();
  readonly #out = new Uint8Array(READ_BYTES_MAX);
  readonly #view = new DataView(this.#out.buffer);
  #canSkipOpen = false;
  #canSkipOpendir = false;

  constructor(fs: ReadonlyFs, options: OperationsOptions) {
    this.#fs = fs;
    this.#options = options;
    this.#table = new InodeTable(fs.root);
    this.#content = new ContentReader(this.#pending, options);
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

  /** Does a little of what nobody has asked for yet; as `SmallFilesAhead.work`. */
  work(): ReturnType<SmallFilesAhead["work"]> {
    return this.#ahead.work();
  }

  /** The kernel has let go of the mount. */
  close(): void {
    this.#pending.abortAll();
    this.#readers.clear();
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
        return this.#getattr(request, channel);
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
      case OPCODE.statfs:
        writeStatfs(this.#view, 0, this.#fs.totals);
        channel.reply(request.unique, this.#out.subarray(0, STATFS_BYTES));
        return undefined;
      case OPCODE.getxattr:
      case OPCODE.listxattr:
        // The kernel does not ask again.
        if (!this.#options.xattrs) refuse(ERRNO.ENOSYS);
        this.#xattr(request, channel);
        return undefined;
      case OPCODE.lseek:
        return this.#content.seek(fileOf(this.#inodeOf(request)), request, channel);
      case OPCODE.interrupt:
        this.#pending.interrupt(new ByteReader(request.body, "FUSE INTERRUPT").i64());
        return undefined;
      case OPCODE.init:
        this.#init(request, channel);
        return undefined;
      case OPCODE.release:
      case OPCODE.releasedir:
      case OPCODE.destroy:
        channel.reply(request.unique, EMPTY);
        return undefined;
      default:
        refuse(refusalOf(request.opcode));
    }
  }

  #init(request: Request, channel: Channel): void {
    const negotiated = negotiate(request.body, { enforceAcls: this.#options.allowOther });
    const can = (flags: number): boolean => (negotiated.flags & flags) === flags;
    this.#canSkipOpen = can(INIT_FLAG.noOpenSupport);
    this.#canSkipOpendir = can(INIT_FLAG.noOpendirSupport | INIT_FLAG.autoInvalidateData);
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
      if (!directory.immutable) refuse(ERRNO.ENOENT);
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

  #getattr(request: Request, channel: Channel): Promise<void> | undefined {
    const inode = this.#inodeOf(request);
    const { entry } = inode;
    const reply = (): void => {
      writeAttrReply(this.#view, 0, inode, this.#secondsOf(entry.immutable));
      channel.reply(request.unique, this.#out.subarray(0, ATTR_REPLY_BYTES));
    };
    if (entry.type === "directory" && entry.refresh !== undefined) {
      // By its mtime the kernel sees whether what it has read of the directory is still true.
      return atMost(REFRESH_WAIT_MS, entry.refresh()).then(reply);
    }
    reply();
    return undefined;
  }

  #readlink(request: Request, channel: Channel): void {
    const { entry } = this.#inodeOf(request);
    if (entry.type !== "symlink") refuse(ERRNO.EINVAL);
    channel.reply(request.unique, entry.target);
  }

  #open(request: Request, channel: Channel): void {
    fileOf(this.#inodeOf(request));
    // Content never changes: with ENOSYS the kernel opens files by itself from now on, keeps what
    // it has cached, and sends neither OPEN nor RELEASE.
    if (this.#canSkipOpen) refuse(ERRNO.ENOSYS);
    writeOpenReply(this.#view, 0, 0, OPEN_FLAG.keepCache);
    channel.reply(request.unique, this.#out.subarray(0, OPEN_REPLY_BYTES));
  }

  #read(request: Request, channel: Channel): Promise<void> | undefined {
    const inode = this.#inodeOf(request);
    const later = this.#content.read(fileOf(inode), request, channel);
    this.#ahead.onRead(inode);
    return later;
  }

  #opendir(request: Request, channel: Channel): void {
    const { immutable } = directoryOf(this.#inodeOf(request));
    // As with OPEN. The kernel keeps what it reads of any directory then, as long as the mtime stays.
    if (this.#canSkipOpendir) refuse(ERRNO.ENOSYS);
    const flags = immutable ? OPEN_FLAG.keepCache | OPEN_FLAG.cacheDirectory : 0;
    writeOpenReply(this.#view, 0, 0, flags);
    channel.reply(request.unique, this.#out.subarray(0, OPEN_REPLY_BYTES));
  }

  /** fuse_read_in: handle (8), offset (8), size (4). */
  #readdir(request: Request, channel: Channel): Promise<void> | undefined {
    const reader = new ByteReader(request.body, "FUSE READDIR");
    reader.u64();
    const inode = this.#inodeOf(request);
    const directory = this.#readerOf(inode);
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
      if (length === 0) this.#readers.delete(inode.id);
      if (channel.reply(request.unique, this.#out.subarray(0, length))) return;
      for (const { id } of entered) this.#table.forget(id, 1);
    };
    const page = directory.findPage(wanted);
    if (page !== undefined) {
      reply(page);
      return undefined;
    }
    return this.#pending
      .run(request.unique, (signal) => directory.readPage(wanted, signal))
      .then(reply);
  }

  #readerOf(inode: Inode): DirectoryReader {
    const known = this.#readers.get(inode.id);
    if (known !== undefined) return known;
    directoryOf(inode);
    const reader = new DirectoryReader(inode);
    this.#readers.set(inode.id, reader);
    for (const oldest of this.#readers.keys()) {
      if (this.#readers.size <= READERS_MAX) break;
      this.#readers.delete(oldest);
    }
    return reader;
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
    if (value.length > sizeBytes) refuse(ERRNO.ERANGE);
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
    refuse(isAbsent ? ERRNO.EOPNOTSUPP : ERRNO.ENODATA);
  }

  #inodeOf(request: Request): Inode {
    const inode = this.#table.find(request.nodeId);
    if (inode === undefined) refuse(ERRNO.ENOENT);
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
    if (!isOneWay(request.opcode)) channel.replyError(request.unique, errno);
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

/** Settles as `work` does, or after some milliseconds without it. */
function atMost(ms: number, work: Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
