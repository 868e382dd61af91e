import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { type Bytes, compareBytes, toHex, utf8 } from "../../../engine/base/bytes.ts";
import { type BlobId, idOf } from "../../../engine/base/ids.ts";
import { encodeDirectory } from "../../../engine/snapshots/encode-directory.ts";
import { cutHash, cutLeafPages, cutReferencePages } from "../../../engine/snapshots/tree-cut.ts";
import type { TreeNode } from "../../../engine/snapshots/tree-node.ts";
import { decodeTreePage } from "../../../engine/snapshots/tree-page.ts";
import { SeededRandom, testSeed } from "../../helpers/seeded-random.ts";
import { plainNode } from "./random-nodes.ts";

const seed = testSeed();

function cutTable(random: SeededRandom): Uint32Array {
  return Uint32Array.from({ length: 256 }, () => random.u32());
}

/** Keeps pages by the hash of their bytes. */
class PageStore {
  readonly pages = new Map<BlobId, Bytes>();
  readonly put = (page: Bytes): BlobId => {
    const id = idOf<BlobId>(createHash("sha256").update(page).digest());
    this.pages.set(id, page);
    return id;
  };

  names(root: BlobId): string[] {
    const bytes = this.pages.get(root);
    if (bytes === undefined) throw new Error(`no page ${root}`);
    const page = decodeTreePage(bytes);
    if (page.kind === "leaf") {
      return Array.from({ length: page.count }, (_, i) => toHex(page.name(i)));
    }
    return Array.from({ length: page.count }, (_, i) => {
      const below = this.names(page.child(i));
      expect(below.length).toBe(page.entriesBelow(i));
      expect(below[0]).toBe(toHex(page.firstName(i)));
      return below;
    }).flat();
  }
}

function directory(count: number, name: (i: number) => string): TreeNode[] {
  return Array.from({ length: count }, (_, i) => plainNode(name(i))).sort((a, b) =>
    compareBytes(a.name, b.name),
  );
}

describe("cutting a directory", () => {
  test("the cut hash is what FORMAT.md says", () => {
    const table = cutTable(new SeededRandom(3));
    for (const name of ["", "a", "some longer name.txt", "\u00ff"]) {
      let hash = 0n;
      for (const byte of utf8(name)) {
        hash = ((hash << 5n) | (hash >> 27n)) & 0xffff_ffffn;
        hash ^= BigInt(table[byte] ?? 0);
      }
      expect(cutHash(utf8(name), table)).toBe(Number((hash * 0x9e3779b1n) & 0xffff_ffffn));
    }
  });

  test("up to 1024 entries are one page, more are cut between 64 and 4096", () => {
    const table = cutTable(new SeededRandom(seed));
    const nodes = directory(60_000, (i) => `file-${i}`);
    expect(cutLeafPages(nodes.slice(0, 1024), table)).toEqual([1024]);
    expect(cutLeafPages([], table)).toEqual([0]);
    const ends = cutLeafPages(nodes, table);
    ends.forEach((end, i) => {
      const size = end - (ends[i - 1] ?? 0);
      expect(size).toBeLessThanOrEqual(4096);
      if (i < ends.length - 1) expect(size).toBeGreaterThanOrEqual(64);
    });
    expect(ends[ends.length - 1]).toBe(60_000);
    expect(ends.length).toBeGreaterThan(40);
    expect(ends.length).toBeLessThan(400);
  });

  test("few entries with much in them are cut at 1 MiB", () => {
    const table = cutTable(new SeededRandom(seed));
    const xattrs = [{ name: utf8("user.a"), value: new Uint8Array(300_000) }];
    const nodes = directory(10, (i) => `${i}`).map((node) => ({ ...node, xattrs }));
    expect(cutLeafPages(nodes, table)).toEqual([4, 8, 10]);
  });

  test(`one new name in 100,000 changes a few pages (seed ${seed})`, async () => {
    const random = new SeededRandom(seed);
    const table = cutTable(random);
    const nodes = directory(100_000, (i) => `photo_${String(i).padStart(6, "0")}.jpg`);
    const store = new PageStore();
    await encodeDirectory(nodes, table, store.put);
    for (let round = 0; round < 3; round++) {
      const at = random.below(nodes.length);
      const name = `photo_${String(at).padStart(6, "0")}.jpg (copy)`;
      const changed = [...nodes, plainNode(name)].sort((a, b) => compareBytes(a.name, b.name));
      const after = new PageStore();
      const root = await encodeDirectory(changed, table, after.put);
      const fresh = [...after.pages.keys()].filter((id) => !store.pages.has(id));
      // The leaf page and the root; a cut that moves changes its neighbours, too.
      expect(fresh.length).toBeLessThanOrEqual(6);
      expect(after.names(root)).toEqual(changed.map((node) => toHex(node.name)));
    }
  });

  test("children beyond 1024 get a level more", () => {
    const table = cutTable(new SeededRandom(seed));
    const children = directory(20_000, (i) => `${i}`).map(({ name }) => ({ firstName: name }));
    expect(cutReferencePages(children.slice(0, 1024), table)).toEqual([1024]);
    const ends = cutReferencePages(children, table);
    expect(ends.length).toBeGreaterThan(4);
    expect(ends[ends.length - 1]).toBe(20_000);
  });

  test("a directory of two levels of references reads back in order", async () => {
    // With zeros every name is a cut: 64 entries a page, and 1100 children need two levels.
    const table = new Uint32Array(256);
    const nodes = directory(64 * 1100, (i) => `${i}`);
    const store = new PageStore();
    const root = await encodeDirectory(nodes, table, store.put);
    const top = decodeTreePage(store.pages.get(root) ?? new Uint8Array());
    expect(top.kind === "references" && top.level).toBe(2);
    expect(store.names(root)).toEqual(nodes.map((node) => toHex(node.name)));
  });
});
