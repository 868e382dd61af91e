/**
 * Output: data goes to stdout, everything else to stderr. The only place of the command line that
 * writes to either, so a progress line and a warning never stand in each other's way.
 */
import { isForgeError, messageOf } from "../../engine/base/errors.ts";
import { displayText } from "./format.ts";

/** What of a stream is needed; `process.stdout` and `process.stderr` fit, tests give their own. */
export interface TextStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): boolean;
  once(event: "drain", listener: () => void): unknown;
}

export interface OutputOptions {
  readonly stdout: TextStream;
  readonly stderr: TextStream;
  readonly json: boolean;
  readonly quiet: boolean;
  /** 0 … 3: how many `-v` were given. */
  readonly verbosity: number;
}

/** Text is handed to stdout in pieces of this length: one system call for some hundred lines. */
const BUFFER_CHARACTERS = 32 * 1024;

export class Output {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbosity: number;
  readonly #stdout: TextStream;
  readonly #stderr: TextStream;
  #pending = "";
  #transient = "";

  constructor(options: OutputOptions) {
    this.json = options.json;
    this.quiet = options.quiet;
    this.verbosity = options.verbosity;
    this.#stdout = options.stdout;
    this.#stderr = options.stderr;
  }

  /** Whether a line on stderr can be rewritten in place. */
  get hasTerminal(): boolean {
    return this.#stderr.isTTY === true;
  }

  /** Cells of a line on stderr. */
  get terminalWidth(): number {
    return this.#stderr.columns ?? 80;
  }

  /** One line of data. Await it in loops: it waits when the reader is slower than we are. */
  async line(text: string): Promise<void> {
    if (this.addLine(text)) await this.flush();
  }

  /**
   * `line` for loops over so many lines that a promise for each would cost more than the line.
   * @returns true when `flush` is due.
   */
  addLine(text: string): boolean {
    this.#pending += `${text}\n`;
    return this.#pending.length >= BUFFER_CHARACTERS;
  }

  async lines(texts: Iterable<string>): Promise<void> {
    for (const text of texts) await this.line(text);
  }

  /** One JSON value on one line. `bigint` is written as a string, bytes never appear. */
  async jsonLine(value: unknown): Promise<void> {
    await this.line(toJson(value));
  }

  /** One JSON document, indented when a person looks at it. */
  async jsonDocument(value: unknown): Promise<void> {
    await this.line(toJson(value, this.#stdout.isTTY === true ? 2 : 0));
  }

  async flush(): Promise<void> {
    if (this.#pending === "") return;
    const text = this.#pending;
    this.#pending = "";
    this.clearTransient();
    if (!this.#stdout.write(text)) {
      await new Promise<void>((resolve) => this.#stdout.once("drain", resolve));
    }
  }

  /** A result in words, on stdout; scripts get theirs by `jsonLine`. Silent with -q and --json. */
  async summary(text: string): Promise<void> {
    if (!this.quiet && !this.json) await this.line(text);
  }

  /** Something a person wants to know and a script does not: stderr, silent with -q and --json. */
  note(text: string): void {
    if (!this.quiet && !this.json) this.#writeError(text);
  }

  /** A note for -v (`level` 1), -vv (2) … */
  detail(text: string, level = 1): void {
    if (this.verbosity >= level) this.note(text);
  }

  /** Something went less well than asked; also shown with -q. */
  warn(text: string): void {
    if (this.json) this.#writeError(toJson({ type: "warning", message: text }));
    else this.#writeError(`warning: ${displayText(text)}`);
  }

  /** Why forge ends without having done it: one sentence; the stack only with -vv. */
  failure(error: unknown): void {
    const message = sentenceOf(error);
    if (this.json) {
      const known = isForgeError(error);
      this.#writeError(
        toJson({
          type: "error",
          code: known ? error.code : "internal",
          message,
          context: known ? error.context : {},
        }),
      );
    } else {
      this.#writeError(`forge: ${displayText(message)}`);
    }
    if (this.verbosity >= 2 && error instanceof Error) this.#writeError(stackOf(error));
  }

  /** Shows `line` until the next call replaces it. On a terminal only; cut to its width before. */
  showTransient(line: string): void {
    if (!this.hasTerminal || line === this.#transient) return;
    this.#transient = line;
    // \r to the beginning, ESC[K clears what the line before left over.
    this.#stderr.write(`\r${line}\u001b[K`);
  }

  clearTransient(): void {
    if (this.#transient === "") return;
    this.#transient = "";
    this.#stderr.write("\r\u001b[K");
  }

  #writeError(text: string): void {
    const transient = this.#transient;
    this.clearTransient();
    this.#stderr.write(`${text}\n`);
    if (transient !== "") this.showTransient(transient);
  }
}

/** JSON of values that may hold `bigint` (as decimal strings) and Maps (as objects). */
export function toJson(value: unknown, indent = 0): string {
  return JSON.stringify(
    value,
    (_key, item: unknown) => {
      if (typeof item === "bigint") return String(item);
      if (item instanceof Map) return Object.fromEntries<unknown>(item as Map<string, unknown>);
      return item;
    },
    indent,
  );
}

/** The message of an error on one line, ending in a full stop. */
function sentenceOf(error: unknown): string {
  const isOurs = isForgeError(error) || messageOf(error).startsWith("forge has a defect");
  const text = (isOurs ? "" : "internal error: ")
    .concat(messageOf(error))
    .replace(/\s*\n\s*/g, " ")
    .trim();
  if (text === "") return "It failed without saying why.";
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

function stackOf(error: Error): string {
  let text = error.stack ?? String(error);
  for (let cause = error.cause; cause instanceof Error; cause = cause.cause) {
    text += `\ncaused by ${cause.stack ?? String(cause)}`;
  }
  return text;
}
