/** Names and paths as C takes them: bytes with a NUL behind and none inside. */
import { constants } from "node:os";
import type { Bytes } from "../../../base/bytes.ts";
import { ErrnoError } from "../errno-error.ts";

// linux/limits.h, with the NUL
const PATH_MAX = 4096;

/** Used again by every call: none of them outlives it, and no call runs inside another. */
let first: Bytes | undefined;
let second: Bytes | undefined;

/** `bytes` with a NUL behind, valid until the next `cString`. */
export function cString(bytes: Bytes): Bytes {
  return terminated((first ??= new Uint8Array(PATH_MAX)), bytes);
}

/** As `cString`, for a call that takes two. */
export function secondCString(bytes: Bytes): Bytes {
  return terminated((second ??= new Uint8Array(PATH_MAX)), bytes);
}

/** As `cString`, for a call that takes more; the caller's own. */
export function freshCString(bytes: Bytes): Bytes {
  return terminated(new Uint8Array(PATH_MAX), bytes);
}

function terminated(buffer: Bytes, bytes: Bytes): Bytes {
  // What the kernel would say of a longer path, and what Node says of a NUL inside.
  if (bytes.length >= PATH_MAX) throw new ErrnoError(constants.errno.ENAMETOOLONG, "libc");
  if (bytes.includes(0)) throw new ErrnoError(constants.errno.EINVAL, "libc");
  buffer.set(bytes);
  buffer[bytes.length] = 0;
  return buffer;
}
