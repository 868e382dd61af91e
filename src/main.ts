/** forge as a program: argv → command → exit code. */
import { ForgeError, isForgeError } from "../engine/base/errors.ts";
import { parseCommandLine } from "./cli/command-line.ts";
import { COMMANDS } from "./cli/command-table.ts";
import { endBySignal } from "./cli/end-by-signal.ts";
import { EXIT, exitCodeOfError } from "./cli/exit-code.ts";
import { Output } from "./cli/output.ts";
import { takeEnvironment } from "./environment.ts";
import { versionText } from "./version.ts";

// Before anything else runs: from here on no child inherits a secret.
const environment = takeEnvironment(process.env);
const stop = new AbortController();

for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    // `forge ls | head`: nobody reads any more, so there is nothing left to do or to say.
    if (error.code === "EPIPE") endBySignal("SIGPIPE");
    process.exit(EXIT.error);
  });
}
process.on("SIGINT", () => interrupt("SIGINT"));
process.on("SIGTERM", () => interrupt("SIGTERM"));
// The terminal was closed: as SIGTERM, so that a mount is not left behind dead.
process.on("SIGHUP", () => interrupt("SIGHUP"));
process.on("uncaughtException", fail);

let output = new Output({
  stdout: process.stdout,
  stderr: process.stderr,
  json: process.argv.includes("--json"),
  quiet: false,
  verbosity: process.argv.includes("-vv") ? 2 : 0,
});

// Nothing is done until it says so: if all handles closed while a command still waits, Node would
// end the process quietly, and as a success.
process.exitCode = EXIT.error;
process.on("beforeExit", () => {
  fail(new Error("forge has a defect: the command waits for something that will never come"));
});

// Without `await`, which a CommonJS file cannot have here (scripts/bundle.mjs).
main().catch(fail);

async function main(): Promise<void> {
  process.exitCode = await run(process.argv.slice(2));
  await output.flush();
  await drained(process.stdout);
  // Pools and timers of a command that ended must not keep the process.
  process.exit();
}

async function run(words: readonly string[]): Promise<number> {
  const parsed = await parseCommandLine(words, {
    commands: COMMANDS,
    version: versionText(),
    columns: Math.min(100, process.stdout.isTTY ? process.stdout.columns : 80),
  });
  if (parsed.kind === "help") {
    await output.line(parsed.text.trimEnd());
    return EXIT.done;
  }
  if (parsed.kind === "wrong") {
    process.stderr.write(parsed.text.startsWith("Usage:") ? parsed.text : `forge: ${parsed.text}`);
    return EXIT.usage;
  }
  const { globals } = parsed;
  output = new Output({
    stdout: process.stdout,
    stderr: process.stderr,
    json: globals.json,
    quiet: globals.quiet,
    verbosity: globals.verbose,
  });
  return parsed.command.run({ output, globals, environment, signal: stop.signal }, parsed.raw);
}

function interrupt(signal: "SIGINT" | "SIGTERM" | "SIGHUP"): void {
  // The second one means it: the terminal's owner does not want to wait for a clean end.
  if (stop.signal.aborted && signal === "SIGINT") endBySignal("SIGINT");
  stop.abort(new Error(`${signal} was received`));
}

function fail(error: unknown): never {
  output.clearTransient();
  // Whatever fell over because it was stopped was stopped.
  const interrupted = stop.signal.aborted && (!isForgeError(error) || error.code === "io");
  const told = interrupted
    ? new ForgeError("aborted", "Stopped before it was finished", { cause: error })
    : error;
  output.failure(told);
  process.exit(exitCodeOfError(told));
}

function drained(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.writableLength === 0) resolve();
    else stream.write("", () => resolve());
  });
}
