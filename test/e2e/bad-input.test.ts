/**
 * Whatever cannot be done is said in one sentence, by the right exit code, and nothing is changed:
 * a table of what people type and of what disks do.
 */
import { execFileSync, spawn } from "node:child_process";
import { cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { endMounts, mountForge } from "../helpers/forge-mount.ts";
import { type Ended, ForgeWorld, buildForge, runProgram } from "../helpers/forge-program.ts";
import { canMount, need, needFuse } from "../helpers/need.ts";
import { type ScratchDisk, mountTmpfs } from "../helpers/scratch-disk.ts";
import { noise } from "../helpers/torture-tree.ts";

const isRoot = process.geteuid?.() === 0;

let world: ForgeWorld;
beforeAll(() => {
  buildForge();
  world = new ForgeWorld();
  world.write("data/a.txt", "a");
  world.write("full/x", "x");
  mkdirSync(world.path("empty"));
  symlinkSync("nowhere", world.path("dangling"));
  world.init();
  // Enough of them that a first digit names several.
  for (let i = 0; i < 18; i++) world.ok(["backup", "data", "--quiet"]);
}, 120_000);
afterAll(async () => {
  await endMounts();
  world.remove();
});

/** Everything in a folder but the user's own notes of forge. */
function stateOf(folder: string): string {
  const words = [folder, "-path", `${folder}/home`, "-prune", "-o", "-printf"];
  return execFileSync("find", [...words, "%p %y %m %s %T@ %l\\n"], { encoding: "utf8" });
}

function expectSentence(ended: Ended, code: number, said: RegExp): void {
  expect({ code: ended.code, stderr: ended.stderr }).toMatchObject({ code });
  expect(ended.stderr).toMatch(said);
  expect(ended.stderr).toMatch(/^forge: [^\n]{20,}\.\n$/);
  expect(ended.stdout).toBe("");
}

interface Case {
  readonly words: readonly string[];
  readonly code: number;
  readonly said: RegExp;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

const CASES: readonly Case[] = [
  // No repository there.
  { words: ["-r", "data", "snapshots"], code: 10, said: /repository at .*data: there is none/ },
  { words: ["-r", "data/a.txt", "ls", "latest"], code: 10, said: /there is none/ },
  { words: ["-r", "nowhere", "mount", "empty"], code: 10, said: /no such folder/ },
  { words: ["-r", "nowhere", "backup", "data"], code: 10, said: /no such folder/ },
  { words: ["-r", "nowhere", "restore", "latest", "-t", "o"], code: 10, said: /no such folder/ },
  { words: ["-r", "", "snapshots"], code: 2, said: /--repo "": it is empty/ },
  { words: ["-r", "gopher://x/", "snapshots"], code: 1, said: /kind gopher/ },
  // Nor may there be one.
  { words: ["init"], code: 1, said: /there is one already/ },
  { words: ["-r", "full", "init"], code: 1, said: /holds other files/ },
  { words: ["-r", "data/a.txt/x", "init"], code: 1, said: /not a directory/ },
  // The wrong passphrase, whatever is asked for.
  ...[["snapshots"], ["mount", "empty"], ["backup", "data"], ["restore", "latest", "-t", "o"]].map(
    (words) => ({ words, code: 12, said: /passphrase is wrong/, env: { FORGE_PASSPHRASE: "no" } }),
  ),
  // Sources.
  { words: ["backup", "gone"], code: 1, said: /Cannot back up .*gone: it does not exist/ },
  { words: ["backup", "data", "gone"], code: 1, said: /gone: it does not exist/ },
  { words: ["backup", "data/a.txt/b"], code: 1, said: /a\.txt\/b/ },
  { words: ["backup", ""], code: 2, said: /a path that is empty/ },
  { words: ["backup", "data", "--parent", "none~1"], code: 2, said: /a snapshot is named by/ },
  // Patterns.
  { words: ["backup", "data", "-e", "["], code: 2, said: /pattern "\[": its \[ is never closed/ },
  { words: ["backup", "data", "-e", "[z-a]"], code: 2, said: /wrong way round/ },
  { words: ["backup", "data", "-e", "x\\"], code: 2, said: /last backslash/ },
  { words: ["backup", "data", "-e", "!"], code: 2, said: /nothing after the exclamation/ },
  { words: ["backup", "data", "-e", ""], code: 2, said: /--exclude "": it is empty/ },
  { words: ["restore", "latest", "-t", "o", "-i", "{a"], code: 2, said: /pattern "\{a"/ },
  { words: ["restore", "latest", "-t", "o", "-e", "[z-a]"], code: 2, said: /pattern "\[z-a\]"/ },
  { words: ["find", "[z-a]"], code: 2, said: /pattern "\[z-a\]"/ },
  { words: ["find", ""], code: 2, said: /it is empty/ },
  // Mount points.
  { words: ["mount", "missing"], code: 1, said: /no such directory; create it with: mkdir -p/ },
  { words: ["mount", "dangling"], code: 1, said: /no such directory/ },
  { words: ["mount", "full"], code: 1, said: /not empty/ },
  { words: ["mount", "data/a.txt"], code: 1, said: /not a directory/ },
  { words: ["mount", "repository"], code: 2, said: /lies inside/ },
  { words: ["mount", "repository/packs"], code: 2, said: /lies inside/ },
  { words: ["mount", ""], code: 2, said: /an empty word/ },
  { words: ["mount", "empty", "--cache-size", "lots"], code: 2, said: /a size such as/ },
  { words: ["mount", "empty", "--binding", "x"], code: 2, said: /one of kernel, libfuse/ },
  // Places to restore to.
  { words: ["restore", "latest", "-t", "data/a.txt"], code: 1, said: /not a directory/ },
  { words: ["restore", "latest", "-t", "dangling"], code: 1, said: /a symlink to nothing/ },
  { words: ["restore", "latest", "-t", "/proc/x"], code: 1, said: /\/proc\/x/ },
  { words: ["restore", "latest", "-t", ""], code: 2, said: /--target "": it is empty/ },
  { words: ["restore", "latest", "-t", "repository/x/y"], code: 2, said: /inside the repository/ },
  { words: ["restore", "latest:/gone", "-t", "o"], code: 1, said: /Cannot find \/gone/ },
  // Snapshots.
  { words: ["ls", "zz"], code: 2, said: /a snapshot is named by/ },
  { words: ["ls", ""], code: 2, said: /an empty word/ },
  { words: ["restore", "latest~99", "-t", "o"], code: 1, said: /the repository has 18/ },
  { words: ["diff", "latest", "0123456789abcdef"], code: 1, said: /Cannot find snapshot 0123/ },
  { words: ["dump", "latest", "/gone"], code: 1, said: /Cannot find \/gone/ },
  { words: ["dump", "latest", "/../etc/passwd"], code: 2, said: /contains "\.\."/ },
  // What does not go together, or is none of the words there are.
  { words: ["backup", "--stdin", "data"], code: 2, said: /run forge twice/ },
  { words: ["backup", "data", "--source", "x"], code: 2, said: /--source together with paths/ },
  { words: ["restore", "latest", "-t", "o", "--overwrite", "y"], code: 2, said: /one of if-ch/ },
  { words: ["dump", "latest", "/", "--archive", "rar"], code: 2, said: /one of tar, zip/ },
  { words: ["backup", "data", "--compression", "zstd:99"], code: 2, said: /zstd:1 … zstd:22/ },
  { words: ["-r", "new", "init", "--cipher", "rot13"], code: 2, said: /one of auto/ },
];

describe("what cannot be done", () => {
  test.each(CASES)("$words", async ({ words, code, said, env }) => {
    const before = stateOf(world.folder);
    const started = performance.now();
    const ended = await world.finish(words, env === undefined ? {} : { env });
    expectSentence(ended, code, said);
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(stateOf(world.folder)).toBe(before);
  });

  test("a prefix of several snapshots is said to be so", async () => {
    const listed = JSON.parse(world.ok(["snapshots", "--json"]).stdout) as { id: string }[];
    const digits = listed.map(({ id }) => id.slice(0, 1));
    const shared = digits.find((digit, i) => digits.indexOf(digit) < i) ?? "";
    const before = stateOf(world.folder);
    expectSentence(await world.finish(["ls", shared]), 1, /Cannot (find|tell).* snapshot/);
    expect(stateOf(world.folder)).toBe(before);
  });

  test.runIf(needFuse())("a mount point that is mounted on, or in use by a mount", async () => {
    const mount = await mountForge(world, "mounted");
    const second = await world.finish(["mount", mount.at]);
    expect(second.code).not.toBe(0);
    expect(second.stderr).toMatch(/^forge: Cannot mount at [^\n]+\.\n$/);
    const inside = await world.finish(["mount", `${mount.at}/snapshots`]);
    expect(inside.code).not.toBe(0);
    expect(inside.stderr).toMatch(/^forge: Cannot mount at [^\n]+\.\n$/);
    // The first one is none the worse for it.
    expect((await runProgram("ls", [mount.at])).stdout).toContain("snapshots");
    expect(await mount.stop()).toMatchObject({ code: 0 });
  });

  test.runIf(needFuse()).each([100, 300, 500])(
    "a mount interrupted after %s ms leaves none behind",
    async (ms) => {
      const at = world.path("empty");
      const child = spawn(process.execPath, ["bin/forge.cjs", "mount", at], {
        env: world.environment(),
        stdio: "ignore",
      });
      const ended = new Promise((resolve) => child.on("close", resolve));
      await sleep(ms);
      child.kill("SIGINT");
      expect([0, 130, null]).toContain(await ended);
      expect(stateOf(at).trim().split("\n")).toHaveLength(1);
    },
  );
});

describe.runIf(isRoot && need(canMount(), "the right to mount"))("a full disk", () => {
  let disk: string;
  let made: ScratchDisk | undefined;
  beforeAll(() => {
    disk = world.path("disk");
    made = mountTmpfs(disk, "8m");
    world.write("large/noise", Buffer.from(noise(20 * 1024 * 1024, 5)));
    world.write("modest/text", "the only copy".repeat(1000));
  });
  afterAll(() => made?.remove());

  test("ends a backup with a sentence, and the repository is as good as before", async () => {
    const repository = `${disk}/repository`;
    const repo = ["-r", repository];
    world.init(repo);
    world.ok([...repo, "backup", "modest"]);
    const listed = world.ok([...repo, "snapshots", "--json"]).stdout;
    const ended = await world.finish([...repo, "backup", "large"]);
    expectSentence(ended, 1, /no space|is full/);
    expect(world.ok([...repo, "snapshots", "--json"]).stdout).toBe(listed);
    // What was half written is gone, so that something else can be saved.
    expect(execFileSync("find", [`${repository}/tmp`, "-type", "f"]).toString()).toBe("");
    const text = ["dump", "latest", world.path("modest/text")];
    expect(world.ok([...repo, ...text]).stdout).toBe("the only copy".repeat(1000));
    world.write("modest/text", "second");
    world.ok([...repo, "backup", "modest"]);
    expect(world.ok([...repo, ...text]).stdout).toBe("second");
    rmSync(repository, { recursive: true });
  });

  test("ends a restore, and no file is there in part", async () => {
    world.write("large/small", "fits");
    world.ok(["backup", "large"]);
    const target = `${disk}/target`;
    const ended = await world.finish(["restore", `latest:${world.path("large")}`, "-t", target]);
    expect([1, 3]).toContain(ended.code);
    expect(ended.stderr).toMatch(/no space/);
    expect(ended.stderr).not.toMatch(/\n {4}at /);
    const left = execFileSync("find", [target, "-type", "f", "-printf", "%P\\n"], {
      encoding: "utf8",
    });
    // Nothing but whole files, and nothing temporary.
    expect(["", "small\n"]).toContain(left);
    rmSync(target, { recursive: true, force: true });
  });
});

/** A repository of several packs, and copies of it that were damaged. */
describe("a damaged repository", () => {
  // A pack holds parts of three of them at most, so that some are whole whatever is damaged.
  const large = ["f0", "f1", "f2", "f3", "f4", "f5", "f6", "f7"];
  const files = [...large, "small"];
  let original: string;
  let source: string;
  let number = 0;
  beforeAll(async () => {
    source = world.path("several");
    large.forEach((name, i) => {
      world.write(`several/${name}`, Buffer.from(noise(9_000_000, 100 + i)));
    });
    world.write("several/small", "small");
    original = world.path("several-repository");
    world.init(["-r", original]);
    await world.finish(["-r", original, "backup", "several"]);
  });

  function damaged(damage: (packs: readonly string[], repository: string) => void): string {
    const copy = world.path(`damaged-${number++}`);
    cpSync(original, copy, { recursive: true });
    makeWritable(copy);
    const found = execFileSync("find", [`${copy}/packs`, "-type", "f", "-size", "+8M"], {
      encoding: "utf8",
    });
    damage(found.trim().split("\n").sort(), copy);
    return copy;
  }

  const truncate = (path: string, bytes: number): void => {
    execFileSync("truncate", ["-s", String(bytes), path]);
  };
  const DAMAGES: readonly (readonly [string, Parameters<typeof damaged>[0]])[] = [
    ["a pack cut short", ([pack = ""]) => truncate(pack, 1_000_000)],
    ["an empty pack", ([pack = ""]) => truncate(pack, 0)],
    ["a pack that is gone", ([pack = ""]) => rmSync(pack)],
    ["two packs in each other's place", ([one = "", two = ""]) => swap(one, two)],
    ["a pack of zeros", ([pack = ""]) => writeFileSync(pack, new Uint8Array(17_000_000))],
  ];

  test.each(DAMAGES)(
    "with %s gives every file that is whole, and names the others",
    async (_name, damage) => {
      const repository = damaged(damage);
      const before = stateOf(repository);
      const target = `${repository}-restored`;
      const repo = ["-r", repository];
      const ended = await world.finish([...repo, "restore", `latest:${source}`, "-t", target]);
      expect(ended.code).toBe(3);
      expect(ended.stderr).not.toMatch(/\n {4}at /);
      const failed = files.filter((name) => ended.stderr.includes(`warning: ${name}: `));
      expect(failed.length).toBeGreaterThan(0);
      expect(failed.length).toBeLessThan(files.length);
      for (const name of files) {
        const same = await runProgram("cmp", [`${source}/${name}`, `${target}/${name}`]);
        // What is told is not there; what is not told is right.
        expect([name, same.code]).toEqual([name, failed.includes(name) ? 2 : 0]);
        const dumped = await world.finish([...repo, "dump", "latest", `${source}/${name}`]);
        expect([name, dumped.code]).toEqual([name, failed.includes(name) ? 1 : 0]);
      }
      expect(stateOf(repository)).toBe(before);
      rmSync(target, { recursive: true });
      rmSync(repository, { recursive: true });
    },
    60_000,
  );

  test.runIf(needFuse())("is mounted, and shows every file that is whole", async () => {
    const repository = damaged(([pack = ""]) => rmSync(pack));
    const mount = await mountForge(world, "damaged-mount", ["-r", repository]);
    const shown = `${mount.at}/snapshots/latest${source}`;
    const read = await Promise.all(
      files.map((name) => runProgram("cmp", [`${source}/${name}`, `${shown}/${name}`])),
    );
    const broken = read.filter(({ code }) => code !== 0);
    expect(broken.length).toBeGreaterThan(0);
    expect(broken.length).toBeLessThan(files.length);
    for (const { stderr } of broken) expect(stderr).toContain("Input/output error");
    const { code, stderr } = await mount.stop();
    expect(code).toBe(0);
    expect(stderr).toMatch(/warning: A read failed: Cannot read .*several\/f\d/);
    rmSync(repository, { recursive: true });
  });

  test("is healed by the next backup of the same files", async () => {
    const repository = damaged(([pack = ""]) => rmSync(pack));
    const repo = ["-r", repository];
    expect(await world.finish([...repo, "backup", "several"])).toMatchObject({ code: 0 });
    const target = `${repository}-restored`;
    for (const snapshot of ["latest", "latest~1"]) {
      const words = ["restore", `${snapshot}:${source}`, "-t", target, "--verify"];
      expect(await world.finish([...repo, ...words])).toMatchObject({ code: 0, stderr: "" });
    }
    rmSync(target, { recursive: true });
    rmSync(repository, { recursive: true });
  });

  const OPENINGS: readonly (readonly [string, RegExp, (repository: string) => void])[] = [
    ["a config cut short", /config of .*: 20 bytes/, (at) => truncate(`${at}/config`, 20)],
    ["another byte in its config", /config of .*: its checksum/, (at) => flip(`${at}/config`, 50)],
    ["no key slots", /no key slots/, (at) => execFileSync("sh", ["-c", `rm "${at}"/keys/*`])],
    ["a newer config", /version 7.*use a newer forge/, (at) => makeNewer(`${at}/config`)],
  ];
  test.each(OPENINGS)("with %s is not opened, nor written to", async (_name, said, damage) => {
    const repository = world.path(`closed-${number++}`);
    mkdirSync(repository);
    const parts = ["config", "keys", "index", "snapshots"].map((name) => `${original}/${name}`);
    execFileSync("cp", ["-a", ...parts, repository]);
    makeWritable(repository);
    damage(repository);
    const before = stateOf(repository);
    for (const words of [["snapshots"], ["backup", "data"], ["mount", world.path("empty")]]) {
      expectSentence(await world.finish(["-r", repository, ...words]), 1, said);
    }
    expect(stateOf(repository)).toBe(before);
  });
});

/** Objects are read-only, which holds for everybody but root. */
function makeWritable(repository: string): void {
  execFileSync("chmod", ["-R", "u+w", repository]);
}

function swap(one: string, two: string): void {
  execFileSync("sh", ["-c", 'mv "$1" "$1.x" && mv "$2" "$1" && mv "$1.x" "$2"', "sh", one, two]);
}

function flip(path: string, offset: number): void {
  const script = `import sys
f = open(sys.argv[1], "r+b"); f.seek(${offset}); b = f.read(1)[0]; f.seek(${offset}); f.write(bytes([b ^ 0xff]))`;
  execFileSync("python3", ["-c", script, path]);
}

/** As a later forge would write it: another version, and longer. */
function makeNewer(path: string): void {
  const script = `import sys
f = open(sys.argv[1], "r+b"); f.seek(4); f.write(bytes([7, 0])); f.seek(0, 2); f.write(bytes(16))`;
  execFileSync("python3", ["-c", script, path]);
}
