/** Holes: where a file has none of its bytes stored, and making one. */
import { constants } from "node:os";
import { ErrnoError } from "../errno-error.ts";
import { checked, lastErrno, libraryFunction } from "./library.ts";

// linux/fs.h
const SEEK_DATA = 3;
const SEEK_HOLE = 4;
// linux/falloc.h
export const FALLOC_FL_KEEP_SIZE = 1;
export const FALLOC_FL_PUNCH_HOLE = 2;

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
  const errno = lastErrno();
  if (errno === constants.errno.ENXIO) return undefined;
  throw new ErrnoError(errno, "lseek");
}

/** @param mode 0 or FALLOC_FL_ flags. */
export function fallocate(fd: number, mode: number, offset: number, length: number): void {
  checked("fallocate", fallocateOf()(fd, mode, offset, length));
}

// 64-bit off_t everywhere: Node 24 has no 32-bit Linux.
const lseekOf = libraryFunction<(fd: number, offset: number, whence: number) => number>(
  "int64_t lseek(int fd, int64_t offset, int whence)",
);
const fallocateOf = libraryFunction<
  (fd: number, mode: number, offset: number, length: number) => number
>("int fallocate(int fd, int mode, int64_t offset, int64_t length)");
