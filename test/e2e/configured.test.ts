import { existsSync, rmSync, statSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CHEAP_KDF, ForgeWorld, buildForge, jsonLines } from "../helpers/forge-program.ts";

let world: ForgeWorld;
const env = { FORGE_REPOSITORY: undefined };

beforeAll(() => {
  buildForge();
  world = new ForgeWorld();
  world.write("docs/a.txt", "a");
  world.write("docs/b.tmp", "b");
  world.write("photos/p.jpg", "p");
  world.write(
    "forge.yaml",
    `
hostname: testbox
exclude: ["*.tmp"]
repositories:
  - {label: main, path: one}
  - {label: usb, path: two, compression: lz4}
sources:
  - {label: docs, path: docs, tags: [home]}
  - {label: photos, path: photos, repositories: [usb]}
`,
  );
});
afterAll(() => world.remove());

function snapshotsOf(label: string): readonly Record<string, unknown>[] {
  return JSON.parse(
    world.ok(["-r", label, "snapshots", "--json"], { env }).stdout,
  ) as readonly Record<string, unknown>[];
}

describe("a configured forge", () => {
  test("init creates all repositories, and those that are missing", () => {
    world.ok(["init", ...CHEAP_KDF], { env });
    expect(existsSync(world.path("one/config"))).toBe(true);
    rmSync(world.path("two"), { recursive: true });
    const { stderr } = world.ok(["init", ...CHEAP_KDF], { env });
    expect(stderr).toContain("main exists already");
    expect(existsSync(world.path("two/config"))).toBe(true);
  });

  test("bare backup saves each source where it belongs", () => {
    const { stdout } = world.ok(["backup", "--json"], { env });
    const summaries = jsonLines(stdout).filter(({ type }) => type === "summary");
    expect(
      summaries.map(({ repository, label }) => `${String(repository)}:${String(label)}`),
    ).toEqual(["main:docs", "usb:docs", "usb:photos"]);
    expect(snapshotsOf("main")).toMatchObject([
      { label: "docs", tags: ["home"], hostname: "testbox" },
    ]);
    expect(snapshotsOf("usb").map(({ label }) => label)).toEqual(["docs", "photos"]);
    const all = world.ok(["-r", "usb", "ls", "-R", "latest~1"], { env }).stdout;
    expect(all).toContain("docs/a.txt");
    expect(all).not.toContain("b.tmp");
  });

  test("one repository, one source", () => {
    world.ok(["-r", "usb", "backup", "--source", "photos"], { env });
    expect(snapshotsOf("usb")).toHaveLength(3);
    expect(world.run(["backup", "-s", "docz"], { env })).toMatchObject({ code: 2 });
  });

  test("sources that are for other repositories are not silently left out", () => {
    const ended = world.run(["-r", "main", "backup", "-s", "photos"], { env });
    expect(ended).toMatchObject({ code: 2 });
    expect(ended.stderr).toContain("all for other repositories");
  });

  test("a repository that is gone does not keep the others from their backup", () => {
    rmSync(world.path("one"), { recursive: true });
    const ended = world.run(["backup"], { env });
    expect(ended.code).toBe(10);
    expect(ended.stderr).toContain("Cannot open the repository at");
    expect(snapshotsOf("usb")).toHaveLength(5);
  });

  test("a source that is gone does not keep the others from being saved", () => {
    rmSync(world.path("docs"), { recursive: true });
    const ended = world.run(["-r", "usb", "backup"], { env });
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain("it does not exist");
    expect(snapshotsOf("usb")).toHaveLength(6);
  });

  test("several repositories and none named is a question back", () => {
    const ended = world.run(["snapshots"], { env });
    expect(ended).toMatchObject({ code: 2 });
    expect(ended.stderr).toContain("has 2 (main, usb); name one with --repo");
    expect(world.run(["-r", "ubs", "snapshots"], { env }).stderr).toContain('did you mean "usb"?');
  });

  test("flags win over the environment, and that over the file", () => {
    const words = ["snapshots"];
    expect(world.run(words, { env: { FORGE_REPOSITORY: "usb" } }).code).toBe(0);
    expect(world.run(["-r", "usb", ...words], { env: { FORGE_REPOSITORY: "/nowhere" } }).code).toBe(
      0,
    );
    expect(world.run(words, { env: { FORGE_REPOSITORY: "/nowhere" } }).code).toBe(10);
  });

  test("a typo is answered with its line", () => {
    const file = world.write("typo.yaml", "repositories:\n  - path: one\n    lable: x\n");
    const ended = world.run(["--config", file, "snapshots"], { env });
    expect(ended.code).toBe(2);
    expect(ended.stderr).toContain(
      `${file}:3: unknown key "lable" in repositories[0]; did you mean "label"?`,
    );
  });

  test("config writes a starter once, for its owner alone, that can be shown", () => {
    const file = world.path("home/.config/forge/config.yaml");
    world.ok(["config"], { env });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(world.run(["config"], { env }).code).toBe(1);
    const shown = world.ok(["--config", file, "config", "--show"], { env }).stdout;
    expect(shown).toContain("label: documents");
  });
});

describe("streams", () => {
  test("standard input becomes a file", () => {
    const repo = ["-r", world.path("two")];
    world.ok([...repo, "backup", "--stdin-filename", "dumps/shop.sql", "--tag", "db"], {
      env,
      input: "select 1;\n",
    });
    expect(world.ok([...repo, "dump", "latest", "/dumps/shop.sql"], { env }).stdout).toBe(
      "select 1;\n",
    );
  });

  test("a command's output becomes a file, and nothing when it fails", () => {
    const repo = ["-r", world.path("two")];
    const words = ["backup", "--stdin-filename", "seq", "--stdin-from-command", "--"];
    world.ok([...repo, ...words, "seq", "-w", "3"], { env });
    expect(world.ok([...repo, "dump", "latest", "seq"], { env }).stdout).toBe("1\n2\n3\n");
    const before = world.ok([...repo, "snapshots", "--json"], { env }).stdout;
    const failed = world.run([...repo, ...words, "sh", "-c", "echo half; exit 7"], { env });
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain("exited with 7");
    expect(world.run([...repo, ...words, "no-such-program"], { env }).code).toBe(1);
    expect(world.ok([...repo, "snapshots", "--json"], { env }).stdout).toBe(before);
  });
});
