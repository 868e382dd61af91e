import { describe, expect, test } from "vitest";

import { type Bytes, concatBytes, toHex } from "../../../engine/base/bytes.ts";
import { blobIdSync, openBlobSync } from "../../../engine/crypto/blob-id.ts";
import { sealSync } from "../../../engine/crypto/envelope.ts";
import type { BlobKind } from "../../../engine/crypto/key-ring.ts";
import { createKeyMaterial, deriveKeyRing } from "../../../engine/crypto/master-key.ts";
import { PackBuilder } from "../../../engine/packs/pack-builder.ts";
import { openPackDirectorySync } from "../../../engine/packs/pack-format.ts";
import { nativePlatform, nativeSyncPlatform } from "../../../engine/platform/node/native.ts";
import { noise } from "../../helpers/expected-tree.ts";
import {
  type RepositoryVector,
  fromHex,
  materialOf,
  readVectors,
  seededText,
  withRandom,
} from "../../helpers/vectors.ts";

interface PackVectors extends RepositoryVector {
  readonly directoryId: string;
  readonly directoryNonce: string;
  readonly blobs: readonly { kind: BlobKind; plain: string; nonce: string }[];
  readonly bytes: string;
  readonly id: string;
}

const keys = await deriveKeyRing(nativePlatform, createKeyMaterial(nativePlatform), {
  repositoryId: new Uint8Array(32),
  cipher: "aes-256-gcm",
});

function sealedBlob(kind: BlobKind, plain: Bytes) {
  const id = blobIdSync(nativeSyncPlatform, keys, kind, plain);
  const compression = { codec: "zstd", level: 3 } as const;
  return {
    id,
    kind,
    ...sealSync(nativeSyncPlatform, keys, { kind, objectId: id, plain, compression }),
  };
}

test("a finished pack has its name, a buffer of its own, and blobs that open", () => {
  const builder = new PackBuilder({ targetBytes: 100_000 });
  const plains = [10, 1000, 0, 50_000].map((length, i) => seededText(length, i + 1));
  for (const plain of plains) builder.add(sealedBlob("data", plain));
  expect(builder.isFull).toBe(false);
  const pack = builder.finish(nativeSyncPlatform, keys);
  expect(pack.id).toBe(toHex(nativeSyncPlatform.hash(pack.bytes)));
  expect(pack.bytes.byteOffset).toBe(0);
  expect(openPackDirectorySync(nativeSyncPlatform, keys, pack.bytes)).toEqual(pack.entries);
  for (const [i, entry] of pack.entries.entries()) {
    const sealed = pack.bytes.subarray(entry.offset, entry.offset + entry.sealedBytes);
    const request = { ...entry, objectId: entry.id };
    expect(openBlobSync(nativeSyncPlatform, keys, request, sealed)).toEqual(plains[i]);
  }
});

test("memory that comes back is used again, and nothing of the pack before is in the next one", () => {
  const builder = new PackBuilder({ targetBytes: 10_000 });
  builder.add(sealedBlob("data", seededText(9_000, 1)));
  const first = builder.finish(nativeSyncPlatform, keys);
  builder.add(sealedBlob("data", seededText(500, 2)));
  const second = builder.finish(nativeSyncPlatform, keys);
  expect(second.bytes.buffer).not.toBe(first.bytes.buffer);
  const memory = first.bytes.buffer;
  builder.reuse(first.bytes);
  builder.add(sealedBlob("data", seededText(100, 3)));
  const third = builder.finish(nativeSyncPlatform, keys);
  expect(third.bytes.buffer).toBe(memory);
  expect(third.bytes.length).toBeLessThan(1_000);
  expect(third.id).toBe(toHex(nativeSyncPlatform.hash(third.bytes)));
  expect(openPackDirectorySync(nativeSyncPlatform, keys, third.bytes)).toEqual(third.entries);
  // Also what is too small, because a larger blob had made room for itself elsewhere.
  builder.reuse(third.bytes.slice());
  builder.add(sealedBlob("data", noise(200_000, 4)));
  const fourth = builder.finish(nativeSyncPlatform, keys);
  expect(openPackDirectorySync(nativeSyncPlatform, keys, fourth.bytes)).toEqual(fourth.entries);
  for (const { bytes } of [second, third, fourth]) builder.reuse(bytes);
  // Two are kept; more would be memory for nothing.
  expect(fourth.bytes.buffer.byteLength).toBe(0);
});

test("after a pack the builder is empty and the pack keeps its bytes", () => {
  const builder = new PackBuilder({ targetBytes: 10_000 });
  builder.add(sealedBlob("data", seededText(3000, 1)));
  const first = builder.finish(nativeSyncPlatform, keys);
  const copy = first.bytes.slice();
  expect(builder).toMatchObject({ sizeBytes: 0, blobCount: 0, isFull: false });
  builder.add(sealedBlob("tree", seededText(4000, 2)));
  const next = builder.finish(nativeSyncPlatform, keys);
  expect(first.bytes).toEqual(copy);
  expect(first.entries).toHaveLength(1);
  expect(next.entries).toMatchObject([{ kind: "tree", offset: 0 }]);
});

test("is full at its size, and a last blob larger than its buffer still fits", () => {
  const builder = new PackBuilder({ targetBytes: 1000 });
  builder.add(sealedBlob("data", nativeSyncPlatform.randomBytes(900)));
  expect(builder.isFull).toBe(false);
  builder.add(sealedBlob("data", nativeSyncPlatform.randomBytes(2_000_000)));
  expect(builder.isFull).toBe(true);
  const pack = builder.finish(nativeSyncPlatform, keys);
  expect(openPackDirectorySync(nativeSyncPlatform, keys, pack.bytes)).toHaveLength(2);
});

describe("a pack that must not be", () => {
  test("data beside trees is a defect", () => {
    const builder = new PackBuilder({ targetBytes: 1000 });
    builder.add(sealedBlob("tree", seededText(10, 1)));
    builder.add(sealedBlob("list", seededText(20, 1)));
    expect(() => builder.add(sealedBlob("data", seededText(10, 2)))).toThrow(/defect/);
  });

  test("one without blobs is a defect", () => {
    const builder = new PackBuilder({ targetBytes: 1000 });
    expect(() => builder.finish(nativeSyncPlatform, keys)).toThrow(/defect/);
  });

  test("one whose directory does not read back never leaves the builder", () => {
    const builder = new PackBuilder({ targetBytes: 1000 });
    builder.add(sealedBlob("data", seededText(10, 1)));
    const broken = {
      ...nativeSyncPlatform,
      aeadSeal: (request: Parameters<typeof nativeSyncPlatform.aeadSeal>[0]) =>
        nativeSyncPlatform.aeadSeal(request).fill(0, 20),
    };
    expect(() => builder.finish(broken, keys)).toThrow();
  });
});

test("with given randomness a pack has the bytes of a second implementation", async () => {
  const vectors = readVectors<PackVectors>("pack");
  const ring = await deriveKeyRing(nativePlatform, materialOf(vectors), {
    repositoryId: fromHex(vectors.repositoryId),
    cipher: "aes-256-gcm",
  });
  const builder = new PackBuilder({ targetBytes: 1000 });
  for (const { kind, plain, nonce } of vectors.blobs) {
    const platform = withRandom(nativeSyncPlatform, [fromHex(nonce)]);
    const id = blobIdSync(platform, ring, kind, fromHex(plain));
    const compression = { codec: "none", level: 0 } as const;
    const request = { kind, objectId: id, plain: fromHex(plain), compression };
    builder.add({ id, kind, ...sealSync(platform, ring, request) });
  }
  const draws = [fromHex(vectors.directoryId), fromHex(vectors.directoryNonce)];
  // The vector's directory is not compressed.
  const platform = {
    ...withRandom(nativeSyncPlatform, draws),
    compress: (_codec: string, _level: number, plain: Bytes) => concatBytes([plain, plain]),
  };
  const pack = builder.finish(platform, ring);
  expect(toHex(pack.bytes)).toBe(vectors.bytes);
  expect(pack.id).toBe(vectors.id);
});
