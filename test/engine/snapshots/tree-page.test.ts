import { describe, expect, test } from "vitest";
import { type Bytes, utf8 } from "../../../engine/base/bytes.ts";
import { isForgeError } from "../../../engine/base/errors.ts";
import { encodeLeafPage } from "../../../engine/snapshots/leaf-page-encode.ts";
import type { LeafPage } from "../../../engine/snapshots/leaf-page.ts";
import {
  type ReferencePage,
  encodeReferencePage,
} from "../../../engine/snapshots/reference-page.ts";
import { leafPageBytes } from "../../../engine/snapshots/tree-cut.ts";
import type { TreeNode } from "../../../engine/snapshots/tree-node.ts";
import { decodeRootPage, decodeTreePage } from "../../../engine/snapshots/tree-page.ts";
import { mutationsOf, survives } from "../../helpers/hostile.ts";
import { SeededRandom, testSeed } from "../../helpers/seeded-random.ts";
import { plainNode, randomId, randomNodes } from "./random-nodes.ts";

const seed = testSeed();

function leaf(bytes: Bytes): LeafPage {
  const page = decodeTreePage(bytes);
  if (page.kind !== "leaf") throw new Error("expected a leaf page");
  return page;
}

function references(bytes: Bytes): ReferencePage {
  const page = decodeTreePage(bytes);
  if (page.kind !== "references") throw new Error("expected a page of references");
  return page;
}

function codeOf(decode: () => unknown): string {
  try {
    decode();
    return "none";
  } catch (error) {
    if (!isForgeError(error)) throw error;
    return error.code;
  }
}

describe("leaf page", () => {
  test(`random directories come back as they were (seed ${seed})`, () => {
    const random = new SeededRandom(seed);
    for (let round = 0; round < 60; round++) {
      const nodes = randomNodes(random, random.below(100));
      const page = leaf(encodeLeafPage(nodes));
      expect(page.count).toBe(nodes.length);
      nodes.forEach((node, i) => {
        expect(page.node(i)).toEqual(node);
        expect(page.find(node.name)).toBe(i);
        expect(page.find(new Uint8Array([...node.name, 1]))).not.toBe(i);
      });
    }
  });

  test(`equal nodes give equal bytes, also after a round trip (seed ${seed})`, () => {
    const random = new SeededRandom(seed);
    const nodes = randomNodes(random, 80);
    const bytes = encodeLeafPage(nodes);
    const page = leaf(bytes);
    const again = Array.from({ length: page.count }, (_, i) => page.node(i));
    expect(encodeLeafPage(again)).toEqual(bytes);
  });

  test(`the accessors agree with the whole node (seed ${seed})`, () => {
    const random = new SeededRandom(seed);
    const page = leaf(encodeLeafPage(randomNodes(random, 100)));
    for (let i = 0; i < page.count; i++) {
      const node = page.node(i);
      expect(page.name(i)).toEqual(node.name);
      expect(page.type(i)).toBe(node.type);
      expect([page.mode(i), page.uid(i), page.gid(i)]).toEqual([node.mode, node.uid, node.gid]);
      expect([page.user(i), page.group(i)]).toEqual([node.user, node.group]);
      expect([page.mtimeNs(i), page.ctimeNs(i)]).toEqual([node.mtimeNs, node.ctimeNs]);
      expect([page.device(i), page.inode(i)]).toEqual([node.device, node.inode]);
      expect(page.sizeBytes(i)).toBe(node.content?.sizeBytes ?? 0);
      expect(page.crc32(i)).toBe(node.content?.crc32 ?? 0);
      expect(page.linkCount(i)).toBe(node.linkCount);
      expect(page.hasXattrs(i)).toBe(node.xattrs.length > 0);
      expect(page.hasChunkList(i)).toBe(node.content?.chunkList !== undefined);
      expect(page.subtree(i)).toBe(node.subtree);
      const holes = node.content?.holes.reduce((sum, hole) => sum + hole.length, 0) ?? 0;
      expect(page.inlineHoleBytes(i)).toBe(
        node.content?.holeLists === undefined ? holes : undefined,
      );
    }
  });

  test("a page that is a view into a larger buffer reads the same", () => {
    const bytes = encodeLeafPage([plainNode("a"), plainNode("b")]);
    const larger = new Uint8Array(bytes.length + 7);
    larger.set(bytes, 3);
    expect(leaf(larger.subarray(3, 3 + bytes.length)).node(1)).toEqual(plainNode("b"));
  });

  test(`the estimate is the encoded size without owner names (seed ${seed})`, () => {
    const nodes = randomNodes(new SeededRandom(seed), 100).map((node) => ({
      ...node,
      user: "",
      group: "",
    }));
    expect(leafPageBytes(nodes)).toBe(encodeLeafPage(nodes).length);
  });

  test("times near the ends of every range are exact", () => {
    const times = [
      0n,
      1n,
      -1n,
      999_999_999n,
      -999_999_999n,
      -1_000_000_000n,
      2n ** 61n,
      -(2n ** 61n),
    ];
    times.push(2n ** 61n - 1n, 1_700_000_000_999_999_999n, 1_700_000_001_000_000_000n, 2n ** 80n);
    for (let second = 1_699_999_990n; second < 1_700_000_010n; second++) {
      times.push(second * 1_000_000_000n - 1n, second * 1_000_000_000n);
    }
    for (const mtimeNs of times) {
      expect(leaf(encodeLeafPage([plainNode("a", { mtimeNs })])).mtimeNs(0)).toBe(mtimeNs);
    }
  });

  test("an owner name that does not fit is left out", () => {
    const page = leaf(encodeLeafPage([plainNode("a", { user: "x".repeat(256) })]));
    expect([page.user(0), page.group(0)]).toEqual(["", "ann"]);
  });

  test("the empty name stands in a root page alone", () => {
    const root = plainNode("", { type: "directory", subtree: randomId(new SeededRandom(1)) });
    const bytes = encodeLeafPage([root]);
    expect(decodeRootPage(bytes).node(0)).toEqual(root);
    expect(codeOf(() => decodeTreePage(bytes))).toBe("corrupt");
    expect(codeOf(() => decodeRootPage(encodeLeafPage([plainNode("a")])))).toBe("corrupt");
    expect(codeOf(() => decodeRootPage(encodeLeafPage([])))).toBe("corrupt");
  });

  test.each(["/", "a/b", "\0", "a\0", ".", ".."])("the name %j is refused", (name) => {
    const bytes = encodeLeafPage([plainNode("x".repeat(name.length))]);
    bytes.set(utf8(name), 28);
    expect(codeOf(() => decodeTreePage(bytes))).toBe("corrupt");
  });

  test("names that are equal or not sorted are refused", () => {
    for (const name of ["b", "c"]) {
      const bytes = encodeLeafPage([plainNode("a"), plainNode("b")]);
      bytes.set(utf8(name), 32);
      expect(codeOf(() => decodeTreePage(bytes))).toBe("corrupt");
    }
  });

  test("a size that chunks and holes do not make up is refused", () => {
    const content = {
      sizeBytes: 10,
      crc32: 0,
      chunks: [{ id: randomId(new SeededRandom(1)), plainBytes: 6 }],
      holes: [{ offset: 0, length: 3 }],
    };
    const bytes = encodeLeafPage([plainNode("a", { content })]);
    expect(codeOf(() => decodeTreePage(bytes))).toBe("corrupt");
  });

  test("holes that overlap, touch or leave the file are refused", () => {
    const pairs = [
      [0, 4, 4, 6],
      [4, 2, 0, 4],
      [0, 5, 3, 5],
      [8, 10, 20, 0],
    ];
    for (const [a = 0, b = 0, c = 0, d = 0] of pairs) {
      const holes = [
        { offset: a, length: b },
        { offset: c, length: d },
      ];
      const content = { sizeBytes: b + d, crc32: 0, chunks: [], holes };
      const bytes = encodeLeafPage([plainNode("a", { content })]);
      expect(codeOf(() => decodeTreePage(bytes))).toBe("corrupt");
    }
  });

  test("unknown extras of 128 and above are skipped, others are of a newer format", () => {
    const nodes = [plainNode("a", { atimeNs: 5n }), plainNode("b")];
    const bytes = encodeLeafPage(nodes);
    const tagAt = bytes.length - 12 - 5;
    expect(bytes[tagAt]).toBe(5);
    bytes[tagAt] = 200;
    expect(leaf(bytes).node(0)).toEqual({ ...nodes[0], atimeNs: undefined });
    bytes[tagAt] = 8;
    expect(codeOf(() => decodeTreePage(bytes))).toBe("unsupported-version");
  });

  test("a page of another version is of a newer format", () => {
    const bytes = encodeLeafPage([plainNode("a")]);
    bytes[1] = 2;
    expect(codeOf(() => decodeTreePage(bytes))).toBe("unsupported-version");
  });

  test(`a mutated page is refused, or every entry of it can be read (seed ${seed})`, async () => {
    const random = new SeededRandom(seed);
    const nodes: TreeNode[] = randomNodes(random, 12);
    for (const mutated of mutationsOf(encodeLeafPage(nodes), random)) {
      await survives(() => {
        const page = decodeTreePage(mutated);
        if (page.kind !== "leaf") return;
        for (let i = 0; i < page.count; i++) page.node(i);
      });
    }
  });

  test("totals beyond the page are refused before anything is allocated", () => {
    const bytes = encodeLeafPage([plainNode("a")]);
    for (let field = 4; field < 24; field += 4) {
      const mutated = bytes.slice();
      mutated.fill(0xff, field, field + 4);
      expect(codeOf(() => decodeTreePage(mutated))).toBe("corrupt");
    }
  });
});

describe("page of references", () => {
  const random = new SeededRandom(7);
  const children = ["bb", "d", "dd", "x"].map((name, i) => ({
    id: randomId(random),
    firstName: utf8(name),
    entries: 10 * (i + 1),
  }));
  const bytes = encodeReferencePage(2, children);

  test("comes back as it was", () => {
    const page = references(bytes);
    expect([page.level, page.count, page.totalEntries]).toEqual([2, 4, 100]);
    children.forEach((child, i) => {
      expect(page.child(i)).toBe(child.id);
      expect(page.firstName(i)).toEqual(child.firstName);
      expect(page.entriesBelow(i)).toBe(child.entries);
    });
    expect([0, 1, 2, 3].map((i) => page.firstEntry(i))).toEqual([0, 10, 30, 60]);
  });

  test("finds the child that can hold a name", () => {
    const page = references(bytes);
    const found = ["a", "bb", "c", "d", "dc", "dd", "w", "x", "z"].map((name) =>
      page.findChild(utf8(name)),
    );
    expect(found).toEqual([-1, 0, 0, 1, 1, 2, 2, 3, 3]);
  });

  test("finds the child that holds an entry", () => {
    const page = references(bytes);
    expect([0, 9, 10, 59, 60, 99, 100].map((entry) => page.findChildOfEntry(entry))).toEqual([
      0, 0, 1, 2, 3, 3, -1,
    ]);
  });

  test(`mutated it is refused, or all of it can be read (seed ${seed})`, async () => {
    for (const mutated of mutationsOf(bytes, new SeededRandom(seed))) {
      await survives(() => {
        const page = decodeTreePage(mutated);
        if (page.kind !== "references") return;
        for (let i = 0; i < page.count; i++) page.child(i);
      });
    }
  });
});
