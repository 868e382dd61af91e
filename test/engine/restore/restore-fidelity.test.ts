import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compareTrees } from "../../helpers/compare-trees.ts";
import { type StoredTree, restoreInto, storeTree } from "../../helpers/restored-snapshot.ts";
import { buildTortureTree, noise, removeTree } from "../../helpers/torture-tree.ts";

const isRoot = process.geteuid?.() === 0;

let base = "";
let stored: StoredTree;

beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), "forge-restore-"));
  mkdirSync(join(base, "in"));
  buildTortureTree(join(base, "in"), { root: isRoot, big: false });
  stored = await storeTree(join(base, "in"));
});

afterAll(() => removeTree(base));

test("a file that is one hole larger than what is planned at a time comes back", async () => {
  const source = join(base, "hole");
  mkdirSync(source);
  for (const name of ["a", "c"]) writeFileSync(join(source, name), noise(1000, 1));
  const fd = openSync(join(source, "b"), "w");
  ftruncateSync(fd, 5 * 1024 ** 3);
  closeSync(fd);
  const report = await restoreInto(join(base, "hole-back"), await storeTree(source));
  expect(report).toMatchObject({ files: 3, problems: [] });
  const [was, is] = ["hole", "hole-back"].map((name) => statSync(join(base, name, "b")));
  expect(is).toMatchObject({ size: 5 * 1024 ** 3, mtimeMs: was?.mtimeMs, mode: was?.mode });
  expect(is?.blocks).toBeLessThan(100);
});

describe("a tree with everything in it", () => {
  test("comes back exactly when it is written from packs by threads", async () => {
    const report = await restoreInto(join(base, "packed"), stored);
    expect(report.problems).toEqual([]);
    expect(report.notes).toEqual([]);
    expect(await compareTrees(join(base, "in"), join(base, "packed"))).toEqual([]);
  });

  test("comes back exactly when it is read file by file", async () => {
    const report = await restoreInto(join(base, "plain"), { root: stored.root });
    expect(report.problems).toEqual([]);
    expect(await compareTrees(join(base, "in"), join(base, "plain"))).toEqual([]);
  });

  test("comes back exactly with few directories open at a time", async () => {
    const report = await restoreInto(join(base, "few"), { ...stored, openDirectoriesMax: 4 });
    expect(report.problems).toEqual([]);
    expect(await compareTrees(join(base, "in"), join(base, "few"))).toEqual([]);
  });

  test("is right already when it is restored again, and then nothing is written", async () => {
    await restoreInto(join(base, "again"), stored);
    const report = await restoreInto(join(base, "again"), { ...stored, verify: true });
    expect(report).toMatchObject({ files: 0, hardLinks: 0, symlinks: 0, specials: 0 });
    expect(report).toMatchObject({ bytesWritten: 0, problemCount: 0, notes: [] });
    expect(report.alreadyRight).toBeGreaterThan(500);
    expect(report.verified).toBeGreaterThan(500);
    expect(await compareTrees(join(base, "in"), join(base, "again"), { top: false })).toEqual([]);
  });

  test("comes back exactly over a tree that is there, when all is to be overwritten", async () => {
    await restoreInto(join(base, "over"), stored);
    const report = await restoreInto(join(base, "over"), { ...stored, overwrite: "always" });
    expect(report.problems).toEqual([]);
    expect(report.files).toBeGreaterThan(500);
    expect(await compareTrees(join(base, "in"), join(base, "over"), { top: false })).toEqual([]);
  });

  test("is verified file by file when asked", async () => {
    const report = await restoreInto(join(base, "verified"), { ...stored, verify: true });
    expect(report.problems).toEqual([]);
    expect(report.verified).toBe(report.files);
  });
});

test("a repository that only authenticates restores as well", async () => {
  mkdirSync(join(base, "clear"));
  for (let i = 0; i < 60; i++) writeFileSync(join(base, "clear", `${i}`), noise(20_000 + i, i));
  const clear = await storeTree(join(base, "clear"), { cipher: "none" });
  const report = await restoreInto(join(base, "clear-out"), clear);
  expect(report.problems).toEqual([]);
  expect(await compareTrees(join(base, "clear"), join(base, "clear-out"))).toEqual([]);
});

test("holes inside files of one and of many chunks stay holes, and old data never shows in them", async () => {
  const source = join(base, "holes");
  mkdirSync(source);
  for (const [name, pieces] of [
    [
      "small",
      [
        [0, 4096],
        [1_048_576, 4096],
      ],
    ],
    [
      "large",
      [
        [0, 300_000],
        [8_388_608, 300_000],
      ],
    ],
    ["hole-last", [[0, 4096]]],
    ["hole-only", []],
  ] as const) {
    const fd = openSync(join(source, name), "w");
    ftruncateSync(fd, 16_777_216);
    for (const [offset, length] of pieces)
      writeSync(fd, noise(length, offset + 1), 0, length, offset);
    closeSync(fd);
  }
  const holes = await storeTree(source);
  for (const mode of ["packed", "plain"]) {
    const out = join(base, `holes-${mode}`);
    mkdirSync(out);
    for (const name of ["small", "large", "hole-last", "hole-only"]) {
      writeFileSync(join(out, name), Buffer.alloc(100_000, "old"));
    }
    const options = mode === "packed" ? holes : { root: holes.root };
    const report = await restoreInto(out, { ...options, overwrite: "always" });
    expect(report.problems).toEqual([]);
    expect(await compareTrees(source, out, { top: false })).toEqual([]);
  }
  rmSync(source, { recursive: true });
});
