/** OpenSSL called directly gives what node:crypto gives, and each opens what the other sealed. */
import { createCipheriv, createDecipheriv, createHmac } from "node:crypto";

import { expect, test } from "vitest";

import { directCrypto } from "../../../../engine/platform/node/direct-crypto.ts";
import { nativeSyncPlatform } from "../../../../engine/platform/node/native.ts";
import { seededText } from "../../../helpers/vectors.ts";

const SIZES = [0, 1, 15, 16, 17, 4096, 128 * 1024, 1_000_003];
const key = seededText(32, 1);
const nonce = seededText(12, 2);
const aad = seededText(80, 3);

test("this Node exports the functions, so that the tests below test them", () => {
  expect(directCrypto()).toBeDefined();
});

test.each(["aes-256-gcm", "chacha20-poly1305"] as const)(
  "%s: both ways seal alike and open each other's at every size",
  (cipher) => {
    // node:crypto's types know one AEAD a call.
    const name = cipher as "aes-256-gcm";
    for (const size of SIZES) {
      const data = seededText(size, 4);
      const sealer = createCipheriv(name, key, nonce, { authTagLength: 16 });
      sealer.setAAD(aad, { plaintextLength: size });
      const theirs = Buffer.concat([sealer.update(data), sealer.final(), sealer.getAuthTag()]);
      const ours = nativeSyncPlatform.aeadSeal({ cipher, key, nonce, aad, data, headroomBytes: 5 });
      expect(Buffer.from(ours.subarray(5)).equals(theirs)).toBe(true);
      expect(ours.subarray(0, 5)).toEqual(new Uint8Array(5));

      const request = { cipher, key, nonce, aad };
      const opened = nativeSyncPlatform.aeadOpen({ ...request, data: new Uint8Array(theirs) });
      expect(opened !== undefined && Buffer.from(opened).equals(data)).toBe(true);
      const opener = createDecipheriv(name, key, nonce, { authTagLength: 16 });
      opener.setAAD(aad, { plaintextLength: size });
      opener.setAuthTag(ours.subarray(5 + size));
      const back = Buffer.concat([opener.update(ours.subarray(5, 5 + size)), opener.final()]);
      expect(back.equals(data)).toBe(true);
    }
  },
);

test.each(["aes-256-gcm", "chacha20-poly1305"] as const)(
  "%s: one wrong bit of key, nonce, AAD, data or tag opens nothing, and the next call works",
  (cipher) => {
    const sealed = nativeSyncPlatform.aeadSeal({
      cipher,
      key,
      nonce,
      aad,
      data: seededText(99, 5),
    });
    const request = { cipher, key, nonce, aad, data: sealed };
    for (const part of ["key", "nonce", "aad", "data"] as const) {
      for (const at of [0, request[part].length - 1]) {
        const wrong = request[part].slice();
        wrong[at] = (wrong[at] ?? 0) ^ 1;
        expect(nativeSyncPlatform.aeadOpen({ ...request, [part]: wrong })).toBeUndefined();
        expect(nativeSyncPlatform.aeadOpen(request)).toEqual(seededText(99, 5));
      }
    }
  },
);

test("keys and nonces of other lengths never reach the direct calls", () => {
  const request = { cipher: "aes-256-gcm", key, nonce, aad, data: seededText(9, 6) } as const;
  expect(() => nativeSyncPlatform.aeadSeal({ ...request, key: key.subarray(1) })).toThrow();
});

test.each([0, 1, 255, 256, 257, 5000])(
  "%s bytes of AAD, below and above what is copied",
  (size) => {
    const aads = seededText(size, 9);
    const data = seededText(100, 4);
    const sealer = createCipheriv("aes-256-gcm", key, nonce, { authTagLength: 16 });
    sealer.setAAD(aads, { plaintextLength: data.length });
    const theirs = Buffer.concat([sealer.update(data), sealer.final(), sealer.getAuthTag()]);
    const request = { cipher: "aes-256-gcm", key, nonce, aad: aads } as const;
    expect(Buffer.from(nativeSyncPlatform.aeadSeal({ ...request, data })).equals(theirs)).toBe(
      true,
    );
    expect(nativeSyncPlatform.aeadOpen({ ...request, data: new Uint8Array(theirs) })).toEqual(data);
  },
);

test("HMAC-SHA256 equals node:crypto's at every length", () => {
  for (const size of [0, 1, 32, 64, 65, 256, 257, 1000]) {
    for (const keyBytes of [1, 32, 64, 100, 256, 257]) {
      const [secret, data] = [seededText(keyBytes, 7), seededText(size, 8)];
      const wanted = createHmac("sha256", secret).update(data).digest();
      expect(wanted.equals(nativeSyncPlatform.hmacSha256(secret, data))).toBe(true);
    }
  }
});

test("HMAC-SHA256 under keys in turn, each also twice, and after a key of no bytes", () => {
  const keys = [seededText(32, 1), seededText(32, 2), seededText(31, 1), new Uint8Array(0)];
  for (const at of [0, 1, 1, 0, 2, 2, 0, 0, 3, 3, 0, 1]) {
    const secret = keys[at] ?? key;
    const data = seededText(32, at);
    const wanted = createHmac("sha256", secret).update(data).digest();
    expect(wanted.equals(nativeSyncPlatform.hmacSha256(secret, data))).toBe(true);
  }
});
