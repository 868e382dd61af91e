/** Deleting, pruning and compacting as a user does. */
import {
  chmodSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { CHEAP_KDF, ForgeWorld, buildForge, jsonLines } from "../helpers/forge-program.ts";
import { noise } from "../helpers/expected-tree.ts";

let world: ForgeWorld;

beforeAll(() => {
  buildForge();
  world = new ForgeWorld();
  world.ok(["init", ...CHEAP_KDF]);
});
afterAll(() => world.remove());

function save(seed: number, ...words: string[]): void {
  world.write("data/large", Buffer.from(noise(3_000_000, seed)));
  world.write("data/stays", Buffer.from(noise(1_000_000, 7)));
  world.ok(["backup", world.path("data"), ...words]);
}

function packs(): string[] {
  return readdirSync(join(world.repository, "packs"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

function packBytes(): number {
  return packs().reduce((sum, path) => sum + statSync(path).size, 0);
}

function snapshots(): readonly Record<string, unknown>[] {
  return JSON.parse(world.ok(["snapshots", "--json"]).stdout) as Record<string, unknown>[];
}

describe("space", () => {
  test("prune says why before it does anything, and then frees the space in one command", () => {
    for (let seed = 1; seed <= 3; seed++) save(seed, ...(seed === 1 ? ["--tag", "first"] : []));
    const before = packBytes();
    const dry = world.ok(["prune", "--dry-run", "--keep-last", "1", "--keep-tag", "first"]).stdout;
    expect(dry).toMatch(/keep .*last 1 of 1/);
    expect(dry).toMatch(/keep .*tag first/);
    expect(dry).toMatch(/drop .*not among the last 1; has no tag to keep/);
    expect(dry).toContain("Would delete 1 snapshot, keep 2 snapshots");
    expect(snapshots()).toHaveLength(3);
    const { stdout } = world.ok(["prune", "--keep-last", "1", "--compact"]);
    expect(stdout).toContain("Deleted 2 snapshots, kept 1 snapshot");
    expect(stdout).toMatch(/Freed 5\.\d MiB: \d packs deleted, /);
    expect(packBytes()).toBeLessThan(before * 0.5);
    expect(world.ok(["compact"]).stdout).toContain("Nothing to free");
    world.ok(["restore", "latest", "--target", world.path("back"), "--verify"]);
  });

  test("delete removes what is named, and compact tells what it would free", () => {
    save(10);
    save(11);
    const all = snapshots();
    const id = String(all.at(-2)?.["id"]);
    expect(world.ok(["delete", id.slice(0, 10), "-n"]).stdout).toContain("would delete snapshot");
    expect(snapshots()).toHaveLength(all.length);
    world.ok(["delete", id.slice(0, 10)]);
    expect(snapshots().map((one) => one["id"])).not.toContain(id);
    expect(readdirSync(join(world.repository, "tombstones"))).toContain(id);
    const before = packBytes();
    expect(world.ok(["compact", "--dry-run"]).stdout).toMatch(/Would free 2\.\d MiB/);
    expect(packBytes()).toBe(before);
    const [report] = jsonLines(world.ok(["compact", "--json"]).stdout);
    expect(report).toMatchObject({ type: "compact", sweep: { waiting: [] } });
    expect(packBytes()).toBeLessThan(before - 2_000_000);
    expect(world.run(["delete", "0123456789"]).code).toBe(1);
    expect(world.run(["delete"]).code).toBe(2);
  });

  test("snapshots of another machine make unneeded packs stay a day, and it says until when", () => {
    save(20, "--host", "elsewhere");
    save(21);
    world.ok(["prune", "--keep-last", "1", "--group-by", "none"]);
    save(22, "--host", "elsewhere");
    const before = packBytes();
    world.ok(["delete", "latest~1"]);
    // All packs are younger than a day, and so are those of snapshots just deleted: they stay.
    const { stdout, stderr } = world.ok(["compact"]);
    expect(`${stdout}${stderr}`).toMatch(/left for now|waiting until/);
    expect(packBytes()).toBeGreaterThanOrEqual(before);
    world.ok(["compact", "--grace", "0"]);
    expect(packBytes()).toBeLessThan(before - 2_000_000);
    world.ok(["restore", "latest", "--target", world.path("again"), "--verify"]);
  });

  test("rules come from the configuration, and without any nothing is deleted", () => {
    expect(world.run(["prune"]).code).toBe(2);
    world.write(
      "forge.yaml",
      `repositories: [{path: ${world.repository}}]\nretention: {keep-last: 1}\n`,
    );
    const config = ["--config", world.path("forge.yaml")];
    const env = { FORGE_REPOSITORY: undefined };
    const { stdout } = world.ok([...config, "prune", "--dry-run"], { env });
    expect(stdout).toContain("last 1 of 1");
    expect(world.run([...config, "prune", "--keep-daily", "0"], { env }).code).toBe(2);
    expect(world.run(["prune", "--keep-last", "1", "--group-by", "moon"]).code).toBe(2);
    expect(world.run(["prune", "--keep-last", "1", "--time-zone", "Moon/Base"]).code).toBe(2);
  });

  test("a damaged pack holds everything back, and the way out that is named leads out", () => {
    world.write("data/goes", Buffer.from(noise(2_000_000, 30)));
    world.write("data/keeps", Buffer.from(noise(2_000_000, 31)));
    world.ok(["backup", world.path("data")]);
    rmSync(world.path("data/goes"));
    world.ok(["backup", world.path("data")]);
    world.ok(["prune", "--keep-last", "1", "--group-by", "none"]);
    const before = packBytes();
    for (const path of packs().filter((one) => statSync(one).size > 1_000_000)) {
      const { mtime } = statSync(path);
      const bytes = readFileSync(path);
      for (let at = 500; at < bytes.length; at += 50_000) bytes[at] = (bytes[at] ?? 0) ^ 1;
      chmodSync(path, 0o600);
      writeFileSync(path, bytes);
      utimesSync(path, mtime, mtime);
    }
    const held = world.run(["compact", "--grace", "0"]);
    expect(held.code).toBe(3);
    expect(held.stdout).toContain("Freed nothing");
    expect(held.stderr).toMatch(/Nothing was deleted: .*forge check --read-data --repair/);
    expect(packBytes()).toBe(before);
    world.ok(["check", "--read-data", "--repair", "--yes"]);
    const lost = world.run(["compact", "--grace", "0"]);
    expect(lost.code).toBe(1);
    expect(lost.stderr).toMatch(/nowhere to be found.*back up the same files again/);
    world.ok(["backup", world.path("data")]);
    world.ok(["compact", "--grace", "0"]);
    world.ok(["restore", "latest", "--target", world.path("healed"), "--verify"]);
  });

  test("unlock shows leases and removes those of dead processes", () => {
    const { stderr } = world.ok(["unlock"]);
    expect(stderr).toContain("0 leases removed");
  });
});
