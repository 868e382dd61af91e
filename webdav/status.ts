/** What an error of the engine is in HTTP, for the drive and for the web API. */
import type { ErrorCode } from "../engine/base/errors.ts";

/** ErrorCode → HTTP status. Exhaustive, so a new code has to be placed here. */
export function statusOf(code: ErrorCode): number {
  switch (code) {
    case "usage":
    case "ambiguous":
      return 400;
    case "permission":
      return 403;
    case "not-found":
    case "not-a-directory":
    case "is-a-directory":
      return 404;
    case "exists":
      return 409;
    case "not-supported":
      return 501;
    case "locked":
    case "aborted":
      return 503;
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
    case "no-space":
    case "source-changed":
    case "too-large":
      return 500;
    default:
      return code satisfies never;
  }
}
