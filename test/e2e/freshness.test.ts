import { chmodSync, cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { CHEAP_KDF, ForgeWorld, buildForge } from "../helpers/forge-program.ts";

let world: ForgeWorld;
beforeAll(() => buildForge());
beforeEach(() => {
  world = new ForgeWorld();
  world.write("data/a.txt", "precious");
  world.init();
  backUp();
  backUp();
  backUp();
});
afterEach(() => world.remove());

function backUp(env = {}): void {
  world.ok(["backup", "data"], { env });
}

/** Ids of the snapshots that are shown, oldest first. */
function shown(env = {}): readonly string[] {
  const listed = JSON.parse(world.ok(["snapshots", "--json"], { env }).stdout) as { id: string }[];
  return listed.map(({ id }) => id);
}

function keepCopy(): void {
  cpSync(world.repository, world.path("copy"), { recursive: true });
}

/** Puts the copy in the place of the repository. */
function rollBack(): void {
  rmSync(world.repository, { recursive: true });
  cpSync(world.path("copy"), world.repository, { recursive: true });
}

function hide(id: string | undefined): void {
  rmSync(`${world.repository}/snapshots/${id ?? ""}`);
}

/** What a machine that never looked before sees. */
const STRANGER = { env: { XDG_STATE_HOME: "/nonexistent/state" } };
const STRICT = ["snapshots", "--strict-freshness"];

describe("a storage that was set back to an older copy", () => {
  test("is told by whoever saw the newer state, until it is accepted; reading goes on", () => {
    keepCopy();
    backUp();
    const newest = shown().at(-1)?.slice(0, 8) ?? "";
    rollBack();
    const told = world.ok(["snapshots"]);
    expect(told.stderr).toMatch(
      new RegExp(
        `snapshot ${newest} of .*, number 4, made 20.*, was there on 20.* and is gone, and nobody who ` +
          "holds the keys deleted it; the newest of that machine that is shown is number 3",
      ),
    );
    expect(told.stderr).toContain("forge trust --accept");
    expect(world.run(STRICT)).toMatchObject({ code: 1, stdout: "" });
    world.ok(["restore", "latest", "--target", world.path("back")]);
    expect(world.ok(["snapshots"], STRANGER).stderr).not.toContain("warning");
    expect(world.run(["trust"])).toMatchObject({ code: 1 });
    expect(world.ok(["trust", "--accept"]).stderr).toContain("Accepted");
    expect(world.ok(STRICT).stderr).not.toContain("warning");
    expect(world.ok(["trust"]).stdout).toMatch(/^Repository [0-9a-f]{64}, known here since/);
  });

  test("leaves evidence for everyone once the machine that knew better backs up again", () => {
    keepCopy();
    backUp();
    rollBack();
    backUp();
    const stranger = world.ok(["snapshots"], STRANGER);
    expect(stranger.stderr).toMatch(
      /snapshot number 4 of .* is missing, and nobody .* number 5, made/,
    );
    expect(world.run(STRICT, STRANGER)).toMatchObject({ code: 1 });
  });
});

test("deletions by those who hold the keys are no news: the newest, one in the middle, by a policy", () => {
  const [, second, third] = shown();
  for (const words of [
    ["delete", third ?? ""],
    ["delete", second ?? ""],
    ["backup", "data"],
    ["backup", "data"],
    ["prune", "--keep-last", "1"],
    ["backup", "data"],
    ["compact"],
  ]) {
    expect(world.ok(words).stderr).not.toMatch(/warning|missing/);
    expect(world.ok(STRICT).stderr).not.toContain("warning");
    expect(world.ok(STRICT, STRANGER).stderr).not.toContain("warning");
  }
  expect(shown()).toHaveLength(2);
});

test("a snapshot that is hidden in the middle is told to everyone", () => {
  const [, second] = shown();
  hide(second);
  for (const options of [{}, STRANGER]) {
    const told = world.ok(["ls", "latest"], options).stderr;
    expect(told).toMatch(
      new RegExp(`snapshot number 2 of .* \\(${second?.slice(0, 8) ?? ""}\\) is missing`),
    );
  }
});

test("an old key that is put back is told, and nothing is written under it", () => {
  keepCopy();
  world.ok(["key", "rotate", ...CHEAP_KDF]);
  world.ok(["snapshots"]);
  const current = readdirSync(`${world.repository}/keys`);
  cpSync(world.path("copy", "keys"), `${world.repository}/keys`, { recursive: true });
  for (const name of current) rmSync(`${world.repository}/keys/${name}`);
  expect(world.ok(["snapshots"]).stderr).toMatch(
    /from before a rotation .* 1 key epochs, and 2 were/,
  );
  const refused = world.run(["backup", "data"]);
  expect(refused).toMatchObject({ code: 1 });
  expect(refused.stderr).toContain("Cannot write to the repository");
  expect(shown()).toHaveLength(3);
});

describe("another repository in the same place", () => {
  test("is refused before the passphrase is asked for, until it is accepted; then both are known", () => {
    const first = world.path("first");
    cpSync(world.repository, first, { recursive: true });
    const other = new ForgeWorld();
    other.init();
    rmSync(world.repository, { recursive: true });
    cpSync(other.repository, world.repository, { recursive: true });
    other.remove();
    for (const words of [["snapshots"], ["backup", "data"], ["key", "list"]]) {
      const refused = world.run(words, { env: { FORGE_PASSPHRASE: undefined } });
      expect(refused).toMatchObject({ code: 1, stdout: "" });
      expect(refused.stderr).toMatch(
        /this machine knows another one in this place \([0-9a-f]{8}, known/,
      );
    }
    world.ok(["trust", "--accept"]);
    world.ok(["snapshots", "--strict-freshness"]);
    rmSync(world.repository, { recursive: true });
    cpSync(first, world.repository, { recursive: true });
    expect(shown()).toHaveLength(3);
  });

  test("that was made there by forge init is not another", () => {
    rmSync(world.repository, { recursive: true });
    world.init();
    expect(world.ok(STRICT).stderr).not.toContain("warning");
  });
});

describe("what this machine remembers", () => {
  test("is not needed for reading: a home that cannot be written, a file that is damaged", () => {
    for (const name of ["pins", "places"]) {
      const folder = world.path("home/.local/state/forge", name);
      for (const file of readdirSync(folder)) writeFileSync(`${folder}/${file}`, "{ damaged");
    }
    const told = world.ok(["dump", "latest", world.path("data/a.txt")]);
    expect(told.stdout).toBe("precious");
    expect(told.stderr).toMatch(/Cannot use what this machine remembers of the repository/);
    const home = world.path("still");
    mkdirSync(home);
    // Where root may write anyway, a file stands where a folder should be.
    writeFileSync(`${home}/.local`, "");
    chmodSync(home, 0o555);
    const still = world.ok(["snapshots"], { env: { HOME: home } });
    expect(still.stderr).not.toContain("warning");
    chmodSync(home, 0o755);
  });
});
