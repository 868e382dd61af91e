/** A failed call of the file system → ForgeError, with a sentence that names the path. */
import { errnoCodeOf } from "../../base/errno-code.ts";
import { type ErrorCode, ForgeError, messageOf } from "../../base/errors.ts";

/** @param attempted What was tried, with the path: `write /backup/packs/00/00ab…`. */
export function storageError(error: unknown, attempted: string): ForgeError {
  if (error instanceof ForgeError) return error;
  const errno = errnoCodeOf(error);
  const { code, found, retryable } = describe(errno, error);
  return new ForgeError(code, `Cannot ${attempted}: ${found}`, {
    cause: error,
    retryable: retryable ?? false,
    context: errno === undefined ? {} : { errno },
  });
}

interface Description {
  readonly code: ErrorCode;
  readonly found: string;
  readonly retryable?: boolean;
}

function describe(errno: string | undefined, error: unknown): Description {
  switch (errno) {
    case "ENOSPC":
      return { code: "no-space", found: "no space is left on the storage" };
    case "EDQUOT":
      return { code: "no-space", found: "the disk quota is used up" };
    case "EACCES":
    case "EPERM":
      return { code: "permission", found: "permission denied; check who owns it and its mode" };
    case "EROFS":
      return { code: "permission", found: "the file system is mounted read-only" };
    case "ENOENT":
      return { code: "missing-object", found: "it is not there" };
    case "ENOTDIR":
      return { code: "not-a-directory", found: "a part of the path is not a directory" };
    case "EXDEV":
      return {
        code: "not-supported",
        found: "the repository spans several file systems; keep it on one",
      };
    // Passing states of a busy machine or a network file system.
    case "EAGAIN":
    case "EBUSY":
    case "EINTR":
    case "EMFILE":
    case "ENFILE":
    case "ESTALE":
    case "ETIMEDOUT":
      return { code: "io", found: messageOf(error), retryable: true };
    case undefined:
    default:
      return { code: "io", found: messageOf(error) };
  }
}
