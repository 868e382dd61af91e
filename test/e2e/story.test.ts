import { execFileSync } from "node:child_process";
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ForgeWorld, buildForge, jsonLines } from "../helpers/forge-program.ts";

let world: ForgeWorld;
let source: string;

beforeAll(() => {
  buildForge();
  world = new ForgeWorld();
  world.write("data/readme.txt", "hello\n");
  world.write("data/big.bin", Buffer.alloc(3_000_000, "forge "));
  world.write("data/sub/notes.md", "# notes\n");
  world.write("data/sub/ümlaut 日本.txt", "names are bytes");
  world.write(`data/long/${"x".repeat(120)}/${"y".repeat(120)}.txt`, "deep");
  source = world.path("data");
  symlinkSync("readme.txt", `${source}/link`);
  linkSync(`${source}/readme.txt`, `${source}/hard`);
  writeFileSync(Buffer.concat([Buffer.from(`${source}/bad-`), Buffer.from([0xff])]), "x");
  chmodSync(`${source}/sub/notes.md`, 0o4750);
  utimesSync(`${source}/sub/notes.md`, 1_000_000_000, 1_000_000_000.123456);
});
afterAll(() => world.remove());

describe("from a first repository to files taken back", () => {
  test("init makes a repository and says what to keep", () => {
    const { stderr, stdout } = world.init();
    expect(stdout).toBe("");
    expect(stderr).toContain(`at ${world.repository} (aes-256-gcm)`);
    expect(stderr).toContain("Keep the passphrase safe");
  });

  test("init does not touch a repository that is there", () => {
    const { code, stderr } = world.run(["init"]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^forge: Cannot create a repository at .* there is one already/);
  });

  test("backup says what it saved", () => {
    const { stdout, stderr } = world.ok(["backup", "data", "--tag", "first", "--name", "one"]);
    expect(stdout).toContain("7 files");
    expect(stdout).toContain("7 new, 0 changed, 0 unchanged");
    expect(stderr).toBe("");
  });

  test("the next backup finds its parent and reads only what changed", () => {
    world.write("data/readme.txt", "hello again\n");
    world.write("data/added.txt", "new");
    const { stdout } = world.ok(["backup", source, "--json"]);
    const summary = jsonLines(stdout).at(-1);
    // The hard link changed with the file.
    expect(summary).toMatchObject({
      type: "summary",
      files: 8,
      filesNew: 1,
      filesChanged: 2,
      filesUnchanged: 5,
      problems: 0,
      dryRun: false,
    });
    expect(summary?.["bytesStored"]).toBeLessThan(100_000);
  });

  test("a dry run writes nothing", () => {
    world.write("data/later.txt", "later");
    const { stdout } = world.ok(["backup", "data", "--dry-run"]);
    expect(stdout).toContain("1 new, 0 changed, 8 unchanged");
    expect(stdout).toContain("nothing was written");
    expect(JSON.parse(world.ok(["snapshots", "--json"]).stdout)).toHaveLength(2);
  });

  test("snapshots are listed, filtered and counted", () => {
    const { stdout } = world.ok(["snapshots"]);
    expect(stdout.split("\n")[0]).toMatch(
      /^ID +Time +Host +Label +Tags +Files +Size +Added +Paths$/,
    );
    expect(stdout).toContain(source);
    const tagged = JSON.parse(world.ok(["list", "--tag", "first", "--json"]).stdout) as unknown[];
    expect(tagged).toHaveLength(1);
    expect(tagged[0]).toMatchObject({ name: "one", tags: ["first"], paths: [source] });
    expect(JSON.parse(world.ok(["snapshots", "--last", "1", "--json"]).stdout)).toMatchObject([
      { tags: [] },
    ]);
    expect(world.ok(["snapshots", "--host", "elsewhere"]).stdout).toBe("");
  });

  test("ls shows a folder, long and recursive", () => {
    expect(world.ok(["ls", "latest", source]).stdout.split("\n")).toContain("bad-\\xff");
    const long = world.ok(["ls", "-l", `latest:${source}/sub`]).stdout;
    expect(long).toMatch(/-rwsr-x--- +1 .* 8 2001-09-09 01:46:40 notes\.md/);
    const all = world.ok(["ls", "-R", "latest", "/"]).stdout.split("\n");
    expect(all).toContain(`${source}/sub/ümlaut 日本.txt`);
    const [first] = jsonLines(world.ok(["ls", "latest", `${source}/link`, "--json"]).stdout);
    expect(first).toMatchObject({ path: `${source}/link`, type: "symlink", target: "readme.txt" });
  });

  test("a name that is not UTF-8 can be given the way it is shown", () => {
    expect(world.ok(["dump", "latest", `${source}/bad-\\xff`]).stdout).toBe("x");
  });

  test("find tells the versions of a file", () => {
    const { stdout } = world.ok(["find", "readme.txt", "big.*", "--json"]);
    const versions = jsonLines(stdout).map(
      ({ path, change }) => `${String(path)} ${String(change)}`,
    );
    expect(versions.sort()).toEqual([
      `${source}/big.bin added`,
      `${source}/big.bin unchanged`,
      `${source}/readme.txt added`,
      `${source}/readme.txt changed`,
    ]);
    expect(world.ok(["find", "--larger", "1M"]).stdout).toContain("big.bin");
    expect(world.ok(["find", `${source}/**/*.md`]).stdout).toContain("notes.md");
    expect(world.ok(["find", "*.md", "--type", "d"]).stdout).toBe("");
    expect(world.ok(["find", "NOTES.*", "-i", "--older", "2002-01-01"]).stdout).toContain(
      "notes.md",
    );
  });

  test("diff tells what changed", () => {
    const lines = world.ok(["diff", "latest~1", "latest"]).stdout.trim().split("\n");
    expect(lines).toEqual([
      `+  ${source}/added.txt`,
      `M  ${source}/hard`,
      `M  ${source}/readme.txt`,
    ]);
    const changes = jsonLines(world.ok(["diff", "latest~1", "-m", "--json"]).stdout);
    expect(changes.at(-1)).toMatchObject({
      type: "summary",
      added: 1,
      modified: 2,
      removed: 0,
      typeChanged: 0,
    });
  });

  test("info describes the repository and a snapshot", () => {
    expect(world.ok(["info"]).stdout).toMatch(/Snapshots: +2\n/);
    expect(world.ok(["info", "latest~1"]).stdout).toMatch(/Tags: +first\n/);
    expect(JSON.parse(world.ok(["info", "--json"]).stdout)).toMatchObject({
      snapshots: 2,
      keys: 1,
    });
  });

  test("dump writes a file, or a folder that tar reads", () => {
    expect(world.ok(["dump", "latest~1", `${source}/readme.txt`]).stdout).toBe("hello\n");
    const big = world.ok(["dump", `latest:${source}/big.bin`]).bytes;
    expect(big.equals(readFileSync(`${source}/big.bin`))).toBe(true);
    const archive = world.ok(["dump", "latest", source]).bytes;
    mkdirSync(world.path("untar"));
    execFileSync("tar", ["xf", "-", "-C", world.path("untar"), "-p"], { input: archive });
    expectSameTree(source, world.path("untar/data"), ["later.txt"]);
    expect(lstatSync(world.path("untar/data/hard")).ino).toBe(
      lstatSync(world.path("untar/data/readme.txt")).ino,
    );
  });

  test("dump writes a zip that python reads", () => {
    const archive = world.ok(["dump", "latest", `${source}/sub`, "--archive", "zip"]).bytes;
    const script =
      "import sys,zipfile,io; z=zipfile.ZipFile(io.BytesIO(sys.stdin.buffer.read())); " +
      "assert z.testzip() is None; print(*sorted(z.namelist()), sep='|')";
    const names = execFileSync("python3", ["-c", script], {
      input: archive,
      env: { ...process.env, PYTHONUTF8: "1" },
    });
    expect(names.toString().trim()).toBe("sub/|sub/notes.md|sub/ümlaut 日本.txt");
  });

  test("restore takes back everything with its metadata", () => {
    const target = world.path("back");
    const { stdout } = world.ok(["restore", `latest:${source}`, "--target", target, "--verify"]);
    expect(stdout).toContain("Restored 7 files");
    expectSameTree(source, target, ["later.txt"]);
    expect(lstatSync(`${target}/sub/notes.md`).mode & 0o7777).toBe(0o4750);
  });

  test("restore again changes nothing, and never leaves what is there", () => {
    const target = world.path("back");
    expect(world.ok(["restore", `latest:${source}`, "-t", target]).stdout).toContain(
      "Restored 0 files",
    );
    writeFileSync(`${target}/readme.txt`, "mine");
    world.ok(["extract", `latest:${source}`, "-t", target, "--overwrite", "never"]);
    expect(readFileSync(`${target}/readme.txt`, "utf8")).toBe("mine");
    world.ok(["restore", `latest:${source}`, "-t", target, "--overwrite", "always"]);
    expect(readFileSync(`${target}/readme.txt`, "utf8")).toBe("hello again\n");
  });

  test("restore takes a selection, below its absolute path", () => {
    const target = world.path("some");
    world.ok(["restore", "latest", "-t", target, "-i", "sub", "-i", "*.bin", "-e", "*.md"]);
    expect(readdirSync(`${target}${source}`).sort()).toEqual(["big.bin", "sub"]);
    expect(readdirSync(`${target}${source}/sub`)).toEqual(["ümlaut 日本.txt"]);
    expect(world.ok(["restore", "latest", "-t", world.path("no"), "-n"]).stdout).toContain("Would");
    expect(readdirSync(world.folder)).not.toContain("no");
  });

  test("excludes leave out what they say", () => {
    world.write("data/sub/.nobackup", "");
    world.write("data/cache/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n");
    world.write("data/cache/x", "x");
    world.write("patterns", "# comment\n*.bin\n");
    const words = ["--exclude-if-present", ".nobackup", "--exclude-caches"];
    world.ok(["backup", source, "-e", "/later.txt", "--exclude-from", "patterns", ...words]);
    const all = world.ok(["ls", "-R", `latest:${source}`]).stdout;
    expect(all).toContain("readme.txt");
    expect(all).not.toMatch(/later\.txt|big\.bin|notes\.md|cache\/x/);
  });
});

/** Equal names, types, contents, modes and times to the microsecond. */
function expectSameTree(a: string, b: string, except: readonly string[]): void {
  const list = (root: string): string =>
    execFileSync("find", [".", "-printf", "%P %y %m %T@ %s %l\\n"], { cwd: root })
      .toString("latin1")
      .split("\n")
      .filter(
        (line) => line !== "" && !line.startsWith(" ") && !except.some((n) => line.startsWith(n)),
      )
      .map((line) => (/ d /.test(line) ? line.replace(/ \d+ $/, "") : line))
      .sort()
      .join("\n");
  expect(list(b)).toBe(list(a));
  const diff = ["-r", "--no-dereference", ...except.flatMap((name) => ["-x", name]), a, b];
  execFileSync("diff", diff);
}
