import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";

import { expect, test } from "vitest";

import { utf8 } from "../../../../engine/base/bytes.ts";
import { type BlobId, type PackId, idOf, parseId } from "../../../../engine/base/ids.ts";
import { blobIdSync } from "../../../../engine/crypto/blob-id.ts";
import { sealSync } from "../../../../engine/crypto/envelope.ts";
import type { KeyRing } from "../../../../engine/crypto/key-ring.ts";
import { createKeyMaterial, deriveKeyRing } from "../../../../engine/crypto/master-key.ts";
import type { BlobLocation } from "../../../../engine/index/blob-location.ts";
import { createDecodePool } from "../../../../engine/platform/node/decode-pool.ts";
import { nativePlatform, nativeSyncPlatform } from "../../../../engine/platform/node/native.ts";
import type { Codec } from "../../../../engine/platform/platform.ts";
import { expectBytes, noise } from "../../../helpers/expected-tree.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const keys: KeyRing = await deriveKeyRing(nativePlatform, createKeyMaterial(nativePlatform), {
  repositoryId: nativePlatform.randomBytes(32),
  cipher: "aes-256-gcm",
});

function sealed(plain: Bytes, codec: Codec = "zstd"): { location: BlobLocation; bytes: Bytes } {
  const objectId = blobIdSync(nativeSyncPlatform, keys, "data", plain);
  const request = { kind: "data", objectId, plain, compression: { codec, level: 1 } } as const;
  const object = sealSync(nativeSyncPlatform, keys, request);
  const location: BlobLocation = {
    id: idOf<BlobId>(objectId),
    packId: parseId<PackId>("0".repeat(64)),
    offset: 0,
    sealedBytes: object.sealed.length,
    plainBytes: plain.length,
    kind: "data",
    codec: object.codec,
    epoch: object.epoch,
  };
  return { location, bytes: object.sealed };
}

test("small and large blobs of every codec come back as they were, in buffers of their own", async () => {
  const pool = createDecodePool({ keys, workers: 2, inlineBytesMax: 1000, eager: true });
  const plains = [
    new Uint8Array(0),
    utf8("small"),
    noise(1001),
    new Uint8Array(500_000),
    noise(300_000),
  ];
  for (const codec of ["none", "zstd", "lz4"] as const) {
    const decoded = await Promise.all(
      plains.map((plain) => {
        const { location, bytes } = sealed(plain, codec);
        return pool.decode(location, bytes);
      }),
    );
    decoded.forEach((plain, i) => expectBytes(plain, plains[i] ?? plain));
    for (const plain of decoded) {
      expect(plain.buffer.byteLength - plain.byteLength).toBeLessThanOrEqual(64);
    }
  }
  await pool.close();
});

test.runIf(process.platform === "linux")(
  "threads can be started before there is work for them, and not after the end",
  async () => {
    const pool = createDecodePool({ keys, workers: 2 });
    await expect.poll(decodingThreads).toBe(0);
    pool.startThreads();
    pool.startThreads();
    await expect.poll(decodingThreads).toBe(2);
    await pool.close();
    pool.startThreads();
    await expect.poll(decodingThreads).toBe(0);
  },
);

/** Threads of this process by the name that they are given; see proc(5), comm. */
function decodingThreads(): number {
  const names = readdirSync("/proc/self/task").map((id) =>
    readFileSync(`/proc/self/task/${id}/comm`, "utf8"),
  );
  return names.filter((name) => name === "forge-decode\n").length;
}

test("a part of a larger read is decoded without taking the rest away", async () => {
  const pool = createDecodePool({ keys, workers: 1, inlineBytesMax: 0, eager: true });
  const { location, bytes } = sealed(noise(2000));
  const span = new Uint8Array(bytes.length + 100);
  span.set(bytes, 50);
  const part = span.subarray(50, 50 + bytes.length);
  expect(await pool.decode(location, part)).toEqual(noise(2000));
  expect(await pool.decode(location, part)).toEqual(noise(2000));
  await pool.close();
});

test("damage and a wrong id are corrupt, in a thread as on the spot", async () => {
  for (const inlineBytesMax of [0, 1_000_000]) {
    const pool = createDecodePool({ keys, workers: 1, inlineBytesMax, eager: true });
    const { location, bytes } = sealed(noise(2000));
    const damaged = bytes.slice();
    damaged[40] = (damaged[40] ?? 0) ^ 1;
    await expect(pool.decode(location, damaged)).rejects.toMatchObject({ code: "corrupt" });
    const other = { ...location, id: parseId<BlobId>("f".repeat(64)) };
    await expect(pool.decode(other, bytes.slice())).rejects.toMatchObject({ code: "corrupt" });
    expect(await pool.decode(location, bytes)).toEqual(noise(2000));
    await pool.close();
  }
});

test("large blobs do not wait for threads to start", async () => {
  const pool = createDecodePool({ keys, workers: 2, inlineBytesMax: 0 });
  const decoded: number[] = [];
  for (let i = 0; i < 20; i++) {
    const { location, bytes } = sealed(noise(5000, i + 1));
    // On the spot, the promise is kept before any timer or message.
    void pool.decode(location, bytes).then((plain) => decoded.push(plain.length));
  }
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  expect(decoded).toEqual(Array.from({ length: 20 }, () => 5000));
  // Once a thread is there, it does the work.
  const { location, bytes } = sealed(noise(5000));
  const isMoved = async (): Promise<boolean> => {
    const own = bytes.slice();
    await pool.decode(location, own);
    return own.length === 0;
  };
  await expect.poll(isMoved, { timeout: 20_000 }).toBe(true);
  await pool.close();
});

test("many blobs wait their turn and all arrive", async () => {
  const pool = createDecodePool({ keys, workers: 2, inlineBytesMax: 0, eager: true });
  const plains = Array.from({ length: 100 }, (_, i) => noise(10_000, i + 1));
  const decoded = await Promise.all(
    plains.map((plain) => {
      const { location, bytes } = sealed(plain);
      return pool.decode(location, bytes);
    }),
  );
  decoded.forEach((plain, i) => expectBytes(plain, plains[i] ?? plain));
  await pool.close();
});

test("closing rejects what is under way and what comes after", async () => {
  const pool = createDecodePool({ keys, workers: 1, inlineBytesMax: 0, eager: true });
  const jobs = Array.from({ length: 5 }, () => {
    const { location, bytes } = sealed(noise(100_000));
    return pool.decode(location, bytes);
  });
  const settled = Promise.allSettled(jobs);
  await Promise.resolve();
  await pool.close();
  for (const result of await settled) {
    expect(result).toMatchObject({ status: "rejected", reason: { code: "aborted" } });
  }
  const { location, bytes } = sealed(noise(100));
  await expect(pool.decode(location, bytes)).rejects.toMatchObject({ code: "aborted" });
});

test("an idle pool does not keep the process alive, and one at work does", () => {
  const root = new URL("../../../../", import.meta.url).href;
  const program = `
    const at = (path) => import(new URL(path, ${JSON.stringify(root)}).href);
    const { createDecodePool } = await at("engine/platform/node/decode-pool.ts");
    const { nativePlatform, nativeSyncPlatform } = await at("engine/platform/node/native.ts");
    const { createKeyMaterial, deriveKeyRing } = await at("engine/crypto/master-key.ts");
    const { sealSync } = await at("engine/crypto/envelope.ts");
    const { blobIdSync } = await at("engine/crypto/blob-id.ts");
    const { idOf } = await at("engine/base/ids.ts");
    const keys = await deriveKeyRing(nativePlatform, createKeyMaterial(nativePlatform), {
      repositoryId: new Uint8Array(32), cipher: "aes-256-gcm" });
    const plain = new Uint8Array(200000);
    const objectId = blobIdSync(nativeSyncPlatform, keys, "data", plain);
    const { sealed, ...facts } = sealSync(nativeSyncPlatform, keys, {
      kind: "data", objectId, plain, compression: { codec: "zstd", level: 1 } });
    const pool = createDecodePool({ keys, workers: 1, eager: true });
    pool.decode({ ...facts, id: idOf(objectId), kind: "data", sealedBytes: sealed.length }, sealed)
      .then((decoded) => console.log("decoded " + decoded.length));
  `;
  const out = execFileSync(process.execPath, ["--input-type=module", "-e", program], {
    encoding: "utf8",
    timeout: 20_000,
  });
  expect(out).toBe("decoded 200000\n");
});
