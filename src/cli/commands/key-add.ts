/** `forge key add`: one more passphrase that opens the repository. */
import { addKeySlot } from "../../../engine/node.ts";
import { type Command, defineCommand } from "../command.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import {
  NEW_SECRET_OPTIONS,
  nameOfKey,
  newKdf,
  newKeyFileOf,
  newPassphrase,
  withKeys,
} from "../key-session.ts";
import { text } from "../option-kinds.ts";

export const keyAdd: Command = defineCommand({
  description:
    "Add a passphrase that opens the repository, with a key file if wanted. The others stay as they are.",
  arguments: {},
  options: {
    label: text("--label <text>", "a name for it; everybody who sees the storage can read it"),
    ...NEW_SECRET_OPTIONS,
  },
  examples: [
    "forge key add --label laptop",
    "forge key add --label office --new-key-file /media/stick/forge.key",
  ],
  run(context, values): Promise<ExitCode> {
    const { output } = context;
    return withKeys(context, async ({ settings, unlocked }) => {
      const slot = await addKeySlot(unlocked.repository, unlocked.material, {
        keyFile: await newKeyFileOf(context, values),
        password: await newPassphrase(context, settings, values),
        label: values.label ?? "",
        kdf: await newKdf(values, settings),
        nowMs: Date.now(),
      });
      if (output.json) await output.jsonDocument({ type: "key-added", id: slot.id });
      else output.note(`Added key ${nameOfKey(slot)}; it was read back and opens the repository.`);
      return EXIT.done;
    });
  },
});
