import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type Bytes, findHex, toHex } from "../../../engine/base/bytes.ts";
import { isForgeError } from "../../../engine/base/errors.ts";
import { type BlobId, type IndexId, idOf, parseId } from "../../../engine/base/ids.ts";
import type { KeyRing } from "../../../engine/crypto/key-ring.ts";
import { deriveKeyRing } from "../../../engine/crypto/master-key.ts";
import { RECORD_BYTES, readRecord, recordId } from "../../../engine/index/index-record.ts";
import { type IndexSegment, openIndexSegment } from "../../../engine/index/index-segment-reader.ts";
import { type SegmentPack, encodeIndexSegment } from "../../../engine/index/index-segment.ts";
import { nativePlatform } from "../../../engine/platform/node/native.ts";
import { mutationsOf, survives } from "../../helpers/hostile.ts";
import { SeededRandom, testSeed } from "../../helpers/seeded-random.ts";
import { byPack, locationsOf, randomPack, testKeys } from "./index-fixture.ts";

const seed = testSeed();
const keys = await testKeys();
const id = parseId<IndexId>("1d".repeat(32));

function openBytes(bytes: Bytes, ring: KeyRing = keys): Promise<IndexSegment> {
  return openIndexSegment({
    read: ({ offset, length }) => Promise.resolve(bytes.slice(offset, offset + length)),
    platform: nativePlatform,
    keys: ring,
    id,
    totalBytes: bytes.length,
  });
}

async function allRecords(segment: IndexSegment): Promise<ReturnType<typeof locationsOf>> {
  const found: ReturnType<typeof locationsOf> = new Map();
  for (let number = 0; number < segment.pageCount; number++) {
    const page = await segment.readPage(number);
    const count = Math.min(1024, segment.recordCount - number * 1024);
    for (let slot = 0; slot < count; slot++) {
      const blob = idOf<BlobId>(recordId(page, slot));
      const { packNumber, ...place } = readRecord(page, slot);
      const location = { id: blob, packId: segment.packId(packNumber), ...place };
      found.set(blob, byPack([...(found.get(blob) ?? []), location]));
    }
  }
  return found;
}

async function codeOf(run: () => Promise<unknown>): Promise<string> {
  try {
    await run();
    return "none";
  } catch (error) {
    if (!isForgeError(error)) throw error;
    return error.code;
  }
}

describe("index segment", () => {
  test(`leaves out no page with an id of a range (seed ${seed})`, async () => {
    const random = new SeededRandom(seed);
    for (const blobs of [0, 1, 1024, 5000]) {
      const packs = blobs === 0 ? [] : [randomPack(random, blobs)];
      const segment = await openBytes(
        await encodeIndexSegment(nativePlatform, keys, { id, packs, superseded: [] }),
      );
      const firstBytes: Set<number>[] = [];
      for (let number = 0; number < segment.pageCount; number++) {
        const page = await segment.readPage(number);
        const count = page.length / RECORD_BYTES;
        firstBytes.push(
          new Set(Array.from({ length: count }, (_, i) => recordId(page, i)[0] ?? 0)),
        );
      }
      expect(segment.pagesWith({ first: 0, end: 256 })).toEqual({
        first: 0,
        end: firstBytes.length,
      });
      for (let i = 0; i < 2000; i++) {
        const first = random.below(256);
        const range = { first, end: first + 1 + random.below(256 - first) };
        const pages = segment.pagesWith(range);
        firstBytes.forEach((bytes, number) => {
          const isWanted = [...bytes].some((byte) => byte >= range.first && byte < range.end);
          if (isWanted && !(number >= pages.first && number < pages.end)) expect.fail(`${number}`);
        });
        // At most one page too many at the front.
        const wanted = firstBytes.filter((bytes) =>
          [...bytes].some((byte) => byte >= range.first && byte < range.end),
        );
        expect(pages.end - pages.first).toBeLessThanOrEqual(wanted.length + 1);
      }
    }
  });

  test.each(["aes-256-gcm", "chacha20-poly1305", "none"] as const)(
    `all records come back, with cipher %s (seed ${seed})`,
    async (cipher) => {
      const ring = await testKeys(cipher);
      const random = new SeededRandom(seed);
      for (const blobs of [0, 1, 1024, 1025, 5000]) {
        const packs = [randomPack(random, blobs), randomPack(random, 3)];
        const superseded = [parseId<IndexId>("5e".repeat(32))];
        const content = { id, packs, superseded };
        const bytes = await encodeIndexSegment(nativePlatform, ring, content);
        const segment = await openBytes(bytes, ring);
        expect(segment.recordCount).toBe(blobs + 3);
        expect(segment.superseded).toEqual(superseded);
        expect([segment.packBytes(0), segment.packBytes(1)]).toEqual(packs.map((p) => p.packBytes));
        expect(await allRecords(segment)).toEqual(locationsOf(packs));
      }
    },
  );

  test("ids that agree in their beginning, and a blob stored twice, are all there", async () => {
    const random = new SeededRandom(seed);
    const pack = randomPack(random, 40);
    const same = pack.entries.map((entry, i) => {
      const blob = entry.id.slice();
      blob.fill(7, 0, 4);
      if (i % 4 === 0) blob.fill(9);
      return { ...entry, id: blob };
    });
    const packs = [{ ...pack, entries: same }, randomPack(random, 5)];
    const bytes = await encodeIndexSegment(nativePlatform, keys, { id, packs, superseded: [] });
    const found = await allRecords(await openBytes(bytes));
    expect([...found.values()].flat().length).toBe(45);
    expect(found.get(idOf<BlobId>(new Uint8Array(32).fill(9)))?.length).toBe(10);
  });

  test("the known segment opens, and encodes to the same bytes", async () => {
    const url = new URL("../../vectors/index-segment.json", import.meta.url);
    const vector = JSON.parse(readFileSync(url, "utf8")) as Record<string, string> & {
      packs: (Omit<SegmentPack, "entries"> & { entries: Record<string, unknown>[] })[];
      superseded: IndexId[];
    };
    const hex = (field: string): Bytes => findHex(vector[field] ?? "") ?? new Uint8Array();
    const ring = await deriveKeyRing(
      nativePlatform,
      { masterKey: hex("masterKey"), epochKeys: [hex("epochKey")] },
      { repositoryId: hex("repositoryId"), cipher: "aes-256-gcm" },
    );
    const packs = vector.packs.map((pack) => ({
      ...pack,
      entries: pack.entries.map((entry) => ({ ...entry, id: findHex(String(entry["id"])) })),
    })) as unknown as SegmentPack[];
    expect(await allRecords(await openBytes(hex("hex"), ring))).toEqual(locationsOf(packs));
    let sealings = 0;
    const platform = {
      ...nativePlatform,
      randomBytes: (length: number) => new Uint8Array(length).fill(++sealings),
    };
    const { superseded } = vector;
    const bytes = await encodeIndexSegment(platform, ring, { id, packs, superseded });
    expect(toHex(bytes)).toBe(vector["hex"]);
  });

  test(`a mutated segment is refused, or all of it can be read (seed ${seed})`, async () => {
    const random = new SeededRandom(seed);
    const packs = [randomPack(random, 4)];
    const bytes = await encodeIndexSegment(nativePlatform, keys, { id, packs, superseded: [] });
    for (const mutated of mutationsOf(bytes, random)) {
      const isRead = await survives(async () => allRecords(await openBytes(mutated)));
      expect(isRead).toBe(toHex(mutated) === toHex(bytes));
    }
  });

  test("an authentic page that places a blob outside its pack is corrupt", async () => {
    const pack = randomPack(new SeededRandom(seed), 2);
    const packs = [{ ...pack, packBytes: pack.packBytes - 501 }];
    const bytes = await encodeIndexSegment(nativePlatform, keys, { id, packs, superseded: [] });
    const segment = await openBytes(bytes);
    expect(await codeOf(() => segment.readPage(0))).toBe("corrupt");
  });

  test("a damaged version is corrupt, a segment that is no version 1 is of a newer forge", async () => {
    const packs = [randomPack(new SeededRandom(seed), 2)];
    const bytes = await encodeIndexSegment(nativePlatform, keys, { id, packs, superseded: [] });
    bytes[4] = 2;
    expect(await codeOf(() => openBytes(bytes))).toBe("corrupt");
    bytes.fill(0xaa, 8);
    expect(await codeOf(() => openBytes(bytes))).toBe("unsupported-version");
  });

  test("header numbers beyond the object are refused without reading on", async () => {
    const packs = [randomPack(new SeededRandom(seed), 2)];
    const bytes = await encodeIndexSegment(nativePlatform, keys, { id, packs, superseded: [] });
    for (let field = 8; field < 32; field += 4) {
      const mutated = bytes.slice();
      mutated.fill(0xff, field, field + 4);
      expect(await codeOf(() => openBytes(mutated))).toBe("corrupt");
    }
  });
});
