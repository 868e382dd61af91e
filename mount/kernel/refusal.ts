/**
 * Refusals: requests that are answered with an errno because of what they ask for, not because
 * something failed.
 */
import type { FsDirectory, FsFile } from "../../engine/read/readonly-fs.ts";
import { ERRNO } from "../errno.ts";
import type { Inode } from "../inode-table.ts";
import { OPCODE } from "./protocol.ts";

/** An errno, as an exception that `Operations` turns into the answer. */
export class Refusal extends Error {
  readonly errno: number;

  constructor(errno: number) {
    super(`errno ${errno}`);
    this.errno = errno;
  }
}

/** @throws Refusal ENOTDIR. */
export function directoryOf(inode: Inode): FsDirectory {
  if (inode.entry.type !== "directory") throw new Refusal(ERRNO.ENOTDIR);
  return inode.entry;
}

/** @throws Refusal EISDIR, EINVAL. */
export function fileOf(inode: Inode): FsFile {
  if (inode.entry.type === "directory") throw new Refusal(ERRNO.EISDIR);
  if (inode.entry.type !== "file") throw new Refusal(ERRNO.EINVAL);
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
