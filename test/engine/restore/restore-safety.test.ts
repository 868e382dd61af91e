import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Bytes, utf8 } from "../../../engine/base/bytes.ts";
import type { FsDirectory, FsEntry } from "../../../engine/read/readonly-fs.ts";
import { openLocalTarget } from "../../../engine/restore/node/local-target.ts";
import { compareTrees } from "../../helpers/compare-trees.ts";
import { directory, file, special, symlink } from "../../helpers/memory-fs.ts";
import { need } from "../../helpers/need.ts";
import { restoreInto, storeTree } from "../../helpers/restored-snapshot.ts";
import { noise, removeTree } from "../../helpers/torture-tree.ts";

const isRoot = process.geteuid?.() === 0;
const NOBODY = 65_534;

let base = "";
let out = "";
let canary = "";
let count = 0;

beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), "forge-restore-"));
});
beforeEach(() => {
  out = join(base, `out-${count}`);
  canary = join(base, `canary-${count++}`);
  mkdirSync(join(canary, "sub"), { recursive: true, mode: 0o711 });
  for (const name of ["a", "b", "sub/a"]) writeFileSync(join(canary, name), `canary ${name}`);
});
afterAll(() => removeTree(base));

/** All that a restore could change about the canary. */
function canaryState(): string {
  const lines = ["", "a", "b", "sub", "sub/a"].map((path) => {
    const { mode, uid, gid, size, mtimeNs, ctimeNs, nlink } = lstatSync(join(canary, path), {
      bigint: true,
    });
    return [path, mode, uid, gid, size, mtimeNs, ctimeNs, nlink].join(" ");
  });
  return [...lines, ...readdirSync(canary), ...readdirSync(join(canary, "sub"))].join("\n");
}

describe("names that lead elsewhere", () => {
  const forged: readonly (string | Bytes)[] = [
    ...["", ".", "..", "/", "//", "a/b", "../a", "../../a", "/etc/passwd", "a/../../a", "./a"],
    ...["sub/../../a", "..\0", "\0", "a\0b", "a/", "/a", "../", "..//a", "\0/../a"],
    new Uint8Array(256).fill(0x61),
    new Uint8Array([0x2e, 0x2e, 0x2f, 0xff]),
  ];

  test("are refused, each with a problem, and the rest is restored", async () => {
    const before = canaryState();
    const root = directory("", [
      directory("x", [
        ...forged.map((name) => file(name, "attack")),
        ...forged.map((name) => directory(name, [file("inside", "attack")])),
        ...forged.map((name) => symlink(name, canary)),
        ...forged.map((name) => special(name, "fifo")),
        file("good", "good"),
      ]),
    ]);
    const report = await restoreInto(out, { root });
    expect(report.problemCount).toBe(forged.length * 4);
    expect(new Set(report.problems.map(({ error }) => error.code))).toEqual(new Set(["corrupt"]));
    expect(readdirSync(out)).toEqual(["x"]);
    expect(readdirSync(join(out, "x"))).toEqual(["good"]);
    expect(canaryState()).toBe(before);
  });

  test("are harmless when they only look so", async () => {
    const names = ["..a", "...", "a\\b", "..\\a", "C:", "~", "-rf", "a\nb", " ", "%2e%2e%2f"];
    const root = directory(
      "",
      names.map((name) => file(name, "fine")),
    );
    const report = await restoreInto(out, { root });
    expect(report.problems).toEqual([]);
    expect(readdirSync(out).sort()).toEqual([...names].sort());
  });

  test("are refused for an entry that is restored alone", async () => {
    const report = await restoreInto(join(out, "in"), { root: file("../a", "attack") });
    expect(report.problems.map(({ error }) => error.code)).toEqual(["corrupt"]);
    expect(readdirSync(out)).toEqual(["in"]);
  });
});

describe("two entries of one name", () => {
  test("are a collision, and the second never goes through the first", async () => {
    const before = canaryState();
    const entries: FsEntry[] = [
      symlink("d", canary),
      directory("d", [file("a", "attack")]),
      file("d", "attack"),
    ];
    const root = twice(entries);
    const report = await restoreInto(out, { root });
    expect(report.problems.map(({ path, error }) => [path, error.code])).toEqual([
      ["d", "exists"],
      ["d", "exists"],
    ]);
    expect(canaryState()).toBe(before);
  });
});

/** A directory whose entries are not what a sound snapshot has: unsorted, twice. */
function twice(entries: readonly FsEntry[]): FsDirectory {
  return {
    ...directory("", []),
    readEntries: (from) => Promise.resolve(entries.slice(from)),
  };
}

describe("symlinks that are there before", () => {
  test("are not followed, neither where directories belong nor where files do", async () => {
    mkdirSync(out);
    symlinkSync(canary, join(out, "dir"));
    symlinkSync(join(canary, "a"), join(out, "file"));
    symlinkSync(join(canary, "b"), join(out, "fifo"));
    mkdirSync(join(out, "real"));
    symlinkSync(join(canary, "sub"), join(out, "real", "sub"));
    const before = canaryState();
    const root = directory("", [
      directory("dir", [file("a", "attack"), symlink("new", "x")]),
      file("file", "content"),
      special("fifo", "fifo"),
      directory("real", [directory("sub", [file("a", "attack")])]),
    ]);
    for (const overwrite of ["if-changed", "always"] as const) {
      const report = await restoreInto(out, { root, overwrite });
      expect(report.problems.map(({ path }) => path).sort()).toEqual(["dir", "real/sub"]);
    }
    expect(canaryState()).toBe(before);
    expect(lstatSync(join(out, "file")).isFile()).toBe(true);
    expect(lstatSync(join(out, "fifo")).isFIFO()).toBe(true);
  });
});

/** Swaps directories of the target for symlinks to the canary and back, as fast as it can. */
const RACER = `
import os, sys
out, canary = sys.argv[1:]
print("ready", flush=True)
while True:
    for name in ("d0", "d1", "d2/sub"):
        path = os.path.join(out, name)
        try:
            os.rename(path, path + ".away")
        except OSError:
            continue
        try:
            os.symlink(os.path.join(canary, "sub") if "/" in name else canary, path)
        except OSError:
            pass
        try:
            os.unlink(path)
        except OSError:
            pass
        try:
            os.rename(path + ".away", path)
        except OSError:
            pass
`;

async function withRacer(run: () => Promise<void>): Promise<void> {
  mkdirSync(out, { recursive: true });
  const racer: ChildProcess = spawn("python3", ["-c", RACER, out, canary], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    await new Promise((ready) => racer.stdout?.once("data", ready));
    await run();
  } finally {
    racer.kill("SIGKILL");
  }
}

describe("directories that somebody swaps for symlinks during the restore", () => {
  const entries = (): FsEntry[] => [
    file("a", "attack"),
    file("b", "attack"),
    symlink("link", "somewhere"),
    special("pipe", "fifo"),
  ];
  const root = directory("", [
    directory("d0", entries(), { attributes: { mode: 0o777, uid: NOBODY } }),
    directory("d1", entries(), { attributes: { mode: 0o777, uid: NOBODY } }),
    directory("d2", [directory("sub", entries(), { attributes: { mode: 0o777, uid: NOBODY } })]),
  ]);

  test("lead nothing outside in 300 restores", async () => {
    const before = canaryState();
    let met = 0;
    await withRacer(async () => {
      for (let run = 0; run < 300; run++) {
        const overwrite = run % 3 === 0 ? "if-changed" : "always";
        // One directory open at a time: each use opens it anew, which is the racer's chance.
        const openDirectoriesMax = run % 2 === 0 ? 1 : 64;
        const report = await restoreInto(out, { root, overwrite, openDirectoriesMax });
        met += report.problemCount;
      }
    });
    // Else the racer was never in time, and nothing was shown.
    expect(met).toBeGreaterThan(0);
    expect(canaryState()).toBe(before);
  });

  test("lead nothing outside when threads write", async () => {
    const source = join(base, `source-${count}`);
    for (const path of ["d0", "d1", "d2/sub"]) {
      mkdirSync(join(source, path), { recursive: true });
      for (let i = 0; i < 25; i++) writeFileSync(join(source, path, `${i}`), noise(3000, i + 1));
      for (const name of ["a", "b"]) writeFileSync(join(source, path, name), noise(100_000, 7));
    }
    const stored = await storeTree(source);
    const before = canaryState();
    await withRacer(async () => {
      for (let run = 0; run < 8; run++) {
        await restoreInto(out, { ...stored, overwrite: "always", openDirectoriesMax: 64 });
      }
    });
    expect(canaryState()).toBe(before);
  });
});

describe("hard links", () => {
  test("are never made to something that took the place of the first of them", async () => {
    const target = openLocalTarget(out);
    try {
      const opened = await target.openRoot({ make: true });
      if (opened === undefined) throw new Error("the target was not made");
      writeFileSync(join(out, "a"), "first");
      const first = { directory: opened, name: utf8("a") };
      const identity = (await target.inspect(first))?.identity ?? { device: 0n, inode: 0n };
      const link = { directory: opened, name: utf8("b") };
      unlinkSync(join(out, "a"));
      linkSync(join(canary, "a"), join(out, "a"));
      const linked = target.makeHardLink(link, first, { identity, replace: false });
      await expect(linked).rejects.toMatchObject({ code: "io" });
      expect(readdirSync(out)).toEqual(["a"]);
    } finally {
      await target.close();
    }
  });

  test("share an inode", async () => {
    const attributes = { hardLinkKey: "one", linkCount: 2 };
    const root = directory("", [
      file("a", "linked", { attributes }),
      directory("d", [file("b", "linked", { attributes })]),
    ]);
    const report = await restoreInto(out, { root });
    expect(report).toMatchObject({ files: 1, hardLinks: 1, problemCount: 0 });
    expect(statSync(join(out, "a")).ino).toBe(statSync(join(out, "d", "b")).ino);
  });

  test("become a file of their own when the first of them cannot be had", async () => {
    const attributes = { hardLinkKey: "one", linkCount: 3 };
    const root = directory("", [
      { ...file("a", "linked", { attributes }), read: () => Promise.resolve(utf8("short")) },
      file("b", "linked", { attributes }),
      file("c", "linked", { attributes }),
    ]);
    const report = await restoreInto(out, { root });
    expect(report).toMatchObject({ files: 1, hardLinks: 1, problemCount: 1 });
    expect(statSync(join(out, "b")).ino).toBe(statSync(join(out, "c")).ino);
  });
});

const canMount = need(isRoot && existsSync("/proc/mounts"), "root, to mount a small file system");

describe.skipIf(!canMount)("a file system that is full", () => {
  test("is said so, and no file that is not whole is left", async () => {
    const source = join(base, `source-${count}`);
    mkdirSync(source);
    for (let i = 0; i < 60; i++) writeFileSync(join(source, `${i}`), noise(50_000, i + 1));
    writeFileSync(join(source, "large"), noise(3_000_000, 99));
    const stored = await storeTree(source);
    for (const options of [stored, { root: stored.root }]) {
      mkdirSync(out, { recursive: true });
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", out]);
      try {
        const report = await restoreInto(out, options);
        expect(report.problemCount).toBeGreaterThan(10);
        expect(new Set(report.problems.map(({ error }) => error.code))).toEqual(
          new Set(["no-space"]),
        );
        expect(report.problems[0]?.error.message).toContain("no space is left");
        expect(report.files + report.problemCount).toBe(61);
        for (const name of readdirSync(out)) {
          expect(statSync(join(out, name)).size).toBe(statSync(join(source, name)).size);
        }
        expect(readdirSync(out).length).toBe(report.files);
      } finally {
        execFileSync("umount", [out]);
      }
    }
  });
});

describe.skipIf(!need(isRoot, "root, to restore as somebody else"))("without being root", () => {
  async function asNobody<Result>(run: () => Promise<Result>): Promise<Result> {
    process.setegid?.(NOBODY);
    process.seteuid?.(NOBODY);
    try {
      return await run();
    } finally {
      process.seteuid?.(0);
      process.setegid?.(0);
    }
  }

  test("owners are not given, set-id bits neither, and all that is told once", async () => {
    mkdirSync(out);
    chownSync(out, NOBODY, NOBODY);
    chownSync(base, NOBODY, NOBODY);
    const foreign = { attributes: { uid: 1234, gid: 1234, mode: 0o6755 } };
    const own = { attributes: { uid: NOBODY, gid: NOBODY, mode: 0o6755 } };
    const root = directory("", [
      directory("d", [file("x", "x", foreign), file("own", "own", own)], foreign),
      symlink("l", "x", { attributes: { uid: 1234, gid: 1234 } }),
      special("device", "char-device", { attributes: { deviceMajor: 1, deviceMinor: 3 } }),
      special("pipe", "fifo", own),
      special("socket", "socket", own),
      directory("closed", [file("f", "f", own)], {
        attributes: { ...own.attributes, mode: 0o500 },
      }),
    ]);
    const report = await asNobody(() => restoreInto(out, { root }));
    expect(report.problems.map(({ path, error }) => [path, error.code])).toEqual([
      ["device", "permission"],
    ]);
    expect(report.notes).toEqual([
      { loss: "owner", count: 3, firstPath: expect.any(String) as string },
      { loss: "setid", count: 2, firstPath: expect.any(String) as string },
    ]);
    expect(statSync(join(out, "d", "x"))).toMatchObject({ uid: NOBODY, mode: 0o100755 });
    expect(statSync(join(out, "d", "own"))).toMatchObject({ uid: NOBODY, mode: 0o106755 });
    expect(lstatSync(join(out, "socket")).isSocket()).toBe(true);
    expect(statSync(join(out, "closed")).mode & 0o777).toBe(0o500);

    // The closed directory is in the way of nobody: it opens for the restore and closes after.
    const again = await asNobody(() => restoreInto(out, { root, overwrite: "always" }));
    expect(again.problems.map(({ path }) => path)).toEqual(["device"]);
    expect(statSync(join(out, "closed")).mode & 0o777).toBe(0o500);
  });

  test("a target that may not be written is told for each entry", async () => {
    mkdirSync(out, { mode: 0o755 });
    const root = directory("", [file("a", "a"), directory("d", [file("b", "b")])]);
    const report = await asNobody(() => restoreInto(out, { root }));
    expect(report.problems.map(({ path, error }) => [path, error.code]).sort()).toEqual([
      ["a", "permission"],
      ["d", "permission"],
    ]);
  });

  test("threads restore with the same rights", async () => {
    const source = join(base, `source-${count}`);
    mkdirSync(source);
    for (let i = 0; i < 60; i++) writeFileSync(join(source, `${i}`), noise(2000, i + 1));
    const stored = await storeTree(source);
    mkdirSync(out);
    chownSync(out, NOBODY, NOBODY);
    const report = await asNobody(() => restoreInto(out, stored));
    expect(report.problems).toEqual([]);
    expect(report.notes.map(({ loss, count: losses }) => [loss, losses])).toEqual([["owner", 60]]);
    expect(await compareTrees(source, out, { top: false, owners: false })).toEqual([]);
  });
});

test.each([0, 0o022, 0o077, 0o777])(
  "files have their modes under any umask (0o%o)",
  async (umask) => {
    const source = join(base, `modes-${count}`);
    mkdirSync(source);
    const modes = [0o644, 0o600, 0o755, 0o777, 0o444, 0o4755, 0o2711, 0o1666, 0o200, 0];
    for (let i = 0; i < 60; i++) {
      writeFileSync(join(source, `${i}`), noise(500, i + 1));
      chmodSync(join(source, `${i}`), modes[i % modes.length] ?? 0);
    }
    const stored = await storeTree(source);
    // Once into a directory that the restore makes, once into one that was there.
    const before = process.umask(umask);
    try {
      expect((await restoreInto(out, stored)).problems).toEqual([]);
      mkdirSync(`${out}-there`);
      chmodSync(`${out}-there`, 0o755);
      expect((await restoreInto(`${out}-there`, stored)).problems).toEqual([]);
    } finally {
      process.umask(before);
    }
    expect(await compareTrees(source, out, { top: false })).toEqual([]);
    expect(await compareTrees(source, `${out}-there`, { top: false })).toEqual([]);
  },
);

test("an ACL that the target's directory hands down is not left on what is restored", async () => {
  mkdirSync(out);
  try {
    execFileSync("setfacl", ["-d", "-m", "u:1234:rwx", out], { stdio: "ignore" });
  } catch {
    return; // Without ACLs there is nothing to hand down.
  }
  const root = directory("", [
    directory("d", [file("f", "f")]),
    file("g", "g"),
    special("p", "fifo"),
  ]);
  const report = await restoreInto(out, { root });
  expect(report.problems).toEqual([]);
  const paths = ["d", "d/f", "g", "p"].map((path) => join(out, path));
  const listed = execFileSync("getfattr", ["-h", "-m", "-", ...paths], { encoding: "utf8" });
  expect(listed).toBe("");
});
