import { describe, expect, test } from "vitest";

import { type Bytes, toHex } from "../../../engine/base/bytes.ts";
import { deriveKeyRing } from "../../../engine/crypto/master-key.ts";
import {
  type StandaloneKind,
  openStandalone,
  sealStandalone,
} from "../../../engine/crypto/standalone-object.ts";
import { nativePlatform } from "../../../engine/platform/node/native.ts";
import {
  type RepositoryVector,
  flipped,
  fromHex,
  materialOf,
  readVectors,
  seededText,
  withRandom,
} from "../../helpers/vectors.ts";

interface StandaloneVectors extends RepositoryVector {
  readonly cases: readonly {
    readonly kind: StandaloneKind;
    readonly objectId: string;
    readonly nonce: string;
    readonly beat?: number;
    readonly plain: string;
    readonly bytes: string;
  }[];
}

const vectors = readVectors<StandaloneVectors>("standalone-objects");
const keys = await deriveKeyRing(nativePlatform, materialOf(vectors), {
  repositoryId: fromHex(vectors.repositoryId),
  cipher: "aes-256-gcm",
});

test.each(vectors.cases)("a $kind has the bytes of a second implementation", async (vector) => {
  const { kind, beat } = vector;
  const objectId = fromHex(vector.objectId);
  const plain = fromHex(vector.plain);
  const platform = withRandom(nativePlatform, [fromHex(vector.nonce)]);
  const bytes = await sealStandalone(platform, keys, { kind, objectId, plain, beat });
  expect(toHex(bytes)).toBe(vector.bytes);
  expect(await openStandalone(platform, keys, { kind, objectId, beat, bytes })).toEqual(plain);
});

describe("a stored lease", () => {
  const objectId = new Uint8Array(32);
  const plain = seededText(500, 3);
  const request = { kind: "lease", objectId, beat: 7 } as const;
  const sealIt = () =>
    sealStandalone(nativePlatform, keys, {
      ...request,
      plain,
      compression: { codec: "zstd", level: 3 },
    });

  test("opens when it is compressed", async () => {
    const bytes = await sealIt();
    expect(bytes.length).toBeLessThan(plain.length);
    expect(await openStandalone(nativePlatform, keys, { ...request, bytes })).toEqual(plain);
  });

  test("is refused under another beat, kind or name, and with any bit changed", async () => {
    const bytes = await sealIt();
    for (const lie of [
      { beat: 8 },
      { beat: undefined },
      { kind: "snapshot" },
      { objectId: flipped(objectId, 0) },
    ] as const) {
      await expect(
        openStandalone(nativePlatform, keys, { ...request, bytes, ...lie }),
      ).rejects.toMatchObject({ code: "corrupt" });
    }
    for (let i = 0; i < bytes.length; i++) {
      const bad: Bytes = flipped(bytes, i);
      await expect(
        openStandalone(nativePlatform, keys, { ...request, bytes: bad }),
      ).rejects.toMatchObject({ code: "corrupt" });
    }
    for (const length of [0, 11, 12, 39]) {
      const short = bytes.subarray(0, length);
      await expect(
        openStandalone(nativePlatform, keys, { ...request, bytes: short }),
      ).rejects.toMatchObject({ code: "corrupt" });
    }
  });

  test("of a newer format is refused by name", async () => {
    const bytes = await sealIt();
    bytes[4] = 2;
    await expect(openStandalone(nativePlatform, keys, { ...request, bytes })).rejects.toMatchObject(
      { code: "unsupported-version" },
    );
  });
});
