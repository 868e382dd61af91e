/** Every file that the distribution installed, taken there and back, judged by other programs. */
import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compareTrees, rsyncDifferences } from "../helpers/compare-trees.ts";
import { endMounts, mountForge } from "../helpers/forge-mount.ts";
import { ForgeWorld, buildForge, jsonLines, runProgram } from "../helpers/forge-program.ts";
import { hasProgram, need, needFuse } from "../helpers/need.ts";

const isRoot = process.geteuid?.() === 0;
/** Some of /usr/share only root may read. */
const TREES = [isRoot ? "/usr/share" : "/usr/share/doc", "/usr/include"].filter((path) =>
  existsSync(path),
);
const MINUTES = 60_000;

let world: ForgeWorld;
let restored: string;
beforeAll(() => {
  buildForge();
  world = new ForgeWorld();
  restored = world.path("restored");
  world.init();
});
afterAll(async () => {
  await endMounts();
  world.remove();
});

describe("the files of the distribution", () => {
  test(
    "are backed up, and restored",
    async () => {
      const saved = await world.finish(["backup", ...TREES, "--json"], { timeoutMs: 3 * MINUTES });
      expect(saved).toMatchObject({ code: 0, stderr: "" });
      const back = await world.finish(["restore", "latest", "--target", restored, "--json"], {
        timeoutMs: 3 * MINUTES,
      });
      expect(back).toMatchObject({ code: 0, stderr: "" });
      const [found, returned] = [saved, back].map(({ stdout }) => jsonLines(stdout).at(-1));
      console.log(
        `${String(found?.["files"])} files backed up in ${String(found?.["seconds"])} s, ` +
          `restored in ${String(returned?.["seconds"])} s`,
      );
      expect(returned).toMatchObject({ problems: 0 });
    },
    5 * MINUTES,
  );

  test(
    "are the same in content, modes, owners, times, attributes, links and holes",
    async () => {
      for (const tree of TREES) {
        const copy = restored + tree;
        expect(await compareTrees(tree, copy, { owners: isRoot })).toEqual([]);
        if (isRoot && hasProgram("rsync")) expect(await rsyncDifferences(tree, copy)).toEqual([]);
        const diff = await runProgram("diff", ["-r", "--no-dereference", tree, copy], {
          timeoutMs: 2 * MINUTES,
        });
        expect(diff).toMatchObject({ code: 0, stdout: "", stderr: "" });
        expect(await listing(copy)).toBe(await listing(tree));
      }
    },
    5 * MINUTES,
  );

  test.runIf(need(hasProgram("getfattr"), "the package attr"))(
    "have the attributes that getfattr sees",
    async () => {
      for (const tree of TREES)
        expect(await attributes(restored + tree)).toBe(await attributes(tree));
    },
    2 * MINUTES,
  );

  test("are backed up again without reading one of them", async () => {
    const again = await world.finish(["backup", ...TREES, "--json"], { timeoutMs: MINUTES });
    expect(again).toMatchObject({ code: 0, stderr: "" });
    expect(jsonLines(again.stdout).at(-1)).toMatchObject({
      filesNew: 0,
      filesChanged: 0,
      problems: 0,
    });
  });

  test.runIf(needFuse())(
    "are the same in the mount",
    async () => {
      const mount = await mountForge(world, "mount");
      for (const tree of TREES) {
        const shown = `${mount.at}/snapshots/latest${tree}`;
        expect(await compareTrees(tree, shown, { owners: isRoot })).toEqual([]);
        if (isRoot && hasProgram("rsync")) expect(await rsyncDifferences(tree, shown)).toEqual([]);
        expect(await listing(shown)).toBe(await listing(tree));
      }
      expect(await mount.stop()).toMatchObject({ code: 0 });
    },
    5 * MINUTES,
  );
});

/** What find tells of every entry; sizes of directories are the file system's own affair. */
async function listing(tree: string): Promise<string> {
  const fields = isRoot ? "%P %y %m %U %G %T@ %n" : "%P %y %m %T@ %n";
  const words = [".", "-type", "d", "-printf", `${fields}\\n`, "-o"];
  const found = await runProgram("find", [...words, "-printf", `${fields} %s %l\\n`], {
    cwd: tree,
    timeoutMs: 2 * MINUTES,
  });
  expect(found).toMatchObject({ code: 0, stderr: "" });
  return found.stdout.split("\n").sort().join("\n");
}

async function attributes(tree: string): Promise<string> {
  const words = ["-R", "-h", "-d", "-m", "-", "-e", "hex", "."];
  const found = await runProgram("getfattr", words, { cwd: tree, timeoutMs: MINUTES });
  expect(found).toMatchObject({ code: 0, stderr: "" });
  return found.stdout.split("\n\n").sort().join("\n\n");
}
