import { describe, expect, test } from "vitest";
import { isForgeError } from "../../../engine/base/errors.ts";
import { type Command, type CommandContext, defineCommand } from "../../../src/cli/command.ts";
import { parseCommandLine } from "../../../src/cli/command-line.ts";
import { Output } from "../../../src/cli/output.ts";
import { takeEnvironment } from "../../../src/environment.ts";
import {
  choice,
  flag,
  integer,
  moment,
  optional,
  required,
  rest,
  size,
  text,
  texts,
} from "../../../src/cli/option-kinds.ts";

let seen: unknown;
const save: Command = defineCommand({
  description: "Saves.",
  arguments: { path: rest("what") },
  options: {
    tag: texts("-t, --tag <tag>", "tags"),
    dryRun: flag("-n, --dry-run", "only say"),
    name: text("--name <name>", "a name"),
    order: choice("--order <order>", "order", ["up", "down"]),
    count: integer("--count <n>", "how many", { min: 1, max: 9 }),
    larger: size("--larger <size>", "bytes"),
    since: moment("--since <time>", "time"),
    secret: flag("--secret", "nobody sees it", { hidden: true }),
  },
  examples: ["forge save x"],
  run(_context, values) {
    seen = values;
    return Promise.resolve(0);
  },
});
const show: Command = defineCommand({
  description: "Shows.",
  arguments: { snapshot: required("which"), path: optional("where") },
  options: {},
  examples: [],
  run(_context, values) {
    seen = values;
    return Promise.resolve(0);
  },
});

const commands = [
  { name: "save", aliases: ["store"], summary: "save it", load: () => Promise.resolve(save) },
  { name: "show", aliases: [], summary: "show it", load: () => Promise.resolve(show) },
];

function parse(...words: string[]) {
  return parseCommandLine(words, { commands, version: "1.2.3", columns: 80 });
}

async function run(...words: string[]): Promise<unknown> {
  const parsed = await parse(...words);
  if (parsed.kind !== "run") throw new Error(parsed.text);
  const stream = { write: () => true, once: () => undefined };
  const context: CommandContext = {
    output: new Output({ stdout: stream, stderr: stream, json: false, quiet: false, verbosity: 0 }),
    globals: parsed.globals,
    environment: takeEnvironment({}),
    signal: new AbortController().signal,
  };
  await parsed.command.run(context, parsed.raw);
  return seen;
}

describe("the command line", () => {
  test("options and arguments arrive as typed values", async () => {
    expect(
      await run("save", "a", "-t", "x", "--tag=y", "-n", "--count", "3", "--larger", "1K", "b"),
    ).toEqual({
      path: ["a", "b"],
      tag: ["x", "y"],
      dryRun: true,
      name: undefined,
      order: "up",
      count: 3,
      larger: 1024,
      since: undefined,
      secret: false,
    });
  });

  test("global options stand before or after the command", async () => {
    for (const words of [
      ["-r", "/x", "-v", "save", "-v", "--json", "p"],
      ["save", "p", "--repo=/x", "-vv", "--json"],
    ]) {
      const parsed = await parse(...words);
      expect(parsed).toMatchObject({
        kind: "run",
        globals: { repo: "/x", verbose: 2, json: true, progress: true, quiet: false },
      });
    }
    expect(await parse("save", "--no-progress")).toMatchObject({ globals: { progress: false } });
  });

  test("what follows -- is not looked at", async () => {
    expect(await run("save", "-n", "--", "pg_dump", "-v", "--json")).toMatchObject({
      path: ["pg_dump", "-v", "--json"],
      dryRun: true,
    });
  });

  test("an alias is the command", async () => {
    expect(await run("store", "a")).toMatchObject({ path: ["a"] });
  });

  test("help and version belong on stdout", async () => {
    expect(await parse("--version")).toEqual({ kind: "help", text: "1.2.3\n" });
    const help = await parse("save", "--help");
    expect(help).toMatchObject({ kind: "help" });
    if (help.kind === "help") {
      expect(help.text).toContain("--dry-run");
      expect(help.text).toContain("--passphrase-file");
      expect(help.text).not.toContain("--secret");
    }
    expect((await parse("help", "save")).kind).toBe("help");
    expect((await parse("--help")).kind).toBe("help");
  });

  test.each([
    [[], "Usage:"],
    [["sav"], "Did you mean save?"],
    [["save", "--dry-rn"], "Did you mean --dry-run?"],
    [["show"], "missing required argument 'snapshot'"],
    [["show", "a", "b", "c"], "too many arguments"],
    [["save", "--name"], "argument missing"],
  ])("%j is refused", async (words, said) => {
    const parsed = await parse(...words);
    expect(parsed.kind).toBe("wrong");
    expect(parsed.kind === "wrong" ? parsed.text : "").toContain(said);
  });

  test.each([
    [["--order", "sideways"], 'Cannot use --order "sideways": one of up, down is needed'],
    [["--count", "0"], 'Cannot use --count "0": a whole number from 1 to 9 is needed'],
    [["--count", "1.5"], "a whole number"],
    [["--larger", "big"], "a size such as"],
    [["--since", "soon"], "a time such as"],
  ])("a value that cannot be used is a usage error: %j", async (words, said) => {
    const error: unknown = await run("save", ...words).catch((caught: unknown) => caught);
    expect(isForgeError(error, "usage")).toBe(true);
    expect(error instanceof Error ? error.message : "").toContain(said);
  });
});
