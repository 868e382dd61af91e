/**
 * Memory is bounded by options and not by the repository: peaks of every kind of work, as the kernel
 * counted them, with a JavaScript heap of 64 MB and, where control groups are ours to make, under a
 * bound that the kernel holds. FORGE_TEST_BIG=1 takes a repository ten times as large.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LARGE_FOLDER_ENTRIES, LARGE_FOLDER_PATH } from "../bench/scale/synthetic-tree.ts";
import { type Cost, measured } from "../bench/process.ts";
import { PASSPHRASE } from "../bench/tools/tool.ts";
import { dropKernelCaches, endMounts, mountForge } from "../helpers/forge-mount.ts";
import { ForgeWorld, buildForge, runProgram } from "../helpers/forge-program.ts";
import { type MemoryLimit, limitMemory } from "../helpers/memory-limit.ts";
import { hasProgram, need, needFuse } from "../helpers/need.ts";
import { noise } from "../helpers/torture-tree.ts";

const MIB = 1024 * 1024;
const BLOBS = process.env["FORGE_TEST_BIG"] === "1" ? 1_000_000 : 100_000;
/** The index is 13.4 bytes a blob at 0.6 of its table; everything else has a fixed bound. */
const INDEX_BYTES = 14 * BLOBS;
/** The newest of the generated snapshots: backups made here are of another host. */
const LATEST = ["latest", "-H", "server"];
const FILE_BYTES = 160 * MIB;
const READERS = 8;
const FORGE = fileURLToPath(new URL("../../bin/forge.cjs", import.meta.url));
const GENERATOR = fileURLToPath(new URL("../bench/scale/generate.ts", import.meta.url));
const MOUNT_WORK = fileURLToPath(new URL("../bench/mount_work.py", import.meta.url));
const HEAP = { NODE_OPTIONS: "--max-old-space-size=64" };

let world: ForgeWorld;
let limit: MemoryLimit | undefined;

beforeAll(() => {
  buildForge();
  world = new ForgeWorld();
  mkdirSync(dirname(manyBlobs()), { recursive: true });
  const words = [GENERATOR, manyBlobs(), String(BLOBS), "cheap"];
  const made = spawnSync(process.execPath, words, { encoding: "utf8" });
  if (made.status !== 0) throw new Error(made.stderr);
  world.write("data/large", Buffer.from(noise(FILE_BYTES, 1)));
  world.init();
}, 600_000);
afterAll(async () => {
  await endMounts();
  limit?.remove();
  world.remove();
});

const python = need(hasProgram("python3"), "python3");

describe.skipIf(!python)(`a repository of ${BLOBS} blobs`, () => {
  // With the passphrase for free: Node is 75 MB, and 150 MB are caches of pages and packs when they
  // are full.
  test.each([
    ["snapshots", 130, ["snapshots"]],
    ["ls of a folder", 130, ["ls", ...LATEST, "/home/anna"]],
    ["ls of 100,000 entries", 190, ["ls", "-l", ...LATEST, LARGE_FOLDER_PATH]],
    ["ls of everything", 310, ["ls", "-R", ...LATEST]],
    ["diff", 160, ["diff", "latest~1", ...LATEST]],
    ["find in all snapshots", 310, ["find", "invoice-report-1.*"]],
    ["check with ids in scratch", 160, ["check", "--memory", "1M"]],
    [
      "what a collection would free, with ids in scratch",
      160,
      ["compact", "--dry-run", "--memory", "1M"],
    ],
    ["backup of a small tree", 180, ["backup", fileURLToPath(new URL(".", import.meta.url))]],
  ])("%s stays below %i MB and its index", (_, megabytes, words) => {
    const { peakBytes } = onManyBlobs(words);
    expect(peakBytes / 1e6).toBeLessThan(megabytes + INDEX_BYTES / 1e6);
  });

  test.skipIf(!needFuse())("a mount lists 100,000 entries below 220 MB and its index", async () => {
    const environment = { FORGE_REPOSITORY: manyBlobs(), FORGE_PASSPHRASE: PASSPHRASE, ...HEAP };
    const mount = await mountForge(world, "mount-many", ["--path", "/home"], { env: environment });
    const folder = `${mount.at}/snapshots/latest${LARGE_FOLDER_PATH}`;
    const listed = await runProgram("python3", [MOUNT_WORK, "list", folder]);
    expect(JSON.parse(listed.stdout)).toMatchObject({ entries: LARGE_FOLDER_ENTRIES });
    expect(peakOf(mount.child.pid) / 1e6).toBeLessThan(220 + INDEX_BYTES / 1e6);
    expect((await mount.stop()).code).toBe(0);
  });

  test("within a bound that the kernel holds it can be listed, searched and added to", (context) => {
    limit = limitMemory(310e6 + INDEX_BYTES);
    if (limit === undefined) context.skip("control groups for memory cannot be made here");
    for (const words of [
      ["ls", "-R", ...LATEST],
      ["find", "invoice-report-1.*"],
      ["backup", fileURLToPath(new URL(".", import.meta.url))],
    ]) {
      expect(onManyBlobs(words, limit?.prefix).seconds).toBeGreaterThan(0);
    }
  });
});

describe.skipIf(!python)("a file of 160 MiB that does not compress", () => {
  test("is backed up below 400 MB", () => {
    const cost = forge(["backup", world.path("data")], world.environment(HEAP));
    expect(cost.peakBytes / 1e6).toBeLessThan(400);
  });

  test("is restored below 300 MB", () => {
    const words = ["restore", "latest", "--target", world.path("restored")];
    expect(forge(words, world.environment(HEAP)).peakBytes / 1e6).toBeLessThan(300);
    expect(readdirSync(`${world.path("restored")}${world.path("data")}`)).toEqual(["large"]);
    rmSync(world.path("restored"), { recursive: true });
  });

  test.skipIf(!needFuse())(
    "is read through a mount by one program in order and by 8 at random below 250 MB",
    async () => {
      const mount = await mountForge(world, "mount-large", [], { env: HEAP });
      dropKernelCaches();
      const file = `${mount.at}/snapshots/latest${world.path("data/large")}`;
      const seeds = Array.from({ length: READERS }, (_, seed) => String(seed));
      const readers = [
        ["sequential", String(FILE_BYTES), file],
        ...seeds.map((seed) => ["random", "60", seed, file]),
      ];
      const ended = await Promise.all(
        readers.map((words) => runProgram("python3", [MOUNT_WORK, ...words])),
      );
      expect(ended.map(({ code }) => code)).toEqual(readers.map(() => 0));
      expect(peakOf(mount.child.pid) / 1e6).toBeLessThan(250);
      expect((await mount.stop()).code).toBe(0);
    },
    120_000,
  );
});

function manyBlobs(): string {
  return world.path("scale", "repository");
}

function onManyBlobs(words: readonly string[], prefix: readonly string[] = []): Cost {
  const environment = { FORGE_REPOSITORY: manyBlobs(), FORGE_PASSPHRASE: PASSPHRASE, ...HEAP };
  return forge(words, world.environment(environment), prefix);
}

function forge(
  words: readonly string[],
  environment: NodeJS.ProcessEnv,
  prefix: readonly string[] = [],
): Cost {
  const known = Object.entries(environment).filter((one): one is [string, string] => !!one[1]);
  const command = [...prefix, process.execPath, FORGE, ...words];
  return measured({ words: command, environment: Object.fromEntries(known) }, world.folder);
}

/** The largest resident size of a process that runs. */
function peakOf(pid: number | undefined): number {
  const status = readFileSync(`/proc/${pid ?? 0}/status`, "utf8");
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}
