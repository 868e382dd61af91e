/** A directory of the parent snapshot is found by name beside the walk, whatever came and went. */
import { expect, test } from "vitest";
import { compareBytes, toHex } from "../../../engine/base/bytes.ts";
import { encodeLeafPage } from "../../../engine/snapshots/leaf-page-encode.ts";
import { decodeLeafPage } from "../../../engine/snapshots/leaf-page.ts";
import { PreviousDirectory } from "../../../engine/write/unchanged.ts";
import { SeededRandom, testSeed } from "../../helpers/seeded-random.ts";
import { randomNodes } from "../snapshots/random-nodes.ts";

const seed = testSeed();

test(`finds every name that was there and no other, over several pages (seed ${seed})`, () => {
  const random = new SeededRandom(seed);
  for (let round = 0; round < 50; round++) {
    const nodes = randomNodes(random, random.below(300));
    const pages = [];
    for (let start = 0; start < nodes.length;) {
      const end = Math.min(nodes.length, start + 1 + random.below(100));
      pages.push(decodeLeafPage(encodeLeafPage(nodes.slice(start, end)), { root: false }));
      start = end;
    }
    const before = new PreviousDirectory(pages);
    expect(before.count).toBe(nodes.length);
    const kept = nodes.map(({ name }) => name).filter(() => random.below(4) > 0);
    const others = randomNodes(random, random.below(50)).map(({ name }) => name);
    const known = new Set(nodes.map(({ name }) => toHex(name)));
    for (const name of [...kept, ...others].sort(compareBytes)) {
      const found = before.find(name);
      expect(found !== undefined).toBe(known.has(toHex(name)));
      if (found !== undefined) expect(found.page.name(found.index)).toEqual(name);
    }
  }
});
