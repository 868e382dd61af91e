/** `forge trust`: what this machine remembers of a repository, and whether the storage agrees. */
import { type Command, defineCommand } from "../command.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { displayText, formatIsoTime, formatTime, plural, shortId } from "../format.ts";
import { flag } from "../option-kinds.ts";
import { chooseRepository, settingsOf } from "../repository-choice.ts";
import { withSession } from "../session.ts";
import { type Column, formatTable } from "../table.ts";
import { describeFault, formatMs } from "../../pins/freshness-text.ts";

const COLUMNS: readonly Column[] = [
  { title: "Host" },
  { title: "Number", align: "right" },
  { title: "Snapshot" },
  { title: "Made" },
  { title: "Seen" },
];

export const trust: Command = defineCommand({
  description:
    "Show what this machine remembers of a repository and whether the storage still shows all of it. " +
    "Every command compares: another repository in the same place is refused, and snapshots that are " +
    "missing without having been deleted are warned of. Use --accept when you know why, for instance " +
    "because you put back an older copy of the storage yourself.",
  arguments: {},
  options: { accept: flag("--accept", "take what the storage shows now as right") },
  examples: ["forge trust", "forge trust --accept"],
  async run(context, { accept }): Promise<ExitCode> {
    const { output } = context;
    const settings = chooseRepository(context, await settingsOf(context));
    return withSession(
      context,
      settings,
      async ({ repository, snapshots, trust: trusted }) => {
        const faults = await trusted.examine(repository, snapshots);
        if (accept) trusted.accept(repository, snapshots);
        const { pin } = trusted;
        const heads = [...(pin?.seen.heads.values() ?? [])];
        if (output.json) {
          await output.jsonDocument({
            repository: repository.config.id,
            firstSeen: pin && formatIsoTime(BigInt(pin.firstSeenMs) * 1_000_000n),
            heads: heads.map(({ timeNs, seenMs, ...head }) => ({
              ...head,
              time: formatIsoTime(timeNs),
              seen: formatIsoTime(BigInt(seenMs) * 1_000_000n),
            })),
            faults: faults.map((fault) => ({ kind: fault.kind, text: describeFault(fault) })),
            accepted: accept,
          });
        } else {
          const since = pin === undefined ? "" : `, known here since ${formatMs(pin.firstSeenMs)}`;
          await output.line(`Repository ${repository.config.id}${since}`);
          const rows = heads.map(({ hostname, seq, id, timeNs, seenMs }) => [
            displayText(hostname),
            String(seq),
            shortId(id),
            formatTime(timeNs),
            formatMs(seenMs),
          ]);
          if (rows.length > 0) await output.lines(formatTable(COLUMNS, rows));
          for (const fault of faults) output.warn(describeFault(fault));
          if (accept) output.note("Accepted what the storage shows now.");
          else if (faults.length === 0) output.note("The storage shows all that was seen.");
          else output.note(`${plural(faults.length, "thing")} missing or contradictory.`);
        }
        return accept || faults.length === 0 ? EXIT.done : EXIT.error;
      },
      { trust: accept ? "accept" : "examine" },
    );
  },
});
