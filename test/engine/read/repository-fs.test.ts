import { expect, test } from "vitest";

import { toHex, utf8 } from "../../../engine/base/bytes.ts";
import { ForgeError } from "../../../engine/base/errors.ts";
import {
  type FsDirectory,
  type ReadonlyFs,
  displayName,
  findEntry,
  fsEntries,
  splitPath,
} from "../../../engine/read/readonly-fs.ts";
import { type RepositoryFsOptions, openRepositoryFs } from "../../../engine/read/repository-fs.ts";
import { readonlyFsContract } from "../../contracts/readonly-fs.ts";
import { directory, file } from "../../helpers/expected-tree.ts";
import { MemoryRepository, recordingBackend } from "../../helpers/memory-repository.ts";

const SECOND = 1_000_000_000n;

function formatTime(timeNs: bigint): string {
  return new Date(Number(timeNs / 1_000_000n))
    .toISOString()
    .slice(0, 19)
    .replace("T", "_")
    .replaceAll(":", "-");
}

const tree = directory("", [file("a.txt", "content"), directory("d", [file("b", "b")])]);

async function open(
  memory: MemoryRepository,
  options: Partial<RepositoryFsOptions> = {},
): Promise<ReadonlyFs> {
  return openRepositoryFs(memory.repository, await memory.readSide(), {
    formatTime,
    now: () => 0,
    onProblem: (error) => {
      throw error;
    },
    ...options,
  });
}

async function findDirectory(root: FsDirectory, path: string): Promise<FsDirectory | undefined> {
  const entry = await findEntry(root, splitPath(utf8(path)));
  return entry?.type === "directory" ? entry : undefined;
}

async function directoryAt(root: FsDirectory, path: string): Promise<FsDirectory> {
  const found = await findDirectory(root, path);
  if (found === undefined) throw new Error(`no directory ${path}`);
  return found;
}

async function names(root: FsDirectory, path = ""): Promise<string[]> {
  const found: string[] = [];
  for await (const child of fsEntries(await directoryAt(root, path)))
    found.push(displayName(child.name));
  return found;
}

test("snapshots stand by time, host, tag and id, with a link to the latest", async () => {
  const memory = await MemoryRepository.create();
  const first = await memory.addSnapshot(tree, { timeNs: 0n, hostname: "alpha", tags: ["x", "y"] });
  const second = await memory.addSnapshot(tree, { timeNs: 60n * SECOND, hostname: "beta" });
  const { root, totals } = await open(memory);
  expect(await names(root)).toEqual(["hosts", "ids", "snapshots", "tags"]);
  const [early, late] = ["1970-01-01_00-00-00", "1970-01-01_00-01-00"];
  expect(await names(root, "snapshots")).toEqual([early, late, "latest"]);
  expect(await names(root, "hosts")).toEqual(["alpha", "beta"]);
  expect(await names(root, "hosts/alpha")).toEqual([early, "latest"]);
  expect(await names(root, "tags")).toEqual(["x", "y"]);
  expect(await names(root, "tags/y")).toEqual([early, "latest"]);
  const ids = [first.id.slice(0, 8), second.id.slice(0, 8)].sort();
  expect(await names(root, "ids")).toEqual(ids);
  const latest = await findEntry(root, splitPath(utf8("snapshots/latest")));
  expect(latest?.type === "symlink" && displayName(latest.target)).toBe(late);
  expect(await names(root, `snapshots/${late}`)).toEqual(["a.txt", "d"]);
  expect(await names(root, `ids/${second.id}/d`)).toEqual(["b"]);
  expect(await names(root, `ids/${second.id.slice(0, 12)}/d`)).toEqual(["b"]);
  expect(await findEntry(root, splitPath(utf8(`ids/${second.id.slice(0, 7)}`)))).toBeUndefined();
  expect(totals).toEqual({ bytes: 200, entries: 4 });
});

test("equal times get numbers, and names never shift when a snapshot is added", async () => {
  const memory = await MemoryRepository.create();
  for (const timeNs of [5n, 6n, 7n]) await memory.addSnapshot(tree, { timeNs });
  const fs = await open(memory);
  const name = "1970-01-01_00-00-00";
  expect(await names(fs.root, "snapshots")).toEqual([name, `${name}-1`, `${name}-2`, "latest"]);
  const latest = await findEntry(fs.root, splitPath(utf8("snapshots/latest")));
  expect(latest?.type === "symlink" && displayName(latest.target)).toBe(`${name}-2`);
});

test("what is mutable and what is not is told truly", async () => {
  const memory = await MemoryRepository.create();
  await memory.addSnapshot(tree, { timeNs: 42n * SECOND });
  const { root } = await open(memory);
  const at = (path: string): ReturnType<typeof findEntry> => findEntry(root, splitPath(utf8(path)));
  const time = "snapshots/1970-01-01_00-00-42";
  expect(root.immutable).toBe(false);
  expect((await at("snapshots"))?.immutable).toBe(false);
  expect((await at("snapshots/latest"))?.immutable).toBe(false);
  expect((await at(time))?.immutable).toBe(true);
  expect((await at(`${time}/a.txt`))?.immutable).toBe(true);
  expect((await at(time))?.attributes.mtimeNs).toBe(42n * SECOND);
  expect((await at("snapshots"))?.attributes.mtimeNs).toBe(42n * SECOND);
});

test("new snapshots appear and removed ones go, not more often than asked for", async () => {
  const memory = await MemoryRepository.create();
  const old = await memory.addSnapshot(tree, { timeNs: 0n });
  let nowMs = 0;
  const { root } = await open(memory, { now: () => nowMs, refreshMs: 5000 });
  const snapshots = await directoryAt(root, "snapshots");
  const kept = await snapshots.lookup(utf8("1970-01-01_00-00-00"));
  await memory.addSnapshot(tree, { timeNs: 60n * SECOND });
  nowMs = 4999;
  expect(await names(root, "snapshots")).toHaveLength(2);
  nowMs = 5000;
  // The directory that was held before shows the new one, too.
  expect(await snapshots.readEntries(0)).toHaveLength(3);
  expect(await snapshots.lookup(utf8("1970-01-01_00-00-00"))).toBe(kept);
  await memory.backend.delete([{ kind: "snapshots", name: old.id }]);
  nowMs = 10_000;
  expect(await names(root, "snapshots")).toEqual(["1970-01-01_00-01-00", "latest"]);
});

test("with every change of its entries a directory's time goes forward, and never back", async () => {
  const memory = await MemoryRepository.create();
  const old = await memory.addSnapshot(tree, { timeNs: 0n });
  let nowMs = 0;
  const { root } = await open(memory, { now: () => nowMs, refreshMs: 1 });
  const snapshots = await directoryAt(root, "snapshots");
  const timeAfter = async (change: () => Promise<unknown>): Promise<bigint> => {
    await change();
    nowMs += 1;
    await snapshots.refresh?.();
    return snapshots.attributes.mtimeNs;
  };
  const newest = await timeAfter(() => memory.addSnapshot(tree, { timeNs: 60n * SECOND }));
  expect(newest).toBe(60n * SECOND);
  expect(await timeAfter(() => Promise.resolve())).toBe(newest);
  const remove = (id: string): Promise<unknown> =>
    memory.backend.delete([{ kind: "snapshots", name: id }]);
  const removed = await timeAfter(() => remove(old.id));
  expect(removed).toBeGreaterThan(newest);
  // An older one comes, as by a copy from elsewhere.
  const added = await timeAfter(() => memory.addSnapshot(tree, { timeNs: 30n * SECOND }));
  expect(added).toBeGreaterThan(removed);
  expect(await names(root, "snapshots")).toHaveLength(3);
});

test("a directory that goes and comes back is the same, with a later time", async () => {
  const memory = await MemoryRepository.create();
  await memory.addSnapshot(tree, { timeNs: 0n });
  const options = { timeNs: 60n * SECOND, tags: ["x"] };
  let nowMs = 0;
  const { root } = await open(memory, { now: () => nowMs, refreshMs: 1 });
  const find = (): Promise<FsDirectory | undefined> => {
    nowMs += 1;
    return findDirectory(root, "tags/x");
  };
  const first = await memory.addSnapshot(tree, options);
  const before = await find();
  const time = before?.attributes.mtimeNs ?? 0n;
  await memory.backend.delete([{ kind: "snapshots", name: first.id }]);
  expect(await find()).toBeUndefined();
  expect(await before?.readEntries(0)).toEqual([]);
  await memory.addSnapshot(tree, options);
  const after = await find();
  expect(after).toBe(before);
  expect(await after?.readEntries(0)).toHaveLength(2);
  expect(after?.attributes.mtimeNs).toBeGreaterThan(time);
});

test("a snapshot made since the index was loaded can be read", async () => {
  const memory = await MemoryRepository.create();
  await memory.addSnapshot(tree, { timeNs: 0n });
  let nowMs = 0;
  const { root } = await open(memory, { now: () => nowMs });
  const changed = directory("", [file("new", "entirely new")]);
  await memory.addSnapshot(changed, { timeNs: 60n * SECOND });
  nowMs = 60_000;
  expect(await names(root, "snapshots/1970-01-01_00-01-00")).toEqual(["new"]);
});

test("listing a thousand snapshots reads none of their trees", async () => {
  const memory = await MemoryRepository.create();
  for (let i = 0; i < 20; i++) await memory.addSnapshot(tree, { timeNs: BigInt(i) * SECOND });
  const backend = recordingBackend(memory.backend);
  const readSide = await memory.readSide({ backend });
  const fs = await openRepositoryFs(memory.repository, readSide, {
    formatTime,
    now: () => 0,
    onProblem: () => undefined,
  });
  for await (const entry of fsEntries(fs.root)) {
    if (entry.type === "directory") await entry.readEntries(0);
  }
  expect(await names(fs.root, "snapshots")).toHaveLength(21);
  expect(backend.reads).toEqual([]);
});

test("an unreadable snapshot is reported once and the others are shown", async () => {
  const memory = await MemoryRepository.create();
  await memory.addSnapshot(tree, { timeNs: 0n });
  await memory.backend.put({ kind: "snapshots", name: "ab".repeat(32) }, utf8("damaged"));
  const problems: ForgeError[] = [];
  let nowMs = 0;
  const { root } = await open(memory, {
    now: () => nowMs,
    onProblem: (error) => problems.push(error),
  });
  for (nowMs = 0; nowMs < 30_000; nowMs += 6000) {
    expect(await names(root, "snapshots")).toHaveLength(2);
  }
  expect(problems).toMatchObject([{ code: "corrupt" }]);
});

test("a listing that fails later is a problem and keeps what was shown", async () => {
  const memory = await MemoryRepository.create();
  await memory.addSnapshot(tree, { timeNs: 0n });
  let nowMs = 0;
  let isDown = false;
  const backend = new Proxy(memory.backend, {
    get: (target, key) => {
      if (key === "list" && isDown) {
        return () => Promise.reject(new ForgeError("io", "the network is down"));
      }
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
  const problems: string[] = [];
  const fs = await openRepositoryFs({ ...memory.repository, backend }, await memory.readSide(), {
    formatTime,
    now: () => nowMs,
    onProblem: ({ message }) => problems.push(message),
  });
  isDown = true;
  nowMs = 10_000;
  expect(await names(fs.root, "snapshots")).toHaveLength(2);
  expect(problems).toEqual(["the network is down"]);
});

test("filters and templates choose what stands where", async () => {
  const memory = await MemoryRepository.create();
  const { id } = await memory.addSnapshot(tree, { timeNs: 0n, hostname: "alpha", username: "bob" });
  await memory.addSnapshot(tree, { timeNs: 1n, hostname: "beta" });
  const { root } = await open(memory, {
    filter: { hosts: ["alpha"] },
    pathTemplates: ["by/%u@%h/%i 100%%", "%I"],
  });
  expect(await names(root)).toEqual([id, "by"].sort());
  expect(await names(root, "by")).toEqual(["bob@alpha"]);
  expect(await names(root, "by/bob@alpha")).toEqual([`${id.slice(0, 8)} 100%`]);
});

test("hosts and tags with any name give directories with safe names", async () => {
  const memory = await MemoryRepository.create();
  const tags = [
    "../../etc",
    "",
    "a/b",
    "..",
    "con",
    'x:*?"<>|',
    "tail. ",
    "\u0000\u001b[31m",
    "é".repeat(300),
  ];
  await memory.addSnapshot(tree, { timeNs: 0n, tags, hostname: "latest" });
  const { root } = await open(memory);
  const found: string[] = [];
  const dir = await findEntry(root, splitPath(utf8("tags")));
  if (dir?.type !== "directory") throw new Error("no tags");
  for await (const { name } of fsEntries(dir)) {
    found.push(displayName(name));
    expect(name.length, toHex(name)).toBeLessThanOrEqual(255);
  }
  expect(found.map((name) => name.slice(0, 20)).sort()).toEqual(
    [".._.._etc", "_", "__", "__[31m", "_con", "a_b", "tail__", "x_______", "é".repeat(20)].sort(),
  );
  expect(await names(root, "hosts/latest")).toHaveLength(2);
});

test("an empty repository shows its directories", async () => {
  const memory = await MemoryRepository.create();
  const { root } = await open(memory);
  expect(await names(root)).toEqual(["hosts", "ids", "snapshots", "tags"]);
  expect(await names(root, "snapshots")).toEqual([]);
});

test("templates that cannot be used are refused by name", async () => {
  const memory = await MemoryRepository.create();
  for (const template of ["", "/", "a/../%T", "%x", "100%"]) {
    await expect(open(memory, { pathTemplates: [template] })).rejects.toMatchObject({
      code: "usage",
    });
  }
});

readonlyFsContract("a snapshot in repository-fs", async () => {
  const memory = await MemoryRepository.create();
  await memory.addSnapshot(tree, { timeNs: 0n });
  const { root } = await open(memory);
  const entry = await findEntry(root, splitPath(utf8("snapshots/1970-01-01_00-00-00")));
  if (entry?.type !== "directory") throw new Error("no snapshot");
  return { root: entry, expected: tree };
});
