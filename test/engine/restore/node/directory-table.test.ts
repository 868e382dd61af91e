import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { utf8 } from "../../../../engine/base/bytes.ts";
import {
  DirectoryTable,
  type LocalDirectory,
} from "../../../../engine/restore/node/directory-table.ts";
import { ownRights } from "../../../../engine/restore/node/entry-metadata.ts";
import { removeTree } from "../../../helpers/torture-tree.ts";

let base = "";
let root: LocalDirectory;
let table: DirectoryTable;

function openTable(openMax: number): void {
  table = new DirectoryTable(ownRights(), openMax);
  root = table.addRoot(openSync(base, "r"), false);
}

function make(parent: LocalDirectory, name: string): LocalDirectory {
  const made = table.openBelow(parent, utf8(name), true);
  if (made === undefined) throw new Error(`${name} was not made`);
  return made;
}

function openDescriptors(): number {
  return readdirSync("/proc/self/fd").length;
}

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "forge-directories-"));
});
afterEach(() => {
  table.close(root);
  removeTree(base);
});

test("a tree of any depth needs no more descriptors than allowed", () => {
  openTable(8);
  const before = openDescriptors();
  const chain = [root];
  for (let depth = 0; depth < 1500; depth++) chain.push(make(chain.at(-1) ?? root, "directory"));
  expect(openDescriptors()).toBeLessThanOrEqual(before + 9);
  for (const directory of chain.toReversed()) table.fdOf(directory);
  expect(table.fdOf(chain.at(-1) ?? root)).toBeGreaterThan(0);
});

test("room for descriptors is made without one more being open", () => {
  openTable(300);
  const before = openDescriptors();
  for (let i = 0; i < 30; i++) make(root, `directory-${i}`);
  expect(openDescriptors()).toBe(before + 30);
  const slots = /^FDSize:\s*(\d+)$/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1];
  expect(Number(slots)).toBeGreaterThanOrEqual(300);
});

test("a directory that was closed and replaced is not taken for the same", () => {
  openTable(1);
  const first = make(root, "first");
  make(root, "second");
  renameSync(join(base, "first"), join(base, "away"));
  mkdirSync(join(base, "first"));
  expect(() => table.fdOf(first)).toThrow(/another one stands in its place/);
});

test("a pinned directory stays open whatever else is opened", () => {
  openTable(2);
  const pinned = make(root, "pinned");
  const fd = table.pin(pinned);
  for (let i = 0; i < 10; i++) make(root, `${i}`);
  renameSync(join(base, "pinned"), join(base, "elsewhere"));
  expect(table.fdOf(pinned)).toBe(fd);
  expect(table.room).toBe(1);
  table.unpin(pinned);
  expect(table.room).toBe(2);
});

test("descriptors are all closed at the end", () => {
  const before = openDescriptors();
  openTable(16);
  for (let i = 0; i < 40; i++) make(root, `${i}`);
  table.close(root);
  expect(openDescriptors()).toBe(before);
});

test("what is there is told from what was made", () => {
  openTable(16);
  mkdirSync(join(base, "there"));
  expect(make(root, "there").created).toBe(false);
  const made = make(root, "made");
  expect(made.created).toBe(true);
  expect(table.openBelow(root, utf8("absent"), false)).toBeUndefined();
  mkdirSync(join(base, "made", "collision"));
  expect(() => table.openBelow(made, utf8("collision"), true)).toThrow(/two names of the snapshot/);
  closeSync(openSync(join(base, "file"), "w"));
  expect(() => table.openBelow(root, utf8("file"), true)).toThrow(/not a directory/);
  rmSync(join(base, "file"));
});
