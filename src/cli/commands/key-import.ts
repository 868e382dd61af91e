/** `forge key import`: a new passphrase, with a recovery sheet instead of the old one. */
import { createReadStream } from "node:fs";
import {
  ForgeError,
  addKeySlot,
  findRecoveryLineFault,
  findUtf8,
  messageOf,
  openWithSheet,
} from "../../../engine/node.ts";
import { type Questions, openQuestions } from "../ask-line.ts";
import { type Command, type CommandContext, defineCommand } from "../command.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import {
  NEW_SECRET_OPTIONS,
  nameOfKey,
  newKdf,
  newKeyFileOf,
  newPassphrase,
} from "../key-session.ts";
import { optional, text } from "../option-kinds.ts";
import { chooseRepository, settingsOf } from "../repository-choice.ts";
import { openBackend } from "../session.ts";

/** A sheet with the largest key has 340 KiB; more is another file. */
const SHEET_BYTES_MAX = 1024 * 1024;

export const keyImport: Command = defineCommand({
  description:
    "Set a new passphrase with a recovery sheet; the old one is not needed. The lines are asked for on " +
    "the terminal, or read from a file with the sheet's text; when it has part B, a lost config or key " +
    "is put back. The sheet stays valid.",
  arguments: { file: optional("the sheet as text, or - for standard input") },
  options: {
    label: text("--label <text>", 'name of the new key (default: "recovered")'),
    ...NEW_SECRET_OPTIONS,
  },
  examples: ["forge key import", "forge key import sheet.txt"],
  async run(context, values): Promise<ExitCode> {
    const { output } = context;
    const settings = chooseRepository(context, await settingsOf(context));
    const backend = await openBackend(settings);
    try {
      const typed = await sheetText(context, values.file);
      const { repository, material, restored } = await openWithSheet(backend, typed);
      for (const what of restored) {
        output.warn(`the ${what} was missing or damaged, and was put back from the sheet`);
      }
      const slot = await addKeySlot(repository, material, {
        keyFile: await newKeyFileOf(context, values),
        password: await newPassphrase(context, settings, values),
        label: values.label ?? "recovered",
        kdf: await newKdf(values, settings),
        nowMs: Date.now(),
      });
      if (output.json) await output.jsonDocument({ type: "key-added", id: slot.id, restored });
      else {
        output.note(`Added key ${nameOfKey(slot)}; it was read back and opens the repository.`);
        output.note("Keys that nobody can use any more can go: forge key list, forge key remove.");
      }
      return EXIT.done;
    } finally {
      await backend.close();
    }
  },
});

async function sheetText(context: CommandContext, file: string | undefined): Promise<string> {
  if (file !== undefined) return readSheetFile(file);
  const questions = openQuestions(context.signal);
  if (questions === undefined) {
    throw new ForgeError(
      "usage",
      "Cannot ask for the lines of the recovery sheet: there is no terminal; name a file with its text, or - for standard input",
    );
  }
  try {
    questions.say("Type the lines of the recovery sheet; upper or lower case does not matter.");
    const lines: string[] = [];
    for (const number of [1, 2, 3]) lines.push(await askLine(questions, "A", number));
    questions.say("Part B is needed only when the repository lost its config or keys.");
    for (let number = 1; ; number++) {
      const line = await askLine(questions, "B", number, "empty: none, or no more");
      if (line === "") break;
      lines.push(line);
    }
    return lines.join("\n");
  } finally {
    questions.close();
  }
}

/** Asks until the line is right, so that a mistake is found while the finger is still on it. */
async function askLine(
  questions: Questions,
  part: "A" | "B",
  number: number,
  hint?: string,
): Promise<string> {
  for (;;) {
    const question = `${part}${number}${hint === undefined ? "" : ` (${hint})`}: `;
    const answer = (await questions.ask(question)).trim();
    if (answer === "" && hint !== undefined) return "";
    // Some will type the number as well; it stands there, after all.
    const typed = answer.replace(new RegExp(`^${part}\\s?${number}\\s+`, "i"), "");
    const fault = await findRecoveryLineFault(part, number, typed);
    if (fault === undefined) return `${part}${number} ${typed}`;
    questions.say(`  ${fault}: type it again`);
  }
}

async function readSheetFile(file: string): Promise<string> {
  try {
    const parts: Uint8Array[] = [];
    let length = 0;
    for await (const part of file === "-" ? process.stdin : createReadStream(file)) {
      const bytes = part as Uint8Array;
      parts.push(bytes);
      length += bytes.length;
      if (length > SHEET_BYTES_MAX) {
        throw new ForgeError(
          "too-large",
          `Cannot read the recovery sheet ${file}: it is too large`,
        );
      }
    }
    const found = findUtf8(Buffer.concat(parts));
    if (found !== undefined) return found;
    throw new ForgeError("usage", `Cannot read the recovery sheet ${file}: it is not text`);
  } catch (error) {
    if (error instanceof ForgeError) throw error;
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    throw new ForgeError(
      code === "ENOENT" ? "not-found" : code === "EACCES" ? "permission" : "io",
      `Cannot read the recovery sheet ${file}: ${messageOf(error)}`,
      { cause: error },
    );
  }
}
