/** Memory for results, each with an ArrayBuffer of its own. */
import type { Bytes } from "../../base/bytes.ts";

const UNZEROED_BYTES_MIN = 64 * 1024;

/** Memory that the caller fills, all of it: zeroing is cheap for little, and saves an object. */
export function fresh(length: number): Bytes {
  return length < UNZEROED_BYTES_MIN ? new Uint8Array(length) : unshared(length);
}

/** Memory that is not part of Node's pool and not yet zeroed; the caller fills all of it. */
export function unshared(length: number): Bytes {
  const buffer = Buffer.allocUnsafeSlow(length);
  return new Uint8Array(buffer.buffer, buffer.byteOffset, length);
}
