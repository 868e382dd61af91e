import { chmodSync, cpSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { noise } from "../helpers/expected-tree.ts";
import { ForgeWorld, buildForge, jsonLines } from "../helpers/forge-program.ts";

let world: ForgeWorld;

beforeAll(() => buildForge());

beforeEach(() => {
  world = new ForgeWorld();
  for (let i = 0; i < 20; i++) world.write(`data/${i}.txt`, Buffer.from(noise(5000, i)));
  world.init();
  world.ok(["backup", "data"]);
});

afterEach(() => world.remove());

function packs(): string[] {
  const root = join(world.repository, "packs");
  return readdirSync(root).flatMap((shard) =>
    readdirSync(join(root, shard)).map((name) => join(root, shard, name)),
  );
}

/** The pack of the files' content: the largest. */
function largestPack(): string {
  const [largest] = packs().sort((a, b) => readFileSync(b).length - readFileSync(a).length);
  return largest ?? expect.fail("no pack");
}

function flip(path: string, offset: number): void {
  const bytes = readFileSync(path);
  bytes[offset] = (bytes[offset] ?? 0) ^ 1;
  chmodSync(path, 0o600);
  writeFileSync(path, bytes);
}

test("a sound repository: exit code 0, in words and as JSON", () => {
  expect(world.ok(["check"]).stdout).toMatch(/1 snapshot, .* chunks in 2 packs[^]*No damage found/);
  expect(world.ok(["verify", "latest", "--read-data"]).stdout).toMatch(/read and verified/);
  const [report] = jsonLines(world.ok(["check", "--read-data=1/1", "--json"]).stdout).filter(
    ({ type }) => type === "check",
  );
  expect(report).toMatchObject({ sound: true, findings: [], counts: { packs: 2, packsRead: 2 } });
});

test("damage is exit code 1 and named, a dry run changes nothing, a repair keeps the rest", () => {
  const pack = largestPack();
  flip(pack, 100);
  expect(world.run(["check"]).code).toBe(0);
  const found = world.run(["check", "--read-data"]);
  expect(found.code).toBe(1);
  expect(found.stdout).toMatch(/Pack [0-9a-f]{64} is damaged[^]*\d files? [^]*data\/\d+\.txt/);
  expect(found.stdout).toMatch(/forge check --repair --dry-run/);
  const dry = world.run(["check", "--read-data", "--repair", "--dry-run"]);
  expect(dry.code).toBe(1);
  expect(dry.stdout).toMatch(/To repair it:[^]*save what is good/);
  expect(readFileSync(pack).length).toBeGreaterThan(0);
  const repaired = world.ok(["check", "--read-data", "--repair", "--yes"]);
  expect(repaired.stdout).toMatch(/left out of snapshot[^]*Repaired in/);
  expect(world.ok(["check", "--read-data"]).stdout).toMatch(/No damage found/);
  expect(readdirSync(join(world.repository, "quarantine"))).toHaveLength(1);
  const left = world.ok(["restore", "latest:/", "--target", world.path("back")]);
  // noise(n, 0) and noise(n, 1) are the same: one lost chunk is of two files.
  expect(left.stdout).toMatch(/Restored 18 files/);
  world.ok(["backup", "data"]);
  expect(world.ok(["restore", "latest", "--target", world.path("whole")]).stdout).toMatch(
    /Restored 20 files/,
  );
});

test("a copy of the repository brings back what is gone; another repository does not", () => {
  const copy = world.path("copy");
  cpSync(world.repository, copy, { recursive: true });
  for (const path of packs()) rmSync(path);
  expect(world.run(["check"]).code).toBe(1);
  const other = world.path("other");
  world.ok(["-r", other, "init", "--kdf-memory-kib", "64", "--kdf-passes", "1"]);
  const refused = world.run(["check", "--repair", "--yes", "--from", other]);
  expect(refused).toMatchObject({ code: 2 });
  expect(refused.stderr).toMatch(/it is another repository/);
  world.ok(["check", "--repair", "--yes", "--from", copy], {
    env: { FORGE_FROM_PASSPHRASE: "correct horse" },
  });
  world.ok(["check", "--read-data"]);
  expect(world.ok(["restore", "latest", "--target", world.path("back")]).stdout).toMatch(
    /Restored 20 files/,
  );
});

test("options that do not go together are exit code 2", () => {
  expect(world.run(["check", "--dry-run"])).toMatchObject({ code: 2 });
  expect(world.run(["check", "--read-data=200%"])).toMatchObject({ code: 2 });
  expect(world.run(["check", "latest", "--repair"])).toMatchObject({ code: 2 });
});
