/** SEEK_DATA and SEEK_HOLE over the holes of a file. */
import type { FsHole } from "../engine/read/readonly-fs.ts";

/** `whence` of lseek(2). */
export const SEEK_DATA = 3;
export const SEEK_HOLE = 4;

/**
 * @param holes Sorted; neighbours may touch.
 * @returns `undefined` (ENXIO) beyond the end, and for data when only a hole is left.
 */
export function seekInHoles(
  holes: readonly FsHole[],
  sizeBytes: number,
  options: { readonly offset: number; readonly whence: number },
): number | undefined {
  const { offset, whence } = options;
  if (offset < 0 || offset >= sizeBytes) return undefined;
  let at = offset;
  for (let i = firstEndingAfter(holes, offset); i < holes.length; i++) {
    const hole = holes[i];
    if (hole === undefined) break;
    if (whence === SEEK_HOLE) return Math.max(at, hole.offset);
    if (hole.offset > at) return at;
    at = hole.offset + hole.length;
  }
  // The end of every file counts as a hole.
  if (whence === SEEK_HOLE) return sizeBytes;
  return at < sizeBytes ? at : undefined;
}

/** Index of the first hole that ends after `offset`, by binary search. */
function firstEndingAfter(holes: readonly FsHole[], offset: number): number {
  let low = 0;
  let high = holes.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const hole = holes[middle];
    if (hole !== undefined && hole.offset + hole.length <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
