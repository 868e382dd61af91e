/** Small files that the kernel is given before programs ask for them, and what that must never break. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findMountSync } from "../../mount/mount-table.ts";
import { dropKernelCaches, endMounts, mountForge } from "../helpers/forge-mount.ts";
import { ForgeWorld, buildForge } from "../helpers/forge-program.ts";
import { needFuse } from "../helpers/need.ts";
import { SeededRandom } from "../helpers/seeded-random.ts";

const RESIDENT = fileURLToPath(new URL("../helpers/resident_pages.py", import.meta.url));
const FILES = 200;
const KILLS = 6;

let world: ForgeWorld;
let source: string;

beforeAll(() => {
  buildForge();
  world = new ForgeWorld();
  source = world.path("data");
  const random = new SeededRandom(7);
  for (let i = 0; i < FILES; i++) {
    // One in ten is so large that it is not given, one in twenty has several pages and an odd end.
    const bytes = i % 10 === 5 ? 200_000 : i % 20 === 3 ? 20_001 : 500 + random.below(4000);
    const content = Buffer.from(Uint8Array.from({ length: bytes }, () => random.below(256)));
    world.write(`data/many/${String(i).padStart(4, "0")}.bin`, content);
  }
  for (let i = 0; i < 12; i++) world.write(`data/lone/${i}/only.txt`, `file ${i}`);
  for (let i = 0; i < 12; i++) world.write(`data/lone/${i}/other.txt`, `other ${i}`);
  world.init();
  world.ok(["backup", source]);
});
afterAll(async () => {
  await endMounts();
  world.remove();
});

/** The names of the files that the kernel has whole after the first `count` were read in order. */
function residentAfter(folder: string, count: number): readonly string[] {
  const found = execFileSync("python3", [RESIDENT, folder, String(count)], { encoding: "utf8" });
  return JSON.parse(found) as readonly string[];
}

describe.skipIf(!needFuse())("small files ahead", () => {
  test("whoever reads a folder's files in order finds those that follow", async () => {
    const mount = await mountForge(world, "m1");
    const folder = `${mount.at}/snapshots/latest${source}/many`;
    const resident = residentAfter(folder, 8);
    const unread = resident.filter((name) => Number.parseInt(name, 10) >= 8);
    expect(unread.length).toBeGreaterThan(3);
    // And they are what they should be, those given as well as those asked for.
    const compared = spawnSync("diff", ["-r", `${source}/many`, folder], { encoding: "utf8" });
    expect(compared).toMatchObject({ status: 0, stdout: "" });
    expect(await mount.stop()).toMatchObject({ code: 0 });
  });

  test("whoever reads one file gets one", async () => {
    const mount = await mountForge(world, "m2");
    const folder = `${mount.at}/snapshots/latest${source}/many`;
    expect(residentAfter(folder, 1)).toEqual(["0000.bin"]);
    // One in each of many folders: the neighbours are not wanted.
    const lone = `${mount.at}/snapshots/latest${source}/lone`;
    execFileSync("sh", ["-c", 'cat "$1"/*/only.txt > /dev/null', "sh", lone]);
    await sleep(300);
    for (const i of [3, 7, 11]) {
      expect(residentAfter(`${lone}/${i}`, 0)).toEqual(["only.txt"]);
    }
    expect(await mount.stop()).toMatchObject({ code: 0 });
  });

  test("killed while several programs read and the caches are dropped, it leaves nothing behind", async () => {
    const random = new SeededRandom(11);
    for (let round = 0; round < KILLS; round++) {
      const mount = await mountForge(world, `kill-${round}`);
      const folder = `${mount.at}/snapshots/latest${source}`;
      const readers = Array.from({ length: 4 }, (_, i) => readAgainAndAgain(folder, i));
      const until = performance.now() + 300 + random.below(700);
      while (performance.now() < until) {
        dropKernelCaches();
        await sleep(20);
      }
      await mount.stop("SIGKILL");
      for (const reader of readers) {
        if (reader.exitCode === null) await once(reader, "exit");
      }
      // The watchdog takes the dead mount away.
      await expect.poll(() => findMountSync(mount.at), { timeout: 20_000 }).toBeUndefined();
    }
  });
});

describe.skipIf(!needFuse())("forge mount --no-xattrs", () => {
  test("shows no extended attributes, and content as ever", async () => {
    const mount = await mountForge(world, "m3", ["--no-xattrs"]);
    const folder = `${mount.at}/snapshots/latest${source}/many`;
    const listing = `import os,errno
try: print(os.listxattr(${JSON.stringify(`${folder}/0001.bin`)}))
except OSError as error: print(error.errno == errno.EOPNOTSUPP)`;
    expect(execFileSync("python3", ["-c", listing], { encoding: "utf8" })).toBe("True\n");
    const compared = spawnSync("diff", ["-r", `${source}/many`, folder], { encoding: "utf8" });
    expect(compared).toMatchObject({ status: 0, stdout: "" });
    expect(await mount.stop()).toMatchObject({ code: 0 });
  });

  test("is refused with --allow-other, whose ACLs it would leave out", () => {
    const refused = world.run(["mount", world.path("m3"), "--no-xattrs", "--allow-other"]);
    expect(refused).toMatchObject({ code: 2 });
    expect(refused.stderr).toMatch(/without extended attributes: the ACLs/);
  });
});

/** Ends when the mount does. */
function readAgainAndAgain(folder: string, number: number): ChildProcess {
  const script =
    number % 2 === 0
      ? 'while cat "$1"/many/*.bin > /dev/null 2>&1; do :; done'
      : 'while tar -C "$1" -cf - . 2>/dev/null | cat > /dev/null && [ -d "$1/many" ]; do :; done';
  return spawn("sh", ["-c", script, "sh", folder], { stdio: "ignore" });
}
