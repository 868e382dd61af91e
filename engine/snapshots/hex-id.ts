/** Ids written straight into a larger buffer: no array of 32 bytes is made for each. */
import { assert } from "../base/errors.ts";
import { type BlobId, ID_BYTES } from "../base/ids.ts";

/** Value of a lower-case hex digit by character code, 255 for all others. */
const DIGITS = new Uint8Array(256).fill(255);
for (let i = 0; i < 16; i++) DIGITS["0123456789abcdef".charCodeAt(i)] = i;

/** Writes the 32 bytes of `id` at `target[at …]`. */
export function writeHexId(target: Uint8Array, at: number, id: BlobId): void {
  let all = 0;
  for (let i = 0; i < ID_BYTES; i++) {
    const high = DIGITS[id.charCodeAt(2 * i) & 0xff] as number;
    const low = DIGITS[id.charCodeAt(2 * i + 1) & 0xff] as number;
    all |= high | low;
    target[at + i] = (high << 4) | low;
  }
  assert(all <= 15 && id.length === 2 * ID_BYTES, "a branded id that is not hex");
}
