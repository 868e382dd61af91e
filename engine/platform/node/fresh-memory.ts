/** Memory for results: each with an ArrayBuffer of its own, or one that is used again and again. */
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

/** What `BriefMemory` begins with. */
const BRIEF_BYTES_MIN = 256 * 1024;

/**
 * Memory of a thread for results that are done with before the next one: without an object to make and to
 * collect for each, and without pages that the kernel has to clear.
 */
export class BriefMemory {
  readonly #bytesMax: number;
  #memory: Bytes = new Uint8Array(0);

  /** @param bytesMax What is larger gets memory of its own. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Memory that the caller fills, all of it. The next call may give the same. */
  of(length: number): Bytes {
    if (length > this.#bytesMax) return unshared(length);
    if (length > this.#memory.length) {
      this.#memory.buffer.transfer(0);
      const grown = Math.max(BRIEF_BYTES_MIN, Math.min(2 * length, this.#bytesMax));
      // Pages that are never written to cost nothing.
      this.#memory = new Uint8Array(grown);
    }
    return this.#memory.subarray(0, length);
  }
}
