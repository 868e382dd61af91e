import { describe, expect, test } from "vitest";

import { type Bytes, concatBytes, toHex, utf8 } from "../../../engine/base/bytes.ts";
import { type KeyId, idOf, parseId } from "../../../engine/base/ids.ts";
import type { KdfParameters } from "../../../engine/crypto/kdf.ts";
import { openKeySlot, readKeySlotHeader, sealKeySlot } from "../../../engine/crypto/key-slot.ts";
import { nativePlatform } from "../../../engine/platform/node/native.ts";
import type { AeadCipher } from "../../../engine/platform/platform.ts";
import { createWebPlatform } from "../../../engine/platform/web.ts";
import {
  type RepositoryVector,
  flipped,
  fromHex,
  materialOf,
  readVectors,
  withRandom,
} from "../../helpers/vectors.ts";

interface KeySlotVectors extends RepositoryVector {
  readonly cases: readonly {
    readonly wrapCipher: AeadCipher;
    readonly password: string;
    readonly keyFile?: string;
    readonly label: string;
    readonly createdMs: number;
    readonly kdf: KdfParameters;
    readonly salt: string;
    readonly nonce: string;
    readonly bytes: string;
    readonly id: string;
  }[];
}

const vectors = readVectors<KeySlotVectors>("key-slots");
const material = materialOf(vectors);
const repositoryId = fromHex(vectors.repositoryId);
/** The least that RFC 9106 allows: a test must not take 64 MiB and a quarter of a second. */
const CHEAP: KdfParameters = { memoryKib: 32, passes: 1, lanes: 4 };

const named = (bytes: Bytes): Promise<KeyId> => nativePlatform.hash(bytes).then(idOf<KeyId>);

describe.each(vectors.cases)("the slot of a second implementation with $wrapCipher", (vector) => {
  const keyFile = vector.keyFile === undefined ? undefined : fromHex(vector.keyFile);
  const { password, label, createdMs, kdf, wrapCipher } = vector;

  test("opens on both platforms", async () => {
    const id = parseId<KeyId>(vector.id);
    const request = { bytes: fromHex(vector.bytes), id, password, keyFile, repositoryId };
    expect(await openKeySlot(nativePlatform, request)).toEqual(material);
    expect(await openKeySlot(await createWebPlatform(), request)).toEqual(material);
  });

  test("is made with the same bytes", async () => {
    const draws = [fromHex(vector.salt), fromHex(vector.nonce)];
    const made = await sealKeySlot(withRandom(nativePlatform, draws), {
      password,
      keyFile,
      material,
      repositoryId,
      kdf,
      label,
      createdMs,
      wrapCipher,
    });
    expect(toHex(made.bytes)).toBe(vector.bytes);
    expect(made.id).toBe(vector.id);
  });

  test("tells what it is without being opened", async () => {
    const header = await readKeySlotHeader(
      nativePlatform,
      parseId<KeyId>(vector.id),
      fromHex(vector.bytes),
    );
    const needsKeyFile = keyFile !== undefined;
    expect(header).toMatchObject({ kdf, label, createdMs, wrapCipher, needsKeyFile });
  });
});

describe("opening a key slot", () => {
  const keyFile = utf8("key file");
  const make = (withKeyFile = false) =>
    sealKeySlot(nativePlatform, {
      password: "right",
      keyFile: withKeyFile ? keyFile : undefined,
      material,
      repositoryId,
      kdf: CHEAP,
      label: "test",
      createdMs: 1,
      wrapCipher: "aes-256-gcm",
    });

  test("with a wrong passphrase is wrong-password", async () => {
    const slot = await make();
    await expect(
      openKeySlot(nativePlatform, { ...slot, password: "wrong", repositoryId }),
    ).rejects.toMatchObject({ code: "wrong-password" });
  });

  test("with a wrong key file is wrong-password, and one too many does no harm", async () => {
    const slot = await make(true);
    const request = { ...slot, password: "right", repositoryId };
    expect(await openKeySlot(nativePlatform, { ...request, keyFile })).toEqual(material);
    await expect(
      openKeySlot(nativePlatform, { ...request, keyFile: utf8("other") }),
    ).rejects.toMatchObject({ code: "wrong-password" });
    const plainSlot = await make();
    const opened = await openKeySlot(nativePlatform, { ...request, ...plainSlot, keyFile });
    expect(opened).toEqual(material);
  });

  test("without the key file it needs says so before deriving anything", async () => {
    const slot = await make(true);
    const platform = { ...nativePlatform, argon2id: () => Promise.reject(new Error("not yet")) };
    await expect(
      openKeySlot(platform, { ...slot, password: "right", repositoryId }),
    ).rejects.toThrow(/needs a key file/);
  });

  test("of another repository is wrong-password: its keys depend on the repository", async () => {
    const slot = await make();
    await expect(
      openKeySlot(nativePlatform, {
        ...slot,
        password: "right",
        repositoryId: flipped(repositoryId, 0),
      }),
    ).rejects.toMatchObject({ code: "wrong-password" });
  });

  test("that does not match its name is corrupt, whichever byte differs", async () => {
    const { id, bytes } = await make();
    for (let i = 0; i < bytes.length; i++) {
      const bad = { bytes: flipped(bytes, i), id, password: "right", repositoryId };
      await expect(openKeySlot(nativePlatform, bad)).rejects.toMatchObject({ code: "corrupt" });
    }
  });

  test("that was forged under its own name never opens", async () => {
    const { bytes } = await make();
    const codes = new Set<string>();
    for (let i = 0; i < bytes.length; i++) {
      // The upper bytes of the KDF's numbers would be refused as too much; that is tested below.
      const forged = flipped(bytes, i);
      const id = await named(forged);
      const error: unknown = await openKeySlot(nativePlatform, {
        bytes: forged,
        id,
        password: "right",
        repositoryId,
      }).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ name: "ForgeError" });
      codes.add((error as { code: string }).code);
    }
    expect([...codes].sort()).toEqual(["corrupt", "unsupported-version", "wrong-password"]);
  });

  test("whose tag alone is wrong is corrupt: the passphrase was right", async () => {
    const { bytes } = await make();
    const forged = flipped(bytes, bytes.length - 1);
    await expect(
      openKeySlot(nativePlatform, {
        bytes: forged,
        id: await named(forged),
        password: "right",
        repositoryId,
      }),
    ).rejects.toMatchObject({ code: "corrupt" });
  });

  test("that asks for too much memory, passes or lanes is refused at once", async () => {
    const { bytes } = await make();
    const platform = { ...nativePlatform, argon2id: () => Promise.reject(new Error("ran")) };
    for (const [offset, value] of [
      [8, 1024 * 1024 + 1],
      [8, 31],
      [12, 17],
      [12, 0],
      [16, 17],
      [16, 0],
    ] as const) {
      const forged = bytes.slice();
      new DataView(forged.buffer).setUint32(offset, value, true);
      const id = await named(forged);
      await expect(
        openKeySlot(platform, { bytes: forged, id, password: "right", repositoryId }),
      ).rejects.toMatchObject({ code: "corrupt" });
    }
  });

  test("cut short or too long is corrupt", async () => {
    const { bytes } = await make();
    const all = [0, 4, 60, 61, 100, bytes.length - 1].map((length) => bytes.subarray(0, length));
    for (const bad of [...all, concatBytes([bytes, new Uint8Array(1)]), new Uint8Array(70_000)]) {
      const id = await named(bad);
      await expect(
        openKeySlot(nativePlatform, { bytes: bad, id, password: "right", repositoryId }),
      ).rejects.toMatchObject({ code: "corrupt" });
    }
  });
});

test("a passphrase, key file or label beyond its limit is refused", async () => {
  const request = {
    password: "x",
    material,
    repositoryId,
    kdf: CHEAP,
    label: "",
    createdMs: 1,
    wrapCipher: "aes-256-gcm",
  } as const;
  for (const excess of [
    { password: "x".repeat(65_537) },
    { keyFile: new Uint8Array(1024 * 1024 + 1) },
    { label: "x".repeat(256) },
  ]) {
    await expect(sealKeySlot(nativePlatform, { ...request, ...excess })).rejects.toMatchObject({
      code: "too-large",
    });
  }
});
