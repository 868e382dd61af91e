/** `forge key passwd`: another passphrase for the key in use. */
import { ForgeError, readKeySlots, replaceKeySlot } from "../../../engine/node.ts";
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
import { flag, text } from "../option-kinds.ts";

export const keyPasswd: Command = defineCommand({
  description:
    "Change the passphrase of the key that opens the repository. The new one is stored and proven before " +
    "the old one is removed. A copy of the storage made before still opens with the old passphrase; if " +
    "it was stolen, run forge key rotate afterwards.",
  arguments: {},
  options: {
    label: text("--label <text>", "another name for it"),
    withoutKeyFile: flag("--without-key-file", "the passphrase alone shall be enough from now on"),
    ...NEW_SECRET_OPTIONS,
  },
  examples: ["forge key passwd", "forge key passwd --new-key-file /media/stick/forge.key"],
  run(context, values): Promise<ExitCode> {
    const { output } = context;
    if (values.withoutKeyFile && values.newKeyFile !== undefined) {
      throw new ForgeError("usage", "Cannot use --without-key-file and --new-key-file together");
    }
    return withKeys(context, async ({ settings, unlocked, keyFile }) => {
      const { repository, material } = unlocked;
      const { slots } = await readKeySlots(repository);
      const old = slots.find(({ id }) => id === repository.keySlot);
      if (old === undefined) {
        throw new ForgeError("missing-object", "The key in use was removed meanwhile; try again");
      }
      const keepsFile = old.header.needsKeyFile && !values.withoutKeyFile;
      const slot = await replaceKeySlot(repository, material, {
        old: old.id,
        slot: {
          keyFile: (await newKeyFileOf(context, values)) ?? (keepsFile ? keyFile : undefined),
          password: await newPassphrase(context, settings, values),
          label: values.label ?? old.header.label,
          kdf: await newKdf(values, settings),
          nowMs: Date.now(),
        },
      });
      if (output.json) {
        await output.jsonDocument({ type: "key-changed", id: slot.id, removed: old.id });
      } else {
        output.note(`Key ${nameOfKey(slot)} takes the place of ${nameOfKey(old)}.`);
        output.note(
          "Copies of the storage made before can still be opened with the old passphrase.",
        );
      }
      return EXIT.done;
    });
  },
});
