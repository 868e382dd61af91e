import { expect, test } from "vitest";

import { toHex } from "../../../engine/base/bytes.ts";
import { SEALED_KINDS, type SealedKind } from "../../../engine/crypto/key-ring.ts";
import { createKeyMaterial, deriveKeyRing } from "../../../engine/crypto/master-key.ts";
import { nativePlatform } from "../../../engine/platform/node/native.ts";
import { createWebPlatform } from "../../../engine/platform/web.ts";
import { type RepositoryVector, fromHex, materialOf, readVectors } from "../../helpers/vectors.ts";

interface KeyVectors extends RepositoryVector {
  readonly blobIdKeys: Readonly<Record<"data" | "tree" | "list", string>>;
  readonly configKey: string;
  readonly gearTable: string;
  readonly treeCutTable: string;
  readonly sealKeys: readonly Readonly<Record<SealedKind, string>>[];
}

const vectors = readVectors<KeyVectors>("keys");
const repository = { repositoryId: fromHex(vectors.repositoryId), cipher: "aes-256-gcm" } as const;

test.each([
  ["Node's platform", () => Promise.resolve(nativePlatform)],
  ["the web platform", createWebPlatform],
])("%s derives every key that a second implementation derives", async (_name, create) => {
  const ring = await deriveKeyRing(await create(), materialOf(vectors), repository);
  expect(toHex(ring.configKey)).toBe(vectors.configKey);
  expect(ring.currentEpoch).toBe(1);
  for (const kind of ["data", "tree", "list"] as const) {
    expect(toHex(ring.blobIdKeys[kind])).toBe(vectors.blobIdKeys[kind]);
  }
  for (const [epoch, keys] of vectors.sealKeys.entries()) {
    for (const [kind, key] of Object.entries(keys)) {
      const number = SEALED_KINDS[kind as SealedKind];
      expect(toHex(ring.sealKeys[epoch]?.[number] ?? new Uint8Array(0))).toBe(key);
    }
  }
  expect(toHex(new Uint8Array(ring.gearTable.buffer))).toBe(vectors.gearTable);
  expect(toHex(new Uint8Array(ring.treeCutTable.buffer))).toBe(vectors.treeCutTable);
});

test("no key has two roles, and another repository has others", async () => {
  const material = createKeyMaterial(nativePlatform);
  const ring = await deriveKeyRing(nativePlatform, material, repository);
  const otherId = { ...repository, repositoryId: new Uint8Array(32) };
  const other = await deriveKeyRing(nativePlatform, material, otherId);
  const keys = [ring, other].flatMap((r) => [
    ...(r.sealKeys[0] ?? []).slice(1),
    ...Object.values(r.blobIdKeys),
    r.configKey,
    new Uint8Array(r.gearTable.buffer.slice(0, 32)),
    new Uint8Array(r.treeCutTable.buffer.slice(0, 32)),
  ]);
  expect(new Set(keys.map(toHex)).size).toBe(2 * (10 + 3 + 1 + 2));
});

test("two new repositories share no key", () => {
  const [a, b] = [createKeyMaterial(nativePlatform), createKeyMaterial(nativePlatform)];
  expect(a.masterKey).toHaveLength(32);
  expect(a.epochKeys).toHaveLength(1);
  expect(a.masterKey).not.toEqual(b.masterKey);
  expect(a.epochKeys[0]).not.toEqual(b.epochKeys[0]);
  expect(a.masterKey).not.toEqual(a.epochKeys[0]);
});
