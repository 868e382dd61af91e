/** Exit codes: what a script can tell from how forge ended. */
import { type ErrorCode, isForgeError } from "../../engine/base/errors.ts";

export const EXIT = {
  done: 0,
  error: 1,
  usage: 2,
  /** Finished, and some files were left out or are incomplete. */
  someSkipped: 3,
  noRepository: 10,
  locked: 11,
  wrongPassphrase: 12,
  interrupted: 130,
  /** 128 + SIGPIPE: whoever read our output went away, as with every other program. */
  outputClosed: 141,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** The exit code of an error of the engine; exhaustive, so a new code has to be placed here. */
export function exitCodeOf(code: ErrorCode): ExitCode {
  switch (code) {
    case "usage":
      return EXIT.usage;
    case "no-repository":
      return EXIT.noRepository;
    case "locked":
      return EXIT.locked;
    case "wrong-password":
      return EXIT.wrongPassphrase;
    case "aborted":
      return EXIT.interrupted;
    case "not-found":
    case "ambiguous":
    case "exists":
    case "not-a-directory":
    case "is-a-directory":
    case "repository-exists":
    case "unsupported-version":
    case "newer-keys":
    case "untrusted-storage":
    case "corrupt":
    case "missing-object":
    case "lease-lost":
    case "io":
    case "no-space":
    case "permission":
    case "source-changed":
    case "too-large":
    case "not-supported":
      return EXIT.error;
    default:
      return code satisfies never;
  }
}

/** The exit code of anything thrown. */
export function exitCodeOfError(error: unknown): ExitCode {
  return isForgeError(error) ? exitCodeOf(error.code) : EXIT.error;
}
