/** `forge restore`: takes back all of a snapshot or a part of it, with all metadata. */
import {
  ForgeError,
  type RestoreProgress,
  type RestoreReport,
  countBuffersWithHeap,
  displayName,
} from "../../../engine/node.ts";
import { LOSSES, runRestore } from "../../run-restore.ts";
import { type Command, type CommandContext, defineCommand } from "../command.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { formatBytes, formatCount, formatDuration, plural, shortId } from "../format.ts";
import { choice, flag, required, text, texts } from "../option-kinds.ts";
import { Progress, type ProgressState, progressMode } from "../progress.ts";
import { refuseInsideRepository } from "../restore-place.ts";
import { restoreSelect } from "../restore-select.ts";
import { localPathOf, withRepository } from "../session.ts";
import {
  LATEST_OPTIONS,
  type OpenedPath,
  openPath,
  snapshotFilter,
  splitReference,
} from "../snapshot-choice.ts";

/** Problems told one by one; the rest is counted. */
const PROBLEMS_SHOWN = 100;

export const restore: Command = defineCommand({
  description:
    "Take back files. SNAPSHOT restores everything below the target with its absolute path; " +
    "SNAPSHOT:PATH restores the content of that folder, or that file, directly into the target.",
  arguments: { snapshot: required("SNAPSHOT or SNAPSHOT:PATH; latest, latest~N, an id") },
  options: {
    target: text("-t, --target <dir>", "where to; made when it is not there"),
    include: texts("-i, --include <pattern>", "only what matches, and all below it (repeatable)"),
    exclude: texts("-e, --exclude <pattern>", "not what matches (repeatable)"),
    overwrite: choice("--overwrite <policy>", "where something stands already", [
      "if-changed",
      "always",
      "never",
    ]),
    dryRun: flag("-n, --dry-run", "say what would be done, and do nothing"),
    verify: flag("--verify", "read every restored file back and compare"),
    ...LATEST_OPTIONS,
  },
  examples: [
    "forge restore latest --target /tmp/back",
    "forge restore latest:/home/anna/documents --target ~/documents-restored",
    "forge restore 4f3a --target / --include '/etc/**' --overwrite if-changed",
  ],
  run(context, { snapshot, target: directory, include, exclude, ...values }): Promise<ExitCode> {
    countBuffersWithHeap();
    if (directory === undefined) {
      throw new ForgeError(
        "usage",
        "Cannot restore without a place: name one with --target DIR (--target / restores in place)",
      );
    }
    // Restore has threads of its own, which decode what they write.
    return withRepository(
      context,
      async (session) => {
        const { output, signal, globals } = context;
        const own = localPathOf(session.settings);
        if (own !== undefined) await refuseInsideRepository(directory, own);
        const opened = await openPath(session, splitReference(snapshot), snapshotFilter(values));
        const progress = new Progress(output, progressMode(output, globals.progress));
        const startMs = performance.now();
        try {
          const { report, target } = await runRestore(session.repository, {
            root: opened.entry,
            directory,
            select: restoreSelect(include, exclude),
            overwrite: values.overwrite,
            dryRun: values.dryRun,
            verify: values.verify,
            signal,
            onProgress: (numbers) => progress.update(() => progressState(numbers)),
          });
          progress.stop();
          const seconds = (performance.now() - startMs) / 1000;
          await tell(context, { opened, report, seconds, target, ...values });
          return report.problemCount > 0 ? EXIT.someSkipped : EXIT.done;
        } finally {
          progress.stop();
        }
      },
      { threads: 0 },
    );
  },
});

function progressState(numbers: RestoreProgress): ProgressState {
  const { filesDone, bytesDone, filesFound, bytesFound, walking } = numbers;
  return {
    activity: "restoring",
    files: filesDone,
    bytes: bytesDone,
    filesTotal: walking ? undefined : filesFound,
    bytesTotal: walking ? undefined : bytesFound,
  };
}

interface Told {
  readonly opened: OpenedPath;
  readonly report: RestoreReport;
  readonly seconds: number;
  readonly target: string;
  readonly dryRun: boolean;
  readonly verify: boolean;
}

async function tell({ output }: CommandContext, told: Told): Promise<void> {
  const { report, opened } = told;
  for (const { path, error } of report.problems.slice(0, PROBLEMS_SHOWN)) {
    output.warn(`${path}: ${error.message}`);
  }
  const untold = report.problemCount - Math.min(PROBLEMS_SHOWN, report.problems.length);
  if (untold > 0) output.warn(`and ${plural(untold, "more problem")} like these`);
  if (output.json) {
    await output.jsonLine(jsonSummary(told));
    return;
  }
  for (const note of report.notes) {
    const count = plural(note.count, "entry", "entries");
    output.note(`${LOSSES[note.loss]} for ${count}, the first ${note.firstPath}`);
  }
  const what = `${plural(report.files, "file")}, ${formatBytes(report.bytesWritten)}`;
  const from = `${displayName(opened.path)} of snapshot ${shortId(opened.snapshot.id)}`;
  await output.summary(
    told.dryRun
      ? `Would restore ${what} from ${from} to ${told.target} (dry run: nothing was written)`
      : `Restored ${what} from ${from} to ${told.target} in ${formatDuration(told.seconds)}`,
  );
  const others = [
    [report.directories, "folders"],
    [report.symlinks, "links"],
    [report.hardLinks, "hard links"],
    [report.specials, "special files"],
    [report.replaced, told.dryRun ? "that replace what is there" : "replaced what was there"],
    [report.alreadyRight, "already right"],
    [report.skipped, "left as they were"],
    [report.verified, "verified"],
  ] as const;
  const shown = others.filter(([count]) => count > 0);
  if (shown.length > 0) {
    await output.summary(`  ${shown.map(([n, name]) => `${formatCount(n)} ${name}`).join(", ")}`);
  }
  if (report.fetch !== undefined && report.files > 0) {
    const packs = plural(report.fetch.packs, "pack");
    await output.summary(`  reads ${formatBytes(report.fetch.bytes)} from ${packs}`);
  }
  if (report.problemCount > 0) {
    output.warn(`${plural(report.problemCount, "entry", "entries")} not restored, as told above`);
  }
}

function jsonSummary({ opened, report, seconds, target, dryRun }: Told): object {
  const { problems, problemCount, ...counts } = report;
  return {
    type: "summary",
    snapshot: opened.snapshot.id,
    path: displayName(opened.path),
    target,
    dryRun,
    ...counts,
    problems: problemCount,
    firstProblems: problems
      .slice(0, PROBLEMS_SHOWN)
      .map(({ path, error }) => ({ path, code: error.code, message: error.message })),
    seconds: Math.round(seconds * 1000) / 1000,
  };
}
