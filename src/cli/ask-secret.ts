/**
 * Asks a person for a secret on the terminal itself, so that stdin and stdout may be pipes. What is
 * typed is not shown, and the terminal is put back as it was on every way out.
 */
import { closeSync, openSync, writeSync } from "node:fs";
import { ReadStream } from "node:tty";
import { ForgeError } from "../../engine/base/errors.ts";

const CTRL_C = 0x03;
const CTRL_D = 0x04;
const BACKSPACES: readonly number[] = [0x08, 0x7f];
const CTRL_U = 0x15;
const LINE_ENDS: readonly number[] = [0x0a, 0x0d];

const OTHER_WAYS =
  "set FORGE_PASSPHRASE or FORGE_PASSPHRASE_COMMAND, or use --passphrase-file or --passphrase-command";

/**
 * The line that was typed, without its end.
 *
 * @param instead What to do where there is no terminal, for the message.
 * @throws ForgeError "usage" when there is no terminal; "aborted" on Ctrl-C, Ctrl-D on an empty line
 *   and when `signal` fires.
 */
export async function askSecret(
  question: string,
  signal: AbortSignal,
  instead = OTHER_WAYS,
): Promise<string> {
  const terminal = openTerminal(question, instead);
  try {
    terminal.input.setRawMode(true);
    terminal.write(question);
    return await readLine(terminal.input, signal);
  } finally {
    terminal.input.setRawMode(false);
    terminal.write("\n");
    terminal.input.destroy();
    terminal.close();
  }
}

interface Terminal {
  readonly input: ReadStream;
  write(text: string): void;
  close(): void;
}

function openTerminal(question: string, instead: string): Terminal {
  try {
    const input = new ReadStream(openSync("/dev/tty", "r+"));
    // A descriptor of its own: stderr may be a file, and the input's is closed by its stream.
    const output = openSync("/dev/tty", "w");
    return {
      input,
      write: (text) => writeSync(output, text),
      close: () => closeSync(output),
    };
  } catch (error) {
    throw new ForgeError(
      "usage",
      `Cannot ask "${question.replace(/: $/, "")}": there is no terminal; ${instead}`,
      { cause: error },
    );
  }
}

function readLine(input: ReadStream, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const typed: number[] = [];
    const stopped = (): void =>
      reject(new ForgeError("aborted", "Stopped while the passphrase was asked for"));
    if (signal.aborted) stopped();
    signal.addEventListener("abort", stopped, { once: true });
    input.on("error", reject);
    input.on("data", (bytes: Uint8Array) => {
      for (const byte of bytes) {
        if (LINE_ENDS.includes(byte)) {
          signal.removeEventListener("abort", stopped);
          resolve(Buffer.from(typed).toString("utf8"));
          return;
        }
        if (byte === CTRL_C || (byte === CTRL_D && typed.length === 0)) stopped();
        else if (BACKSPACES.includes(byte)) dropCharacter(typed);
        else if (byte === CTRL_U) typed.length = 0;
        else if (byte >= 0x20) typed.push(byte);
      }
    });
  });
}

/** Removes the last character: its UTF-8 continuation bytes and the byte that begins it. */
function dropCharacter(typed: number[]): void {
  let byte = typed.pop();
  while (byte !== undefined && byte >= 0x80 && byte < 0xc0) byte = typed.pop();
}
