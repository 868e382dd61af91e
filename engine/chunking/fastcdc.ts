/**
 * FastCDC (Xia et al., 2020, normalised): content-defined cut points, so that an insertion moves
 * only the chunks around it. FORMAT.md "Blobs and chunking" gives the algorithm and what the keyed
 * gear table is worth.
 */
import { BLOB_BYTES_MAX } from "../base/limits.ts";

/** Where chunks may be cut. Stored in the config, for the repository's life. */
export interface ChunkerParameters {
  /** No chunk but the last of a file is shorter. */
  readonly minBytes: number;
  /** The size aimed at, a power of two. */
  readonly normalBytes: number;
  /** No chunk is longer. */
  readonly maxBytes: number;
  /** 0…4: how many bits harder a cut is before the normal size, and easier after it. */
  readonly normalization: number;
}

/** Half a blob's limit: chunks leave room for what an envelope or a later codec may add. */
const CHUNK_BYTES_MAX = BLOB_BYTES_MAX / 2;
const NORMALIZATION_MAX = 4;
/** With fewer bits than this after normalising there would be a cut nearly everywhere. */
const NORMAL_BYTES_MIN = 256;

/** What is wrong with `parameters`, as the end of a sentence, or `undefined` when nothing is. */
export function findChunkerProblem(parameters: ChunkerParameters): string | undefined {
  const { minBytes, normalBytes, maxBytes, normalization } = parameters;
  const all = [minBytes, normalBytes, maxBytes, normalization];
  if (!all.every((value) => Number.isSafeInteger(value) && value >= 0)) {
    return "chunk sizes must be whole numbers";
  }
  if (minBytes < 1 || minBytes > normalBytes || normalBytes > maxBytes) {
    return `chunk sizes ${minBytes}, ${normalBytes}, ${maxBytes} do not ascend`;
  }
  if (maxBytes > CHUNK_BYTES_MAX) {
    return `a chunk maximum of ${maxBytes} bytes is above ${CHUNK_BYTES_MAX}`;
  }
  if (normalBytes < NORMAL_BYTES_MIN || (normalBytes & (normalBytes - 1)) !== 0) {
    return `the normal chunk size ${normalBytes} is not a power of two of ${NORMAL_BYTES_MIN} or more`;
  }
  if (normalization > NORMALIZATION_MAX) {
    return `normalisation level ${normalization} is above ${NORMALIZATION_MAX}`;
  }
  return undefined;
}

/**
 * The end of the first chunk of `data[start, end)`.
 *
 * Unless `end` is the end of the file, at least `parameters.maxBytes` must be there, or the cut
 * would depend on how the file was read.
 *
 * @param parameters without a problem: `findChunkerProblem`.
 * @param gear 256 entries, from the key ring.
 * @returns the position in `data` after the chunk's last byte; `start` when there is no byte.
 */
export function findCut(
  data: Uint8Array,
  start: number,
  end: number,
  parameters: ChunkerParameters,
  gear: Uint32Array,
): number {
  const { minBytes, normalBytes, maxBytes, normalization } = parameters;
  if (end - start <= minBytes) return end;
  const normalEnd = Math.min(end, start + normalBytes);
  const maxEnd = Math.min(end, start + maxBytes);
  const bits = 31 - Math.clz32(normalBytes);
  // "The upper s bits are zero" as a mask. int32 throughout: unsigned values would become doubles.
  const strictMask = -1 << (32 - (bits + normalization));
  const looseMask = -1 << (32 - (bits - normalization));

  const first = start + minBytes;
  const strictCut = scan(data, { from: first, to: normalEnd, mask: strictMask, hash: 0 }, gear);
  if (strictCut !== 0) return strictCut;
  // A byte leaves the 32-bit hash after 32 steps: the last 32 bytes are all of its state.
  let hash = 0;
  for (let i = Math.max(first, normalEnd - 32); i < normalEnd; i++) {
    hash = ((hash << 1) + (gear[data[i] as number] as number)) | 0;
  }
  const looseCut = scan(data, { from: normalEnd, to: maxEnd, mask: looseMask, hash }, gear);
  return looseCut === 0 ? maxEnd : looseCut;
}

interface ScanRange {
  readonly from: number;
  readonly to: number;
  readonly mask: number;
  /** The hash of what stands before `from`. */
  readonly hash: number;
}

/** The position after the first byte whose hash is 0 under the mask, or 0 when there is none. */
function scan(data: Uint8Array, range: ScanRange, gear: Uint32Array): number {
  const { to, mask } = range;
  let { hash } = range;
  let i = range.from;
  // Four bytes a round: the plain loop ran at 2.0 GB/s or, once V8 had optimised it again, at 0.5;
  // this one stays at 1.8.
  const lastRound = to - 4;
  while (i <= lastRound) {
    hash = ((hash << 1) + (gear[data[i] as number] as number)) | 0;
    if ((hash & mask) === 0) return i + 1;
    hash = ((hash << 1) + (gear[data[i + 1] as number] as number)) | 0;
    if ((hash & mask) === 0) return i + 2;
    hash = ((hash << 1) + (gear[data[i + 2] as number] as number)) | 0;
    if ((hash & mask) === 0) return i + 3;
    hash = ((hash << 1) + (gear[data[i + 3] as number] as number)) | 0;
    if ((hash & mask) === 0) return i + 4;
    i += 4;
  }
  for (; i < to; i++) {
    hash = ((hash << 1) + (gear[data[i] as number] as number)) | 0;
    if ((hash & mask) === 0) return i + 1;
  }
  return 0;
}
