import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { Bytes } from "../../../engine/base/bytes.ts";
import { type BlobId, idOf } from "../../../engine/base/ids.ts";
import {
  buildChunkList,
  decodeChunkList,
  encodeChunkList,
} from "../../../engine/snapshots/chunk-list.ts";
import { buildHoleLists, decodeHoleList } from "../../../engine/snapshots/hole-list.ts";
import type { ChunkListRef, ChunkRef } from "../../../engine/snapshots/tree-node.ts";
import { mutationsOf, survives } from "../../helpers/hostile.ts";
import { SeededRandom, testSeed } from "../../helpers/seeded-random.ts";
import { randomId } from "./random-nodes.ts";

const seed = testSeed();

class ListStore {
  readonly lists = new Map<BlobId, Bytes>();
  readonly put = (list: Bytes): BlobId => {
    const id = idOf<BlobId>(createHash("sha256").update(list).digest());
    this.lists.set(id, list);
    return id;
  };

  get(id: BlobId): Bytes {
    return this.lists.get(id) ?? new Uint8Array();
  }

  chunks({ id, level }: ChunkListRef): ChunkRef[] {
    const list = decodeChunkList(this.get(id));
    expect(list.level).toBe(level);
    return Array.from({ length: list.count }, (_, i) => {
      const plainBytes = (list.ends[i] ?? 0) - (list.ends[i - 1] ?? 0);
      const { idAt } = list;
      if (level === 0) return [{ id: idAt(i), plainBytes }];
      const below = this.chunks({ id: idAt(i), level: level - 1 });
      expect(below.reduce((sum, chunk) => sum + chunk.plainBytes, 0)).toBe(plainBytes);
      return below;
    }).flat();
  }
}

function randomChunks(random: SeededRandom, count: number): ChunkRef[] {
  return Array.from({ length: count }, () => ({
    id: randomId(random),
    plainBytes: 1 + random.below(8 * 1024 * 1024),
  }));
}

describe("chunk lists", () => {
  test(`the chunks of any file come back in order (seed ${seed})`, async () => {
    const random = new SeededRandom(seed);
    for (const count of [1, 63, 257, 5000, 60_000]) {
      const chunks = randomChunks(random, count);
      const store = new ListStore();
      const root = await buildChunkList(chunks, store.put);
      expect(store.chunks(root)).toEqual(chunks);
    }
  });

  test(`replacing a chunk in the middle changes a few lists (seed ${seed})`, async () => {
    const random = new SeededRandom(seed);
    const chunks = randomChunks(random, 60_000);
    const before = new ListStore();
    await buildChunkList(chunks, before.put);
    const after = new ListStore();
    await buildChunkList(
      chunks.toSpliced(random.below(60_000), 1, ...randomChunks(random, 2)),
      after.put,
    );
    const fresh = [...after.lists.keys()].filter((id) => !before.lists.has(id));
    expect(fresh.length).toBeLessThanOrEqual(6);
    expect(before.lists.size).toBeGreaterThan(50);
  });

  test(`a mutated list is refused, or all of it can be read (seed ${seed})`, async () => {
    const random = new SeededRandom(seed);
    const list = encodeChunkList(0, randomChunks(random, 20));
    for (const mutated of mutationsOf(list, random)) {
      await survives(() => {
        const { count, idAt } = decodeChunkList(mutated);
        for (let i = 0; i < count; i++) idAt(i);
      });
    }
  });
});

describe("hole lists", () => {
  test("holes come back, 65,536 in a list", async () => {
    const holes = Array.from({ length: 70_000 }, (_, i) => ({ offset: i * 8192, length: 4096 }));
    const store = new ListStore();
    const ids = await buildHoleLists(holes, store.put);
    expect(ids.length).toBe(2);
    const lists = ids.map((id) => decodeHoleList(store.get(id)));
    const back = lists.flatMap(({ count, offsets, lengths }) =>
      Array.from({ length: count }, (_, i) => ({ offset: offsets[i], length: lengths[i] })),
    );
    expect(back).toEqual(holes);
    expect(lists[0]?.before[65_536]).toBe(65_536 * 4096);
  });

  test(`a mutated list is refused or read (seed ${seed})`, async () => {
    const holes = Array.from({ length: 20 }, (_, i) => ({ offset: i * 8192, length: 4096 }));
    const store = new ListStore();
    const [id] = await buildHoleLists(holes, store.put);
    const bytes = id === undefined ? new Uint8Array() : store.get(id);
    for (const mutated of mutationsOf(bytes, new SeededRandom(seed))) {
      await survives(() => decodeHoleList(mutated));
    }
  });
});
