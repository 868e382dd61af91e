import { expect, test } from "vitest";

import { nativePlatform, nativeSyncPlatform } from "../../../../engine/platform/node/native.ts";
import type { AeadRequest } from "../../../../engine/platform/platform.ts";
import { createWebPlatform } from "../../../../engine/platform/web.ts";
import { platformContract } from "../../../contracts/platform.ts";
import { expectBytes, seededBytes, seededText } from "../../../helpers/vectors.ts";

platformContract("Node's platform", {
  create: () => Promise.resolve(nativePlatform),
  compressing: nativePlatform,
  cannotCompress: {},
});

test("the synchronous platform and the web platform agree byte for byte", async () => {
  const web = await createWebPlatform();
  const key = seededBytes(32, 21);
  for (const length of [0, 1, 63, 64, 1023, 1025, 5000, 200_000]) {
    const data = seededText(length, 22);
    expect(nativeSyncPlatform.hash(data)).toEqual(await web.hash(data));
    expect(nativeSyncPlatform.keyedHash(key, data)).toEqual(await web.keyedHash(key, data));
    expect(nativeSyncPlatform.hmacSha256(key, data)).toEqual(await web.hmacSha256(key, data));
    expect(nativeSyncPlatform.crc32(data, 77)).toBe(web.crc32(data, 77));
    for (const cipher of ["aes-256-gcm", "chacha20-poly1305"] as const) {
      const request: AeadRequest = {
        cipher,
        key,
        nonce: seededBytes(12, 23),
        aad: seededBytes(88, 24),
        data,
      };
      expectBytes(nativeSyncPlatform.aeadSeal(request), await web.aeadSeal(request));
    }
  }
});

test("results can be transferred to another thread", () => {
  const plain = seededText(100_000, 31);
  for (const codec of ["zstd", "lz4"] as const) {
    const packed = nativeSyncPlatform.compress(codec, 3, plain);
    const unpacked = nativeSyncPlatform.decompress(codec, packed, plain.length);
    const moved = structuredClone(unpacked, { transfer: [unpacked.buffer] });
    expectBytes(moved, plain);
  }
});
