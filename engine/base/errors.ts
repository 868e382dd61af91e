/**
 * The one error type of the engine. "The world failed" is a `ForgeError` with a code that callers
 * branch on; "we failed" is `assert`, which only `main` catches.
 */

export type ErrorCode =
  // what was asked for
  | "usage" // an argument, pattern or configuration that cannot be used
  | "not-found" // a snapshot, path or object that does not exist
  | "ambiguous" // a prefix that names several snapshots
  | "exists" // it would have to be overwritten
  | "not-a-directory"
  | "is-a-directory"
  // the repository
  | "no-repository"
  | "repository-exists"
  | "unsupported-version" // authentic, and made by a newer forge
  | "wrong-password" // decided only when a key slot is opened
  | "newer-keys" // sealed under a key epoch that the unlocked keys do not reach; never repaired
  | "untrusted-storage" // another repository, or an older state, than this machine saw here before
  | "corrupt" // bytes that are not what was written
  | "missing-object" // an object that others refer to is gone
  | "lease-lost" // the own lease expired: nothing may be committed any more
  | "locked"
  // the world
  | "io" // the operating system or the network refused or failed
  | "no-space"
  | "permission"
  | "source-changed" // a file changed or vanished while it was read
  | "too-large" // beyond a limit in base/limits.ts
  | "not-supported" // this machine or file system cannot do it
  | "aborted";

export interface ForgeErrorOptions {
  readonly cause?: unknown;
  /** Trying the same thing again may work. Only `storage/retrying.ts` acts on it. */
  readonly retryable?: boolean;
  /** Facts for `--json` and logs. No secrets. */
  readonly context?: Readonly<Record<string, string | number>>;
}

export class ForgeError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly context: Readonly<Record<string, string | number>>;

  /** @param message What was attempted, on what, what was found, what to do. No secrets. */
  constructor(code: ErrorCode, message: string, options: ForgeErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "ForgeError";
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.context = options.context ?? {};
  }
}

/** Whether `error` is a `ForgeError` with one of `codes` (any code when none is given). */
export function isForgeError(error: unknown, ...codes: readonly ErrorCode[]): error is ForgeError {
  return error instanceof ForgeError && (codes.length === 0 || codes.includes(error.code));
}

/** States what must be true if forge itself is right. */
export function assert(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`forge has a defect: ${what}`);
}

/** A sentence of any thrown thing, for wrapping into a message. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
