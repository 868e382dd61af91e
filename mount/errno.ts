/** ErrorCode → errno: what a program that reads the mount gets to see. One exhaustive table. */
import { type ErrorCode, ForgeError } from "../engine/base/errors.ts";

/** Linux numbers (asm-generic/errno-base.h, errno.h); those used here are equal on macOS up to 34. */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  E2BIG: 7,
  EACCES: 13,
  EBUSY: 16,
  EEXIST: 17,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENOTTY: 25,
  EFBIG: 27,
  ENOSPC: 28,
  EROFS: 30,
  ERANGE: 34,
  ENOSYS: 38,
  ENODATA: process.platform === "darwin" ? 93 : 61,
  EOPNOTSUPP: process.platform === "darwin" ? 102 : 95,
} as const;

/** The positive errno for anything thrown while a request was answered. */
export function errnoOf(error: unknown): number {
  return error instanceof ForgeError ? errnoOfCode(error.code) : ERRNO.EIO;
}

/** Whether the failure is worth telling the administrator: data that should be there is not. */
export function isDataFailure(errno: number): boolean {
  return errno === ERRNO.EIO;
}

function errnoOfCode(code: ErrorCode): number {
  switch (code) {
    case "not-found":
      return ERRNO.ENOENT;
    case "exists":
      return ERRNO.EEXIST;
    case "not-a-directory":
      return ERRNO.ENOTDIR;
    case "is-a-directory":
      return ERRNO.EISDIR;
    case "usage":
    case "ambiguous":
      return ERRNO.EINVAL;
    case "permission":
      return ERRNO.EACCES;
    case "no-space":
      return ERRNO.ENOSPC;
    case "too-large":
      return ERRNO.EFBIG;
    case "locked":
      return ERRNO.EBUSY;
    case "not-supported":
      return ERRNO.EOPNOTSUPP;
    case "aborted":
      // Never EIO: a reader that was interrupted by a signal must not believe in a broken backup.
      return ERRNO.EINTR;
    case "no-repository":
    case "repository-exists":
    case "unsupported-version":
    case "wrong-password":
    case "newer-keys":
    case "untrusted-storage":
    case "corrupt":
    case "missing-object":
    case "lease-lost":
    case "io":
    case "source-changed":
      return ERRNO.EIO;
    default:
      return code satisfies never;
  }
}
