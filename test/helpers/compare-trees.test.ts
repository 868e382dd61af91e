import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  closeSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { utf8 } from "../../engine/base/bytes.ts";
import * as libc from "../../engine/platform/node/libc.ts";
import { compareTrees, rsyncDifferences } from "./compare-trees.ts";
import { buildTortureTree, removeTree } from "./torture-tree.ts";

const root = process.geteuid?.() === 0;
let place = "";
let original = "";
let refused: string[] = [];

beforeAll(() => {
  place = mkdtempSync(join(process.env["TMPDIR"] ?? "/tmp", "forge-trees-"));
  original = join(place, "original");
  mkdirSync(original);
  refused = buildTortureTree(original, { root, big: false, deep: false });
});

afterAll(() => {
  removeTree(place);
});

/** A copy by cp, which keeps everything but what lies deeper than PATH_MAX. */
async function withCopy(use: (copy: string) => Promise<void>): Promise<void> {
  const copy = join(place, "copy");
  execFileSync("cp", ["-a", "--sparse=auto", original, copy]);
  try {
    await use(copy);
  } finally {
    removeTree(copy);
  }
}

test("the torture tree has what it should", () => {
  expect(refused.filter((line) => !line.startsWith("a value of 64 KiB"))).toEqual([]);
  const count = execFileSync("find", [original, "-printf", "x"]).length;
  expect(count).toBeGreaterThan(root ? 700 : 640);
  expect(lstatSync(join(original, "sparse/one-tebibyte")).size).toBe(2 ** 40);
});

test("a faithful copy shows no difference, by either judge", () =>
  withCopy(async (copy) => {
    // cp looks for holes in its own way.
    const differences = await compareTrees(original, copy, { holes: false });
    expect(differences).toEqual([]);
    expect(await compareTrees(original, original)).toEqual([]);
  }));

test("rsync agrees, and sees a difference too", () =>
  withCopy(async (copy) => {
    const exclude = ["one-tebibyte"];
    expect(await rsyncDifferences(original, copy, { exclude })).toEqual([]);
    chmodSync(join(copy, "empty"), 0o700);
    expect(await rsyncDifferences(original, copy, { exclude })).toEqual([".d...p..... empty/"]);
  }));

test("every kind of difference is found", () =>
  withCopy(async (copy) => {
    const at = (path: string) => join(copy, path);
    const touch = (path: string, act: () => void) => {
      const before = lstatSync(at(path), { bigint: true, throwIfNoEntry: false });
      act();
      if (before === undefined || lstatSync(at(path), { throwIfNoEntry: false }) === undefined)
        return;
      libc.utimensat(libc.AT_FDCWD, utf8(at(path)), "omit", before.mtimeNs);
    };
    const keepingTime = (directory: string, act: () => void) => touch(directory, act);
    keepingTime("sizes", () => {
      const content = openSync(at("sizes/noise-65536"), "r+");
      touch("sizes/noise-65536", () => writeSync(content, "X", 65_000));
      closeSync(content);
      touch("sizes/noise-4096", () => appendFileSync(at("sizes/noise-4096"), "more"));
      unlinkSync(at("sizes/noise-1"));
      writeFileSync(at("sizes/extra"), "");
    });
    chmodSync(at("modes/file-0600"), 0o601);
    libc.utimensat(libc.AT_FDCWD, utf8(at("times/link-0")), "omit", 1n);
    libc.lsetxattr(utf8(at("xattrs/file")), utf8("user.empty"), utf8("not"));
    libc.lremovexattr(utf8(at("xattrs/directory")), utf8("user.directory"));
    keepingTime("symlinks", () => {
      touch("symlinks/dot", () => {
        unlinkSync(at("symlinks/dot"));
        symlinkSync("x", at("symlinks/dot"));
      });
    });
    keepingTime("hardlinks", () => {
      unlinkSync(at("hardlinks/same-content-no-link"));
      linkSync(at("hardlinks/a/file"), at("hardlinks/same-content-no-link"));
    });
    keepingTime("sparse", () => {
      touch("sparse/hole-first", () => {
        const fd = openSync(at("sparse/hole-first"), "r+");
        writeSync(fd, new Uint8Array(4096), 0, 4096, 0);
        closeSync(fd);
      });
    });
    keepingTime("specials", () => {
      rmSync(at("specials/fifo"));
      writeFileSync(at("specials/fifo"), "");
    });
    keepingTime("names/odd", () => {
      renameSync(at("names/odd/back\\slash\\"), at("names/odd/backslash"));
    });
    const lines = await compareTrees(original, copy);
    const found = (pattern: RegExp) => lines.filter((line) => pattern.test(line)).length;
    const seeded: readonly RegExp[] = [
      /^\/sizes\/noise-65536: differs in content between 0 and 65536/,
      /^\/sizes\/noise-4096: has size 4100 and should have 4096/,
      /^\/sizes\/noise-1: is missing/,
      /^\/sizes\/extra: should not be there/,
      /^\/modes\/file-0600: has mode 0o601 and should have 0o600/,
      /^\/times\/link-0: has mtime in ns 1 and should have 0/,
      /^\/xattrs\/file: has attribute 'user.empty' 6e6f74/,
      /^\/xattrs\/directory: has attribute 'user.directory' absent/,
      /^\/symlinks\/dot: points to b?'x' and should to b?'.'/,
      /^\/hardlinks\/same-content-no-link: is a link of \/hardlinks\/0-first/,
      /^\/sparse\/hole-first: has data at/,
      /^\/specials\/fifo: is - and should be p/,
      /^\/names\/odd\/back\\slash\\: is missing/,
      /^\/names\/odd\/backslash: should not be there/,
    ];
    for (const pattern of seeded) expect([pattern, found(pattern)]).toEqual([pattern, 1]);
    if (root) {
      libc.fchownat(libc.AT_FDCWD, utf8(at("owners/1-2.l")), 3, 4);
      expect(
        (await compareTrees(original, copy)).filter((l) => l.startsWith("/owners/1-2.l")),
      ).toHaveLength(2);
    }
  }));

test("trees of a depth no path reaches are compared to their end", async () => {
  const [one, two] = [join(place, "one"), join(place, "two")];
  for (const dir of [one, two]) {
    mkdirSync(dir);
    buildTortureTree(dir, { root, big: false });
  }
  try {
    expect(await compareTrees(one, two)).toEqual([]);
    // At the very end, by a walk through descriptors.
    const flags = libc.O_DIRECTORY;
    let fd = libc.openat(libc.AT_FDCWD, utf8(join(two, "deep")), flags);
    for (let level = 0; level < 1000; level++) {
      const name = new Uint8Array(150).fill(0x64);
      name.set(utf8(`${level}-`));
      name[149] = level % 2 === 0 ? 0xff : 0x7a;
      const next = libc.openat(fd, name, flags);
      closeSync(fd);
      fd = next;
    }
    libc.fchmodat(fd, utf8("fifo"), 0o601);
    closeSync(fd);
    const differences = await compareTrees(one, two);
    expect(differences).toHaveLength(1);
    expect(differences[0]).toMatch(/999-d+z\/fifo: has mode 0o601 and should have 0o600$/);
  } finally {
    removeTree(one);
    removeTree(two);
  }
});
