import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { utf8 } from "../../../engine/base/bytes.ts";
import { ForgeError } from "../../../engine/base/errors.ts";
import type { FsDirectory, FsFile } from "../../../engine/read/readonly-fs.ts";
import { compareTrees } from "../../helpers/compare-trees.ts";
import * as memory from "../../helpers/memory-fs.ts";
import { only, restoreInto, storeTree } from "../../helpers/restored-snapshot.ts";
import { noise, removeTree } from "../../helpers/torture-tree.ts";

const TIME_NS = 1_600_000_000_123_456_789n;

let base = "";
let out = "";
let count = 0;

beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), "forge-restore-"));
});
beforeEach(() => {
  out = join(base, `out-${count++}`);
});
afterAll(() => removeTree(base));

const owner = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };

function file(name: string, content: string, mode = 0o644): FsFile {
  const attributes = { ...owner, mode, mtimeNs: TIME_NS };
  return { ...memory.file(name, content, { attributes }), crc32: crc32(content) };
}

function directory(name: string, children: Parameters<typeof memory.directory>[1]): FsDirectory {
  return memory.directory(name, children, { attributes: { ...owner, mtimeNs: TIME_NS } });
}

function sample(): FsDirectory {
  return directory("", [
    directory("docs", [file("a.txt", "alpha"), file("b.txt", "beta"), file("c.md", "gamma")]),
    directory("empty", []),
    file("top.txt", "top"),
  ]);
}

function text(...path: readonly string[]): string {
  return readFileSync(join(out, ...path), "utf8");
}

describe("what is there already", () => {
  test("is right when size and time are, whatever its content", async () => {
    await restoreInto(out, { root: sample() });
    const stat = statSync(join(out, "top.txt"), { bigint: true });
    writeFileSync(join(out, "top.txt"), "TOP");
    // Node's utimes loses nanoseconds; a restored sibling of the same size takes its time along.
    expect(stat.mtimeNs).toBe(TIME_NS);
    const report = await restoreInto(out, { root: sample() });
    expect(report).toMatchObject({ files: 1, alreadyRight: 3, problemCount: 0 });
    expect(text("top.txt")).toBe("top");
  });

  test("gets its metadata back when only that differs", async () => {
    await restoreInto(out, { root: sample() });
    chmodSync(join(out, "docs", "a.txt"), 0o600);
    const inode = lstatSync(join(out, "docs", "a.txt")).ino;
    const report = await restoreInto(out, { root: sample() });
    expect(report).toMatchObject({ files: 0, alreadyRight: 4 });
    expect(lstatSync(join(out, "docs", "a.txt"))).toMatchObject({ mode: 0o100644, ino: inode });
  });

  test("is replaced by a file of its own when another name shares it", async () => {
    await restoreInto(out, { root: sample() });
    chmodSync(join(out, "top.txt"), 0o600);
    linkSync(join(out, "top.txt"), join(base, `elsewhere-${count}`));
    await restoreInto(out, { root: sample() });
    expect(lstatSync(join(out, "top.txt")).mode & 0o777).toBe(0o644);
    expect(lstatSync(join(base, `elsewhere-${count}`)).mode & 0o777).toBe(0o600);
  });

  test("is written anew under always, and never in place", async () => {
    mkdirSync(out);
    writeFileSync(join(out, "top.txt"), "somebody's");
    linkSync(join(out, "top.txt"), join(out, "other-name"));
    const report = await restoreInto(out, { root: sample(), overwrite: "always" });
    expect(report.problems).toEqual([]);
    expect(text("top.txt")).toBe("top");
    expect(text("other-name")).toBe("somebody's");
    expect(readdirSync(out).filter((name) => name.startsWith(".forge-"))).toEqual([]);
  });

  test("is left alone under never, and what is missing comes", async () => {
    mkdirSync(join(out, "docs"), { recursive: true });
    chmodSync(join(out, "docs"), 0o711);
    writeFileSync(join(out, "docs", "a.txt"), "mine");
    const report = await restoreInto(out, { root: sample(), overwrite: "never" });
    expect(report).toMatchObject({ skipped: 1, files: 3, problemCount: 0 });
    expect(text("docs", "a.txt")).toBe("mine");
    expect(text("docs", "b.txt")).toBe("beta");
    expect(statSync(join(out, "docs")).mode & 0o777).toBe(0o711);
  });

  test("a directory in the way of a file is an error of that file when it has entries", async () => {
    mkdirSync(join(out, "top.txt", "inside"), { recursive: true });
    mkdirSync(join(out, "docs", "a.txt"), { recursive: true });
    const report = await restoreInto(out, { root: sample() });
    expect(report.problems.map(({ path, error }) => [path, error.code])).toEqual([
      ["top.txt", "is-a-directory"],
    ]);
    expect(existsSync(join(out, "top.txt", "inside"))).toBe(true);
    expect(text("docs", "a.txt")).toBe("alpha");
    expect(readdirSync(out).filter((name) => name.startsWith(".forge-"))).toEqual([]);
  });

  test("a file in the way of a directory is an error of all below", async () => {
    mkdirSync(out);
    writeFileSync(join(out, "docs"), "a file");
    const report = await restoreInto(out, { root: sample() });
    expect(report.problems.map(({ path, error }) => [path, error.code])).toEqual([
      ["docs", "not-a-directory"],
    ]);
    expect(text("top.txt")).toBe("top");
  });

  test("a symlink where a file belongs is replaced, one where a directory belongs is refused", async () => {
    mkdirSync(join(base, `away-${count}`));
    mkdirSync(out);
    symlinkSync(join(base, `away-${count}`), join(out, "docs"));
    symlinkSync(join(base, `away-${count}`, "file"), join(out, "top.txt"));
    const report = await restoreInto(out, { root: sample() });
    expect(report.problems.map(({ path, error }) => [path, error.code])).toEqual([
      ["docs", "not-a-directory"],
    ]);
    expect(readdirSync(join(base, `away-${count}`))).toEqual([]);
    expect(lstatSync(join(out, "top.txt")).isFile()).toBe(true);
    expect(readlinkSync(join(out, "docs"))).toBe(join(base, `away-${count}`));
  });
});

describe("the target directory", () => {
  test("takes the metadata of what is restored only when it was made for that", async () => {
    await restoreInto(join(out, "made"), { root: { ...sample(), ...withMode(0o750) } });
    expect(statSync(join(out, "made")).mode & 0o777).toBe(0o750);
    mkdirSync(join(out, "there"), { mode: 0o711 });
    await restoreInto(join(out, "there"), { root: { ...sample(), ...withMode(0o750) } });
    expect(statSync(join(out, "there")).mode & 0o777).toBe(0o711);
  });

  test("may be a symlink", async () => {
    mkdirSync(join(base, `real-${count}`));
    symlinkSync(join(base, `real-${count}`), out);
    await restoreInto(out, { root: sample() });
    expect(readdirSync(join(base, `real-${count}`)).sort()).toEqual(["docs", "empty", "top.txt"]);
  });

  test("that cannot be one is the error of the whole restore", async () => {
    writeFileSync(out, "a file");
    await expect(restoreInto(out, { root: sample() })).rejects.toMatchObject({
      code: "not-a-directory",
    });
  });
});

describe("a choice", () => {
  test("takes what it names, with the directories above and their metadata", async () => {
    const report = await restoreInto(out, { root: sample(), select: only("docs/b.txt") });
    expect(report).toMatchObject({ files: 1, directories: 1 });
    expect(readdirSync(out)).toEqual(["docs"]);
    expect(readdirSync(join(out, "docs"))).toEqual(["b.txt"]);
    expect(statSync(join(out, "docs"), { bigint: true }).mtimeNs).toBe(TIME_NS);
  });

  test("of a directory brings it even when it is empty", async () => {
    await restoreInto(out, { root: sample(), select: only("empty") });
    expect(readdirSync(out)).toEqual(["empty"]);
  });

  test("of a single file puts it into the target under its name", async () => {
    const report = await restoreInto(out, { root: file("one.txt", "one") });
    expect(report).toMatchObject({ files: 1, directories: 0 });
    expect(text("one.txt")).toBe("one");
    expect(statSync(out).mode & 0o500).toBe(0o500);
  });
});

describe("a dry run", () => {
  test("counts what would be done and touches nothing", async () => {
    const report = await restoreInto(out, { root: sample(), dryRun: true });
    expect(report).toMatchObject({ files: 4, directories: 2, bytesWritten: 17, problemCount: 0 });
    expect(existsSync(out)).toBe(false);
  });

  test("looks at what is there", async () => {
    await restoreInto(out, { root: sample() });
    utimesSync(join(out, "top.txt"), 1, 1);
    const before = lstatSync(out, { bigint: true }).ctimeNs;
    const dry = { root: sample(), dryRun: true };
    expect(await restoreInto(out, dry)).toMatchObject({ files: 1, alreadyRight: 3 });
    expect(await restoreInto(out, { ...dry, overwrite: "never" })).toMatchObject({ skipped: 4 });
    expect(await restoreInto(out, { ...dry, overwrite: "always" })).toMatchObject({ files: 4 });
    expect(lstatSync(out, { bigint: true }).ctimeNs).toBe(before);
    expect(statSync(join(out, "top.txt")).mtimeMs).toBe(1000);
  });
});

describe("an error", () => {
  test("of one file leaves nothing of it and never stops the rest", async () => {
    const broken: FsFile = {
      ...file("b.txt", "beta"),
      read: () => Promise.reject(new ForgeError("corrupt", "Cannot open a blob")),
    };
    const short: FsFile = { ...file("s.txt", "short"), read: () => Promise.resolve(utf8("sho")) };
    const root = directory("", [file("a.txt", "alpha"), broken, file("c.txt", "c"), short]);
    const report = await restoreInto(out, { root });
    expect(report.problems.map(({ path, error }) => [path, error.code])).toEqual([
      ["b.txt", "corrupt"],
      ["s.txt", "corrupt"],
    ]);
    expect(readdirSync(out).sort()).toEqual(["a.txt", "c.txt"]);
  });

  test("of a directory that cannot be listed is told with its path", async () => {
    const readEntries = (): Promise<never> =>
      Promise.reject(new ForgeError("missing-object", "Cannot find a tree"));
    const root = directory("", [{ ...directory("bad", []), readEntries }, file("a.txt", "alpha")]);
    const report = await restoreInto(out, { root });
    expect(report.problems.map(({ path, error }) => [path, error.code])).toEqual([
      ["bad", "missing-object"],
    ]);
    expect(text("a.txt")).toBe("alpha");
  });

  test("is what verification finds in a file that is not as it was", async () => {
    const root = directory("", [{ ...file("a.txt", "alpha"), crc32: 1 }, file("b.txt", "beta")]);
    const report = await restoreInto(out, { root, verify: true });
    expect(report).toMatchObject({ files: 2, verified: 1 });
    expect(report.problems.map(({ path, error }) => [path, error.code])).toEqual([
      ["a.txt", "corrupt"],
    ]);
  });
});

describe("a damaged pack", () => {
  test("costs the files that need it, and the report names them", async () => {
    const source = join(base, `source-${count}`);
    mkdirSync(source);
    for (let i = 0; i < 80; i++) writeFileSync(join(source, `${i}`), noise(5_000 + 97 * i, i + 1));
    writeFileSync(join(source, "large"), noise(3_000_000, 1000));
    const stored = await storeTree(source);
    let reads = 0;
    const packSource = {
      ...stored.packSource,
      read: async (...parameters: Parameters<typeof stored.packSource.read>) => {
        const bytes = await stored.packSource.read(...parameters);
        // The blob in the middle of the first span fails in the thread; the plain way has it whole.
        if (reads++ === 0) bytes.fill(0, bytes.length >> 1, (bytes.length >> 1) + 64);
        return bytes;
      },
    };
    const report = await restoreInto(out, { root: stored.root, packSource });
    expect(report.problems).toEqual([]);
    expect(await compareTrees(source, out)).toEqual([]);

    const failing = {
      ...stored.packSource,
      read: () => Promise.reject(new ForgeError("io", "Cannot read the storage")),
    };
    const again = await restoreInto(`${out}-b`, { root: stored.root, packSource: failing });
    expect(again.problems).toEqual([]);
    expect(await compareTrees(source, `${out}-b`)).toEqual([]);
  });
});

describe("an interrupted restore", () => {
  test("goes on where it stopped, and nothing unfinished passes for finished", async () => {
    const source = join(base, `source-${count}`);
    mkdirSync(source);
    for (let i = 0; i < 300; i++) writeFileSync(join(source, `${i}`), noise(20_000, i + 1));
    for (let i = 0; i < 3; i++)
      writeFileSync(join(source, `large-${i}`), noise(2_000_000, 1000 + i));
    const stored = await storeTree(source);
    const stop = new AbortController();
    let reads = 0;
    const packSource = {
      ...stored.packSource,
      read: (...parameters: Parameters<typeof stored.packSource.read>) => {
        if (++reads === 5) stop.abort();
        return stored.packSource.read(...parameters);
      },
    };
    const stopped = restoreInto(out, { root: stored.root, packSource, signal: stop.signal });
    await expect(stopped).rejects.toMatchObject({ code: "aborted" });
    const there = readdirSync(out);
    expect(there.length).toBeLessThan(303);
    expect(there.filter((name) => name.startsWith(".forge-"))).toEqual([]);
    for (const name of there) {
      expect(readFileSync(join(out, name)).equals(readFileSync(join(source, name)))).toBe(true);
    }
    const report = await restoreInto(out, stored);
    expect(report.problems).toEqual([]);
    expect(report.alreadyRight).toBe(there.length);
    expect(report.files).toBe(303 - there.length);
    expect(await compareTrees(source, out, { top: false })).toEqual([]);
  });
});

function withMode(mode: number): Pick<FsDirectory, "attributes"> {
  return { attributes: memory.attributesOf(mode, { ...owner, mtimeNs: TIME_NS }) };
}
