/** zstd called directly and through node:zlib read each other's frames, and damage falls to Node's. */
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";

import { expect, test } from "vitest";

import {
  DIRECT_BYTES_MAX,
  compressDirect,
  decompressDirect,
} from "../../../../engine/platform/node/direct-zstd.ts";
import { nativeSyncPlatform } from "../../../../engine/platform/node/native.ts";
import { seededText } from "../../../helpers/vectors.ts";

const SIZES = [0, 1, 100, 4096, 70_000, 128 * 1024, 300_000, 1_500_000];

test("frames are read crosswise at every size", () => {
  for (const size of SIZES) {
    const plain = seededText(size, 7);
    const packed = compressDirect(plain, 3);
    if (packed !== undefined) expect(zstdDecompressSync(packed).equals(plain)).toBe(true);
    const theirs = new Uint8Array(zstdCompressSync(plain));
    const read = decompressDirect(theirs, size);
    if (read !== undefined) expect(Buffer.from(read).equals(plain)).toBe(true);
  }
});

test("what is larger than a blob is left to node:zlib", () => {
  expect(compressDirect(new Uint8Array(DIRECT_BYTES_MAX + 1), 3)).toBeUndefined();
});

test("a frame that holds more or less than said, or is damaged, is corrupt", () => {
  const plain = seededText(5000, 3);
  const packed = nativeSyncPlatform.compress("zstd", 3, plain);
  expect(nativeSyncPlatform.decompress("zstd", packed, 5000)).toEqual(plain);
  for (const size of [0, 4999, 5001]) {
    expect(() => nativeSyncPlatform.decompress("zstd", packed, size)).toThrow(/decompress/);
  }
  const damaged = packed.slice();
  damaged[0] = 0;
  expect(() => nativeSyncPlatform.decompress("zstd", damaged, 5000)).toThrow(/decompress/);
  // A frame of 16 MiB of zeros must not write beyond the small buffer.
  const bomb = new Uint8Array(zstdCompressSync(new Uint8Array(16 << 20)));
  expect(() => nativeSyncPlatform.decompress("zstd", bomb, 1000)).toThrow(/decompress/);
});

test("results are memory of their own", () => {
  const first = nativeSyncPlatform.compress("zstd", 3, seededText(2000, 1));
  const copy = first.slice();
  nativeSyncPlatform.compress("zstd", 3, seededText(2000, 2));
  expect(first).toEqual(copy);
});
