import { describe, expect, test } from "vitest";

import { type Bytes, toHex } from "../../../engine/base/bytes.ts";
import { openBlobSync } from "../../../engine/crypto/blob-id.ts";
import type { BlobKind } from "../../../engine/crypto/key-ring.ts";
import { deriveKeyRing } from "../../../engine/crypto/master-key.ts";
import {
  PACK_TRAILER_BYTES,
  type PackEntry,
  decodePackDirectory,
  decodePackTrailer,
  encodePackDirectory,
  encodePackTrailer,
  openPackDirectory,
  openPackDirectorySync,
  trailerOf,
} from "../../../engine/packs/pack-format.ts";
import { nativePlatform, nativeSyncPlatform } from "../../../engine/platform/node/native.ts";
import { isForgeError } from "../../../engine/base/errors.ts";
import { createWebPlatform } from "../../../engine/platform/web.ts";
import {
  type RepositoryVector,
  flipped,
  fromHex,
  materialOf,
  readVectors,
  seededBytes,
} from "../../helpers/vectors.ts";

interface PackVectors extends RepositoryVector {
  readonly directoryId: string;
  readonly directoryNonce: string;
  readonly blobs: readonly {
    readonly kind: BlobKind;
    readonly plain: string;
    readonly id: string;
    readonly offset: number;
    readonly sealedBytes: number;
  }[];
  readonly bytes: string;
  readonly id: string;
}

const vectors = readVectors<PackVectors>("pack");
const keys = await deriveKeyRing(nativePlatform, materialOf(vectors), {
  repositoryId: fromHex(vectors.repositoryId),
  cipher: "aes-256-gcm",
});
const pack = fromHex(vectors.bytes);
const corrupt = expect.objectContaining({ code: "corrupt" }) as Error;

describe("the pack of a second implementation", () => {
  test("has its name", () => {
    expect(toHex(nativeSyncPlatform.hash(pack))).toBe(vectors.id);
  });

  test("opens to its blobs", () => {
    const entries = openPackDirectorySync(nativeSyncPlatform, keys, pack);
    expect(entries).toHaveLength(vectors.blobs.length);
    for (const [i, entry] of entries.entries()) {
      const blob = vectors.blobs[i];
      expect(toHex(entry.id)).toBe(blob?.id);
      expect(entry).toMatchObject({
        kind: blob?.kind,
        offset: blob?.offset,
        sealedBytes: blob?.sealedBytes,
        epoch: 1,
        codec: "none",
      });
      const sealed = pack.subarray(entry.offset, entry.offset + entry.sealedBytes);
      const plain = openBlobSync(
        nativeSyncPlatform,
        keys,
        { ...entry, objectId: entry.id },
        sealed,
      );
      expect(toHex(plain)).toBe(blob?.plain);
    }
  });

  test("opens from its tail alone, on the web platform", async () => {
    const tail = decodePackTrailer(pack.slice(-PACK_TRAILER_BYTES), pack.length);
    const sealed = pack.slice(
      tail.directoryOffset,
      tail.directoryOffset + tail.trailer.sealedBytes,
    );
    expect(await openPackDirectory(await createWebPlatform(), keys, tail, sealed)).toEqual(
      openPackDirectorySync(nativeSyncPlatform, keys, pack),
    );
  });

  test("with any byte of directory or trailer changed is refused", () => {
    const { directoryOffset } = decodePackTrailer(trailerOf(pack), pack.length);
    for (let i = directoryOffset; i < pack.length; i++) {
      for (const bad of [flipped(pack, i)]) {
        expect(() => openPackDirectorySync(nativeSyncPlatform, keys, bad)).toThrow(corrupt);
      }
    }
    for (const length of [0, 47, 48, 100, pack.length - 1]) {
      const short = pack.subarray(0, length);
      expect(() => openPackDirectorySync(nativeSyncPlatform, keys, short)).toThrow(corrupt);
    }
  });
});

describe("the trailer", () => {
  const trailer = {
    epoch: 3,
    codec: "zstd",
    sealedBytes: 500,
    plainBytes: 900,
    objectId: seededBytes(32, 1),
  } as const;
  const bytes = encodePackTrailer(trailer);

  test("decodes to what was encoded, with the place of the directory", () => {
    expect(bytes).toHaveLength(PACK_TRAILER_BYTES);
    expect(decodePackTrailer(bytes, 10_000)).toEqual({ trailer, directoryOffset: 10_000 - 548 });
  });

  test.each([
    ["a directory larger than the pack", bytes, 547],
    ["a pack beyond the limit", bytes, 512 * 1024 * 1024 + 1],
    ["another magic", flipped(bytes, 0), 10_000],
    ["version 0", flipped(bytes, 4), 10_000],
    ["a reserved byte", flipped(bytes, 7), 10_000],
    ["a missing byte", bytes.subarray(1), 10_000],
    [
      "a directory too short to be sealed",
      encodePackTrailer({ ...trailer, sealedBytes: 27 }),
      9000,
    ],
    ["a directory beyond the limit", encodePackTrailer({ ...trailer, plainBytes: 2 ** 31 }), 9000],
  ])("with %s is corrupt", (_what, bad, packBytes) => {
    expect(() => decodePackTrailer(bad, packBytes)).toThrow(corrupt);
  });

  test("of a newer format is refused by name", () => {
    const newer = bytes.slice();
    newer[4] = 2;
    expect(() => decodePackTrailer(newer, 10_000)).toThrow(
      expect.objectContaining({ code: "unsupported-version" }),
    );
  });
});

describe("the directory", () => {
  const entry = (change: Partial<PackEntry> = {}): PackEntry => ({
    id: seededBytes(32, 5),
    kind: "data",
    codec: "zstd",
    epoch: 0,
    offset: 0,
    sealedBytes: 100,
    plainBytes: 300,
    ...change,
  });
  const second = entry({ id: seededBytes(32, 6), offset: 120 });

  test("decodes to what was encoded; gaps are padding", () => {
    const entries = [entry(), second];
    expect(decodePackDirectory(encodePackDirectory(entries), 220)).toEqual(entries);
    expect(decodePackDirectory(encodePackDirectory([]), 0)).toEqual([]);
  });

  test.each([
    ["overlapping blobs", [entry(), entry({ offset: 99 })], 500],
    ["blobs out of order", [second, entry()], 500],
    ["a blob that reaches into the directory", [entry(), second], 219],
    ["a blob too short to be sealed", [entry({ sealedBytes: 27 })], 500],
    ["a blob beyond the limit", [entry({ plainBytes: 16 * 1024 * 1024 + 1 })], 500],
    ["a length that its codec rules out", [entry({ codec: "none" })], 500],
    ["data among trees", [entry({ kind: "tree" }), second], 500],
  ])("with %s is corrupt", (_what, entries, directoryOffset) => {
    const bytes = encodePackDirectory(entries);
    expect(() => decodePackDirectory(bytes, directoryOffset)).toThrow(corrupt);
  });

  test("of a wrong length is corrupt, before anything is allocated for it", () => {
    const bytes = encodePackDirectory([entry(), second]);
    const huge = bytes.slice();
    new DataView(huge.buffer).setUint32(0, 2 ** 32 - 1, true);
    for (const bad of [huge, bytes.subarray(1), bytes.subarray(0, 3), new Uint8Array(0)]) {
      expect(() => decodePackDirectory(bad, 500)).toThrow(corrupt);
    }
  });

  test("ends with a value or a ForgeError whatever it is given", () => {
    const bytes = encodePackDirectory([entry(), second]);
    const noise = seededBytes(4000, 8);
    for (let round = 0; round < 2000; round++) {
      const mutated: Bytes = bytes.slice();
      mutated[(round * 7) % mutated.length] = noise[round] ?? 0;
      try {
        decodePackDirectory(mutated, 500);
      } catch (error) {
        if (!isForgeError(error, "corrupt")) throw error;
      }
    }
  });
});
