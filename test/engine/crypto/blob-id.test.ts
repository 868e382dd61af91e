import { expect, test } from "vitest";

import { toHex, utf8 } from "../../../engine/base/bytes.ts";
import { blobId, blobIdSync, openBlob, openBlobSync } from "../../../engine/crypto/blob-id.ts";
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
