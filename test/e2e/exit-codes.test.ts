import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { execFileSync, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ForgeWorld, buildForge, ending, jsonLines } from "../helpers/forge-program.ts";

let world: ForgeWorld;

beforeAll(() => {
  buildForge();
  world = new ForgeWorld();
  world.write("data/a.txt", "a");
  world.init();
  world.ok(["backup", "data"]);
});
afterAll(() => world.remove());

function expectFailure(words: readonly string[], code: number, said: RegExp, env = {}): void {
  const ended = world.run(words, { env });
  expect({ words, code: ended.code, stderr: ended.stderr }).toMatchObject({ words, code });
  expect(ended.stderr).toMatch(said);
  // One sentence, and no trace of where in the program it came from.
  expect(ended.stderr).not.toMatch(/\n {4}at /);
  expect(ended.stdout).toBe("");
}

describe("exit codes and sentences", () => {
  test("a wrong passphrase is 12, at once, and never called damage", () => {
    const started = performance.now();
    expectFailure(["snapshots"], 12, /passphrase is wrong/, { FORGE_PASSPHRASE: "nope" });
    expect(performance.now() - started).toBeLessThan(3000);
  });

  test("no repository is 10, without asking for a passphrase", () => {
    const env = { FORGE_PASSPHRASE: undefined };
    expectFailure(["-r", "nowhere", "ls", "latest"], 10, /no such folder/, env);
    mkdirSync(world.path("empty"));
    expectFailure(["-r", "empty", "snapshots"], 10, /Cannot open the repository at .*empty/, env);
  });

  test("what cannot be understood is 2", () => {
    expectFailure(["frobnicate"], 2, /unknown command 'frobnicate'/);
    expectFailure([], 2, /Usage: forge/);
    expectFailure(["ls"], 2, /missing required argument 'snapshot'/);
    expectFailure(["backup", "data", "--compression", "zip"], 2, /Cannot use --compression "zip"/);
    expectFailure(["restore", "latest"], 2, /--target/);
    expectFailure(["backup"], 2, /what to back up/);
    expectFailure(["backup", "--stdin", "data"], 2, /run forge twice/);
    expectFailure(["snapshots"], 2, /which repository/, { FORGE_REPOSITORY: undefined });
    expectFailure(["ls", "no such id"], 2, /a snapshot is named by/);
    expectFailure(["ls", "latest", "/../etc"], 2, /contains "\.\."/);
  });

  test("what is not there is 1", () => {
    expectFailure(["ls", "0000"], 1, /Cannot find snapshot 0000/);
    expectFailure(["ls", "latest~9"], 1, /Cannot find snapshot latest~9/);
    expectFailure(["dump", "latest", "/nothing"], 1, /Cannot find \/nothing in snapshot/);
    expectFailure(["backup", "gone"], 1, /Cannot back up .*gone: it does not exist/);
    expectFailure(["backup", "data", "--exclude-from", "gone"], 1, /--exclude-from gone/);
    expectFailure(["--passphrase-file", "gone", "snapshots"], 1, /Cannot read the file of/);
  });

  test("no terminal and no passphrase is said, not waited for", () => {
    const ended = spawnSync(
      "setsid",
      [process.execPath, "bin/forge.cjs", "-r", world.repository, "snapshots"],
      { env: world.environment({ FORGE_PASSPHRASE: undefined }), encoding: "utf8" },
    );
    expect(ended.status).toBe(2);
    expect(ended.stderr).toContain("there is no terminal; set FORGE_PASSPHRASE");
  });

  test("a file that cannot be read is 3, and the rest is saved", () => {
    const nobody = new ForgeWorld();
    try {
      nobody.write("data/good.txt", "good");
      chmodSync(nobody.write("data/secret.txt", "secret"), 0);
      // Root may read everything, so somebody else runs it.
      const isRoot = process.getuid?.() === 0;
      if (isRoot) execFileSync("chown", ["-R", "65534:65534", nobody.folder]);
      const options = isRoot ? { uid: 65534, gid: 65534 } : {};
      nobody.init([], options);
      const ended = nobody.run(["backup", "data", "--json"], options);
      expect(ended).toMatchObject({ code: 3 });
      expect(jsonLines(ended.stdout).at(-1)).toMatchObject({ files: 1, problems: 1 });
      expect(jsonLines(ended.stderr)).toMatchObject([{ type: "warning" }]);
      expect(ended.stderr).toContain("secret.txt");
      expect(nobody.ok(["snapshots"], options).stdout).toContain("(incomplete)");
    } finally {
      nobody.remove();
    }
  });

  test("--json makes an object of the error as well", () => {
    const ended = world.run(["ls", "0000", "--json"]);
    expect(jsonLines(ended.stderr)).toMatchObject([{ type: "error", code: "not-found" }]);
  });

  test("-vv shows where an error comes from", () => {
    expect(world.run(["ls", "0000", "-vv"]).stderr).toMatch(/\n {4}at /);
  });

  test.each(["SIGINT", "SIGTERM"] as const)(
    "%s is 130, and there is no snapshot",
    async (signal) => {
      const before = world.ok(["snapshots", "--json"]).stdout;
      const child = world.start(["backup", "--stdin-filename", "stream"]);
      const ended = ending(child);
      child.stdin?.write(Buffer.alloc(1 << 20, "x"));
      await new Promise((resolve) => setTimeout(resolve, 1500));
      child.kill(signal);
      expect(await ended).toMatchObject({ code: 130 });
      expect(world.ok(["snapshots", "--json"]).stdout).toBe(before);
    },
  );

  test("a reader that goes away ends it without a word", () => {
    mkdirSync(world.path("many"));
    for (let i = 0; i < 3000; i++) world.write(`many/${"n".repeat(60)}${i}`, "");
    world.ok(["backup", "many"]);
    const script = `"${process.execPath}" bin/forge.cjs ls -R latest | head -1; echo "\${PIPESTATUS[0]}"`;
    const ended = spawnSync("bash", ["-c", script], {
      env: world.environment(),
      encoding: "utf8",
    });
    expect(ended.stderr).toBe("");
    expect(["0", "141"]).toContain(ended.stdout.trim().split("\n").at(-1));
  });

  test("a reader that goes away while threads open blobs ends it as SIGPIPE would", () => {
    world.write("large", randomBytes(24 * 1024 * 1024));
    world.ok(["backup", "large"]);
    const path = world.path("large");
    const script = `"${process.execPath}" bin/forge.cjs dump latest "${path}" | head -c 100000 | wc -c; echo "\${PIPESTATUS[0]}"`;
    for (let run = 0; run < 5; run++) {
      const ended = spawnSync("bash", ["-c", script], {
        env: world.environment(),
        encoding: "utf8",
      });
      expect(ended.stderr).toBe("");
      expect(ended.stdout).toBe("100000\n141\n");
    }
  });
});

describe("interrupted while a command runs", () => {
  test("the command is ended as well", async () => {
    const words = ["backup", "--stdin-from-command", "--", "sleep", "50"];
    const child = world.start(words);
    const ended = ending(child);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    child.kill("SIGTERM");
    expect(await ended).toMatchObject({ code: 130 });
  });
});

describe("passphrases", () => {
  test("come from a file, a command, or the configuration", () => {
    const env = { FORGE_PASSPHRASE: undefined };
    const file = world.write("secret", "correct horse\n");
    execFileSync("chmod", ["600", file]);
    expect(world.ok(["--passphrase-file", file, "snapshots"], { env }).stderr).not.toContain(
      "warn",
    );
    world.ok(["--passphrase-command", "echo correct horse", "snapshots"], { env });
    world.ok(["snapshots"], { env: { ...env, FORGE_PASSPHRASE_COMMAND: `cat ${file}` } });
    world.write("forge.yaml", `passphrase-file: secret\n`);
    world.ok(["snapshots"], { env });
    rmSync(world.path("forge.yaml"));
    expectFailure(
      ["--passphrase-command", "exit 4", "snapshots"],
      1,
      /ended with exit code 4/,
      env,
    );
  });

  test("are not handed to commands that forge runs", () => {
    const words = ["--stdin-from-command", "--", "sh", "-c", "env; cat /proc/$PPID/cmdline"];
    world.ok(["backup", "--stdin-filename", "environment", ...words]);
    const seen = world.ok(["dump", "latest", "/environment"]).stdout;
    expect(seen).toContain("FORGE_REPOSITORY=");
    expect(seen).not.toContain("correct horse");
  });

  test("a key file is needed where one was used", () => {
    const repo = world.path("keyed");
    const key = world.write("key", "0123456789abcdef");
    execFileSync("chmod", ["600", key]);
    world.init(["-r", repo, "--key-file", key]);
    expectFailure(["-r", repo, "snapshots"], 12, /key file/);
    world.ok(["-r", repo, "snapshots"], { env: { FORGE_KEY_FILE: key } });
  });

  test("a person types it on the terminal, unseen, twice for a new repository", () => {
    const repo = world.path("typed");
    const answers = ["geheim", "geheim"];
    const created = onTerminal(["-r", repo, "init", "--kdf-memory-kib", "64"], answers);
    expect(created.output).toContain("New passphrase for");
    expect(created.output).not.toContain("geheim");
    expect(created.code).toBe(0);
    expect(onTerminal(["-r", repo, "snapshots"], ["gehein\u007fm"]).code).toBe(0);
    expect(onTerminal(["-r", repo, "snapshots"], ["falsch"]).code).toBe(12);
    expect(onTerminal(["-r", repo, "snapshots"], ["\u0003"]).code).toBe(130);
    expect(onTerminal(["-r", world.path("t2"), "init"], ["a", "b"]).output).toContain("differ");
  });
});

/** Runs forge with a terminal of its own and types an answer at each question. */
function onTerminal(
  words: readonly string[],
  answers: readonly string[],
): { code: number | null; output: string } {
  const script = `
import os, pty, sys, json
argv, answers = json.loads(sys.argv[1]), json.loads(sys.argv[2])
pid, fd = pty.fork()
if pid == 0: os.execv(argv[0], argv)
seen = b""
asked = 0
while True:
    try: part = os.read(fd, 4096)
    except OSError: break
    if not part: break
    seen += part
    if seen.count(b": ") > asked and asked < len(answers) and seen.endswith(b": "):
        os.write(fd, answers[asked].encode() + b"\\r"); asked += 1; seen += b"\\n"
sys.stdout.buffer.write(seen)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) % 256)`;
  const argv = [process.execPath, "bin/forge.cjs", ...words];
  const ended = spawnSync(
    "python3",
    ["-c", script, JSON.stringify(argv), JSON.stringify(answers)],
    {
      env: world.environment({ FORGE_PASSPHRASE: undefined }),
      encoding: "utf8",
      timeout: 30_000,
    },
  );
  return { code: ended.status, output: `${ended.stdout}${ended.stderr}` };
}
