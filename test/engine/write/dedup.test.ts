/** Many ids at once get the answers they would get one by one, and need the same packs. */
import { describe, expect, test } from "vitest";
import { concatBytes } from "../../../engine/base/bytes.ts";
import { type BlobId, type PackId, idBytes, idOf } from "../../../engine/base/ids.ts";
import { BlobIndex } from "../../../engine/index/blob-index.ts";
import { nativePlatform } from "../../../engine/platform/node/native.ts";
import { Dedup } from "../../../engine/write/dedup.ts";
import { SegmentStore, randomPack, testKeys } from "../index/index-fixture.ts";
import { SeededRandom, testSeed } from "../../helpers/seeded-random.ts";

const seed = testSeed();
const keys = await testKeys();

/** Three packs of which the second is gone from the storage, in segments of `blobs` a pack. */
async function storedPacks(blobs: number) {
  const random = new SeededRandom(seed);
  const store = new SegmentStore(keys);
  const packs = [0, 1, 2].map(() => randomPack(random, blobs));
  await store.put(packs);
  const index = await BlobIndex.open({
    backend: store,
    platform: nativePlatform,
    keys,
    onProblem: (error) => {
      throw error;
    },
  });
  const [first, gone, third] = packs;
  if (first === undefined || gone === undefined || third === undefined) throw new Error("no packs");
  const ids = (pack: typeof first): BlobId[] => pack.entries.map(({ id }) => idOf<BlobId>(id));
  const there = new Set<string>([first.packId, third.packId]);
  return { index, there, first, gone, third, ids, absent: idOf<BlobId>(random.bytes(32)) };
}

const joined = (ids: readonly BlobId[]) => concatBytes(ids.map(idBytes));

describe(`Dedup.confirmNow (seed ${seed})`, () => {
  test("says what confirm says of each, and needs the packs that are there", async () => {
    const { index, there, first, gone, third, ids, absent } = await storedPacks(50);
    const lists = [
      [],
      ids(first),
      [...ids(first), ...ids(third)],
      [...ids(first), absent],
      [...ids(third), ...ids(gone)],
      ids(gone),
    ];
    for (const list of lists) {
      const [one, many] = [new Dedup(index, there), new Dedup(index, there)];
      let all = true;
      for (const id of list) all &&= await one.confirm(id);
      expect(many.confirmNow(joined(list))).toBe(all);
      expect(many.neededPacks).toEqual(one.neededPacks);
    }
  });

  test("a blob that was found damaged is not stored", async () => {
    const { index, there, first, ids } = await storedPacks(50);
    const dedup = new Dedup(index, there);
    const all = ids(first);
    dedup.distrust(all[20] ?? ("" as BlobId));
    expect(dedup.confirmNow(joined(all.slice(0, 20)))).toBe(true);
    expect(dedup.confirmNow(joined(all))).toBe(false);
    expect(dedup.confirmNow(joined(all.slice(21)))).toBe(true);
  });

  test("says so when a page of the index has to be read", async () => {
    const { index, there, first, ids } = await storedPacks(8000);
    const dedup = new Dedup(index, there);
    const [id] = ids(first);
    if (id === undefined) throw new Error("no blob");
    expect(dedup.confirmNow(idBytes(id))).toBe("unread");
    expect(await dedup.confirm(id)).toBe(true);
    expect(dedup.confirmNow(idBytes(id))).toBe(true);
    expect(dedup.neededPacks).toEqual(new Set<PackId>([first.packId]));
  });
});
