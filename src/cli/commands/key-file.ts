/** `forge key file`: makes a key file. */
import { randomBytes } from "node:crypto";
import { resolve } from "node:path";
import { type Command, defineCommand } from "../command.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { required } from "../option-kinds.ts";
import { writeSecretFile } from "../secret-file.ts";

/** As much as the strongest key in use; more adds nothing. */
const KEY_FILE_BYTES = 64;

export const keyFile: Command = defineCommand({
  description:
    "Make a file of random bytes that a key can need beside its passphrase: forge key add --new-key-file. " +
    "Keep copies of it: a key that needs it does not open without.",
  arguments: { path: required("where to write it; it must not exist") },
  options: {},
  examples: ["forge key file /media/stick/forge.key"],
  async run({ output }, { path }): Promise<ExitCode> {
    const file = resolve(path);
    await writeSecretFile(file, randomBytes(KEY_FILE_BYTES));
    if (output.json) await output.jsonDocument({ type: "key-file", file });
    else output.note(`Wrote ${file}; keep a copy of it in another place.`);
    return EXIT.done;
  },
});
