/**
 * Refusals: requests that are answered with an errno because of what they ask for, not because
 * something failed.
 */
import type { FsDirectory, FsFile } from "../../engine/read/readonly-fs.ts";
import { ERRNO } from "../errno.ts";
import type { Inode } from "../inode-table.ts";
import { OPCODE } from "./protocol.ts";

/** An errno, as an exception that `Operations` turns into the answer. See `refuse`. */
export class Refusal extends Error {
  readonly errno: number;

  constructor(errno: number) {
    super(`errno ${errno}`);
    this.errno = errno;
  }
}

const refusals = new Map<number, Refusal>();

/**
 * Most files have none of the attributes that programs ask for, so refusing is half of all answers, and
 * the stack of a new Error would be most of its cost. One is made for each errno; nobody reads its stack.
 *
 * @throws Refusal
 */
export function refuse(errno: number): never {
  let refusal = refusals.get(errno);
  if (refusal === undefined) refusals.set(errno, (refusal = new Refusal(errno)));
  throw refusal;
}

/** @throws Refusal ENOTDIR. */
export function directoryOf(inode: Inode): FsDirectory {
  if (inode.entry.type !== "directory") refuse(ERRNO.ENOTDIR);
  return inode.entry;
}

/** @throws Refusal EISDIR, EINVAL. */
export function fileOf(inode: Inode): FsFile {
  if (inode.entry.type === "directory") refuse(ERRNO.EISDIR);
  if (inode.entry.type !== "file") refuse(ERRNO.EINVAL);
  return inode.entry;
}

/** Why a request is not served. After ENOSYS the kernel never asks again and does it by itself. */
export function refusalOf(opcode: number): number {
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
