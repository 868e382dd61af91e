import { expect, test } from "vitest";

import { type Bytes, concatBytes, lossyUtf8, utf8 } from "../../../engine/base/bytes.ts";
import { findEntries, versionKey } from "../../../engine/read/find.ts";
import { NameIndex } from "../../../engine/read/name-index.ts";
import type { NamePattern, NameQuery } from "../../../engine/read/name-query.ts";
import type { ReadSide } from "../../../engine/read/read-side.ts";
import { type FsDirectory, displayName } from "../../../engine/read/readonly-fs.ts";
import {
  type NameSearchOptions,
  type NamedSnapshot,
  searchNames,
} from "../../../engine/read/search-names.ts";
import { openSnapshotFs } from "../../../engine/read/snapshot-fs.ts";
import { type ExpectedEntry, directory, file, symlink } from "../../helpers/expected-tree.ts";
import { MemoryRepository } from "../../helpers/memory-repository.ts";
import { SeededRandom, testSeed } from "../../helpers/seeded-random.ts";

interface Opened {
  readonly readSide: ReadSide;
  /** The newest first, named by their number from the oldest. */
  readonly snapshots: readonly NamedSnapshot<number>[];
}

/** @param trees The oldest first. */
async function open(trees: readonly ExpectedEntry[]): Promise<Opened> {
  const memory = await MemoryRepository.create();
  const stored = [];
  for (const tree of trees) stored.push(await memory.addSnapshot(tree));
  const readSide = await memory.readSide();
  const roots: FsDirectory[] = [];
  for (const snapshot of stored) roots.push((await openSnapshotFs(readSide, snapshot)).root);
  const snapshots = roots.map((root, snapshot) => ({ snapshot, root })).reverse();
  return { readSide, snapshots };
}

interface Told {
  readonly path: string;
  readonly newest: number;
  readonly oldest: number;
  readonly count: number;
  readonly versions: number;
  readonly deleted: boolean;
}

async function search(
  { readSide, snapshots }: Opened,
  query: NameQuery,
  options: Partial<NameSearchOptions<number>> & { readonly index?: NameIndex } = {},
): Promise<Told[]> {
  const index = options.index ?? new NameIndex(readSide.trees);
  const { hits, total } = await searchNames(index, snapshots, query, { limit: 1e6, ...options });
  if (options.limit === undefined) expect(total).toBe(hits.length);
  return hits.map(({ parts, newest, oldest, snapshotCount, versionCount, isDeleted, entry }) => {
    expect(entry.name).toEqual(parts.at(-1));
    return {
      path: displayName(
        concatBytes(parts.flatMap((name, i) => (i === 0 ? [name] : [SLASH, name]))),
      ),
      newest,
      oldest,
      count: snapshotCount,
      versions: versionCount,
      deleted: isDeleted,
    };
  });
}

const SLASH = utf8("/");

const part = (text: string): NamePattern => ({ kind: "part", text });

const NAMES = [
  ..."alpha Beta gamma README readme.md Übung.txt ÜBUNG e\u0301te\u0301 \u00e9t\u00e9 ΟΔΟΣ οδος.txt".split(
    " ",
  ),
  ..."日本語 report report-2.pdf My.Report İstanbul straße x ab abc".split(" "),
].map(utf8);
const ODD = [new Uint8Array([0x66, 0xff, 0x6f]), new Uint8Array([0xc3]), utf8("new\nline")];

function randomTree(random: SeededRandom, depth: number): ExpectedEntry[] {
  const taken = new Map<string, ExpectedEntry>();
  const many = depth === 1 && random.chance(0.15) ? 1100 : 0;
  for (let i = 0; i < many; i++) taken.set(`n${i}`, file(`n${i}-report`, String(random.below(3))));
  for (let i = random.below(7); i >= 0; i--) {
    const name = random.chance(0.1) ? random.pick(ODD) : random.pick(NAMES);
    taken.set(name.join(), randomEntry(random, name, depth));
  }
  return [...taken.values()];
}

function randomEntry(random: SeededRandom, name: Bytes, depth: number): ExpectedEntry {
  const options = { mtimeNs: BigInt(random.below(2_000_000_000)) * 1_000_000_000n };
  if (depth < 4 && random.chance(0.4)) return directory(name, randomTree(random, depth + 1));
  if (random.chance(0.1)) return symlink(name, random.pick(["a", "b"]));
  return file(name, String(random.below(3)), options);
}

/** The same tree with something changed, added or gone. */
function changed(random: SeededRandom, entries: readonly ExpectedEntry[]): ExpectedEntry[] {
  const out: ExpectedEntry[] = [];
  for (const entry of entries) {
    if (random.chance(0.06)) continue;
    if (entry.type === "directory" && random.chance(0.6)) {
      out.push({ ...entry, children: changed(random, entry.children) });
    } else if (random.chance(0.06)) {
      out.push(randomEntry(random, entry.name, 4));
    } else {
      out.push(entry);
    }
  }
  return out;
}

/** What the search promises, told by looking at every entry of every snapshot. */
async function naive(
  { snapshots }: Opened,
  query: NameQuery,
  matches: (name: string, path: string) => boolean,
): Promise<Told[]> {
  const found = new Map<string, { seen: number[]; versions: Set<string>; path: string }>();
  for (const { snapshot, root } of snapshots) {
    if (root === undefined) continue;
    for await (const { path, entry } of findEntries(root, { types: query.types })) {
      if (!matches(spell(entry.name, query), spell(path, query))) continue;
      const key = path.join();
      const known = found.get(key) ?? { seen: [], versions: new Set(), path: displayName(path) };
      known.seen.push(snapshot);
      known.versions.add(versionKey(entry));
      found.set(key, known);
    }
  }
  const last = snapshots[0]?.snapshot ?? 0;
  return Array.from(found.values(), ({ seen, versions, path }) => ({
    path,
    newest: Math.max(...seen),
    oldest: Math.min(...seen),
    count: seen.length,
    versions: versions.size,
    deleted: Math.max(...seen) !== last,
  }));
}

function spell(bytes: Bytes, { ignoreCase }: NameQuery): string {
  const text = lossyUtf8(bytes).normalize("NFC");
  return ignoreCase ? text.toLowerCase().replaceAll("ς", "σ") : text;
}

function sorted(told: readonly Told[]): Told[] {
  return [...told].sort((a, b) =>
    a.path < b.path ? -1 : a.path > b.path ? 1 : a.newest - b.newest,
  );
}

test("finds what looking at every entry of every snapshot finds", async () => {
  const seed = testSeed();
  const random = new SeededRandom(seed);
  for (let round = 0; round < 3; round++) {
    let children = randomTree(random, 0);
    const trees = [directory("", children)];
    for (let i = random.below(5); i >= 0; i--) {
      children = changed(random, children);
      trees.push(directory("", children));
    }
    const opened = await open(trees);
    const { trees: pages } = opened.readSide;
    const indexes = [
      new NameIndex(pages),
      new NameIndex(pages, { bytesMax: 4000 }),
      new NameIndex(pages, { bytesMax: 0 }),
    ];
    const check = async (
      query: NameQuery,
      matches: (name: string, path: string) => boolean,
    ): Promise<void> => {
      const told = sorted(await naive(opened, query, matches));
      for (const [i, index] of indexes.entries()) {
        const label = `seed ${seed}, round ${round}, index ${i}, ${JSON.stringify(query)}`;
        expect(sorted(await search(opened, query, { index })), label).toEqual(told);
      }
    };
    for (const text of [
      "report",
      "RE",
      "e",
      "été",
      "οδος",
      "übung",
      "straße",
      "n1",
      "語",
      "ta/re",
    ]) {
      for (const ignoreCase of [true, false]) {
        const types = random.chance(0.3) ? new Set(["file" as const]) : undefined;
        const query = { pattern: part(text), ignoreCase, types };
        const needle = spell(utf8(text), query);
        const folder = needle.replace(/[^/]*$/, "");
        const start = needle.replace(/^.*\//, "");
        await check(query, (name, path) =>
          folder === ""
            ? name.includes(needle)
            : path.slice(0, path.length - name.length).endsWith(folder) && name.startsWith(start),
        );
      }
    }
    for (const of of ["name", "path"] as const) {
      const test = (text: string): boolean => /e.*r/.test(text);
      const query = { pattern: { kind: "test", of, test }, ignoreCase: true } as const;
      await check(query, (name, path) => test(of === "name" ? name : path));
    }
  }
});

const DAY_NS = 86_400_000_000_000n;

test("the name itself comes first, then beginnings, then the rest; what is still there and changed last before others", async () => {
  const opened = await open([
    directory("", [
      file("report", "old", { mtimeNs: 1n * DAY_NS }),
      file("report.gone", "x", { mtimeNs: 99n * DAY_NS }),
      file("report.new", "x", { mtimeNs: 5n * DAY_NS }),
    ]),
    directory("", [
      file("report", "new", { mtimeNs: 2n * DAY_NS }),
      file("report.new", "x", { mtimeNs: 5n * DAY_NS }),
      file("report.newest", "x", { mtimeNs: 9n * DAY_NS }),
      file("my report", "x", { mtimeNs: 50n * DAY_NS }),
      directory("sub", [file("report", "x", { mtimeNs: 1n })]),
    ]),
  ]);
  const query = { pattern: part("report"), ignoreCase: true };
  const paths = (await search(opened, query)).map(({ path }) => path);
  const ranked = [
    "report",
    "sub/report",
    "report.newest",
    "report.new",
    "report.gone",
    "my report",
  ];
  expect(paths).toEqual(ranked);
  expect((await search(opened, query, { limit: 2 })).map(({ path }) => path)).toEqual(
    ranked.slice(0, 2),
  );
});

test("a path that begins with a slash is the whole path", async () => {
  const etc = directory("etc", [
    file("hosts", "1"),
    file("hosts.deny", "2"),
    file("my-hosts", "3"),
  ]);
  const opened = await open([directory("", [etc, directory("usr", [etc]), file("etcetera", "")])]);
  const find = async (text: string): Promise<string[]> => {
    const found = await search(opened, { pattern: part(text), ignoreCase: true });
    return found.map(({ path }) => path).sort();
  };
  expect(await find("/etc/hosts")).toEqual(["etc/hosts", "etc/hosts.deny"]);
  expect(await find("etc/hosts")).toEqual([
    "etc/hosts",
    "etc/hosts.deny",
    "usr/etc/hosts",
    "usr/etc/hosts.deny",
  ]);
  expect(await find("/etc")).toEqual(["etc", "etcetera"]);
  expect(await find("tc/hosts/")).toEqual(await find("etc/hosts"));
});

test("what a later snapshot should have and has not was deleted", async () => {
  const opened = await open([
    directory("", [file("a1", "1"), file("a2", "1")]),
    directory("", [file("a2", "1")]),
    directory("", [file("other", "1")]),
  ]);
  const deleted = async (misses?: (later: number) => boolean): Promise<string[]> => {
    const query = { pattern: part("a"), ignoreCase: true };
    const found = await search(opened, query, { misses });
    return found.filter((hit) => hit.deleted).map(({ path }) => path);
  };
  expect((await deleted()).sort()).toEqual(["a1", "a2"]);
  // The last one is of another machine.
  expect(await deleted((later) => later < 2)).toEqual(["a1"]);
});

test("a second search reads nothing", async () => {
  const opened = await open([directory("", [directory("a", [file("b", "1")])])]);
  const { trees } = opened.readSide;
  let reads = 0;
  const index = new NameIndex({
    scanPage: (id, signal) => {
      reads++;
      return trees.scanPage(id, signal);
    },
    peekScan: () => undefined,
  });
  await search(opened, { pattern: part("b"), ignoreCase: true }, { index });
  expect(reads).toBe(2);
  expect(await search(opened, { pattern: part("a"), ignoreCase: true }, { index })).toHaveLength(1);
  expect(reads).toBe(2);
});

test("a search that is not wanted any more ends", async () => {
  const opened = await open([directory("", [directory("a", [file("b", "1")])])]);
  const signal = AbortSignal.abort();
  await expect(
    search(opened, { pattern: part("b"), ignoreCase: true }, { signal }),
  ).rejects.toMatchObject({ code: "aborted" });
});
