/** `forge key remove`: a passphrase that shall not open the repository any more. */
import { ForgeError, readKeySlots, removeKeySlot } from "../../../engine/node.ts";
import { type Command, defineCommand } from "../command.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { shortId } from "../format.ts";
import { findKey, nameOfKey, withKeys } from "../key-session.ts";
import { flag, required } from "../option-kinds.ts";

export const keyRemove: Command = defineCommand({
  description:
    "Remove a key. The last one cannot be removed. A copy of the storage made before still has the key, " +
    "and it still opens that copy; if the passphrase was stolen, run forge key rotate as well.",
  arguments: { key: required("the beginning of its id, or its label") },
  options: { yes: flag("-y, --yes", "also when it is the key in use") },
  examples: ["forge key remove laptop", "forge key remove 3f2a91bc"],
  run(context, { key, yes }): Promise<ExitCode> {
    const { output } = context;
    return withKeys(context, async ({ unlocked: { repository } }) => {
      const listing = await readKeySlots(repository);
      const id = findKey(listing, key);
      const slot = listing.slots.find((candidate) => candidate.id === id);
      const name = slot === undefined ? shortId(id) : nameOfKey(slot);
      // With no other readable key the engine refuses, whatever was said here.
      if (id === repository.keySlot && listing.slots.length > 1) {
        const others = listing.slots.filter((other) => other.id !== id).map(nameOfKey);
        const found = `key ${name} is the one that opened the repository now, and whether the others still open is not known here: ${others.join(", ")}`;
        if (!yes) {
          throw new ForgeError(
            "usage",
            `Cannot remove it just so: ${found}; open it with one of them, or add --yes`,
          );
        }
        output.warn(found);
      }
      await removeKeySlot(repository, id);
      if (output.json) await output.jsonDocument({ type: "key-removed", id });
      else {
        output.note(
          `Removed key ${name}. Copies of the storage made before can still be opened with it.`,
        );
      }
      return EXIT.done;
    });
  },
});
