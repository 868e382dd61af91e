/**
 * What every `Platform` promises: the known answers of the standards, tags that are checked,
 * lengths that are believed from nobody. What one cannot do it declares with a reason.
 */
import { describe, expect, test } from "vitest";

import { type Bytes, toHex, utf8 } from "../../engine/base/bytes.ts";
import type { AeadCipher, AeadRequest, Codec, Platform } from "../../engine/platform/platform.ts";
import {
  expectBytes,
  flipped,
  fromHex,
  readVectors,
  seededBytes,
  seededText,
} from "../helpers/vectors.ts";

export interface PlatformContractOptions {
  readonly create: () => Promise<Platform>;
  /** A platform that can compress, to make what this one has to read. */
  readonly compressing: Platform;
  /** Codecs this one cannot compress with, and why. It must be able to read them. */
  readonly cannotCompress: Partial<Record<Codec, string>>;
}

interface PrimitiveVectors {
  readonly blake3: {
    readonly key: string;
    readonly cases: readonly { inputBytes: number; hash: string; keyedHash: string }[];
  };
  readonly aead: readonly {
    readonly source: string;
    readonly cipher: AeadCipher;
    readonly key: string;
    readonly nonce: string;
    readonly aad: string;
    readonly plain: string;
    readonly sealed: string;
  }[];
  readonly hmacSha256: { readonly cases: readonly { key: string; data: string; mac: string }[] };
  readonly hkdfSha256: {
    readonly cases: readonly {
      readonly keyMaterial: string;
      readonly salt: string;
      readonly info: string;
      readonly outputBytes: number;
      readonly output: string;
    }[];
  };
  readonly argon2id: {
    readonly cases: readonly {
      readonly password: string;
      readonly salt: string;
      readonly passes: number;
      readonly memoryKib: number;
      readonly lanes: number;
      readonly output: string;
    }[];
  };
  readonly crc32: { readonly data: string; readonly crc: number };
}

const vectors = readVectors<PrimitiveVectors>("primitives");
const CIPHERS: readonly AeadCipher[] = ["aes-256-gcm", "chacha20-poly1305"];
const CODECS: readonly Codec[] = ["none", "zstd", "lz4"];

export function platformContract(name: string, options: PlatformContractOptions): void {
  describe(`${name} keeps the platform contract`, () => {
    knownAnswers(options);
    sealing(options);
    compressing(options);
    odds(options);
  });
}

function knownAnswers({ create }: PlatformContractOptions): void {
  test("BLAKE3, with and without a key, gives its official vectors", async () => {
    const platform = await create();
    const { key, cases } = vectors.blake3;
    for (const { inputBytes, hash, keyedHash } of cases) {
      const input = Uint8Array.from({ length: inputBytes }, (_, i) => i % 251);
      expect(toHex(await platform.hash(input))).toBe(hash);
      expect(toHex(await platform.keyedHash(fromHex(key), input))).toBe(keyedHash);
    }
  });

  test("a key whose bytes were overwritten is another key", async () => {
    const platform = await create();
    const key = seededBytes(32, 7);
    const data = utf8("data");
    const before = [await platform.keyedHash(key, data), await platform.hmacSha256(key, data)];
    key.fill(9);
    const after = [await platform.keyedHash(key, data), await platform.hmacSha256(key, data)];
    const fresh = key.slice();
    expect(after).not.toEqual(before);
    expect(after[0]).toEqual(await platform.keyedHash(fresh, data));
    expect(after[1]).toEqual(await platform.hmacSha256(fresh, data));
  });

  test.each(vectors.aead)("$cipher gives the answer of $source", async (vector) => {
    const platform = await create();
    const request = {
      cipher: vector.cipher,
      key: fromHex(vector.key),
      nonce: fromHex(vector.nonce),
      aad: fromHex(vector.aad),
    };
    const plain = fromHex(vector.plain);
    const sealed = await platform.aeadSeal({ ...request, data: plain });
    expect(toHex(sealed)).toBe(vector.sealed);
    expect(await platform.aeadOpen({ ...request, data: sealed })).toEqual(plain);
  });

  test("HMAC-SHA256 and HKDF-SHA256 give the answers of their RFCs", async () => {
    const platform = await create();
    for (const { key, data, mac } of vectors.hmacSha256.cases) {
      expect(toHex(await platform.hmacSha256(fromHex(key), fromHex(data)))).toBe(mac);
    }
    for (const { keyMaterial, salt, info, outputBytes, output } of vectors.hkdfSha256.cases) {
      const derived = await platform.hkdfSha256({
        keyMaterial: fromHex(keyMaterial),
        salt: fromHex(salt),
        info: fromHex(info),
        outputBytes,
      });
      expect(toHex(derived)).toBe(output);
    }
  });

  test("Argon2id gives the answers of its reference implementation", async () => {
    const platform = await create();
    for (const { password, salt, passes, memoryKib, lanes, output } of vectors.argon2id.cases) {
      const derived = await platform.argon2id({
        password: fromHex(password),
        salt: fromHex(salt),
        passes,
        memoryKib,
        lanes,
        outputBytes: 32,
      });
      expect(toHex(derived)).toBe(output);
    }
  });
}

function sealing({ create }: PlatformContractOptions): void {
  const requestOf = (cipher: AeadCipher, data: Bytes): AeadRequest => ({
    cipher,
    key: seededBytes(32, 1),
    nonce: seededBytes(12, 2),
    aad: seededBytes(80, 3),
    data,
  });

  test.each(CIPHERS)("%s leaves the room at the front that was asked for", async (cipher) => {
    const platform = await create();
    const request = requestOf(cipher, seededBytes(100, 4));
    const sealed = await platform.aeadSeal(request);
    const withRoom = await platform.aeadSeal({ ...request, headroomBytes: 12 });
    expect(withRoom.subarray(0, 12)).toEqual(new Uint8Array(12));
    expect(withRoom.subarray(12)).toEqual(sealed);
  });

  test.each(CIPHERS)("%s opens nothing that was tampered with", async (cipher) => {
    const platform = await create();
    const request = requestOf(cipher, seededBytes(40, 5));
    const sealed = await platform.aeadSeal(request);
    for (let i = 0; i < sealed.length; i++) {
      expect(await platform.aeadOpen({ ...request, data: flipped(sealed, i) })).toBeUndefined();
    }
    const opening = { ...request, data: sealed };
    expect(await platform.aeadOpen(opening)).toEqual(request.data);
    for (const changed of [
      { key: flipped(request.key, 0) },
      { nonce: flipped(request.nonce, 11) },
      { aad: flipped(request.aad, 79) },
      { aad: request.aad.subarray(1) },
      { data: sealed.subarray(0, 39) },
      { data: sealed.subarray(0, 15) },
      { data: new Uint8Array(0) },
    ]) {
      expect(await platform.aeadOpen({ ...opening, ...changed })).toBeUndefined();
    }
  });
}

function compressing({ create, compressing, cannotCompress }: PlatformContractOptions): void {
  const inputs: readonly Bytes[] = [
    new Uint8Array(0),
    utf8("x"),
    seededText(1000, 1),
    seededText(100_000, 2),
    seededBytes(70_000, 3),
    new Uint8Array(300_000),
  ];

  test.each(CODECS)("what %s packed elsewhere is read here", async (codec) => {
    const platform = await create();
    for (const plain of inputs) {
      const packed = await compressing.compress(codec, 3, plain);
      expectBytes(await platform.decompress(codec, packed, plain.length), plain);
    }
  });

  test.each(CODECS)(
    "what %s packs here is read elsewhere, or not being able is said",
    async (codec) => {
      const platform = await create();
      for (const plain of inputs) {
        if (cannotCompress[codec] !== undefined) {
          await expect(platform.compress(codec, 3, plain)).rejects.toMatchObject({
            code: "not-supported",
          });
          continue;
        }
        const packed = await platform.compress(codec, 3, plain);
        expectBytes(await compressing.decompress(codec, packed, plain.length), plain);
      }
    },
  );

  test.each(CODECS)("%s data of another size than was promised is corrupt", async (codec) => {
    const platform = await create();
    for (const plain of inputs.slice(1)) {
      const packed = await compressing.compress(codec, 3, plain);
      for (const wrong of [plain.length - 1, plain.length + 1, plain.length * 2 + 500]) {
        if (wrong === 0) continue;
        await expect(platform.decompress(codec, packed, wrong)).rejects.toMatchObject({
          code: "corrupt",
        });
      }
    }
  });

  test("a bomb is stopped at the size that was promised", async () => {
    const platform = await create();
    for (const codec of ["zstd", "lz4"] as const) {
      const bomb = await compressing.compress(codec, 3, new Uint8Array(32 * 1024 * 1024));
      await expect(platform.decompress(codec, bomb, 1000)).rejects.toMatchObject({
        code: "corrupt",
      });
    }
  });

  test("noise, and data cut short, are corrupt or at least not something else", async () => {
    const platform = await create();
    for (const codec of ["zstd", "lz4"] as const) {
      const plain = seededText(5000, 11);
      const packed = await compressing.compress(codec, 3, plain);
      for (const bad of [
        packed.subarray(0, packed.length >> 1),
        packed.subarray(1),
        new Uint8Array(0),
        seededBytes(500, 12),
      ]) {
        await expect(platform.decompress(codec, bad, plain.length)).rejects.toMatchObject({
          code: "corrupt",
        });
      }
    }
  });
}

function odds({ create }: PlatformContractOptions): void {
  test("CRC-32 gives its check value, at once and piece by piece", async () => {
    const platform = await create();
    const data = fromHex(vectors.crc32.data);
    expect(platform.crc32(data, 0)).toBe(vectors.crc32.crc);
    const begun = platform.crc32(data.subarray(0, 4), 0);
    expect(platform.crc32(data.subarray(4), begun)).toBe(vectors.crc32.crc);
    expect(platform.crc32(new Uint8Array(0), 5)).toBe(5);
  });

  test("random bytes come in any length and never twice", async () => {
    const platform = await create();
    for (const length of [0, 1, 12, 32, 70_000]) {
      expect(platform.randomBytes(length)).toHaveLength(length);
    }
    expect(platform.randomBytes(32)).not.toEqual(platform.randomBytes(32));
    // The last piece of a long request is filled like the first.
    expect(platform.randomBytes(70_000).subarray(-32)).not.toEqual(new Uint8Array(32));
  });

  test("no result shares memory with another", async () => {
    const platform = await create();
    const key = seededBytes(32, 1);
    const data = seededText(200, 2);
    const request: AeadRequest = {
      cipher: "aes-256-gcm",
      key,
      nonce: seededBytes(12, 3),
      aad: data,
      data,
    };
    const sealed = await platform.aeadSeal(request);
    const opened = await platform.aeadOpen({ ...request, data: sealed });
    const results = [
      await platform.hash(data),
      await platform.keyedHash(key, data),
      await platform.hmacSha256(key, data),
      platform.randomBytes(32),
      sealed,
      opened ?? data,
    ];
    for (const result of results) {
      expect(result).toBeInstanceOf(Uint8Array);
      expect(Object.getPrototypeOf(result)).toBe(Uint8Array.prototype);
      expect(result.buffer.byteLength).toBeLessThanOrEqual(result.length + 64);
    }
    expect(new Set(results.map((result) => result.buffer)).size).toBe(results.length);
  });
}
