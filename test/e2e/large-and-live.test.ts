/** A mount over what is large, and over a repository that changes while it is mounted. */
import { execFileSync, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { dropKernelCaches, endMounts, mountForge } from "../helpers/forge-mount.ts";
import { ForgeWorld, buildForge, runProgram } from "../helpers/forge-program.ts";
import { isMounted } from "../helpers/mount-process.ts";
import { needFuse } from "../helpers/need.ts";

const ENTRIES = 100_000;

let world: ForgeWorld;
beforeAll(async () => {
  buildForge();
  world = new ForgeWorld();
  mkdirSync(world.path("large"));
  for (let i = 0; i < ENTRIES; i++) closeSync(openSync(world.path(`large/entry-${i}`), "wx"));
  world.write("large/entry-777", "lucky");
  world.write("live/number", "0");
  world.init();
  expect(await world.finish(["backup", "large"])).toMatchObject({ code: 0, stderr: "" });
}, 180_000);
afterAll(async () => {
  await endMounts();
  world.remove();
}, 60_000);

async function outputOf(program: string, ...words: readonly string[]): Promise<string> {
  const ended = await runProgram(program, words);
  expect(ended).toMatchObject({ code: 0, stderr: "" });
  return ended.stdout;
}

describe.skipIf(!needFuse())("a mount", () => {
  test("shows a folder of 100,000 entries, whole and one by one", async () => {
    const mount = await mountForge(world, "m-large");
    const folder = `${mount.at}/snapshots/latest${world.path("large")}`;
    const started = performance.now();
    // One by one before anything is listed: that finds a page without reading the others.
    expect(await outputOf("cat", `${folder}/entry-777`)).toBe("lucky");
    expect((await runProgram("cat", [`${folder}/entry-x`])).stderr).toContain("No such file");
    const names = (await outputOf("ls", "-U", folder)).trim().split("\n");
    expect(names).toHaveLength(ENTRIES);
    expect(new Set(names)).toEqual(
      new Set(Array.from({ length: ENTRIES }, (_, i) => `entry-${i}`)),
    );
    dropKernelCaches();
    const sizes = (await outputOf("find", folder, "-type", "f", "-printf", "%s\\n")).trim();
    expect(
      sizes
        .split("\n")
        .map(Number)
        .filter((size) => size === 5),
    ).toHaveLength(1);
    expect(sizes.split("\n")).toHaveLength(ENTRIES);
    // Several readers of one folder at a time, each from the beginning.
    const counts = await Promise.all(
      Array.from({ length: 4 }, () => outputOf("sh", "-c", 'ls -f "$1" | wc -l', "sh", folder)),
    );
    expect(counts.map(Number)).toEqual(Array(4).fill(ENTRIES + 2));
    console.log(`100,000 entries: ${Math.round(performance.now() - started)} ms`);
    expect(await mount.stop()).toMatchObject({ code: 0 });
  });

  test("shows new snapshots within seconds, and latest follows them", async () => {
    world.ok(["backup", "live", "--tag", "live"]);
    const mount = await mountForge(world, "m-live", ["--tag", "live"]);
    const shown = `${mount.at}/snapshots`;
    const first = await outputOf("ls", shown);
    expect(first.trim().split("\n")).toHaveLength(2);
    // A program that keeps a file of the first one open is not disturbed.
    const number = `${shown}/latest${world.path("live/number")}`;
    const reader = openSync(number, "r");
    try {
      for (const round of ["1", "2", "3"]) {
        // Names are seconds; a second snapshot in one gets another name, which is tested elsewhere.
        await sleep(1000);
        world.write("live/number", round);
        world.ok(["backup", "live", "--tag", "live"]);
        const saved = performance.now();
        while ((await outputOf("cat", number)) !== round) {
          expect(performance.now() - saved).toBeLessThan(10_000);
          await sleep(100);
        }
      }
    } finally {
      closeSync(reader);
    }
    const shows = async (count: number): Promise<void> => {
      const begun = performance.now();
      while ((await outputOf("ls", shown)).trim().split("\n").length !== count) {
        expect(performance.now() - begun).toBeLessThan(10_000);
        await sleep(100);
      }
    };
    await shows(5);
    // The kernel keeps listings; the one that goes was neither the newest nor the last by name.
    world.ok(["backup", "live", "--tag", "live", "--tag", "gone"]);
    await shows(6);
    world.ok(["backup", "live", "--tag", "live"]);
    await shows(7);
    world.ok(["delete", "latest", "--tag", "gone"]);
    await shows(6);
    world.ok(["delete", "latest"]);
    await shows(5);
    expect((await outputOf("ls", `${mount.at}/ids`)).trim().split("\n")).toHaveLength(4);
    expect(await mount.stop()).toMatchObject({ code: 0 });
  });

  test.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)(
    "is taken down by %s while it is read",
    async (signal) => {
      const mount = await mountForge(world, `m-${signal}`);
      // A reader that is busy, and ends with its folder: the mount point is free a moment later.
      const reader = spawn("find", [mount.at, "-type", "f"], { stdio: "ignore" });
      const gone = new Promise((resolve) => reader.on("close", resolve));
      await sleep(200);
      expect(await mount.stop(signal)).toMatchObject({ code: 0 });
      expect(isMounted(mount.at)).toBe(false);
      expect(execFileSync("ls", ["-A", mount.at]).toString()).toBe("");
      await gone;
    },
  );

  test("that is in use is detached, and says so", async () => {
    const mount = await mountForge(world, "m-busy");
    const sleeper = spawn("sleep", ["60"], { cwd: `${mount.at}/snapshots`, stdio: "ignore" });
    await sleep(200);
    const { code, stderr } = await mount.stop();
    sleeper.kill("SIGKILL");
    expect(code).toBe(0);
    expect(stderr).toMatch(/m-busy is still in use/);
    expect(isMounted(mount.at)).toBe(false);
  });

  test("whose server is killed does not stay behind as a broken folder", async () => {
    const mount = await mountForge(world, "m-killed");
    await mount.stop("SIGKILL");
    const since = performance.now();
    while (isMounted(mount.at)) {
      expect(performance.now() - since).toBeLessThan(10_000);
      await sleep(100);
    }
    expect(execFileSync("ls", ["-A", mount.at]).toString()).toBe("");
  });
});
