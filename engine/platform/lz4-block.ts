/**
 * Decoding one raw lz4 block, for where there is no native lz4. The input is treated as hostile.
 * Source: github.com/lz4/lz4, doc/lz4_Block_format.md.
 *
 * A block is a row of sequences: a token (literal count in the upper four bits, match length − 4 in
 * the lower), more literal-count bytes while they are 255, the literals, the match's distance as
 * u16, more match-length bytes. The last sequence ends after its literals.
 */
import type { Bytes } from "../base/bytes.ts";
import { ForgeError } from "../base/errors.ts";

const MATCH_BYTES_MIN = 4;

/**
 * @param plainBytes Exact size of the result; nothing beyond it is allocated or written.
 * @throws ForgeError "corrupt" unless `packed` is one whole block that gives exactly that.
 */
export function decodeLz4Block(packed: Bytes, plainBytes: number): Bytes {
  const out = new Uint8Array(plainBytes);
  let from = 0;
  let to = 0;

  /** The count begun in a token, continued when its four bits are full. */
  function readCount(begun: number): number {
    if (begun !== 15) return begun;
    let count = begun;
    for (;;) {
      const byte = packed[from++];
      if (byte === undefined) fail("it ends within a length");
      count += byte;
      if (byte !== 255) return count;
    }
  }

  for (;;) {
    const token = packed[from++];
    if (token === undefined) fail("it ends without a last sequence");
    const literals = readCount(token >>> 4);
    if (literals > packed.length - from) fail("it ends within literals");
    if (literals > plainBytes - to) fail("it is longer in plain");
    copyLiterals(packed, from, out, to, literals);
    from += literals;
    to += literals;
    if (from === packed.length) break;

    const low = packed[from];
    const high = packed[from + 1];
    if (low === undefined || high === undefined) fail("it ends within a distance");
    from += 2;
    const distance = low | (high << 8);
    if (distance === 0 || distance > to) fail(`distance ${distance} at ${to}`);
    const length = readCount(token & 15) + MATCH_BYTES_MIN;
    if (length > plainBytes - to) fail("it is longer in plain");
    copyMatch(out, to, distance, length);
    to += length;
  }
  if (to !== plainBytes) fail(`it gives ${to} bytes`);
  return out;

  function fail(found: string): never {
    throw new ForgeError(
      "corrupt",
      `Cannot decompress ${packed.length} bytes of lz4 to ${plainBytes}: ${found}`,
    );
  }
}

/** Below this a loop is faster than a call into the engine's copying. */
const LOOP_BYTES_MAX = 24;

function copyLiterals(packed: Bytes, from: number, out: Bytes, to: number, count: number): void {
  if (count > LOOP_BYTES_MAX) {
    out.set(packed.subarray(from, from + count), to);
    return;
  }
  for (let i = 0; i < count; i++) out[to + i] = packed[from + i] as number;
}

/** A match may overlap its own result: then it repeats the last `distance` bytes. */
function copyMatch(out: Bytes, to: number, distance: number, length: number): void {
  const from = to - distance;
  if (length > LOOP_BYTES_MAX && distance >= length) {
    out.copyWithin(to, from, from + length);
    return;
  }
  for (let i = 0; i < length; i++) out[to + i] = out[from + i] as number;
}
