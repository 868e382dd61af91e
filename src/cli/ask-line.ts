/** Asks a person for a line on the terminal itself; what is typed is shown. */
import { openSync } from "node:fs";
import { createInterface } from "node:readline/promises";
import { ReadStream, WriteStream } from "node:tty";
import { ForgeError, isForgeError } from "../../engine/node.ts";

/** A terminal that questions are put to. */
export interface Questions {
  /** @throws ForgeError "aborted" on Ctrl-C, Ctrl-D and when the signal fires. */
  ask(question: string): Promise<string>;
  say(text: string): void;
  close(): void;
}

/** @returns `undefined` where there is no terminal. */
export function openQuestions(signal: AbortSignal): Questions | undefined {
  let descriptors: [number, number];
  try {
    descriptors = [openSync("/dev/tty", "r"), openSync("/dev/tty", "w")];
  } catch {
    return undefined;
  }
  const input = new ReadStream(descriptors[0]);
  const output = new WriteStream(descriptors[1]);
  const lines = createInterface({ input, output, terminal: true, historySize: 0 });
  const gone = new AbortController();
  lines.on("close", () => gone.abort());
  return {
    async ask(question) {
      try {
        return await lines.question(question, { signal: AbortSignal.any([signal, gone.signal]) });
      } catch (error) {
        if (isForgeError(error)) throw error;
        throw new ForgeError("aborted", "Stopped while a line was asked for", { cause: error });
      }
    },
    say: (text) => output.write(`${text}\n`),
    close() {
      lines.close();
      input.destroy();
      output.destroy();
    },
  };
}
