import { beforeAll, describe, expect, it } from "vitest";

import { type Bytes, concatBytes, toHex } from "../../../engine/base/bytes.ts";
import type { KeyRing } from "../../../engine/crypto/key-ring.ts";
import { deriveKeyRing } from "../../../engine/crypto/master-key.ts";
import { nativePlatform } from "../../../engine/platform/node/native.ts";
import {
  type RepositoryConfig,
  decodeConfig,
  encodeConfig,
  verifyConfig,
} from "../../../engine/repository/config.ts";
import { mutationsOf, survives } from "../../helpers/hostile.ts";
import { SeededRandom, testSeed } from "../../helpers/seeded-random.ts";
import {
  type RepositoryVector,
  flipped,
  fromHex,
  materialOf,
  readVectors,
} from "../../helpers/vectors.ts";

interface ConfigVectors extends RepositoryVector {
  readonly configs: readonly {
    readonly name: string;
    readonly config: RepositoryConfig;
    readonly bytes: string;
  }[];
}

const vectors = readVectors<ConfigVectors>("config");
const first = fromHex(vectors.configs[0]?.bytes ?? "");
let keys: KeyRing;

beforeAll(async () => {
  const repositoryId = fromHex(vectors.repositoryId);
  keys = await deriveKeyRing(nativePlatform, materialOf(vectors), {
    repositoryId,
    cipher: "aes-256-gcm",
  });
});

/** The body with `change` made and a checksum that fits; the code after it does not. */
async function withChecksum(change: (body: Bytes) => void): Promise<Bytes> {
  const body = first.slice(0, 72);
  change(body);
  const checksum = (await nativePlatform.hash(body)).subarray(0, 16);
  return concatBytes([body, checksum, first.subarray(88)]);
}

describe("known bytes", () => {
  it.each(vectors.configs)("$name", async ({ config, bytes }) => {
    expect(toHex(await encodeConfig(nativePlatform, keys, config))).toBe(bytes);
    expect(await decodeConfig(nativePlatform, fromHex(bytes))).toEqual(config);
    await verifyConfig(nativePlatform, keys, fromHex(bytes));
  });
});

describe("a config that is not what was written", () => {
  it("has every flip of a byte noticed, by the checksum or with the key", async () => {
    for (const offset of first.keys()) {
      const damaged = flipped(first, offset);
      const outcome = decodeConfig(nativePlatform, damaged).then(() =>
        verifyConfig(nativePlatform, keys, damaged),
      );
      await expect(outcome, `byte ${offset}`).rejects.toMatchObject({ code: "corrupt" });
    }
  });

  it("is refused as corrupt when it is empty, short, long or something else", async () => {
    const others = [
      new Uint8Array(0),
      first.slice(0, 7),
      first.slice(0, 119),
      fromHex("00".repeat(120)),
    ];
    for (const bytes of [...others, concatBytes([first, first]), new Uint8Array(70_000)]) {
      await expect(decodeConfig(nativePlatform, bytes)).rejects.toMatchObject({ code: "corrupt" });
    }
  });

  it("never makes the decoder throw anything but a ForgeError", async () => {
    const seed = testSeed();
    for (const bytes of mutationsOf(first, new SeededRandom(seed))) {
      await survives(() => decodeConfig(nativePlatform, bytes));
    }
  });

  it("is refused where its values cannot be, though its checksum fits", async () => {
    const changes: readonly ((body: Bytes) => void)[] = [
      (body) => body.fill(9, 40, 41),
      (body) => body.fill(2, 41, 42),
      (body) => body.fill(5, 42, 43),
      (body) => body.fill(0, 44, 48),
      (body) => body.fill(0xff, 52, 56),
      (body) => body.fill(0xff, 56, 60),
      (body) => body.fill(0xff, 60, 64),
      (body) => body.fill(0xff, 64, 72),
    ];
    for (const change of changes) {
      const bytes = await withChecksum(change);
      await expect(decodeConfig(nativePlatform, bytes)).rejects.toMatchObject({ code: "corrupt" });
    }
  });

  it("is found out with the key when someone changed it and made the checksum fit", async () => {
    const bytes = await withChecksum((body) => body.fill(3, 40, 41));
    expect((await decodeConfig(nativePlatform, bytes)).cipher).toBe("none");
    await expect(verifyConfig(nativePlatform, keys, bytes)).rejects.toMatchObject({
      code: "corrupt",
    });
  });
});

describe("a newer format", () => {
  it("is refused by name", async () => {
    const bytes = await withChecksum((body) => body.fill(2, 4, 5));
    await expect(decodeConfig(nativePlatform, bytes)).rejects.toMatchObject({
      code: "unsupported-version",
      message: expect.stringContaining("version 2") as unknown,
    });
  });

  it("is refused by name whatever length it has", async () => {
    const bytes = concatBytes([first, new Uint8Array(40)]);
    bytes[4] = 2;
    bytes[6] = 160;
    await expect(decodeConfig(nativePlatform, bytes)).rejects.toMatchObject({
      code: "unsupported-version",
    });
  });

  it("is not what a damaged version number is taken for", async () => {
    await expect(decodeConfig(nativePlatform, flipped(first, 4))).rejects.toMatchObject({
      code: "corrupt",
    });
  });
});
