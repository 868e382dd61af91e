import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, readlinkSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ForgeWorld, buildForge, ending } from "../helpers/forge-program.ts";
import { needFuse } from "../helpers/need.ts";

let world: ForgeWorld;
let source: string;

beforeAll(() => {
  buildForge();
  world = new ForgeWorld();
  source = world.path("data");
  world.write("data/a.txt", "first");
  world.write("data/sub/b.bin", Buffer.alloc(5_000_000, "0123456789abcdef"));
  world.init();
  world.ok(["backup", source, "--tag", "daily", "--host", "laptop"]);
  world.write("data/a.txt", "second");
  world.ok(["backup", source, "--host", "server"]);
});
afterAll(() => world.remove());

interface Served {
  readonly child: ChildProcess;
  readonly at: string;
  readonly ended: ReturnType<typeof ending>;
}

/** Starts a mount and waits until it says that it serves. */
async function serve(name: string, ...words: readonly string[]): Promise<Served> {
  const at = world.path(name);
  mkdirSync(at);
  const child = world.start(["mount", at, ...words]);
  const ended = ending(child);
  await new Promise<void>((resolve, reject) => {
    child.stdout?.on("data", (text: Buffer) => {
      if (text.toString().includes("Serving")) resolve();
    });
    void ended.then(({ code, stderr }) =>
      reject(new Error(`ended with ${String(code)}: ${stderr}`)),
    );
  });
  return { child, at, ended };
}

function isMounted(at: string): boolean {
  return readFileSync("/proc/self/mounts", "utf8").includes(` ${at} `);
}

describe.skipIf(!needFuse())("forge mount", () => {
  test("shows snapshots by time, host, tag and id until Ctrl-C, and exits 0", async () => {
    const { child, at, ended } = await serve("m1");
    // Other programs look: this one may have to serve them.
    const ls = (path: string): string[] =>
      execFileSync("ls", [`${at}/${path}`])
        .toString()
        .trim()
        .split("\n");
    expect(ls("")).toEqual(["hosts", "ids", "snapshots", "tags"]);
    expect(ls("hosts")).toEqual(["laptop", "server"]);
    expect(ls("tags/daily")).toHaveLength(2);
    expect(readlinkSync(`${at}/snapshots/latest`)).toMatch(/^\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d(-1)?$/);
    expect(execFileSync("cat", [`${at}/hosts/server/latest${source}/a.txt`]).toString()).toBe(
      "second",
    );
    expect(execFileSync("cat", [`${at}/hosts/laptop/latest${source}/a.txt`]).toString()).toBe(
      "first",
    );
    execFileSync("cmp", [`${at}/snapshots/latest${source}/sub/b.bin`, `${source}/sub/b.bin`]);
    child.kill("SIGINT");
    expect(await ended).toMatchObject({ code: 0 });
    expect(isMounted(at)).toBe(false);
    expect(readdirSync(at)).toEqual([]);
  });

  test("filters, templates and SIGTERM", async () => {
    const { child, at, ended } = await serve("m2", "--host", "laptop", "--path-template", "%h/%i");
    expect(execFileSync("ls", [at]).toString()).toBe("laptop\n");
    child.kill("SIGTERM");
    expect(await ended).toMatchObject({ code: 0 });
    expect(isMounted(at)).toBe(false);
  });

  test("a busy mount is taken out of the tree, and that is said", async () => {
    const { child, at, ended } = await serve("m3");
    const sleeper = spawn("sleep", ["20"], { cwd: `${at}/snapshots`, stdio: "ignore" });
    await wait(300);
    child.kill("SIGINT");
    const { code, stderr } = await ended;
    sleeper.kill();
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stderr).toContain("still in use");
    expect(isMounted(at)).toBe(false);
  });

  test("an unmount from outside ends it", async () => {
    const { at, ended } = await serve("m4");
    execFileSync("umount", [at]);
    expect(await ended).toMatchObject({ code: 0 });
  });

  test("--no-xattrs shows none, and is refused where the ACLs among them keep others out", async () => {
    const { child, at, ended } = await serve("m5", "--no-xattrs");
    const file = `${at}/snapshots/latest${source}/a.txt`;
    const ask = `import os, errno
try: print(os.listxattr(${JSON.stringify(file)}))
except OSError as error: print(error.errno == errno.EOPNOTSUPP)`;
    expect(execFileSync("python3", ["-c", ask]).toString()).toBe("True\n");
    expect(execFileSync("cat", [file]).toString()).toBe("second");
    child.kill("SIGINT");
    expect(await ended).toMatchObject({ code: 0 });
    const refused = world.run(["mount", world.path("m5"), "--no-xattrs", "--allow-other"]);
    expect(refused).toMatchObject({ code: 2 });
    expect(refused.stderr).toMatch(/without extended attributes: the ACLs/);
  });

  test("places that cannot be mounted on are refused with what to do", () => {
    mkdirSync(`${world.repository}/inside`);
    const inside = world.run(["mount", `${world.repository}/inside`]);
    expect(inside).toMatchObject({ code: 2 });
    expect(inside.stderr).toContain("it lies inside");
    expect(world.run(["mount", world.path("absent")]).stderr).toContain("mkdir -p");
    expect(world.run(["mount", source]).stderr).toContain("not empty");
    expect(existsSync(world.path("absent"))).toBe(false);
  });
});
