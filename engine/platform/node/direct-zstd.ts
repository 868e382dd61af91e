/**
 * zstd called directly. node:zlib makes a new context for every call, 20–25 µs, which for a file of a
 * few KiB is more than compressing it takes, and for a large one new tables and an output of its full
 * size; here one context and one output serve a thread for its life. The functions are those of the
 * running Node, which exports them, else the system's library. Nothing promises either: without them
 * everything works through node:zlib.
 */
import type { Bytes } from "../../base/bytes.ts";
import { BLOB_BYTES_MAX } from "../../base/limits.ts";
import { BriefMemory, unshared } from "./fresh-memory.ts";
import { loadKoffi } from "./koffi.ts";

/** What a thread keeps room for: a blob. */
export const DIRECT_BYTES_MAX: number = BLOB_BYTES_MAX;

interface SystemZstd {
  /** Bytes written to `output`, or a value above its length for an error. */
  compress(output: Bytes, plain: Bytes, level: number): number;
  /** Bytes written to `plain`, or a value above its length for an error. */
  decompress(packed: Bytes, plain: Bytes): number;
}

/** `null` once it is known that the library is not there. */
let library: SystemZstd | null | undefined;
const output = new BriefMemory(boundOf(DIRECT_BYTES_MAX));

/** Finds the library now and not at the first call, which then is 10 ms faster. */
export function bindZstd(): void {
  library ??= load();
}

/** One frame of `plain`, a fresh buffer; `undefined` where node:zlib has to do it. */
export function compressDirect(plain: Bytes, level: number): Bytes | undefined {
  return compressDirectBriefly(plain, level)?.slice();
}

/** `compressDirect` into memory that is used again: a view that the next call overwrites. */
export function compressDirectBriefly(plain: Bytes, level: number): Bytes | undefined {
  if (plain.length > DIRECT_BYTES_MAX) return undefined;
  const zstd = (library ??= load());
  if (zstd === null) return undefined;
  const out = output.of(boundOf(plain.length));
  const length = zstd.compress(out, plain, level);
  return length > out.length ? undefined : out.subarray(0, length);
}

/** At least ZSTD_compressBound. */
function boundOf(bytes: number): number {
  return bytes + (bytes >>> 8) + 128;
}

/**
 * What a frame of exactly `plainBytes` bytes holds, a fresh buffer; `undefined` where node:zlib has to
 * do it, damaged frames among them: that is where they get their error. Of any size: the output is
 * written where it stays, and no context is left to be collected.
 */
export function decompressDirect(packed: Bytes, plainBytes: number): Bytes | undefined {
  // Not zeroed: it is used only when all of it was written.
  const plain = unshared(plainBytes);
  return decompressDirectInto(packed, plain) ? plain : undefined;
}

/** `decompressDirect` into memory of the caller's, which is as long as the result. @returns false: not done. */
export function decompressDirectInto(packed: Bytes, plain: Bytes): boolean {
  const zstd = (library ??= load());
  return zstd !== null && zstd.decompress(packed, plain) === plain.length;
}

function load(): SystemZstd | null {
  try {
    const zstd = findLibrary();
    const compressor: unknown = zstd.func("void *ZSTD_createCCtx()")();
    const decompressor: unknown = zstd.func("void *ZSTD_createDCtx()")();
    if (compressor === null || decompressor === null) return null;
    const compress = zstd.func(
      "size_t ZSTD_compressCCtx(void *, uint8_t *, size_t, const uint8_t *, size_t, int)",
    ) as (...call: readonly unknown[]) => number | bigint;
    const decompress = zstd.func(
      "size_t ZSTD_decompressDCtx(void *, uint8_t *, size_t, const uint8_t *, size_t)",
    ) as (...call: readonly unknown[]) => number | bigint;
    return {
      // Errors are negative numbers seen as unsigned ones: always above any length.
      compress: (output, plain, level) =>
        Number(compress(compressor, output, output.length, plain, plain.length, level)),
      decompress: (packed, plain) =>
        Number(decompress(decompressor, plain, plain.length, packed, packed.length)),
    };
  } catch {
    return null;
  }
}

/** Node's own binary, or a library of the system: the first that has zstd. */
function findLibrary(): ReturnType<ReturnType<typeof loadKoffi>["load"]> {
  const koffi = loadKoffi();
  try {
    const program = koffi.load(null);
    program.func("unsigned int ZSTD_versionNumber()")();
    return program;
  } catch {
    return koffi.load("libzstd.so.1");
  }
}
