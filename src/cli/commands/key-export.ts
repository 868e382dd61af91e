/** `forge key export`: a recovery sheet to print and keep. */
import { resolve } from "node:path";
import { createRecoverySheet, removeKeySlot } from "../../../engine/node.ts";
import { type Command, defineCommand } from "../command.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { displayText, formatTime, shortId } from "../format.ts";
import { KDF_OPTIONS, kdfOf } from "../kdf-options.ts";
import { withKeys } from "../key-session.ts";
import { flag, text } from "../option-kinds.ts";
import { recoveryHtml, recoveryText } from "../recovery-page.ts";
import { writeSecretFile } from "../secret-file.ts";

export const keyExport: Command = defineCommand({
  description:
    "Print a recovery sheet: a way back into the repository from paper, for when the passphrase is " +
    "forgotten, the key file is lost, or whoever knew them is gone. It is a key of its own, which " +
    "forge key list shows and forge key remove removes. Whoever reads it can open the repository.",
  arguments: {},
  options: {
    output: text("-o, --output <file>", "write it to a new file that only you can read"),
    html: flag("--html", "as a page for printing"),
    label: text("--label <text>", 'name of its key (default: "recovery sheet")'),
    ...KDF_OPTIONS,
  },
  examples: ["forge key export | lp", "forge key export --html --output sheet.html"],
  run(context, values): Promise<ExitCode> {
    const { output } = context;
    return withKeys(context, async ({ settings, unlocked }) => {
      const { repository } = unlocked;
      const nowMs = Date.now();
      const sheet = await createRecoverySheet(unlocked, {
        label: values.label ?? "recovery sheet",
        nowMs,
        kdf: kdfOf(values, { encryption: { ...settings.encryption, kdf: NO_KDF } }),
      });
      const facts = {
        keyId: shortId(sheet.slot.id),
        repositoryId: repository.config.id,
        location: displayText(repository.backend.description),
        made: formatTime(BigInt(nowMs) * 1_000_000n),
      };
      const page = values.html ? recoveryHtml(sheet, facts) : recoveryText(sheet, facts);
      try {
        if (values.output !== undefined) await writeSecretFile(resolve(values.output), page);
        else if (!output.json) await output.line(page.trimEnd());
        await output.flush();
      } catch (error) {
        // Nobody has the sheet.
        await removeKeySlot(repository, sheet.slot.id).catch(() => undefined);
        throw error;
      }
      if (output.json) {
        const lines = values.output === undefined ? [...sheet.partA, ...sheet.partB] : undefined;
        await output.jsonDocument({ type: "recovery-sheet", id: sheet.slot.id, lines });
      } else {
        const where = values.output === undefined ? "" : ` to ${resolve(values.output)}`;
        output.note(`Wrote a recovery sheet${where}; its key is ${shortId(sheet.slot.id)}.`);
      }
      return EXIT.done;
    });
  },
});

/** What a passphrase costs by the configuration is not what 256 random bits need. */
const NO_KDF = { memoryKib: undefined, passes: undefined, lanes: undefined };
