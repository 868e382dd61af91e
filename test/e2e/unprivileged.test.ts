/** forge as somebody who is not root: an ordinary user of this machine, made for the test. */
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, lstatSync, mkdirSync, symlinkSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compareTrees } from "../helpers/compare-trees.ts";
import { endMounts, mountForge } from "../helpers/forge-mount.ts";
import {
  type Ended,
  ForgeWorld,
  type RunOptions,
  buildForge,
  jsonLines,
  runProgram,
} from "../helpers/forge-program.ts";
import { hasProgram, needFuse } from "../helpers/need.ts";
import { isMounted } from "../helpers/mount-process.ts";
import { buildTortureTree, removeTree } from "../helpers/torture-tree.ts";

const isRoot = process.geteuid?.() === 0;
const userName = `forge-test-${process.pid}`;

let world: ForgeWorld;
/** Of the user; empty when the tests are not run by root: then that is who runs them. */
let user: RunOptions = {};

beforeAll(() => {
  buildForge();
  world = new ForgeWorld();
  if (isRoot) user = makeUser();
  buildTree(world.path("mine"));
  mkdirSync(world.path("places"));
  if (isRoot) {
    execFileSync("chown", ["-hR", `${String(user.uid)}:${String(user.gid)}`, world.folder]);
    restoreSetIdBits();
  }
  world.init([], user);
});

afterAll(async () => {
  await endMounts();
  if (isRoot && hasProgram("userdel")) spawnSync("userdel", [userName], { timeout: 10_000 });
  removeTree(world.folder);
});

/** What this user finds in the trees; by another process, since only that user may look. */
function asUser(program: string, ...words: readonly string[]): Promise<Ended> {
  return runProgram(program, words, { ...user, cwd: "/", timeoutMs: 30_000 });
}

describe("an ordinary user", () => {
  test("backs up own files and takes them back as they were", async () => {
    const saved = await world.finish(["backup", "mine", "--json"], user);
    expect(saved).toMatchObject({ code: 0, stderr: "" });
    const words = ["restore", `latest:${world.path("mine")}`, "-t", world.path("places/back")];
    const back = await world.finish(words, user);
    expect(back).toMatchObject({ code: 0, stderr: "" });
    expect(await compareTrees(world.path("mine"), world.path("places/back"))).toEqual([]);
  });

  test.runIf(needFuse())("mounts by fusermount3, reads, and unmounts with SIGTERM", async () => {
    const mount = await mountForge(world, "mount", [], user);
    const shown = `${mount.at}/snapshots/latest${world.path("mine")}`;
    const diff = await asUser(
      "diff",
      "-r",
      "--no-dereference",
      world.path("mine/sizes"),
      `${shown}/sizes`,
    );
    expect(diff).toMatchObject({ code: 0, stdout: "", stderr: "" });
    const names = await asUser("find", shown, "-printf", "%P\\n");
    expect(names.code).toBe(0);
    expect(sortedLines(names)).toEqual(
      sortedLines(await asUser("find", world.path("mine"), "-printf", "%P\\n")),
    );
    // Who may look is the one who mounted, and not even root.
    if (isRoot) expect(spawnSync("ls", [mount.at], { timeout: 10_000 }).status).not.toBe(0);
    expect(await mount.stop("SIGTERM")).toMatchObject({ code: 0 });
    expect(isMounted(mount.at)).toBe(false);
  });

  test("is told what could not be read, and everything else is saved", async () => {
    const secret = world.write("theirs/secret", "not for you");
    mkdirSync(world.path("theirs/closed"));
    world.write("theirs/closed/below", "x");
    world.write("theirs/open", "for all");
    // Owned by the user or by root, nobody without privileges reads these.
    chmodSync(secret, 0o000);
    chmodSync(world.path("theirs/closed"), 0o000);
    const saved = await world.finish(["backup", "theirs", "--json"], user);
    expect(saved.code).toBe(3);
    expect(saved.stderr).not.toMatch(/\n {4}at /);
    const warnings = jsonLines(saved.stderr).map(({ message }) => String(message));
    expect(warnings.filter((message) => message.includes("secret"))).toHaveLength(1);
    expect(warnings.filter((message) => message.includes("closed"))).toHaveLength(1);
    expect(jsonLines(saved.stdout).at(-1)).toMatchObject({ problems: 2, files: 1 });
    const ls = await world.finish(["ls", "-R", `latest:${world.path("theirs")}`], user);
    expect(ls.stdout).toContain("open");
    expect(ls.stdout).not.toContain("secret");
  });

  test.runIf(isRoot)("restores what root saved, as their own and without set-id bits", async () => {
    const repository = world.path("by-root");
    world.init(["-r", repository]);
    world.write("rooted/file", "of root");
    chmodSync(world.path("rooted/file"), 0o4755);
    symlinkSync("file", world.path("rooted/link"));
    execFileSync("mknod", [world.path("rooted/null"), "c", "1", "3"]);
    world.ok(["-r", repository, "backup", "rooted"]);
    execFileSync("chmod", ["-R", "a+rX", repository]);
    const target = world.path("places/rooted");
    const words = ["-r", repository, "restore", `latest:${world.path("rooted")}`, "-t", target];
    const back = await world.finish([...words, "--json"], user);
    const summary = jsonLines(back.stdout).at(-1);
    // Only root makes devices: that is said, and everything else is there.
    expect({ code: back.code, summary }).toMatchObject({ code: 3, summary: { problems: 1 } });
    expect(back.stderr).toContain("null");
    const file = lstatSync(`${target}/file`);
    expect([file.uid, file.mode & 0o7777]).toEqual([user.uid, 0o755]);
    expect(lstatSync(`${target}/link`).uid).toBe(user.uid);
    expect(JSON.stringify(summary?.["notes"])).toContain("owner");
  });

  test.runIf(isRoot)("cannot write where they may not, and nothing is changed", async () => {
    const repository = world.path("by-root");
    const before = execFileSync("find", [repository, "-printf", "%P %s %T@\\n"]).toString();
    const saved = await world.finish(["-r", repository, "backup", "mine"], user);
    expect(saved.code).toBe(1);
    expect(saved.stderr).toMatch(/^forge: [^\n]*(permission|EACCES)[^\n]*\n$/);
    expect(execFileSync("find", [repository, "-printf", "%P %s %T@\\n"]).toString()).toBe(before);
    const made = await world.finish(["-r", "/forge-cannot-be-here", "init"], user);
    expect(made.code).toBe(1);
    expect(made.stderr).toMatch(/^forge: [^\n]*(permission|EACCES)[^\n]*\n$/);
    const target = world.path("rooted/no");
    const words = ["restore", `latest~1:${world.path("mine")}`, "-t", target];
    const back = await world.finish(words, user);
    expect(back.code).toBe(1);
    expect(back.stderr).toMatch(/^forge: [^\n]*(permission|EACCES)[^\n]*\n$/);
  });
});

function makeUser(): RunOptions {
  if (!hasProgram("useradd")) return { uid: 65_534, gid: 65_534 };
  execFileSync("useradd", ["-M", "-d", "/nonexistent", userName], { timeout: 10_000 });
  const id = (flag: string): number =>
    Number(execFileSync("id", [flag, userName], { encoding: "utf8" }));
  return { uid: id("-u"), gid: id("-g") };
}

function buildTree(path: string): void {
  mkdirSync(path);
  buildTortureTree(path, { root: false, big: false });
}

/** chown takes them away, even for root. */
function restoreSetIdBits(): void {
  for (const mode of ["4755", "6711", "2755", "7777"]) {
    execFileSync("chmod", [mode, world.path(`mine/modes/file-${mode}`)]);
  }
}

function sortedLines(ended: Ended): readonly string[] {
  return ended.bytes.toString("latin1").split("\n").sort();
}
