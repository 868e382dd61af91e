/** `forge snapshots`: the snapshots of a repository. */
import {
  type ForgeError,
  type Snapshot,
  displayName,
  listSnapshots,
  matchesFilter,
} from "../../../engine/node.ts";
import { type Command, defineCommand } from "../command.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { displayText, formatBytes, formatCount, formatTime, plural, shortId } from "../format.ts";
import { integer } from "../option-kinds.ts";
import { chooseRepository, settingsOf } from "../repository-choice.ts";
import { withUnlocked } from "../session.ts";
import { jsonSnapshot } from "../shown-entry.ts";
import { FILTER_OPTIONS, snapshotFilter } from "../snapshot-choice.ts";
import { type Column, formatTable } from "../table.ts";

const COLUMNS: readonly Column[] = [
  { title: "ID" },
  { title: "Time" },
  { title: "Host" },
  { title: "Label" },
  { title: "Tags" },
  { title: "Files", align: "right" },
  { title: "Size", align: "right" },
  { title: "Added", align: "right" },
  { title: "Paths" },
];

export const snapshots: Command = defineCommand({
  description: "List the snapshots of a repository, oldest first.",
  arguments: {},
  options: {
    ...FILTER_OPTIONS,
    last: integer("-n, --last <n>", "only the newest N", { min: 1 }),
  },
  examples: ["forge snapshots", "forge snapshots --host laptop --last 5"],
  async run(context, values): Promise<ExitCode> {
    const { output, signal } = context;
    const settings = chooseRepository(context, await settingsOf(context));
    // Without the index, which of a large repository takes longer than all the rest.
    return withUnlocked(context, settings, {}, async (repository, trust) => {
      const onProblem = (error: ForgeError): void => output.warn(error.message);
      const all = await listSnapshots(repository, { onProblem, signal });
      await trust.observe(repository, all, { writes: false });
      const filter = snapshotFilter(values);
      const matching = all.filter((snapshot) => matchesFilter(snapshot, filter));
      const shown = values.last === undefined ? matching : matching.slice(-values.last);
      if (output.json) {
        await output.jsonDocument(shown.map(jsonSnapshot));
        return EXIT.done;
      }
      if (shown.length > 0) await output.lines(formatTable(COLUMNS, shown.map(row)));
      const hidden = all.length - shown.length;
      output.note(
        plural(shown.length, "snapshot") +
          (hidden === 0 ? "" : ` (${formatCount(hidden)} more in the repository)`),
      );
      return EXIT.done;
    });
  },
});

function row(snapshot: Snapshot): string[] {
  const { stats } = snapshot;
  const label = [snapshot.label, snapshot.name].filter((part) => part !== undefined).join(": ");
  return [
    shortId(snapshot.id),
    formatTime(snapshot.timeNs),
    displayText(snapshot.hostname),
    displayText(label),
    displayText(snapshot.tags.join(",")),
    formatCount(stats.files),
    formatBytes(stats.bytes),
    formatBytes(stats.bytesStored),
    snapshot.paths.map(displayName).join(" ") + (snapshot.problems > 0 ? "  (incomplete)" : ""),
  ];
}
