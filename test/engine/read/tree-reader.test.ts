import { expect, test } from "vitest";

import { utf8 } from "../../../engine/base/bytes.ts";
import { type BlobId, parseId } from "../../../engine/base/ids.ts";
import { type TreeReader, readTreeEntries } from "../../../engine/read/tree-reader.ts";
import { encodeDirectory } from "../../../engine/snapshots/encode-directory.ts";
import { encodeLeafPage } from "../../../engine/snapshots/leaf-page-encode.ts";
import { encodeReferencePage } from "../../../engine/snapshots/reference-page.ts";
import type { LeafPage } from "../../../engine/snapshots/leaf-page.ts";
import type { TreeNode } from "../../../engine/snapshots/tree-node.ts";
import { MemoryRepository } from "../../helpers/memory-repository.ts";

function fifo(name: string): TreeNode {
  return {
    name: utf8(name),
    type: "fifo",
    mode: 0o644,
    uid: 0,
    gid: 0,
    user: "",
    group: "",
    mtimeNs: 0n,
    ctimeNs: 0n,
    atimeNs: undefined,
    device: 1n,
    inode: 1n,
    linkCount: 1,
    deviceMajor: 0,
    deviceMinor: 0,
    xattrs: [],
  };
}

const names = Array.from({ length: 5000 }, (_, i) => `entry-${i.toString().padStart(5, "0")}`);

async function largeDirectory(): Promise<{ trees: TreeReader; root: BlobId }> {
  const memory = await MemoryRepository.create();
  const root = await encodeDirectory(names.map(fifo), memory.keys.treeCutTable, (page) =>
    memory.addBlob("tree", page),
  );
  await memory.flush();
  return { trees: (await memory.readSide()).trees, root };
}

test("a directory of many pages is read by name, by number and in order", async () => {
  const { trees, root } = await largeDirectory();
  expect(trees.peekEntryAt(root, 2500)).toBe("unread");
  expect((await trees.page(root)).kind).toBe("references");
  for (const number of [0, 1, 2500, 4999]) {
    const name = utf8(names[number] ?? "");
    const byName = await trees.lookup(root, name);
    const byNumber = await trees.entryAt(root, number);
    expect(byName?.page.name(byName.index)).toEqual(name);
    expect(byNumber?.page.name(byNumber.index)).toEqual(name);
    expect([byName?.ordinal, byNumber?.ordinal]).toEqual([number, number]);
    // Now that the pages are in memory.
    expect(trees.peekLookup(root, name)).toEqual(byName);
    expect(trees.peekEntryAt(root, number)).toEqual(byNumber);
  }
  for (const absent of ["", "entry-", "entry-00000x", "zzz"]) {
    expect(await trees.lookup(root, utf8(absent))).toBeUndefined();
    expect(trees.peekLookup(root, utf8(absent))).toBe("absent");
  }
  expect(await trees.entryAt(root, 5000)).toBeUndefined();
  expect(trees.peekEntryAt(root, 5000)).toBe("absent");
  const read: string[] = [];
  for await (const node of readTreeEntries(trees, root)) {
    read.push(new TextDecoder().decode(node.name));
  }
  expect(read).toEqual(names);
});

test("all pages of a directory come at once when they are in memory", async () => {
  const { trees, root } = await largeDirectory();
  expect(trees.peekLeafPages(root)).toBeUndefined();
  const leaves: LeafPage[] = [];
  for await (const page of trees.leafPages(root)) leaves.push(page);
  expect(leaves.length).toBeGreaterThan(1);
  expect(trees.peekLeafPages(root)).toEqual(leaves);
});

test("a page that is not what the page above says is corrupt", async () => {
  const memory = await MemoryRepository.create();
  const leaf = await memory.addBlob("tree", encodeLeafPage(["b", "c"].map(fifo)));
  const empty = await memory.addBlob("tree", encodeLeafPage([]));
  const good = { id: leaf, firstName: utf8("b"), entries: 2 };
  const pages = [
    encodeReferencePage(1, [{ ...good, entries: 3 }]),
    encodeReferencePage(1, [{ ...good, firstName: utf8("a") }]),
    encodeReferencePage(2, [good]),
    encodeReferencePage(1, [{ ...good, id: empty }]),
  ];
  const roots: BlobId[] = [];
  for (const page of pages) roots.push(await memory.addBlob("tree", page));
  await memory.flush();
  const { trees } = await memory.readSide();
  for (const root of roots) {
    await expect(trees.lookup(root, utf8("b"))).rejects.toMatchObject({ code: "corrupt" });
    await expect(trees.entryAt(root, 0)).rejects.toMatchObject({ code: "corrupt" });
    expect(() => trees.peekLookup(root, utf8("b"))).toThrow(
      expect.objectContaining({ code: "corrupt" }),
    );
    expect(() => trees.peekEntryAt(root, 0)).toThrow(expect.objectContaining({ code: "corrupt" }));
  }
});

test("a page that is missing is an error and not an empty directory", async () => {
  const { trees } = await largeDirectory();
  const absent = parseId<BlobId>("0".repeat(64));
  await expect(trees.entryAt(absent, 0)).rejects.toMatchObject({ code: "missing-object" });
});
