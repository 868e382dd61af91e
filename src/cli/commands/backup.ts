/** `forge backup`: saves files, folders or a stream in new snapshots. */
import { lstat } from "node:fs/promises";
import { hostname, userInfo } from "node:os";
import {
  type BackupProgress,
  type BackupResult,
  type Compression,
  ForgeError,
  type Snapshot,
  backupLocally,
  type ChainEnd,
  countBuffersWithHeap,
  findChainEnd,
  findParent,
  isForgeError,
  resolveSnapshot,
} from "../../../engine/node.ts";
import { findCompression } from "../../config/settings.ts";
import { versionText } from "../../version.ts";
import { loadWriterId } from "../../writer-id.ts";
import { type BackupJob, type SkippedDirectories, backupJobs, isFor } from "../backup-jobs.ts";
import { type Command, type CommandContext, defineCommand } from "../command.ts";
import { EXIT, type ExitCode, exitCodeOfError } from "../exit-code.ts";
import { formatBytes, formatCount, formatDuration, plural, shortId } from "../format.ts";
import { flag, rest, text, texts } from "../option-kinds.ts";
import { Progress, type ProgressState, progressMode } from "../progress.ts";
import { chooseRepositories, nameOf, settingsOf } from "../repository-choice.ts";
import { type SourceTotals, scanSource } from "../scan-source.ts";
import { type Session, localPathOf, withSession } from "../session.ts";

export const backup: Command = defineCommand({
  description:
    "Save files and folders in a new snapshot. Without paths the configured sources are saved, to " +
    "all configured repositories unless --repo names one.",
  arguments: { path: rest("files and folders; with --stdin-from-command the command") },
  options: {
    tag: texts("--tag <tag>", "a tag of the snapshot (repeatable)"),
    name: text("--name <name>", "a name of the snapshot"),
    label: text("--label <label>", "what the snapshot is of; sources have their own"),
    source: texts("-s, --source <label>", "only this configured source (repeatable)"),
    exclude: texts("-e, --exclude <pattern>", "leave out, as in .gitignore (repeatable)"),
    excludeFrom: texts("--exclude-from <file>", "patterns from a file (repeatable)"),
    excludeIfPresent: texts(
      "--exclude-if-present <name>",
      "leave out folders that hold such a file; name:header also checks how it begins (repeatable)",
    ),
    excludeCaches: flag("--exclude-caches", "leave out folders marked by CACHEDIR.TAG"),
    oneFileSystem: flag("-x, --one-file-system", "do not cross into other file systems"),
    parent: text("--parent <snapshot>", "compare with this one; none reads every file"),
    compression: text("--compression <codec>", "zstd, zstd:1 … zstd:22, lz4 or none"),
    withAtime: flag("--with-atime", "also keep times of the last access"),
    host: text("-H, --host <name>", "name of this machine in the snapshot"),
    dryRun: flag("-n, --dry-run", "do everything but write"),
    stdin: flag("--stdin", "save standard input as a file"),
    stdinFilename: text("--stdin-filename <name>", "its path in the snapshot (default: stdin)"),
    stdinFromCommand: flag("--stdin-from-command", "save what a command prints; it follows --"),
  },
  examples: [
    "forge backup",
    "forge backup ~/documents --exclude '*.tmp' --tag daily",
    "pg_dump shop | forge backup --stdin-filename shop.sql",
    "forge backup --stdin-filename shop.sql --stdin-from-command -- pg_dump shop",
  ],
  async run(context, values): Promise<ExitCode> {
    countBuffersWithHeap();
    const settings = await settingsOf(context);
    const repositories = chooseRepositories(context, settings);
    const jobs = await backupJobs(values, settings);
    if (repositories.length > 1 && jobs.some((job) => job.isStream)) {
      throw new ForgeError(
        "usage",
        `Cannot save a stream to ${repositories.length} repositories: it can be read once; name one with --repo`,
      );
    }
    if (!repositories.some((repository) => jobs.some((job) => isFor(job, repository)))) {
      throw new ForgeError(
        "usage",
        `Cannot back up to ${repositories.map(nameOf).join(", ")}: the chosen sources are all for other repositories`,
      );
    }
    const plan: BackupPlan = {
      name: values.name,
      parent: values.parent,
      compression: values.compression === undefined ? undefined : compressionOf(values.compression),
      recordAtime: values.withAtime,
      dryRun: values.dryRun,
      hostname: values.host ?? settings.hostname ?? hostname(),
    };
    let code: ExitCode = EXIT.done;
    for (const repository of repositories) {
      const mine = jobs.filter((job) => isFor(job, repository));
      if (mine.length === 0) continue;
      try {
        const ended = await withSession(
          context,
          repository,
          (session) => runJobs(context, session, mine, plan),
          { writes: true },
        );
        code = worse(code, ended);
      } catch (error) {
        // One disk that is not plugged in must not keep the others from their backup.
        if (repositories.length === 1 || context.signal.aborted) throw error;
        context.output.failure(error);
        code = worse(code, exitCodeOfError(error));
      }
    }
    return code;
  },
});

interface BackupPlan {
  readonly name: string | undefined;
  readonly parent: string | undefined;
  readonly compression: Compression | undefined;
  readonly recordAtime: boolean;
  readonly dryRun: boolean;
  readonly hostname: string;
}

/** A failure outweighs files that were left out, and the first failure the later ones. */
function worse(code: ExitCode, other: ExitCode): ExitCode {
  if (code === EXIT.done) return other;
  return code === EXIT.someSkipped && other !== EXIT.done ? other : code;
}

async function runJobs(
  context: CommandContext,
  session: Session,
  jobs: readonly BackupJob[],
  plan: BackupPlan,
): Promise<ExitCode> {
  let code: ExitCode = EXIT.done;
  const made: Snapshot[] = [];
  for (const job of jobs) {
    try {
      const result = await runJob(
        context,
        { ...session, snapshots: [...session.snapshots, ...made] },
        job,
        plan,
      );
      if (result.snapshot !== undefined) {
        made.push(result.snapshot);
        // Whoever takes it away again later is found out.
        await session.trust.examine(session.repository, [...session.snapshots, ...made]);
      }
      if (result.problems > 0) code = worse(code, EXIT.someSkipped);
    } catch (error) {
      // A source that is gone must not keep the others from being saved.
      if (jobs.length === 1 || !isForgeError(error, "not-found", "permission")) throw error;
      context.output.failure(error);
      code = worse(code, exitCodeOfError(error));
    }
  }
  return code;
}

async function runJob(
  context: CommandContext,
  session: Session,
  job: BackupJob,
  plan: BackupPlan,
): Promise<BackupResult> {
  const { output, globals, environment, signal } = context;
  const { repository, readSide, settings } = session;
  const parent = parentOf(session, job, plan);
  const writer = loadWriterId(repository.config.id, environment.variables);
  const mode = progressMode(output, globals.progress);
  const progress = new Progress(output, mode);
  const startMs = performance.now();
  const skip = await ownDirectory(session);
  const source = job.open({ skip, signal });
  const totals = expectedTotals(parent);
  const scanning = new AbortController();
  if (mode !== "none" && !totals.isWhole && !job.isStream) {
    void scanSource(job.open({ skip, signal }), totals, scanning.signal);
  }
  let latest: BackupProgress | undefined;
  const state = (): ProgressState => progressState(latest, totals);
  try {
    const result = await backupLocally({
      repository,
      readSide,
      source,
      paths: job.paths,
      parent,
      chain: { writer, last: chainEnd(session, writer) },
      compression: plan.compression ?? settings.compression,
      hostname: plan.hostname,
      username: userName(),
      pid: process.pid,
      program: `forge ${versionText()}`,
      tags: [...new Set(job.tags)],
      label: job.label,
      name: plan.name,
      recordAtime: plan.recordAtime,
      dryRun: plan.dryRun,
      onProgress(numbers) {
        latest = numbers;
        progress.update(state);
      },
      onProblem: ({ path, error }) => output.warn(`${path}: ${error.message}`),
      onNotice: (error) => output.warn(error.message),
      signal,
    });
    progress.stop();
    await report(context, { session, job, plan, parent, result, startMs });
    return result;
  } finally {
    progress.stop();
    scanning.abort();
    source.close();
  }
}

/**
 * The snapshot that the new one follows. What this machine saw counts, even when the storage does not
 * show it any more: the gap that this leaves is the evidence for everyone.
 */
function chainEnd({ snapshots, trust }: Session, writer: string): ChainEnd | undefined {
  const shown = findChainEnd(snapshots, writer);
  const seen = trust.headOf(writer);
  return seen !== undefined && seen.seq > (shown?.seq ?? 0) ? seen : shown;
}

/** @throws ForgeError "not-found", "ambiguous" for a `--parent` that is none. */
function parentOf(session: Session, job: BackupJob, plan: BackupPlan): Snapshot | undefined {
  if (plan.parent === "none" || job.isStream) return undefined;
  if (plan.parent !== undefined) return resolveSnapshot(session.snapshots, plan.parent);
  return findParent(session.snapshots, { hostname: plan.hostname, paths: job.paths });
}

/** The repository's own folder, which must not be saved into itself. */
async function ownDirectory({ settings }: Session): Promise<SkippedDirectories> {
  const path = localPathOf(settings);
  if (path === undefined) return [];
  const found = await lstat(path, { bigint: true }).catch(() => undefined);
  return found === undefined ? [] : [{ device: found.dev, inode: found.ino }];
}

/** The snapshot before is a good guess of how much there is. */
function expectedTotals(parent: Snapshot | undefined): SourceTotals {
  if (parent === undefined) return { files: 0, bytes: 0, isWhole: false };
  return { files: parent.stats.files, bytes: parent.stats.bytes, isWhole: true };
}

function progressState(numbers: BackupProgress | undefined, totals: SourceTotals): ProgressState {
  const activity = "backing up";
  if (numbers === undefined) return { activity, files: 0, bytes: 0 };
  const { filesDone, bytesDone, filesFound, bytesFound, walkEnded } = numbers;
  const common = { activity, files: filesDone, bytes: bytesDone };
  if (walkEnded) return { ...common, filesTotal: filesFound, bytesTotal: bytesFound };
  if (!totals.isWhole) return common;
  return {
    ...common,
    filesTotal: Math.max(filesFound, totals.files),
    bytesTotal: Math.max(bytesFound, totals.bytes),
  };
}

interface Finished {
  readonly session: Session;
  readonly job: BackupJob;
  readonly plan: BackupPlan;
  readonly parent: Snapshot | undefined;
  readonly result: BackupResult;
  readonly startMs: number;
}

async function report({ output }: CommandContext, finished: Finished): Promise<void> {
  const { session, job, plan, parent, result } = finished;
  const { stats, problems, snapshot } = result;
  const seconds = (performance.now() - finished.startMs) / 1000;
  if (output.json) {
    await output.jsonLine({
      type: "summary",
      snapshot: snapshot?.id,
      repository: nameOf(session.settings),
      label: job.label,
      dryRun: plan.dryRun,
      parent: parent?.id,
      ...stats,
      problems,
      seconds: Math.round(seconds * 1000) / 1000,
    });
    return;
  }
  const what = `${plural(stats.files, "file")}, ${formatBytes(stats.bytes)} of ${job.title}`;
  const first =
    snapshot === undefined
      ? `Would save ${what} to ${nameOf(session.settings)} (dry run: nothing was written)`
      : `Snapshot ${shortId(snapshot.id)} in ${nameOf(session.settings)}: ${what}, in ${formatDuration(seconds)}`;
  await output.summary(first);
  await output.summary(
    `  files   ${formatCount(stats.filesNew)} new, ${formatCount(stats.filesChanged)} changed, ` +
      `${formatCount(stats.filesUnchanged)} unchanged` +
      (parent === undefined ? "" : ` since ${shortId(parent.id)}`),
  );
  await output.summary(
    `  added   ${formatBytes(stats.bytesNew)}` +
      (plan.dryRun ? "" : `, stored as ${formatBytes(stats.bytesStored)}`),
  );
  if (problems > 0) {
    output.warn(`${plural(problems, "entry", "entries")} left out or incomplete, as told above`);
  }
}

function compressionOf(value: string): Compression {
  const found = findCompression(value);
  if (found !== undefined) return found;
  throw new ForgeError(
    "usage",
    `Cannot use --compression "${value}": zstd, zstd:1 … zstd:22, lz4 or none is needed`,
  );
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A user id without a name, as in some containers.
    return String(process.getuid?.() ?? "");
  }
}
