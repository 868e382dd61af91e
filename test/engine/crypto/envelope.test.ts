import { beforeAll, describe, expect, test } from "vitest";

import { toHex, utf8 } from "../../../engine/base/bytes.ts";
import {
  type OpenRequest,
  SEAL_OVERHEAD_BYTES,
  type SealExtra,
  open,
  openSync,
  seal,
  sealInto,
  sealSync,
} from "../../../engine/crypto/envelope.ts";
import type { KeyRing, SealedKind } from "../../../engine/crypto/key-ring.ts";
import { deriveKeyRing } from "../../../engine/crypto/master-key.ts";
import { nativePlatform, nativeSyncPlatform } from "../../../engine/platform/node/native.ts";
import type { Cipher, Codec, Platform } from "../../../engine/platform/platform.ts";
import { createWebPlatform } from "../../../engine/platform/web.ts";
import {
  type RepositoryVector,
  expectBytes,
  flipped,
  fromHex,
  materialOf,
  readVectors,
  seededBytes,
  seededText,
  withRandom,
} from "../../helpers/vectors.ts";

interface EnvelopeVectors extends RepositoryVector {
  readonly cases: readonly {
    readonly cipher: Cipher;
    readonly kind: SealedKind;
    readonly codec: Codec;
    readonly epoch: number;
    readonly objectId: string;
    readonly nonce: string;
    readonly plain: string;
    readonly extra?: SealExtra;
    readonly sealed: string;
  }[];
}

const vectors = readVectors<EnvelopeVectors>("envelope");
const CIPHERS: readonly Cipher[] = ["aes-256-gcm", "chacha20-poly1305", "none"];
const rings = new Map<Cipher, KeyRing>();
let web: Platform;

beforeAll(async () => {
  const repositoryId = fromHex(vectors.repositoryId);
  const material = materialOf(vectors);
  for (const cipher of CIPHERS) {
    rings.set(cipher, await deriveKeyRing(nativePlatform, material, { repositoryId, cipher }));
  }
  web = await createWebPlatform();
});

function ringOf(cipher: Cipher): KeyRing {
  const ring = rings.get(cipher);
  if (ring === undefined) throw new Error("no such ring");
  return ring;
}

const corrupt = expect.objectContaining({ code: "corrupt" }) as Error;

describe("known answers of a second implementation", () => {
  const named = vectors.cases.map((vector) => ({
    ...vector,
    name: `${vector.cipher}, ${vector.kind}, ${vector.codec}`,
  }));

  test.each(named)("$name opens", async (vector) => {
    const request: OpenRequest = {
      kind: vector.kind,
      objectId: fromHex(vector.objectId),
      codec: vector.codec,
      epoch: vector.epoch,
      plainBytes: vector.plain.length / 2,
      extra: vector.extra,
    };
    const sealed = fromHex(vector.sealed);
    const ring = ringOf(vector.cipher);
    expect(toHex(openSync(nativeSyncPlatform, ring, request, sealed))).toBe(vector.plain);
    expect(toHex(await open(web, ring, request, sealed))).toBe(vector.plain);
  });

  test.each(named.filter(({ codec }) => codec === "none"))("$name seals", async (vector) => {
    const ring: KeyRing = { ...ringOf(vector.cipher), currentEpoch: vector.epoch };
    const nonce = [fromHex(vector.nonce)];
    const request = {
      kind: vector.kind,
      objectId: fromHex(vector.objectId),
      plain: fromHex(vector.plain),
      compression: { codec: "none", level: 0 },
      extra: vector.extra,
    } as const;
    const here = sealSync(withRandom(nativeSyncPlatform, nonce), ring, request);
    expect(toHex(here.sealed)).toBe(vector.sealed);
    expect(here).toMatchObject({ codec: "none", epoch: vector.epoch });
    const there = await seal(withRandom(web, nonce), ring, request);
    expect(there).toEqual(here);
    const memory = new Uint8Array(here.sealed.length + 20).fill(7);
    const placed = sealInto(withRandom(nativeSyncPlatform, nonce), ring, request, (bytes) =>
      memory.subarray(10, 10 + bytes),
    );
    expect(toHex(memory)).toBe(`${"07".repeat(10)}${vector.sealed}${"07".repeat(10)}`);
    const { sealed, ...facts } = here;
    expect(placed).toEqual({ ...facts, sealedBytes: sealed.length });
  });
});

describe.each(CIPHERS)("sealing with cipher %s", (cipher) => {
  const objectId = seededBytes(32, 41);

  test("opens to what was sealed, whatever the codec, on either platform", async () => {
    const keys = ringOf(cipher);
    for (const codec of ["none", "zstd", "lz4"] as const) {
      for (const length of [0, 1, 47, 48, 1000, 65_535, 65_536, 400_000]) {
        const plain = seededText(length, 42);
        const compression = { codec, level: 3 };
        const request = { kind: "data", objectId, plain, compression } as const;
        const sealed = sealSync(nativeSyncPlatform, keys, request);
        const opening = { kind: "data", objectId, ...sealed } as const;
        expect(sealed.plainBytes).toBe(length);
        expectBytes(openSync(nativeSyncPlatform, keys, opening, sealed.sealed), plain);
        expectBytes(await open(web, keys, opening, sealed.sealed), plain);
      }
    }
  });

  test("what is sealed into memory of the caller's opens, one blob after another", () => {
    const keys = ringOf(cipher);
    const memory = new Uint8Array(3_000_000);
    for (const codec of ["none", "zstd", "lz4"] as const) {
      let end = 0;
      const blobs = [0, 1, 47, 48, 1000, 65_535, 65_536, 400_000].map((length) => {
        const plain = seededText(length, length + 1);
        const request = {
          kind: "data",
          objectId,
          plain,
          compression: { codec, level: 3 },
        } as const;
        const start = end;
        const facts = sealInto(nativeSyncPlatform, keys, request, (bytes) => {
          end += bytes;
          return memory.subarray(start, end);
        });
        return { plain, facts, start };
      });
      for (const { plain, facts, start } of blobs) {
        const sealed = memory.slice(start, start + facts.sealedBytes);
        const opening = { kind: "data", objectId, ...facts } as const;
        expectBytes(openSync(nativeSyncPlatform, keys, opening, sealed), plain);
      }
    }
  });

  test("nothing opens that was tampered with, or under other facts", () => {
    const keys = ringOf(cipher);
    const plain = utf8("a secret worth packing, ".repeat(8));
    const extra = { first: 1, second: 2 };
    const compression = { codec: "zstd", level: 3 } as const;
    const made = sealSync(nativeSyncPlatform, keys, {
      kind: "tree",
      objectId,
      plain,
      compression,
      extra,
    });
    const facts: OpenRequest = { kind: "tree", objectId, extra, ...made };
    expect(openSync(nativeSyncPlatform, keys, facts, made.sealed)).toEqual(plain);
    expect(made.codec).toBe("zstd");
    for (let i = 0; i < made.sealed.length; i++) {
      const bad = flipped(made.sealed, i);
      expect(() => openSync(nativeSyncPlatform, keys, facts, bad)).toThrow(corrupt);
    }
    const lies: readonly Partial<OpenRequest>[] = [
      { kind: "list" },
      { objectId: flipped(objectId, 31) },
      { codec: "lz4" },
      { codec: "none" },
      { epoch: 0 },
      { plainBytes: made.plainBytes + 1 },
      { plainBytes: 2 ** 32 - 1 },
      { extra: { first: 2, second: 1 } },
      { extra: undefined },
    ];
    for (const lie of lies) {
      expect(() => openSync(nativeSyncPlatform, keys, { ...facts, ...lie }, made.sealed)).toThrow(
        corrupt,
      );
    }
    // Repair must keep off what other keys may open.
    expect(() => openSync(nativeSyncPlatform, keys, { ...facts, epoch: 2 }, made.sealed)).toThrow(
      expect.objectContaining({ code: "newer-keys" }),
    );
    const elsewhere = { ...keys, repositoryId: flipped(keys.repositoryId, 0) };
    expect(() => openSync(nativeSyncPlatform, elsewhere, facts, made.sealed)).toThrow(corrupt);
    for (const length of [0, 27, 28, made.sealed.length - 1]) {
      const short = made.sealed.subarray(0, length);
      expect(() => openSync(nativeSyncPlatform, keys, facts, short)).toThrow(corrupt);
    }
  });
});

describe("compressing", () => {
  const objectId = new Uint8Array(32);
  const sealWith = (codec: Codec, plain: Uint8Array<ArrayBuffer>) =>
    sealSync(nativeSyncPlatform, ringOf("aes-256-gcm"), {
      kind: "data",
      objectId,
      plain,
      compression: { codec, level: 3 },
    });

  test("what does not become smaller is stored as it is", () => {
    for (const codec of ["zstd", "lz4"] as const) {
      for (const length of [10, 500, 30_000, 200_000]) {
        const { codec: used, sealed } = sealWith(codec, seededBytes(length, 51));
        expect(used).toBe("none");
        expect(sealed).toHaveLength(length + SEAL_OVERHEAD_BYTES);
      }
    }
  });

  test("text is packed, also when half of a large input is noise", () => {
    expect(sealWith("zstd", seededText(300_000, 52)).codec).toBe("zstd");
    expect(sealWith("lz4", seededText(300_000, 52)).codec).toBe("lz4");
    const mixed = seededBytes(300_000, 53);
    mixed.set(seededText(150_000, 54), 150_000);
    expect(sealWith("zstd", mixed).codec).toBe("zstd");
  });

  test("a noisy input is given up after a sample", () => {
    const lengths: number[] = [];
    const platform = {
      ...nativeSyncPlatform,
      compress: (codec: Codec, level: number, plain: Uint8Array<ArrayBuffer>) => {
        lengths.push(plain.length);
        return nativeSyncPlatform.compress(codec, level, plain);
      },
    };
    const plain = seededBytes(1_000_000, 55);
    const compression = { codec: "zstd", level: 3 } as const;
    sealSync(platform, ringOf("none"), { kind: "data", objectId, plain, compression });
    expect(lengths).toEqual([16_384]);
  });

  test("a plaintext beyond its kind's limit is too large, before anything is done with it", () => {
    const plain = new Uint8Array(65_537);
    const request = { kind: "lease", objectId, plain } as const;
    expect(() =>
      sealSync(nativeSyncPlatform, ringOf("none"), {
        ...request,
        compression: { codec: "none", level: 0 },
      }),
    ).toThrow(expect.objectContaining({ code: "too-large" }));
  });
});
