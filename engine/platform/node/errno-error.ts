/** ErrnoError: a failed system call, in the shape Node's own fs errors have. */
import { constants } from "node:os";

/** "ENOENT" by 2. Where several names share a number, the one that programs print. */
const NAMES = new Map<number, string>();
for (const [name, errno] of Object.entries(constants.errno)) {
  if (name !== "EWOULDBLOCK" && name !== "EOPNOTSUPP") NAMES.set(errno, name);
}

/** What a libc call failed with. `code` is what Node's errors carry: "ENODATA", "EPERM" … */
export class ErrnoError extends Error {
  readonly code: string;
  /** Positive, as in C. (Node's own errors carry it negated.) */
  readonly errno: number;
  readonly syscall: string;

  constructor(errno: number, syscall: string) {
    const code = NAMES.get(errno) ?? `errno ${errno}`;
    super(`${code}: ${syscall} failed`);
    this.name = "ErrnoError";
    this.code = code;
    this.errno = errno;
    this.syscall = syscall;
  }
}
