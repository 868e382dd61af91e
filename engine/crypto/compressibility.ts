/** Whether compressing is worth it: a cheap look before, and a comparison after. */
import { type Bytes, concatBytes } from "../base/bytes.ts";
import type { Codec } from "../platform/platform.ts";

/** Below this even zstd's frame header eats what it could save. */
const PLAIN_BYTES_MIN = 48;
/** From here a sample is much cheaper than trying: 4 × 4 KiB at level 1 take about 0.05 ms. */
const SAMPLED_BYTES_MIN = 64 * 1024;
const SAMPLE_PIECES = 4;
const SAMPLE_PIECE_BYTES = 4096;
/** The level of a trial: what level 1 cannot shrink at all, level 3 hardly can. */
export const SAMPLE_LEVEL = 1;

/** Whether to try compressing at all. */
export function mayCompress(plain: Bytes, codec: Codec): boolean {
  return codec !== "none" && plain.length >= PLAIN_BYTES_MIN;
}

/** A few pieces spread over `plain`, joined, or `undefined` when it is too small to be sampled. */
export function findSample(plain: Bytes): Bytes | undefined {
  if (plain.length < SAMPLED_BYTES_MIN) return undefined;
  const stride = (plain.length - SAMPLE_PIECE_BYTES) / (SAMPLE_PIECES - 1);
  return concatBytes(
    Array.from({ length: SAMPLE_PIECES }, (_, i) => {
      const start = Math.floor(i * stride);
      return plain.subarray(start, start + SAMPLE_PIECE_BYTES);
    }),
  );
}

/**
 * Whether `packedBytes` is enough of a saving over `plainBytes`: a 64th. Less is not worth what
 * every reader would pay to decompress it.
 */
export function isWorthPacking(plainBytes: number, packedBytes: number): boolean {
  return packedBytes < plainBytes - plainBytes / 64;
}
