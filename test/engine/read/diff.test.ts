import { expect, test } from "vitest";

import { utf8 } from "../../../engine/base/bytes.ts";
import { type DiffOptions, diffDirectories } from "../../../engine/read/diff.ts";
import { type FindQuery, findEntries, findVersions } from "../../../engine/read/find.ts";
import { type FsDirectory, displayName, splitPath } from "../../../engine/read/readonly-fs.ts";
import { openSnapshotFs } from "../../../engine/read/snapshot-fs.ts";
import { pathVersions } from "../../../engine/read/versions.ts";
import {
  type ExpectedEntry,
  directory,
  file,
  noise,
  special,
  symlink,
} from "../../helpers/expected-tree.ts";
import { MemoryRepository, recordingBackend } from "../../helpers/memory-repository.ts";

async function roots(...trees: readonly ExpectedEntry[]): Promise<FsDirectory[]> {
  const memory = await MemoryRepository.create();
  const snapshots = [];
  for (const tree of trees) snapshots.push(await memory.addSnapshot(tree));
  const readSide = await memory.readSide();
  const opened = snapshots.map((snapshot) => openSnapshotFs(readSide, snapshot));
  return (await Promise.all(opened)).map(({ root }) => root);
}

async function changes(
  before: ExpectedEntry,
  after: ExpectedEntry,
  options?: DiffOptions,
): Promise<string[]> {
  const [a, b] = await roots(before, after);
  if (a === undefined || b === undefined) throw new Error("no roots");
  const found: string[] = [];
  for await (const { path, change, fields } of diffDirectories(a, b, options)) {
    const detail = fields.length > 0 ? ` (${fields.join(" ")})` : "";
    found.push(`${change} ${displayName(path)}${detail}`);
  }
  return found;
}

const deep = directory("same", [directory("x", [file("y", noise(3000))])]);
const before = directory("", [
  file("changed", "one"),
  file("gone", "gone"),
  file("renewed", "r"),
  file("turned", "file first"),
  directory("lost", [directory("in", [file("leaf", "leaf")])]),
  symlink("link", "a"),
  special("device", "char-device", { deviceMajor: 1, deviceMinor: 3 }),
  deep,
]);
const after = directory("", [
  file("changed", "two", { mode: 0o600 }),
  file("came", "came"),
  file("renewed", "r", {
    mtimeNs: 5n,
    uid: 7,
    xattrs: [{ name: utf8("user.a"), value: utf8("1") }],
  }),
  directory("turned", [file("inside", "i")]),
  symlink("link", "b"),
  special("device", "char-device", { deviceMajor: 1, deviceMinor: 5 }),
  deep,
]);

test("every difference is named, in order of paths, and nothing else", async () => {
  expect(await changes(before, after)).toEqual([
    "added came",
    "modified changed (mode)",
    "metadata device (device)",
    "removed gone",
    "modified link",
    "removed lost",
    "removed lost/in",
    "removed lost/in/leaf",
    "metadata renewed (uid mtime xattrs)",
    "type turned (mode)",
    "added turned/inside",
  ]);
  expect(await changes(before, after, { contentOnly: true })).not.toContainEqual(
    expect.stringMatching(/^metadata/),
  );
  expect(await changes(before, before)).toEqual([]);
});

test("equal subtrees are skipped without being read", async () => {
  const memory = await MemoryRepository.create();
  const large = directory(
    "large",
    Array.from({ length: 3000 }, (_, i) => file(`f${i}`, "")),
  );
  const one = await memory.addSnapshot(directory("", [large, file("a", "1")]));
  const two = await memory.addSnapshot(directory("", [large, file("a", "2")]));
  const backend = recordingBackend(memory.backend);
  const readSide = await memory.readSide({ backend, treePackCacheBytes: 0 });
  const [a, b] = await Promise.all([openSnapshotFs(readSide, one), openSnapshotFs(readSide, two)]);
  const found: string[] = [];
  for await (const { path } of diffDirectories(a.root, b.root)) found.push(displayName(path));
  expect(found).toEqual(["a"]);
  // Two root pages and two directories.
  expect(backend.reads.length).toBeLessThanOrEqual(4);
});

async function search(root: FsDirectory | undefined, query: FindQuery): Promise<string[]> {
  const found: string[] = [];
  if (root === undefined) return found;
  for await (const { path } of findEntries(root, query)) found.push(displayName(path));
  return found;
}

test("a search finds by name, path, type, size and time", async () => {
  const [root] = await roots(
    directory("", [
      file("a.txt", "12345", { mtimeNs: 10n }),
      directory("d", [
        file("b.txt", "1", { mtimeNs: 20n }),
        directory("e.txt", [file("c", "123", { mtimeNs: 30n })]),
      ]),
      symlink("l.txt", "a.txt"),
    ]),
  );
  const isText = (name: Uint8Array<ArrayBuffer>): boolean => displayName(name).endsWith(".txt");
  expect(await search(root, { name: isText })).toEqual(["a.txt", "d/b.txt", "d/e.txt", "l.txt"]);
  expect(await search(root, { name: isText, types: new Set(["file"] as const) })).toEqual([
    "a.txt",
    "d/b.txt",
  ]);
  expect(await search(root, { sizeBytesMin: 3 })).toEqual(["a.txt", "d/e.txt/c"]);
  expect(await search(root, { sizeBytesMin: 2, sizeBytesMax: 3 })).toEqual(["d/e.txt/c"]);
  expect(await search(root, { mtimeNsMin: 20n, mtimeNsMax: 30n })).toEqual([
    "d/b.txt",
    "d/e.txt/c",
  ]);
  expect(await search(root, { path: (path) => displayName(path).startsWith("d/") })).toEqual([
    "d/b.txt",
    "d/e.txt",
    "d/e.txt/c",
  ]);
});

const history = [
  directory("", [directory("d", [file("f", "1")]), deep]),
  directory("", [directory("d", [file("f", "1")]), deep, file("other", "x")]),
  directory("", [directory("d", [file("f", "2"), file("g", "g")]), deep]),
  directory("", [deep]),
  directory("", [directory("d", [file("f", "1")]), deep]),
];

test("a search through snapshots tells what was added, changed and unchanged", async () => {
  const opened = await roots(...history);
  const found: string[] = [];
  const query: FindQuery = { types: new Set(["file"] as const), name: (name) => name.length === 1 };
  const searched = opened.map((root, snapshot) => ({ snapshot, root }));
  for await (const { snapshot, path, change } of findVersions(searched, query)) {
    const text = displayName(path);
    if (text.startsWith("d/")) found.push(`${snapshot} ${text} ${change}`);
  }
  expect(found).toEqual([
    "0 d/f added",
    "1 d/f unchanged",
    "2 d/f changed",
    "2 d/g added",
    "4 d/f added",
  ]);
});

test("a subtree that snapshots share is read once", async () => {
  const memory = await MemoryRepository.create();
  const large = directory(
    "large",
    Array.from({ length: 50 }, (_, i) => directory(`d${i}`, [file(`f${i}`, "")])),
  );
  const snapshots = [];
  for (let i = 0; i < 5; i++) {
    snapshots.push(await memory.addSnapshot(directory("", [large, file("x", `${i}`)])));
  }
  const backend = recordingBackend(memory.backend);
  const readSide = await memory.readSide({ backend, treePackCacheBytes: 0, pageCacheBytes: 0 });
  const searched = [];
  for (const snapshot of snapshots) {
    searched.push({ snapshot, root: (await openSnapshotFs(readSide, snapshot)).root });
  }
  const found: string[] = [];
  for await (const { change } of findVersions(searched, { name: (name) => name[0] === 0x66 })) {
    found.push(change);
  }
  expect(found).toHaveLength(250);
  // 50 directories and the one above once, and the root of each snapshot; without a page cache a
  // listing reads the last page twice, to see its end.
  expect(backend.reads.length).toBeLessThanOrEqual(2 * 51 + 3 * 5);
});

test("the history of a path tells when it came, changed, went and came back", async () => {
  const opened = await roots(...history);
  const searched = opened.map((root, snapshot) => ({ snapshot, root }));
  const told: string[] = [];
  for await (const { snapshot, change } of pathVersions(searched, splitPath(utf8("/d/f")))) {
    told.push(`${snapshot} ${change}`);
  }
  expect(told).toEqual(["0 added", "1 unchanged", "2 changed", "3 removed", "4 added"]);
  const absent: string[] = [];
  for await (const { change } of pathVersions(searched, splitPath(utf8("/nowhere")))) {
    absent.push(change);
  }
  expect(absent).toEqual(["absent", "absent", "absent", "absent", "absent"]);
});
