import { chmodSync, cpSync, readFileSync, rmSync, statSync } from "node:fs";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { CHEAP_KDF, ForgeWorld, buildForge } from "../helpers/forge-program.ts";

let world: ForgeWorld;
beforeAll(() => buildForge());
beforeEach(() => {
  world = new ForgeWorld();
  world.write("data/a.txt", "precious");
  world.init();
  world.ok(["backup", "data"]);
});
afterEach(() => world.remove());

interface ListedKey {
  readonly id: string;
  readonly label: string;
  readonly epoch: number;
  readonly needsKeyFile: boolean;
  readonly opened: boolean;
}

function keys(env = {}, words: readonly string[] = []): readonly ListedKey[] {
  const { stdout } = world.ok([...words, "key", "list", "--json"], { env });
  return JSON.parse(stdout) as ListedKey[];
}

/** Runs a command that sets a passphrase to `next`. */
function setKey(words: readonly string[], next: string, env = {}) {
  return world.run([...words, ...CHEAP_KDF], { env: { FORGE_NEW_PASSPHRASE: next, ...env } });
}

const withPassphrase = (text: string) => ({ env: { FORGE_PASSPHRASE: text } });
const opens = (text: string): number | null => world.run(["snapshots"], withPassphrase(text)).code;

describe("forge key", () => {
  test("add, list, remove: every passphrase opens, and the star shows which one did", () => {
    expect(setKey(["key", "add", "--label", "bob"], "bob's").code).toBe(0);
    expect(opens("bob's")).toBe(0);
    expect(keys().map(({ label, opened }) => [label, opened])).toEqual([
      ["bob", false],
      ["first", true],
    ]);
    expect(keys({ FORGE_PASSPHRASE: "bob's" }).find(({ opened }) => opened)?.label).toBe("bob");
    expect(world.ok(["key", "list"]).stdout).toMatch(/^\* {2}[0-9a-f]{8} {2}first/m);
    const removed = world.ok(["key", "remove", "bob"]);
    expect(removed.stderr).toMatch(/Copies of the storage made before can still be opened/);
    expect(opens("bob's")).toBe(12);
    expect(opens("correct horse")).toBe(0);
  });

  test("--kdf strong makes a key that costs 1 GiB, which the next command accepts", () => {
    const env = { FORGE_NEW_PASSPHRASE: "dear" };
    world.ok(["key", "add", "--label", "dear", "--kdf", "strong"], { env });
    expect(world.ok(["key", "list"]).stdout).toMatch(/ dear .* 1\.0 GiB × 3 /);
    expect(opens("dear")).toBe(0);
    expect(world.run(["key", "add", "--kdf", "strongest"], { env }).code).toBe(2);
  });

  test("the last key cannot be removed, and the one in use only with --yes", () => {
    expect(world.run(["key", "remove", "first", "--yes"])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/it is the only one that opens/) as string,
    });
    setKey(["key", "add", "--label", "bob"], "bob's");
    expect(world.run(["key", "remove", "first"]).code).toBe(2);
    expect(opens("correct horse")).toBe(0);
    expect(world.ok(["key", "remove", "first", "--yes"]).stderr).toMatch(/warning: .*opened the/);
    expect(opens("correct horse")).toBe(12);
    expect(opens("bob's")).toBe(0);
    const nameless = world.run(["key", "remove", "nobody"], withPassphrase("bob's"));
    expect(nameless).toMatchObject({ code: 1 });
    expect(nameless.stderr).toContain('Cannot find key "nobody"');
  });

  test("passwd from a file: the old passphrase opens no more, except a copy made before", () => {
    cpSync(world.repository, world.path("copy"), { recursive: true });
    chmodSync(world.write("new.txt", "new one\n"), 0o600);
    const changed = world.ok(["key", "passwd", "--new-passphrase-file", "new.txt", ...CHEAP_KDF]);
    expect(changed.stderr).toMatch(/Copies .* can still be opened with the old passphrase/);
    expect([opens("correct horse"), opens("new one")]).toEqual([12, 0]);
    expect(keys({ FORGE_PASSPHRASE: "new one" }).map(({ label }) => label)).toEqual(["first"]);
    world.ok(["key", "list", "-r", "copy"]);
  });

  test("a key file is made once, needed from then on, and can be given up", () => {
    world.ok(["key", "file", "key.bin"]);
    expect(statSync(world.path("key.bin")).mode & 0o777).toBe(0o600);
    expect(world.run(["key", "file", "key.bin"])).toMatchObject({ code: 1 });
    expect(setKey(["key", "passwd", "--new-key-file", "key.bin"], "with file").code).toBe(0);
    expect(world.run(["snapshots"], withPassphrase("with file"))).toMatchObject({
      code: 12,
      stderr: expect.stringMatching(/needs a key file beside the passphrase/) as string,
    });
    const env = { FORGE_PASSPHRASE: "with file", FORGE_KEY_FILE: "key.bin" };
    expect(keys(env)).toMatchObject([{ needsKeyFile: true, opened: true }]);
    expect(setKey(["key", "passwd"], "still with file", env).code).toBe(0);
    expect(opens("still with file")).toBe(12);
    const still = { ...env, FORGE_PASSPHRASE: "still with file" };
    expect(setKey(["key", "passwd", "--without-key-file"], "alone", still).code).toBe(0);
    expect(opens("alone")).toBe(0);
    world.write("empty.bin", "");
    const empty = setKey(
      ["key", "add", "--new-key-file", "empty.bin"],
      "x",
      withPassphrase("alone").env,
    );
    expect(empty).toMatchObject({ code: 2 });
  });

  test("a new passphrase is never asked of the arguments", () => {
    const help = ["add", "passwd", "import"].map(
      (name) => world.ok(["key", name, "--help"]).stdout,
    );
    for (const text of help) expect(text).not.toMatch(/--(new-)?pass(phrase|word) </);
  });
});

describe("a recovery sheet", () => {
  test("opens the repository when the passphrase is forgotten", () => {
    const sheet = world.ok(["key", "export", ...CHEAP_KDF]).stdout;
    const partA = sheet.split("\n").filter((line) => /^\s+A\d/.test(line));
    expect(partA).toHaveLength(3);
    const input = partA.map((line) => line.trim().toLowerCase().replaceAll("-", " ")).join("\n");
    const recovered = world.run(["key", "import", "-", ...CHEAP_KDF], {
      input,
      env: { FORGE_PASSPHRASE: undefined, FORGE_NEW_PASSPHRASE: "found again" },
    });
    expect(recovered).toMatchObject({ code: 0 });
    expect(
      world.ok(["dump", "latest", world.path("data/a.txt")], withPassphrase("found again")).stdout,
    ).toBe("precious");
    const wrong = input.replace(/^a2 +./m, "a2 9");
    const slip = world.run(["key", "import", "-"], {
      input: wrong === input ? input.replace(/^a2 +./m, "a2 8") : wrong,
      env: { FORGE_NEW_PASSPHRASE: "x" },
    });
    expect(slip).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/line A2 has a mistake/) as string,
    });
  });

  test("brings a repository back of which only packs, index and snapshots are left", () => {
    world.ok(["key", "export", "--output", "sheet.txt", ...CHEAP_KDF]);
    expect(statSync(world.path("sheet.txt")).mode & 0o777).toBe(0o600);
    rmSync(`${world.repository}/config`);
    rmSync(`${world.repository}/keys`, { recursive: true });
    expect(opens("correct horse")).toBe(10);
    const recovered = setKey(["key", "import", "sheet.txt"], "found again");
    expect(recovered).toMatchObject({ code: 0 });
    expect(recovered.stderr).toMatch(/the config was missing or damaged, and was put back/);
    expect(opens("found again")).toBe(0);
  });

  test("as a page has the same lines and asks nothing of the network", () => {
    world.ok(["key", "export", "--html", "--output", "sheet.html", ...CHEAP_KDF]);
    const page = readFileSync(world.path("sheet.html"), "utf8");
    expect(page).toMatch(/A1 {2}[0-9A-Z-]{27} {2}[0-9A-Z]{3}\n/);
    expect(page).not.toMatch(/https?:|src=|<script|@import/);
    expect(setKey(["key", "import", "sheet.html"], "from the page").code).toBe(0);
    expect(world.run(["key", "export", "--output", "sheet.html"]).code).toBe(1);
    expect(keys().filter(({ label }) => label === "recovery sheet")).toHaveLength(1);
  });
});

describe("forge key rotate", () => {
  test("names who goes, asks before, and keeps whom it was given the passphrase of", () => {
    setKey(["key", "add", "--label", "bob"], "bob's");
    setKey(["key", "add", "--label", "eve"], "eve's");
    cpSync(world.repository, world.path("stolen"), { recursive: true });
    const refused = world.run(["key", "rotate"]);
    expect(refused).toMatchObject({ code: 2 });
    expect(refused.stderr).toMatch(/2 keys would stop working \(.*"(bob|eve)", .*"(bob|eve)"\)/);
    chmodSync(world.write("bob.txt", "bob's"), 0o600);
    const words = ["key", "rotate", "--also-passphrase-file", "bob.txt", ...CHEAP_KDF];
    const shown = world.ok([...words, "--dry-run"]).stdout;
    expect(shown).toMatch(
      /go on working[^]*"first"[^]*"bob"[^]*stop working:[^]*"eve": its passphrase/,
    );
    expect(keys().map(({ epoch }) => epoch)).toEqual([0, 0, 0]);
    expect(world.run(words).code).toBe(2);
    world.ok([...words, "--yes"]);
    expect(
      keys()
        .map(({ label, epoch }) => `${label} ${epoch}`)
        .sort(),
    ).toEqual(["bob 1", "first 1"]);
    expect([opens("bob's"), opens("eve's"), opens("correct horse")]).toEqual([0, 12, 0]);
    // What was there before is still there, and the next backup builds on it.
    world.write("data/b.txt", "new");
    expect(world.ok(["backup", "data"]).stdout).toMatch(/1 new, 0 changed, 1 unchanged/);
    // Whoever stole the old key puts it back: it opens, and reads nothing new.
    cpSync(world.path("stolen", "keys"), `${world.repository}/keys`, { recursive: true });
    const thief = world.run(["snapshots", "--json"], {
      env: { FORGE_PASSPHRASE: "eve's", HOME: world.path("thief") },
    });
    expect(JSON.parse(thief.stdout)).toHaveLength(1);
    expect(thief.stderr).toMatch(
      /sealed under key epoch 1, and the unlocked keys end with epoch 0/,
    );
    // The owner opens the newest of the two.
    expect(keys().find(({ opened }) => opened)?.epoch).toBe(1);
  });
});

test("forge compact --reencrypt after a rotation leaves the old key nothing to read", () => {
  cpSync(`${world.repository}/keys`, world.path("stolen"), { recursive: true });
  world.ok(["key", "rotate", ...CHEAP_KDF]);
  const done = world.ok(["compact", "--reencrypt", "--grace", "0"]);
  expect(done.stdout).toMatch(/Sealed anew: 1 snapshot, 0 tombstones, and the index/);
  expect(done.stdout).toMatch(/Older keys open nothing that the repository still holds/);
  expect(world.ok(["dump", "latest", world.path("data/a.txt")]).stdout).toBe("precious");
  expect(world.ok(["check", "--read-data"]).code).toBe(0);
  rmSync(`${world.repository}/keys`, { recursive: true });
  cpSync(world.path("stolen"), `${world.repository}/keys`, { recursive: true });
  const thief = world.run(["snapshots", "--json"], { env: { HOME: world.path("thief") } });
  expect(JSON.parse(thief.stdout)).toEqual([]);
  expect(thief.stderr).toMatch(/sealed under key epoch 1/);
  expect(world.run(["ls", "latest"], { env: { HOME: world.path("thief") } }).code).toBe(1);
});

describe("damage", () => {
  test("of the config names the repository and the way back", () => {
    const config = readFileSync(`${world.repository}/config`);
    config[50] = (config[50] ?? 0) ^ 1;
    chmodSync(`${world.repository}/config`, 0o600);
    rmSync(`${world.repository}/config`);
    world.write("repository/config", config);
    const ended = world.run(["snapshots"]);
    expect(ended).toMatchObject({ code: 1 });
    expect(ended.stderr).toContain(`the config of the repository at ${world.repository}`);
  });

  test("of one key leaves the others", () => {
    setKey(["key", "add", "--label", "bob"], "bob's");
    const [bob] = keys().filter(({ label }) => label === "bob");
    const file = `${world.repository}/keys/${bob?.id ?? ""}`;
    const bytes = readFileSync(file);
    rmSync(file);
    world.write(`repository/keys/${bob?.id ?? ""}`, bytes.subarray(0, 100));
    expect(opens("correct horse")).toBe(0);
    expect(world.run(["snapshots"], withPassphrase("bob's"))).toMatchObject({
      code: 12,
      stderr: expect.stringMatching(/1 could not be read/) as string,
    });
    world.ok(["key", "remove", bob?.id ?? ""]);
    expect(keys()).toHaveLength(1);
  });
});
