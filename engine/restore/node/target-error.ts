/** Errors of the operating system while restoring → `ForgeError`. */
import { type ErrorCode, ForgeError, isForgeError, messageOf } from "../../base/errors.ts";
import { errnoCodeOf } from "../../base/errno-code.ts";

const MEANINGS: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  ENOSPC: ["no-space", "no space is left on the device"],
  EDQUOT: ["no-space", "the disk quota is used up"],
  EFBIG: ["no-space", "the file system does not take files of this size"],
  EACCES: ["permission", "permission denied"],
  EPERM: ["permission", "the operation is not permitted"],
  EROFS: ["permission", "the file system is read-only"],
  EEXIST: ["exists", "something with this name is there already"],
  ENOTDIR: ["not-a-directory", "something that is not a directory stands there"],
  ELOOP: ["not-a-directory", "a symlink stands there, which is never followed"],
  EISDIR: ["is-a-directory", "a directory stands there"],
  ENOTEMPTY: ["is-a-directory", "a directory that is not empty stands there"],
  ENOENT: ["io", "its directory, or the entry itself, vanished meanwhile"],
  ENAMETOOLONG: ["io", "the file system does not take names of this length"],
  EILSEQ: ["not-supported", "the file system does not take names with these bytes"],
  EINVAL: ["not-supported", "the file system refuses it"],
  ENOTSUP: ["not-supported", "the file system does not support it"],
  EMLINK: ["not-supported", "the file system does not take so many links"],
};

/** @param attempt "create the file": completes "Cannot …". */
export function targetError(error: unknown, attempt: string): ForgeError {
  if (isForgeError(error)) return error;
  const code = errnoCodeOf(error);
  const meaning = code === undefined ? undefined : MEANINGS[code];
  if (code === undefined || meaning === undefined) {
    return new ForgeError("io", `Cannot ${attempt}: ${messageOf(error)}`, { cause: error });
  }
  return new ForgeError(meaning[0], `Cannot ${attempt}: ${meaning[1]} (${code})`, { cause: error });
}

/** Runs `fn` at once; what it throws becomes a rejection with `targetError`. */
export function attempted<Result>(attempt: string, fn: () => Result): Promise<Result> {
  return promised(() => {
    try {
      return fn();
    } catch (error) {
      throw targetError(error, attempt);
    }
  });
}

/** Runs `fn` at once; what it throws becomes a rejection as it is. */
export function promised<Result>(fn: () => Result): Promise<Result> {
  return new Promise((settle) => settle(fn()));
}
