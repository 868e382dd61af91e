/**
 * The command line as typed → the command to run and its raw values. The only file that imports
 * `commander`. Parsing happens twice over: a glance finds the command's name, its module is loaded,
 * and then the whole line is parsed with that command's own options.
 */
import { Command as Parser, CommanderError, Option } from "commander";
import type { Command } from "./command.ts";
import type { CommandGroup, CommandRow } from "./command-table.ts";
import { GLOBAL_OPTIONS, type GlobalOptions, decodeGlobalOptions } from "./global-options.ts";
import type { ArgumentKind, OptionKind } from "./option-kinds.ts";

export type ParsedLine =
  | {
      readonly kind: "run";
      readonly command: Command;
      readonly globals: GlobalOptions;
      readonly raw: Readonly<Record<string, unknown>>;
    }
  /** Help or the version: `text` belongs on stdout. */
  | { readonly kind: "help"; readonly text: string }
  /** `text` says what cannot be used and belongs on stderr. */
  | { readonly kind: "wrong"; readonly text: string };

export interface ParseOptions {
  readonly commands: readonly (CommandRow | CommandGroup)[];
  readonly version: string;
  /** Columns for the help. */
  readonly columns: number;
}

/** @param words What follows the program's name. */
export async function parseCommandLine(
  words: readonly string[],
  options: ParseOptions,
): Promise<ParsedLine> {
  const [name, second] = commandNamesIn(words);
  const entry = findNamed(options.commands, name);
  const row =
    entry !== undefined && "commands" in entry ? findNamed(entry.commands, second) : entry;
  const command = await row?.load();
  const printed = { out: "", err: "" };
  let raw: Readonly<Record<string, unknown>> | undefined;

  const program = new Parser("forge")
    .description("Encrypted, deduplicating backups made for reading.")
    .version(options.version, "-V, --version", "print the version")
    .helpOption("-h, --help", "show help")
    .helpCommand("help [command]", "show help for a command")
    .addHelpText(
      "after",
      "\nSnapshots are named by id, a unique part of its beginning, latest, or latest~N.",
    );
  settle(program, printed, options.columns);
  for (const [key, kind] of Object.entries(GLOBAL_OPTIONS)) addOption(program, key, kind);
  const addCommand = (parent: Parser, candidate: CommandRow | CommandGroup): void => {
    const sub = parent.command(candidate.name).summary(candidate.summary);
    for (const alias of candidate.aliases) sub.alias(alias);
    settle(sub, printed, options.columns);
    if ("commands" in candidate) {
      describe(sub, candidate);
      for (const inner of candidate.commands) addCommand(sub, inner);
    } else if (candidate === row && command !== undefined) {
      declare(sub, command);
      sub.action(() => {
        raw = { ...sub.opts(), ...namedArguments(command, sub.processedArgs) };
      });
    }
  };
  for (const candidate of options.commands) addCommand(program, candidate);

  try {
    // `forge` alone: the overview, and the exit code of a wrong call.
    if (words.length === 0) return { kind: "wrong", text: program.helpInformation() };
    program.parse([...words], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { kind: "help", text: printed.out };
    return { kind: "wrong", text: printed.err === "" ? printed.out : printed.err };
  }
  if (command === undefined || raw === undefined) return { kind: "wrong", text: printed.err };
  return { kind: "run", command, globals: decodeGlobalOptions(program.opts()), raw };
}

function findNamed<Row extends CommandRow | CommandGroup>(
  rows: readonly Row[],
  name: string | undefined,
): Row | undefined {
  return rows.find((row) => row.name === name || row.aliases.includes(name ?? ""));
}

/** The first two words that are no options and no global option's value; of `help X`, X alone. */
function commandNamesIn(words: readonly string[]): readonly string[] {
  const takesValue = new Set(
    Object.values(GLOBAL_OPTIONS)
      .filter((kind) => kind.flags.includes("<"))
      .flatMap((kind) => kind.flags.replace(/<.*/, "").split(/[ ,]+/)),
  );
  const names: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? "";
    if (names.length === 0 && word === "help") return words.slice(i + 1, i + 2);
    if (!word.startsWith("-")) names.push(word);
    if (names.length === 2) break;
    if (takesValue.has(word)) i++;
  }
  return names;
}

function settle(parser: Parser, printed: { out: string; err: string }, columns: number): void {
  parser
    .exitOverride()
    .showSuggestionAfterError()
    .configureHelp({ helpWidth: columns, sortSubcommands: false, showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => (printed.out += text),
      writeErr: (text) => (printed.err += text),
      outputError: (text, write) => write(text.replace(/^error: /, "")),
    });
}

/** What the help of a command or a group of them begins and ends with. */
function describe(parser: Parser, about: Pick<Command, "description" | "examples">): void {
  parser.description(about.description);
  if (about.examples.length > 0) {
    parser.addHelpText("after", `\nExamples:\n${about.examples.map((e) => `  ${e}`).join("\n")}`);
  }
}

function declare(parser: Parser, command: Command): void {
  describe(parser, command);
  for (const [name, kind] of Object.entries(command.arguments)) {
    parser.argument(argumentSyntax(name, kind), kind.description);
  }
  for (const [key, kind] of Object.entries(command.options)) addOption(parser, key, kind);
}

function addOption(parser: Parser, key: string, kind: OptionKind<unknown>): void {
  const option = new Option(kind.flags, kind.description).hideHelp(kind.hidden);
  if (option.attributeName() !== key) {
    throw new Error(`forge has a defect: option ${kind.flags} is declared as ${key}`);
  }
  if (kind.repeatable) {
    // Called for flags without a value too, with `undefined`.
    option.argParser((value: string | undefined, before: readonly unknown[] | undefined) => [
      ...(before ?? []),
      value ?? true,
    ]);
  }
  parser.addOption(option);
}

function argumentSyntax(name: string, kind: ArgumentKind<unknown>): string {
  const shown = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  switch (kind.presence) {
    case "required":
      return `<${shown}>`;
    case "optional":
      return `[${shown}]`;
    case "rest":
      return `[${shown}...]`;
    default:
      return kind.presence satisfies never;
  }
}

function namedArguments(
  command: Command,
  processed: readonly unknown[],
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.keys(command.arguments).map((name, i) => [name, processed[i]]));
}
