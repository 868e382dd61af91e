/** `forge prune`: applies a retention policy. */
import { hostname, userInfo } from "node:os";
import {
  type RetentionDecision,
  type RetentionGroup,
  deleteSnapshot,
  displayName,
  matchesFilter,
  planRetention,
} from "../../../engine/node.ts";
import { COLLECT_OPTIONS, reportCollection, runCollection } from "../collecting.ts";
import { type Command, type CommandContext, defineCommand } from "../command.ts";
import { forEachRepository } from "../each-repository.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { displayText, formatTime, plural, shortId } from "../format.ts";
import { flag } from "../option-kinds.ts";
import { RETENTION_OPTIONS, groupKeys, retentionPolicy } from "../retention-options.ts";
import type { Session } from "../session.ts";
import { jsonSnapshot } from "../shown-entry.ts";
import { FILTER_OPTIONS, snapshotFilter } from "../snapshot-choice.ts";
import { type Column, formatTable } from "../table.ts";

const COLUMNS: readonly Column[] = [
  { title: "" },
  { title: "ID" },
  { title: "Time" },
  { title: "Tags" },
  { title: "Why" },
];

export const prune: Command = defineCommand({
  description:
    "Delete the snapshots that no rule keeps. Rules look at each host and label alone and add up; " +
    "the last snapshot of a host and label always stays. Without rules those of the configuration " +
    "hold. The space is freed by `forge compact`, or at once with --compact.",
  arguments: {},
  options: {
    ...RETENTION_OPTIONS,
    ...FILTER_OPTIONS,
    dryRun: flag("-n, --dry-run", "say what would go and why, and change nothing"),
    compact: flag("--compact", "free the space as well"),
    ...COLLECT_OPTIONS,
  },
  examples: [
    "forge prune --dry-run --keep-daily 7 --keep-weekly 4 --keep-monthly 12",
    "forge prune --compact",
    "forge prune --host laptop --keep-within 30d --keep-tag release",
  ],
  run(context, values): Promise<ExitCode> {
    const { output } = context;
    return forEachRepository(context, async (session) => {
      const filter = snapshotFilter(values);
      const groups = planRetention(
        session.snapshots.filter((snapshot) => matchesFilter(snapshot, filter)),
        {
          policy: retentionPolicy(values, session.settings.retention),
          groupBy: groupKeys(values.groupBy),
          timeZone: values.timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
          nowNs: BigInt(Date.now()) * 1_000_000n,
          mayRemoveAll: values.removeAll,
        },
      );
      const decisions = groups.flatMap((group) => group.decisions);
      const doomed = decisions.filter(({ keep }) => !keep);
      if (output.json) await printJson(context, decisions, values.dryRun);
      else if (values.dryRun || output.verbosity > 0) await printGroups(context, groups);
      if (!values.dryRun) await deleteAll(session, doomed);
      const kept = decisions.length - doomed.length;
      await output.summary(
        `${values.dryRun ? "Would delete" : "Deleted"} ${plural(doomed.length, "snapshot")}, ` +
          `${values.dryRun ? "keep" : "kept"} ${plural(kept, "snapshot")}`,
      );
      if (!values.compact || values.dryRun) {
        if (doomed.length > 0 && !values.dryRun) output.note("Free the space with: forge compact");
        return EXIT.done;
      }
      const { report, code } = await runCollection(context, session, values);
      if (output.json) await output.jsonLine({ type: "compact", ...report });
      else await reportCollection(context, report, false);
      return code;
    });
  },
});

async function deleteAll(session: Session, doomed: readonly RetentionDecision[]): Promise<void> {
  // Oldest first: what an interruption leaves is what a shorter policy would have kept.
  for (const { snapshot, reasons } of doomed.toReversed()) {
    await deleteSnapshot(session.repository, snapshot, {
      nowNs: BigInt(Date.now()) * 1_000_000n,
      hostname: hostname(),
      username: userInfo().username,
      reason: `forge prune: ${reasons.join("; ")}`,
    });
  }
}

async function printGroups(
  { output }: CommandContext,
  groups: readonly RetentionGroup[],
): Promise<void> {
  for (const { of, decisions } of groups) {
    const label = of.label === undefined ? "" : `, label ${displayText(of.label)}`;
    await output.line(
      `${displayText(of.hostname)}${label}: ${of.paths.map(displayName).join(" ")}`,
    );
    const rows = decisions.map(({ snapshot, keep, reasons }) => [
      keep ? "keep" : "drop",
      shortId(snapshot.id),
      formatTime(snapshot.timeNs),
      displayText(snapshot.tags.join(",")),
      reasons.join("; "),
    ]);
    await output.lines(formatTable(COLUMNS, rows));
    await output.line("");
  }
}

async function printJson(
  { output }: CommandContext,
  decisions: readonly RetentionDecision[],
  dryRun: boolean,
): Promise<void> {
  for (const { snapshot, keep, reasons } of decisions) {
    await output.jsonLine({
      type: keep ? "keep" : "drop",
      dryRun,
      reasons,
      ...jsonSnapshot(snapshot),
    });
  }
}
