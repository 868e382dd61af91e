import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isForgeError } from "../../engine/base/errors.ts";
import { passphraseSources } from "../../src/cli/unlock.ts";
import { takeEnvironment } from "../../src/environment.ts";
import { type PassphraseSource, readPassphrase } from "../../src/passphrase.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "forge-passphrase-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const warnings: string[] = [];

async function read(
  sources: readonly PassphraseSource[],
  typed: readonly string[] = [],
  confirm = false,
): Promise<string> {
  const answers = [...typed];
  return readPassphrase({
    sources,
    repository: "/repo",
    ask: () => Promise.resolve(answers.shift() ?? ""),
    confirm,
    warn: (message) => warnings.push(message),
    signal: new AbortController().signal,
  });
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (isForgeError(error)) return `${error.code}: ${error.message}`;
    throw error;
  }
  return "no failure";
}

const command = (line: string): PassphraseSource => ({
  kind: "command",
  setting: "S",
  command: line,
});
const file = (path: string): PassphraseSource => ({ kind: "file", setting: "S", path });

describe("passphrase sources", () => {
  test("a command's output loses one line end and no more", async () => {
    expect(await read([command("printf 'a b \\n\\n'")])).toBe("a b \n");
    expect(await read([command("printf 'x\\r\\n'")])).toBe("x");
  });

  test("a command that fails says so without its text", async () => {
    const said = await codeOf(read([command("echo geheim; exit 3")]));
    expect(said).toBe(
      "io: Cannot get the passphrase from the command of S: it ended with exit code 3",
    );
  });

  test("a file that others can read works and draws a warning", async () => {
    const path = join(folder, "secret");
    writeFileSync(path, "correct horse\n", { mode: 0o600 });
    expect(await read([file(path)])).toBe("correct horse");
    expect(warnings).toEqual([]);
    chmodSync(path, 0o640);
    expect(await read([file(path)])).toBe("correct horse");
    expect(warnings[0]).toContain("chmod 600");
  });

  test("a missing file, bytes that are no text, nothing at all: each is said", async () => {
    expect(await codeOf(read([file(join(folder, "no"))]))).toMatch(
      /^not-found: Cannot read the file of S/,
    );
    expect(await codeOf(read([command("printf '\\377'")]))).toMatch(/^usage: .*not UTF-8/);
    expect(await codeOf(read([command("true")]))).toMatch(/^usage: Cannot use an empty passphrase/);
    expect(await codeOf(read([command("head -c 100000 /dev/zero")]))).toMatch(/^io: .*more than/);
  });

  test("text is brought to NFC", async () => {
    expect(await read([{ kind: "text", setting: "S", text: "e\u0301" }])).toBe("\u00e9");
  });

  test("a person types a new one twice, the same", async () => {
    expect(await read([], ["a", "a"], true)).toBe("a");
    expect(await codeOf(read([], ["a", "b"], true))).toMatch(/^usage: .*differ/);
    expect(await read([], ["a"])).toBe("a");
  });
});

describe("precedence", () => {
  const globals = { passphraseFile: "/f", passphraseCommand: "c" };
  const environment = { passphrase: "e", passphraseCommand: "ec" };
  const none = { passphraseFile: undefined, passphraseCommand: undefined };
  const configured = { passphrase: { text: "t", file: undefined, command: undefined } };

  function first(g: object, e: object): string | undefined {
    const context = {
      globals: {
        ...none,
        repo: undefined,
        config: undefined,
        keyFile: undefined,
        json: false,
        strictFreshness: false,
        quiet: false,
        verbose: 0,
        progress: true,
        ...g,
      },
      environment: { ...takeEnvironment({}), ...e },
    };
    return passphraseSources(context, configured)[0]?.setting;
  }

  test("flags, then environment, then configuration", () => {
    expect(first(globals, environment)).toBe("--passphrase-file");
    expect(first({ ...none, passphraseCommand: "c" }, environment)).toBe("--passphrase-command");
    expect(first({}, environment)).toBe("FORGE_PASSPHRASE");
    expect(first({}, { passphraseCommand: "ec" })).toBe("FORGE_PASSPHRASE_COMMAND");
    expect(first({}, {})).toBe("passphrase");
  });

  test("the variable is taken out of the process's environment", () => {
    const variables: NodeJS.ProcessEnv = {
      FORGE_PASSPHRASE: "s",
      FORGE_REPOSITORY: "/r",
      HOME: "/h",
    };
    const taken = takeEnvironment(variables);
    expect(variables).toEqual({ FORGE_REPOSITORY: "/r", HOME: "/h" });
    expect(taken).toMatchObject({ passphrase: "s", repository: "/r", configHome: "/h/.config" });
  });
});
