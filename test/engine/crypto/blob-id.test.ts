import { expect, test } from "vitest";

import { equalBytes, toHex, utf8 } from "../../../engine/base/bytes.ts";
import {
  blobId,
  blobIdSync,
  openBlob,
  openBlobBriefly,
  openBlobSync,
} from "../../../engine/crypto/blob-id.ts";
import { sealSync } from "../../../engine/crypto/envelope.ts";
import type { BlobKind } from "../../../engine/crypto/key-ring.ts";
import { deriveKeyRing } from "../../../engine/crypto/master-key.ts";
import { nativePlatform, nativeSyncPlatform } from "../../../engine/platform/node/native.ts";
import { createWebPlatform } from "../../../engine/platform/web.ts";
import { type RepositoryVector, fromHex, materialOf, readVectors } from "../../helpers/vectors.ts";

interface BlobIdVectors extends RepositoryVector {
  readonly cases: readonly {
    readonly kind: BlobKind;
    readonly plain: string;
    readonly id: string;
  }[];
}

const vectors = readVectors<BlobIdVectors>("blob-ids");
const keys = await deriveKeyRing(nativePlatform, materialOf(vectors), {
  repositoryId: fromHex(vectors.repositoryId),
  cipher: "aes-256-gcm",
});

test("ids are those of a second implementation, on every platform", async () => {
  const web = await createWebPlatform();
  for (const { kind, plain, id } of vectors.cases) {
    expect(toHex(blobIdSync(nativeSyncPlatform, keys, kind, fromHex(plain)))).toBe(id);
    expect(toHex(await blobId(web, keys, kind, fromHex(plain)))).toBe(id);
  }
});

test("a blob whose content is not what its id says is corrupt, though its seal is right", async () => {
  const plain = utf8("what another holder of the keys put there");
  const compression = { codec: "none", level: 0 } as const;
  const right = blobIdSync(nativeSyncPlatform, keys, "data", plain);
  const wrong = blobIdSync(nativeSyncPlatform, keys, "data", utf8("what was backed up"));
  for (const [objectId, isRight] of [
    [right, true],
    [wrong, false],
  ] as const) {
    const made = sealSync(nativeSyncPlatform, keys, { kind: "data", objectId, plain, compression });
    const request = { kind: "data", objectId, ...made } as const;
    const openIt = () => openBlobSync(nativeSyncPlatform, keys, request, made.sealed);
    const openLater = openBlob(nativePlatform, keys, request, made.sealed);
    if (isRight) {
      expect(openIt()).toEqual(plain);
      expect(await openLater).toEqual(plain);
    } else {
      expect(openIt).toThrow(expect.objectContaining({ code: "corrupt" }));
      await expect(openLater).rejects.toMatchObject({ code: "corrupt" });
    }
  }
});

test("a blob opened briefly has the content of one opened for good, which it leaves alone", async () => {
  const plains = [1, 5_000, 300_000, 3_000_000, 12, 700_000].map((length, i) =>
    Uint8Array.from({ length }, (_, at) => (at * (i + 3)) >>> 3),
  );
  for (const cipher of ["aes-256-gcm", "chacha20-poly1305", "none"] as const) {
    const ring = await deriveKeyRing(nativePlatform, materialOf(vectors), {
      repositoryId: fromHex(vectors.repositoryId),
      cipher,
    });
    for (const codec of ["zstd", "lz4", "none"] as const) {
      const kept = plains.map((plain) => {
        const objectId = blobIdSync(nativeSyncPlatform, ring, "data", plain);
        const compression = { codec, level: 3 };
        const made = sealSync(nativeSyncPlatform, ring, {
          kind: "data",
          objectId,
          plain,
          compression,
        });
        const request = { kind: "data", objectId, ...made } as const;
        const forGood = openBlobSync(nativeSyncPlatform, ring, request, made.sealed);
        const briefly = openBlobBriefly(nativeSyncPlatform, ring, request, made.sealed);
        expect(equalBytes(briefly, plain)).toBe(true);
        made.sealed[made.sealed.length - 1] = (made.sealed.at(-1) ?? 0) ^ 1;
        expect(() => openBlobBriefly(nativeSyncPlatform, ring, request, made.sealed)).toThrow(
          expect.objectContaining({ code: "corrupt" }),
        );
        return forGood;
      });
      expect(kept.every((plain, i) => equalBytes(plain, plains[i] ?? plain.subarray(1)))).toBe(
        true,
      );
    }
  }
});
