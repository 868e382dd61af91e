import { describe, expect, test } from "vitest";
import type { ForgeError } from "../../../engine/base/errors.ts";
import { ForgeError as Failure } from "../../../engine/base/errors.ts";
import { type BlobId, idBytes, idOf } from "../../../engine/base/ids.ts";
import { BlobIndex } from "../../../engine/index/blob-index.ts";
import type { BlobLocation } from "../../../engine/index/blob-location.ts";
import { FingerprintTable } from "../../../engine/index/fingerprint-table.ts";
import type { SegmentPack } from "../../../engine/index/index-segment.ts";
import { nativePlatform } from "../../../engine/platform/node/native.ts";
import { SeededRandom, testSeed } from "../../helpers/seeded-random.ts";
import { SegmentStore, byPack, locationsOf, randomPack, testKeys } from "./index-fixture.ts";

const seed = testSeed();
const keys = await testKeys();

interface Opened {
  readonly index: BlobIndex;
  readonly problems: ForgeError[];
}

async function openIndex(backend: SegmentStore, pageCacheBytes?: number): Promise<Opened> {
  const problems: ForgeError[] = [];
  const onProblem = (error: ForgeError): void => void problems.push(error);
  const options = { backend, platform: nativePlatform, keys, onProblem, pageCacheBytes };
  return { index: await BlobIndex.open(options), problems };
}

async function expectAll(index: BlobIndex, packs: readonly SegmentPack[]): Promise<void> {
  const wanted = new Map<BlobId, BlobLocation[]>();
  for (const [id, places] of locationsOf(packs)) wanted.set(id, byPack(places));
  const found = new Map<BlobId, BlobLocation[]>();
  for (const id of wanted.keys()) found.set(id, byPack(await index.find(id)));
  expect(found).toEqual(wanted);
  const many = await index.findMany(wanted.keys());
  for (const [id, places] of many) many.set(id, byPack(places));
  expect(many).toEqual(wanted);
}

/** What `peekPacks` says of an id that stands somewhere in other bytes, and the packs it tells. */
function peekPacks(index: BlobIndex, id: BlobId, at = 5): { answer: string; packs: string[] } {
  const bytes = new Uint8Array(at + 40).fill(255);
  bytes.set(idBytes(id), at);
  const packs: string[] = [];
  const answer = index.peekPacks(bytes, at, (pack) => void packs.push(pack));
  return { answer, packs };
}

function absentId(random: SeededRandom): BlobId {
  return idOf<BlobId>(random.bytes(32));
}

describe("blob index", () => {
  test(`finds every blob of every segment and no other (seed ${seed})`, async () => {
    const random = new SeededRandom(seed);
    const store = new SegmentStore(keys);
    const packs: SegmentPack[] = [];
    for (const blobs of [0, 1, 700, 6000, 3000]) {
      const own = [randomPack(random, blobs), randomPack(random, 10)];
      packs.push(...own);
      await store.put(own);
    }
    const { index, problems } = await openIndex(store);
    expect(index.blobCount).toBe(packs.reduce((sum, pack) => sum + pack.entries.length, 0));
    await expectAll(index, packs);
    for (let i = 0; i < 1000; i++) {
      const id = absentId(random);
      expect(await index.find(id)).toEqual([]);
      expect(index.peek(id)).not.toBeInstanceOf(Array);
      expect(peekPacks(index, id).packs).toEqual([]);
    }
    for (const [id, places] of locationsOf(packs)) {
      const told = peekPacks(index, id);
      expect(told.answer).toBe("found");
      expect(told.packs.sort()).toEqual(places.map(({ packId }) => packId).sort());
    }
    expect(new Map(Array.from(index.packs(), (pack) => [pack.packId, pack.packBytes]))).toEqual(
      new Map(packs.map((pack) => [pack.packId, pack.packBytes])),
    );
    let all = 0;
    for await (const { id } of index.locations()) all += (await index.find(id)).length;
    expect(all).toBe(index.blobCount);
    expect(problems).toEqual([]);
  });

  test("a blob that is stored twice has two places", async () => {
    const random = new SeededRandom(seed);
    const store = new SegmentStore(keys);
    const first = randomPack(random, 10);
    const second = { ...randomPack(random, 0), packBytes: first.packBytes, entries: first.entries };
    await store.put([first]);
    await store.put([second]);
    const { index } = await openIndex(store);
    await expectAll(index, [first, second]);
    const id = idOf<BlobId>(first.entries[0]?.id ?? new Uint8Array(32));
    expect(index.peek(id).length).toBe(2);
    expect(peekPacks(index, id).packs.sort()).toEqual([first.packId, second.packId].sort());
  });

  test("an answer at once needs the page in memory, and says so", async () => {
    const random = new SeededRandom(seed);
    const store = new SegmentStore(keys);
    const pack = randomPack(random, 8000);
    await store.put([pack]);
    // More than 256 KiB: the segment is not read whole.
    const { index } = await openIndex(store);
    const id = idOf<BlobId>(pack.entries[0]?.id ?? new Uint8Array(32));
    expect(index.peek(id)).toBe("unread");
    expect(peekPacks(index, id)).toEqual({ answer: "unread", packs: [] });
    const reads = store.reads;
    const [a, b] = await Promise.all([index.find(id), index.find(id)]);
    expect(store.reads).toBe(reads + 1);
    expect(a).toEqual(b);
    expect(index.peek(id)).toEqual(a);
    expect(peekPacks(index, id)).toEqual({ answer: "found", packs: [pack.packId] });
  });

  test("small segments come with their pages in one read", async () => {
    const random = new SeededRandom(seed);
    const store = new SegmentStore(keys);
    const packs = [randomPack(random, 100)];
    await store.put(packs);
    const { index } = await openIndex(store);
    await expectAll(index, packs);
    expect(store.reads).toBe(1);
  });

  test("many look-ups read each page once, neighbours together", async () => {
    const random = new SeededRandom(seed);
    const store = new SegmentStore(keys);
    const packs = [randomPack(random, 10_000)];
    await store.put(packs);
    const { index } = await openIndex(store);
    const reads = store.reads;
    await index.findMany(locationsOf(packs).keys());
    expect(store.reads).toBe(reads + 1);
  });

  test("look-ups one by one read more pages each time, unless they would not fit", async () => {
    const random = new SeededRandom(seed);
    const store = new SegmentStore(keys);
    const packs = [randomPack(random, 40_000)];
    await store.put(packs);
    const ids = [...locationsOf(packs).keys()].slice(0, 2000);
    const readsOf = async (pageCacheBytes?: number): Promise<number> => {
      const { index } = await openIndex(store, pageCacheBytes);
      const before = store.reads;
      await index.find(ids[0] as BlobId);
      expect(store.reads).toBe(before + 1);
      for (const id of ids) expect(await index.find(id)).toHaveLength(1);
      return store.reads - before;
    };
    // 40 pages: 1, 2, 4 and 8 of them, then 16 at a time.
    expect(await readsOf()).toBeLessThan(12);
    expect(await readsOf(1_000_000)).toBeGreaterThan(500);
  });

  test("a page cache smaller than the index changes nothing but speed", async () => {
    const random = new SeededRandom(seed);
    const store = new SegmentStore(keys);
    const packs = [randomPack(random, 5500), randomPack(random, 300)];
    await store.put(packs);
    const { index } = await openIndex(store, 60_000);
    await expectAll(index, packs.slice(1));
    expect(index.memoryBytes).toBeLessThan(400_000);
  });

  test("new segments come with a refresh, and those that are gone leave", async () => {
    const random = new SeededRandom(seed);
    const store = new SegmentStore(keys);
    const packs = Array.from({ length: 6 }, () => randomPack(random, 2000));
    const [first, second] = [
      await store.put(packs.slice(0, 1)),
      await store.put(packs.slice(1, 2)),
    ];
    const { index } = await openIndex(store);
    expect(await index.refresh()).toBe(0);
    await store.put(packs.slice(2, 5));
    expect(await index.refresh()).toBe(1);
    await expectAll(index, packs.slice(0, 5));
    store.objects.delete(first.id);
    await index.refresh();
    await expectAll(index, packs.slice(1, 5));
    for (const id of locationsOf(packs.slice(0, 1)).keys())
      expect(await index.find(id)).toEqual([]);
    await store.put([...packs.slice(1, 2), ...packs.slice(5)], [second.id]);
    expect(await index.refresh()).toBe(1);
    expect(index.segmentIds()).not.toContain(second.id);
    await expectAll(index, packs.slice(1));
  });

  test("superseded segments are ignored from the beginning", async () => {
    const random = new SeededRandom(seed);
    const store = new SegmentStore(keys);
    const old = [randomPack(random, 50)];
    const { id } = await store.put(old);
    const merged = [randomPack(random, 50)];
    await store.put(merged, [id]);
    const { index } = await openIndex(store);
    expect(index.blobCount).toBe(50);
    await expectAll(index, merged);
    expect(await index.find([...locationsOf(old).keys()][0] ?? absentId(random))).toEqual([]);
    const reads = store.reads;
    await index.refresh();
    expect(store.reads).toBe(reads);
  });

  test("own segments are added without a read, and the table grows with them", async () => {
    const random = new SeededRandom(seed);
    const store = new SegmentStore(keys);
    const { index } = await openIndex(store);
    const shared = index.fingerprints;
    const packs: SegmentPack[] = [];
    for (let i = 0; i < 12; i++) {
      const pack = randomPack(random, 500);
      const { id, bytes } = await store.put([pack]);
      await index.addSegment(id, bytes);
      await index.addSegment(id, bytes);
      packs.push(pack);
    }
    expect(store.reads).toBe(0);
    expect(index.blobCount).toBe(6000);
    expect(index.fingerprints).not.toBe(shared);
    await expectAll(index, packs);
    expect(await index.refresh()).toBe(0);
  });

  test("a segment larger than one read takes a second, and own large ones are read later", async () => {
    const random = new SeededRandom(seed);
    const store = new SegmentStore(keys);
    // Packs of one blob: the directory is most of the segment.
    const packs = Array.from({ length: 7000 }, () => randomPack(random, 1));
    const { id, bytes } = await store.put(packs);
    const { index } = await openIndex(store);
    expect(store.reads).toBe(2);
    const some = packs.slice(0, 50);
    await expectAll(index, some);
    const other = new SegmentStore(keys);
    const { index: own } = await openIndex(other);
    other.objects.set(id, bytes);
    await own.addSegment(id, bytes);
    await expectAll(own, some);
  });

  test("an unreadable segment is reported and the others are used", async () => {
    const random = new SeededRandom(seed);
    const store = new SegmentStore(keys);
    const packs = [randomPack(random, 50)];
    await store.put(packs);
    const bad = await store.put([randomPack(random, 50)]);
    bad.bytes[100] = (bad.bytes[100] ?? 0) ^ 1;
    const failing = await store.put([randomPack(random, 50)]);
    store.beforeRead = (name) => {
      if (name === failing.id) throw new Failure("io", "the disk is on fire");
    };
    const { index, problems } = await openIndex(store);
    expect(problems.map(({ code }) => code).sort()).toEqual(["corrupt", "io"]);
    await expectAll(index, packs);
    store.beforeRead = () => undefined;
    expect(await index.refresh()).toBe(1);
    expect(problems.length).toBe(2);
  });

  test("a damaged page is reported once and hides no other page", async () => {
    const random = new SeededRandom(seed);
    const store = new SegmentStore(keys);
    const pack = randomPack(random, 8000);
    const { bytes } = await store.put([pack]);
    bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) ^ 1;
    const { index, problems } = await openIndex(store);
    const ids = [...locationsOf([pack]).keys()];
    const found = await index.findMany(ids);
    expect(found.size).toBe(7 * 1024);
    for (const id of ids.slice(0, 200))
      expect((await index.find(id)).length === 1).toBe(found.has(id));
    expect(problems.map(({ code }) => code)).toEqual(["corrupt"]);
    const lost = ids.find((id) => !found.has(id)) ?? absentId(random);
    expect(index.peek(lost)).toBe("absent");
    expect(peekPacks(index, lost)).toEqual({ answer: "absent", packs: [] });
  });

  test("a read error that may pass is thrown, and the next attempt succeeds", async () => {
    const random = new SeededRandom(seed);
    const store = new SegmentStore(keys);
    const pack = randomPack(random, 8000);
    await store.put([pack]);
    const { index, problems } = await openIndex(store);
    const id = idOf<BlobId>(pack.entries[0]?.id ?? new Uint8Array(32));
    store.beforeRead = () => {
      throw new Failure("io", "the network is down");
    };
    await expect(index.find(id)).rejects.toThrow("the network is down");
    store.beforeRead = () => undefined;
    expect((await index.find(id)).length).toBe(1);
    expect(problems).toEqual([]);
  });

  test("segments merged while they are listed or read are found in the merged one", async () => {
    const random = new SeededRandom(seed);
    const store = new SegmentStore(keys);
    const packs = [randomPack(random, 4000), randomPack(random, 4000)];
    const old = [await store.put(packs.slice(0, 1)), await store.put(packs.slice(1))];
    const merged = new SegmentStore(keys);
    const ids = old.map(({ id }) => id);
    const { id, bytes } = await merged.put(packs, ids);
    const merge = (): void => {
      for (const name of ids) store.objects.delete(name);
      store.objects.set(id, bytes);
      store.beforeRead = () => undefined;
    };
    store.beforeRead = merge;
    const { index, problems } = await openIndex(store);
    expect(problems).toEqual([]);
    await expectAll(index, packs);
  });

  test("a segment that went away after opening is no error: refresh finds its successor", async () => {
    const random = new SeededRandom(seed);
    const store = new SegmentStore(keys);
    const packs = [randomPack(random, 8000)];
    const { id } = await store.put(packs);
    const { index, problems } = await openIndex(store);
    store.objects.delete(id);
    await store.put(packs, [id]);
    const [blob = absentId(random)] = locationsOf(packs).keys();
    expect(await index.find(blob)).toEqual([]);
    expect(await index.refresh()).toBe(1);
    expect((await index.find(blob)).length).toBe(1);
    expect(problems).toEqual([]);
  });

  test("a newer format is fatal", async () => {
    const store = new SegmentStore(keys);
    const bytes = new Uint8Array(500);
    bytes.set([0x46, 0x49, 0x44, 0x58, 2]);
    store.objects.set("ab".repeat(32), bytes);
    await expect(openIndex(store)).rejects.toMatchObject({ code: "unsupported-version" });
  });
});

describe("fingerprint table", () => {
  test(`another thread's view knows what was added (seed ${seed})`, () => {
    const random = new SeededRandom(seed);
    const table = FingerprintTable.withRoomFor(3000);
    const ids = Array.from({ length: 3000 }, () => random.bytes(32));
    const prefixes = Uint32Array.from(ids, (id) => new DataView(id.buffer).getUint32(0)).sort();
    table.addColumns([
      { prefixes: prefixes.subarray(0, 1000), firstRecord: 5000 },
      { prefixes: prefixes.subarray(1000), firstRecord: 0 },
    ]);
    const view = FingerprintTable.fromShared(table.sharedBuffer);
    for (const id of ids) expect(view.mayContain(id)).toBe(true);
    const known = Array.from({ length: 3000 }, () => view.mayContain(random.bytes(32)));
    expect(known.filter(Boolean).length).toBeLessThan(3);
    const records: number[] = [];
    table.forEach((_, record) => records.push(record));
    expect(records.length).toBe(3000);
    expect(new Set(records).size).toBe(3000);
  });

  test("prefixes at the ends, and many alike, are found", () => {
    const table = FingerprintTable.withRoomFor(700);
    const prefixes = new Uint32Array(600);
    prefixes.fill(0xffff_ffff, 300);
    table.addColumns([{ prefixes, firstRecord: 0 }]);
    for (const [prefix, first] of [
      [0, 0],
      [0xffff_ffff, 300],
    ] as const) {
      const found = new Set<number>();
      for (let at = table.firstSlot(prefix); at >= 0; at = table.nextSlot(prefix, at)) {
        found.add(table.recordAt(at));
      }
      expect(found).toEqual(new Set(Array.from({ length: 300 }, (_, i) => first + i)));
    }
    expect(table.firstSlot(1)).toBe(-1);
    expect(table.mayContain(idBytes(idOf<BlobId>(new Uint8Array(32).fill(1))))).toBe(false);
  });
});
