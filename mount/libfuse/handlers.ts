/**
 * Handlers of libfuse's path interface over a ReadonlyFs. A handler that throws, or answers with
 * anything but a number, hangs the program that asked for ever: every one goes through `answer`.
 */
import { type Bytes, lossyUtf8, utf8 } from "../../engine/base/bytes.ts";
import { ForgeError, messageOf } from "../../engine/base/errors.ts";
import {
  type FsEntry,
  type FsFile,
  type ReadonlyFs,
  fsEntries,
} from "../../engine/read/readonly-fs.ts";
import { encodeDevice, linkCountOf, modeOf } from "../attributes.ts";
import { ERRNO, errnoOf, isDataFailure } from "../errno.ts";
import type { BackendOptions } from "../backend.ts";
import { Prefetcher } from "../prefetch.ts";
import { findXattr, xattrNames } from "../xattrs.ts";
import type { Callback, FuseHandlers, FuseStat } from "./fuse-native.ts";
import { type Found, PathLookup } from "./path-lookup.ts";

const BLOCK_BYTES = 4096;
const HANDLE_MAX = 0x7fff_ffff;

export interface LibfuseHandlers {
  readonly handlers: FuseHandlers;
  /**
   * The value of an xattr, or all names when `name` is undefined, copied into `out`.
   * @returns Its length, also when `out` is empty; or a negative errno.
   */
  readonly xattr: (path: string, name: string | undefined, out: Uint8Array) => Promise<number>;
}

export function libfuseHandlers(
  fs: ReadonlyFs,
  options: Pick<BackendOptions, "xattrs" | "prefetchBytesMax" | "onError">,
): LibfuseHandlers {
  const paths = new PathLookup(fs.root);
  const prefetcher = new Prefetcher({ budgetBytes: options.prefetchBytesMax });
  const files = new Map<number, FsFile>();
  let nextHandle = 1;

  function failure(path: string, error: unknown): number {
    const errno = errnoOf(error);
    if (isDataFailure(errno)) {
      const code = error instanceof ForgeError ? error.code : "io";
      const message = `Cannot read ${path}: ${messageOf(error)}`;
      options.onError(new ForgeError(code, message, { cause: error }));
    }
    return -errno;
  }

  function answer<Result>(
    path: string,
    callback: Callback<Result>,
    work: () => Promise<Result>,
  ): void {
    work().then(
      (result) => callback(0, result),
      (error: unknown) => callback(failure(path, error)),
    );
  }

  const getattr = (path: string, callback: Callback<FuseStat>): void => {
    answer(path, callback, async () => statOf(await paths.get(path)));
  };

  const handlers: FuseHandlers = {
    getattr,
    fgetattr: (path, _fd, callback) => getattr(path, callback),
    readdir: (path, callback) => {
      answer(path, callback, async () => await namesOf((await paths.get(path)).entry));
    },
    readlink: (path, callback) => {
      answer(path, callback, async () => {
        const { entry } = await paths.get(path);
        if (entry.type !== "symlink") throw new ForgeError("usage", "it is not a symlink");
        return lossyUtf8(entry.target);
      });
    },
    open: (path, _flags, callback) => {
      answer(path, callback, async () => {
        const handle = nextHandle;
        files.set(handle, fileOf((await paths.get(path)).entry));
        nextHandle = nextHandle === HANDLE_MAX ? 1 : nextHandle + 1;
        return handle;
      });
    },
    release: (_path, fd, callback) => {
      files.delete(fd);
      callback(0);
    },
    read: (path, fd, buffer, length, offset, callback) => {
      readFile(path, fd, { offset, length }).then(
        (bytes) => {
          buffer.set(bytes);
          callback(bytes.length);
        },
        (error: unknown) => callback(failure(path, error)),
      );
    },
    statfs: (_path, callback) => {
      const blocks = Math.ceil(fs.totals.bytes / BLOCK_BYTES);
      const files = fs.totals.entries;
      callback(0, { bsize: BLOCK_BYTES, frsize: BLOCK_BYTES, blocks, files, namemax: 255 });
    },
    getxattr: () => undefined,
    listxattr: () => undefined,
  };

  async function readFile(
    path: string,
    fd: number,
    range: { readonly offset: number; readonly length: number },
  ): Promise<Bytes> {
    const file = files.get(fd) ?? fileOf((await paths.get(path)).entry);
    prefetcher.onRead(file, range);
    const bytes = await file.read(range);
    const sizeBytes = file.attributes.sizeBytes;
    const wanted = Math.max(0, Math.min(range.length, sizeBytes - range.offset));
    if (bytes.length === wanted) return bytes;
    const found = `got ${bytes.length} of ${wanted} bytes at offset ${range.offset}`;
    throw new ForgeError("corrupt", `the content does not have the size of the file: ${found}`);
  }

  async function xattr(path: string, name: string | undefined, out: Uint8Array): Promise<number> {
    // The kernel does not ask again.
    if (!options.xattrs) return -ERRNO.ENOSYS;
    try {
      const { entry } = await paths.get(path);
      const value = name === undefined ? xattrNames(entry) : findXattr(entry, utf8(name));
      if (value === undefined) return -ERRNO.ENODATA;
      if (out.length === 0) return value.length;
      if (value.length > out.length) return -ERRNO.ERANGE;
      out.set(value);
      return value.length;
    } catch (error) {
      return failure(path, error);
    }
  }

  return { handlers, xattr };
}

function statOf({ entry, inodeNumber }: Found): FuseStat {
  const { attributes } = entry;
  const mtime = milliseconds(attributes.mtimeNs);
  return {
    mode: modeOf(entry),
    uid: attributes.uid,
    gid: attributes.gid,
    size: attributes.sizeBytes,
    nlink: linkCountOf(attributes),
    ino: foldInodeNumber(inodeNumber),
    rdev: encodeDevice(attributes.deviceMajor, attributes.deviceMinor),
    blksize: BLOCK_BYTES,
    blocks: attributes.blocks512,
    atime: attributes.atimeNs === undefined ? mtime : milliseconds(attributes.atimeNs),
    mtime,
    ctime: milliseconds(attributes.ctimeNs),
  };
}

/** The package has no time before 1970 and no nanoseconds. */
function milliseconds(timeNs: bigint): number {
  return Math.max(0, Number(timeNs / 1_000_000n));
}

/** 32 bits are all it passes on; 0 would be "none". */
function foldInodeNumber(number: bigint): number {
  return Number((number ^ (number >> 32n)) & 0xffff_ffffn) || 2;
}

function fileOf(entry: FsEntry): FsFile {
  if (entry.type === "directory") throw new ForgeError("is-a-directory", "it is a directory");
  if (entry.type !== "file") throw new ForgeError("usage", "it is not a file");
  return entry;
}

async function namesOf(entry: FsEntry): Promise<readonly string[]> {
  if (entry.type !== "directory") throw new ForgeError("not-a-directory", "it is no directory");
  const names: string[] = [];
  for await (const child of fsEntries(entry)) names.push(lossyUtf8(child.name));
  return names;
}
