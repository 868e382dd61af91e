/** `forge compact`: frees the space of what no snapshot needs. */
import { type Command, defineCommand } from "../command.ts";
import {
  type CollectValues,
  COLLECT_OPTIONS,
  reportCollection,
  reportReencryption,
  runCollection,
} from "../collecting.ts";
import type { ExitCode } from "../exit-code.ts";
import { flag } from "../option-kinds.ts";
import { forEachRepository } from "../each-repository.ts";

interface CompactValues extends CollectValues {
  readonly reencrypt: boolean;
  readonly dryRun: boolean;
}

export const compact: Command = defineCommand({
  description:
    "Free the space of what no snapshot needs any more: packs that nobody needs are deleted, packs " +
    "with much waste are written anew, and the index is merged. Backups, mounts and restores may go " +
    "on meanwhile; what they could still need waits.",
  arguments: {},
  options: {
    ...COLLECT_OPTIONS,
    reencrypt: flag(
      "--reencrypt",
      "also seal all of before a key rotation anew, so that older keys open nothing of it any more",
    ),
    dryRun: flag("-n, --dry-run", "say what would be freed, and change nothing"),
  },
  examples: [
    "forge compact",
    "forge compact --dry-run",
    "forge compact --max-repack 2G --threshold 20",
  ],
  run(context, values: CompactValues): Promise<ExitCode> {
    return forEachRepository(context, async (session) => {
      const { report, reencrypted, code } = await runCollection(context, session, values);
      if (context.output.json) {
        await context.output.jsonLine({ type: "compact", ...report, ...reencrypted });
      } else {
        await reportCollection(context, report, values.dryRun);
        if (reencrypted !== undefined) await reportReencryption(context, reencrypted);
      }
      return code;
    });
  },
});
