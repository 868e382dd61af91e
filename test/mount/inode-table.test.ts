import { expect, test } from "vitest";
import type { FsEntry } from "../../engine/read/readonly-fs.ts";
import { inodeNumberOf } from "../../mount/inode-number.ts";
import { InodeTable, ROOT_NODE_ID, pathOf } from "../../mount/inode-table.ts";
import type { Inode } from "../../mount/inode-table.ts";
import { directory, file, liveDirectory, symlink } from "../helpers/memory-fs.ts";

function tableWithRoot(immutable: boolean): { table: InodeTable; root: Inode } {
  const table = new InodeTable(immutable ? directory("", []) : liveDirectory("", () => []));
  const root = table.find(ROOT_NODE_ID);
  if (root === undefined) throw new Error("no root");
  return { table, root };
}

test("an entry keeps its node id until every lookup is forgotten, and never gets it back", () => {
  const { table, root } = tableWithRoot(true);
  const entry = file("a", "x");
  const { id } = table.enter(root, entry);
  expect(table.enter(root, entry).id).toBe(id);
  table.forget(id, 1);
  expect(table.find(id)?.entry).toBe(entry);
  table.forget(id, 1);
  expect(table.find(id)).toBeUndefined();
  expect(table.enter(root, entry).id).not.toBe(id);
  expect(table.enter(root, entry).number).toBe(inodeNumberOf(1n, entry));
});

test("the root and unknown ids cannot be forgotten", () => {
  const { table } = tableWithRoot(true);
  table.forget(ROOT_NODE_ID, 1000);
  table.forget(99, 1);
  expect(table.size).toBe(1);
});

test("hard links share a node wherever they are, other versions of the file do not", () => {
  const { table, root } = tableWithRoot(true);
  const attributes = { hardLinkKey: "k", linkCount: 2 };
  const folder = table.enter(root, directory("d", []));
  const one = table.enter(root, file("one", "same", { attributes }));
  const two = table.enter(folder, file("two", "same", { attributes }));
  const changed = table.enter(root, file("three", "other", { attributes }));
  expect(two.id).toBe(one.id);
  expect(changed.id).not.toBe(one.id);
  expect(changed.number).not.toBe(one.number);
  table.forget(one.id, 2);
  expect(table.find(one.id)).toBeUndefined();
  expect(table.enter(folder, file("two", "same", { attributes })).number).toBe(one.number);
});

test("a symlink that is replaced in a directory that changes gets a new node", () => {
  const { table, root } = tableWithRoot(false);
  const latest = (target: string): FsEntry => symlink("latest", target, { immutable: false });
  const first = table.enter(root, latest("a"));
  expect(table.enter(root, latest("a")).id).toBe(first.id);
  const second = table.enter(root, latest("b"));
  expect(second.id).not.toBe(first.id);
  table.forget(first.id, 2);
  expect(table.enter(root, latest("b")).id).toBe(second.id);
});

test("a directory that changes keeps its node and is asked through its newest value", () => {
  const { table, root } = tableWithRoot(false);
  const first = table.enter(
    root,
    liveDirectory("hosts", () => []),
  );
  const newest = liveDirectory("hosts", () => [file("x", "")]);
  expect(table.enter(root, newest).id).toBe(first.id);
  expect(table.find(first.id)?.entry).toBe(newest);
});

test("inode numbers are 64 bits wide, never 0 or 1, and differ by parent and name", () => {
  const numbers = new Set<bigint>();
  for (let parent = 1n; parent <= 100n; parent++) {
    for (let i = 0; i < 500; i++) numbers.add(inodeNumberOf(parent, file(`f${i}`, "")));
  }
  expect(numbers.size).toBe(50_000);
  expect(Math.max(...[...numbers].map(Number))).toBeGreaterThan(2 ** 63);
  expect(numbers.has(0n) || numbers.has(1n)).toBe(false);
});

test("in a directory that cannot change, inode numbers go up with the names, each its own", () => {
  const numbers = new Set<bigint>();
  for (let parent = 1n; parent <= 100n; parent++) {
    let last = 0n;
    for (let ordinal = 0; ordinal < 500; ordinal++) {
      const number = inodeNumberOf(parent, { ...file(`f${ordinal}`, ""), ordinal });
      if (ordinal > 0) expect(number).toBe(last + 1n);
      numbers.add((last = number));
    }
  }
  expect(numbers.size).toBe(50_000);
  const numberAt = (ordinal: number) => inodeNumberOf(7n, { ...file("a", ""), ordinal });
  expect(numberAt(2 ** 32 - 1) - numberAt(0)).toBe(2n ** 32n - 1n);
});

test("inode numbers stay the same from version to version", () => {
  // Incremental tools that ran against an older forge must know the files again.
  expect(inodeNumberOf(1n, file("snapshots", "")).toString(16)).toBe("289d4e11f3efdc31");
  const entry = { ...file("a", ""), ordinal: 70_000 };
  expect(inodeNumberOf(0x289d4e11f3efdc31n, entry).toString(16)).toBe("dc621c963616e30");
});

test("a path is shown with what is not printable escaped", () => {
  const { table, root } = tableWithRoot(true);
  const folder = table.enter(root, directory("a\n", []));
  const inode = table.enter(folder, file(new Uint8Array([0x66, 0xff]), ""));
  expect(pathOf(inode)).toBe("/a\\u000a/f\\xff");
  expect(pathOf(root)).toBe("/");
});
