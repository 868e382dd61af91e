/**
 * A tree of everything a file system can hold, on several file systems: restored and shown by the
 * mount exactly as it is. `FORGE_TEST_BIG=1` adds a directory of 100,000 entries, a file of 6 GiB
 * and one of 70,000 holes.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compareTrees } from "../helpers/compare-trees.ts";
import { endMounts, mountForge } from "../helpers/forge-mount.ts";
import { ForgeWorld, buildForge, jsonLines } from "../helpers/forge-program.ts";
import { canMount, need, needFuse } from "../helpers/need.ts";
import { type ScratchDisk, canMountXfs, mountTmpfs, mountXfs } from "../helpers/scratch-disk.ts";
import { buildTortureTree, removeTree } from "../helpers/torture-tree.ts";

const isRoot = process.geteuid?.() === 0;
const isBig = process.env["FORGE_TEST_BIG"] === "1";
const MINUTES = 60_000;

interface Place {
  readonly name: string;
  readonly isPossible: boolean;
  /** Makes the file system at a path; absent: the one of the temporary folder. */
  readonly make?: (path: string) => ScratchDisk;
  /** What of the tree this file system cannot hold. */
  readonly refuses: readonly RegExp[];
}

const PLACES: readonly Place[] = [
  {
    name: "the temporary folder",
    isPossible: true,
    // Without the right to mount, root may not set these either.
    refuses: [
      /^a value of 64 KiB: (ENOSPC|E2BIG)/,
      ...(canMount() ? [] : [/^(trusted on .*|security): (EPERM|ENOTSUP)/]),
    ],
  },
  {
    name: "a file system in memory",
    isPossible: isRoot && need(canMount(), "the right to mount"),
    make: (path) => mountTmpfs(path, isBig ? "12g" : "1g"),
    refuses: [],
  },
  {
    name: "XFS",
    // Whoever is not root cannot; for root a machine without loop devices is worth a word.
    isPossible: isRoot && need(canMountXfs(), "mkfs.xfs (package xfsprogs) and loop devices"),
    make: (path) => mountXfs(path, isBig ? 16 : 2),
    refuses: [/^symlink long: ENAMETOOLONG/, /^(char|block)-large: EINVAL/],
  },
];

beforeAll(() => buildForge());
afterAll(endMounts);

describe.each(PLACES)("everything a file system can hold, in $name", (place) => {
  let world: ForgeWorld;
  let disk: ScratchDisk | undefined;
  let source: string;
  let target: string;
  const since = performance.now();
  const say = (what: string): void => {
    if (isBig) console.log(`${place.name}: ${what} at ${Math.round(performance.now() - since)} ms`);
  };

  beforeAll(() => {
    if (!place.isPossible) return;
    world = new ForgeWorld();
    const top = world.path("disk");
    if (place.make === undefined) mkdirSync(top);
    else disk = place.make(top);
    source = join(top, "source");
    target = join(top, "target");
    mkdirSync(source);
    const refused = buildTortureTree(source, { root: isRoot, big: isBig });
    expect(refused.filter((line) => !place.refuses.some((known) => known.test(line)))).toEqual([]);
    say("built");
    world.init();
  }, 5 * MINUTES);

  afterAll(async () => {
    if (!place.isPossible) return;
    await endMounts();
    if (disk === undefined) removeTree(world.path("disk"));
    else disk.remove();
    world.remove();
  }, 2 * MINUTES);

  test.runIf(place.isPossible)(
    "is backed up, and restored exactly as it is",
    async () => {
      const saved = await world.finish(["backup", source, "--json"], { timeoutMs: 5 * MINUTES });
      // What forge may not read without being root, it says.
      expect(saved.stderr).toBe("");
      expect(saved.code).toBe(0);
      say("backed up");
      const words = ["restore", `latest:${source}`, "--target", target, "--json"];
      const restored = await world.finish(words, { timeoutMs: 5 * MINUTES });
      expect(restored.stderr).toBe("");
      expect(restored.code).toBe(0);
      expect(jsonLines(restored.stdout).at(-1)).toMatchObject({ problems: 0 });
      say("restored");
      expect(await compareTrees(source, target)).toEqual([]);
      say("compared");
    },
    20 * MINUTES,
  );

  test.runIf(place.isPossible && needFuse())(
    "is shown by the mount exactly as it is",
    async () => {
      const mount = await mountForge(world, "mount");
      expect(await compareTrees(source, `${mount.at}/snapshots/latest${source}`)).toEqual([]);
      say("compared through the mount");
      expect(await mount.stop()).toMatchObject({ code: 0 });
    },
    20 * MINUTES,
  );

  test.runIf(place.isPossible)(
    "is left alone by a second restore and a second backup",
    async () => {
      const words = ["restore", `latest:${source}`, "--target", target, "--json"];
      const restored = await world.finish(words, { timeoutMs: 5 * MINUTES });
      expect(restored).toMatchObject({ code: 0, stderr: "" });
      expect(jsonLines(restored.stdout).at(-1)).toMatchObject({ files: 0, problems: 0 });
      const saved = await world.finish(["backup", source, "--json"], { timeoutMs: MINUTES });
      expect(saved).toMatchObject({ code: 0, stderr: "" });
      expect(jsonLines(saved.stdout).at(-1)).toMatchObject({ filesNew: 0, filesChanged: 0 });
      expect(await compareTrees(source, target)).toEqual([]);
    },
    10 * MINUTES,
  );

  test.runIf(place.isPossible)(
    "is refreshed in place after damage",
    async () => {
      // As a user's mishap: modes, contents, links and attributes of the copy are ruined.
      const at = (path: string): string => join(target, path);
      const script = `
        chmod 0700 modes/file-4755; echo more >> sizes/noise-4096; rm -r hardlinks/b symlinks/dot
        echo x > sparse/hole-first; touch -h -d 2001-01-01 times/link-0; rm specials/fifo
        mkdir specials/fifo; setfattr -x user.binary xattrs/file; : > sparse/many-holes`;
      execFileSync("sh", ["-c", script], { cwd: target, timeout: MINUTES });
      expect(await compareTrees(source, at("."))).not.toEqual([]);
      const words = ["restore", `latest:${source}`, "--target", target, "--json"];
      const restored = await world.finish(words, { timeoutMs: 5 * MINUTES });
      expect(restored).toMatchObject({ code: 0, stderr: "" });
      expect(await compareTrees(source, target)).toEqual([]);
    },
    10 * MINUTES,
  );
});
