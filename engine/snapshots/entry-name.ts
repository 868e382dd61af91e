/** What can be the name of a directory entry, and the order of names, on ranges of a larger buffer. */
import { NAME_BYTES_MAX } from "../base/limits.ts";

const SLASH = 0x2f;
const DOT = 0x2e;

/**
 * Why `bytes[start … end)` cannot be one path component, or `undefined` when it can. The empty name
 * is refused; the root's is the caller's exception.
 */
export function nameFault(bytes: Uint8Array, start: number, end: number): string | undefined {
  const length = end - start;
  if (length <= 0) return "a name is empty";
  if (length > NAME_BYTES_MAX) return `a name has ${length} bytes, at most ${NAME_BYTES_MAX}`;
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number;
    if (byte === SLASH || byte === 0) return "a name contains a slash or NUL";
  }
  if (bytes[start] === DOT && (length === 1 || (length === 2 && bytes[start + 1] === DOT))) {
    return 'a name is "." or ".."';
  }
  return undefined;
}

/** Order of `a` and the range `b[start … end)` as unsigned bytes: negative, 0 or positive. */
export function compareToRange(a: Uint8Array, b: Uint8Array, start: number, end: number): number {
  const n = Math.min(a.length, end - start);
  for (let i = 0; i < n; i++) {
    const difference = (a[i] as number) - (b[start + i] as number);
    if (difference !== 0) return difference;
  }
  return a.length - (end - start);
}

/** Whether `[start … middle)` is before `[middle … end)`, two neighbours in one buffer. */
export function neighboursAscend(
  bytes: Uint8Array,
  start: number,
  middle: number,
  end: number,
): boolean {
  const n = Math.min(middle - start, end - middle);
  for (let i = 0; i < n; i++) {
    const difference = (bytes[start + i] as number) - (bytes[middle + i] as number);
    if (difference !== 0) return difference < 0;
  }
  return middle - start < end - middle;
}
