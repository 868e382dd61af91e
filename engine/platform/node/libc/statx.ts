/** What stands at a path, into memory that is used again. @see statx(2), linux/stat.h */
import type { Bytes } from "../../../base/bytes.ts";
import { libraryFunction } from "./library.ts";

/** Bytes that the kernel fills. */
export const STATX_BYTES = 256;
/** STATX_BASIC_STATS: what stat(2) tells. */
const BASIC_STATS = 0x7ff;

/**
 * Fills `out` with a `struct statx`. For who asks about every entry of a tree: Node's own makes fifteen
 * bigints for each.
 *
 * @param directory A descriptor, or AT_FDCWD.
 * @param path Ends with a NUL byte, and is an array of more than 64 bytes: V8 moves a shorter one.
 * @param out STATX_BYTES at least.
 * @returns false when it failed: Node's lstat or fstat then says why.
 * @throws ForgeError "not-supported" where the C library has no such function.
 */
export function statx(directory: number, path: Bytes, flags: number, out: Bytes): boolean {
  return statxOf()(directory, path, flags, BASIC_STATS, out) === 0;
}

const statxOf = libraryFunction<
  (directory: number, path: Bytes, flags: number, mask: number, out: Bytes) => number
>("int statx(int directory, const void *path, int flags, unsigned int mask, void *out)");
