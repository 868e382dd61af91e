/** `forge check`: whether everything that was stored is there and unharmed, and what to do when not. */
import { availableParallelism, hostname, userInfo } from "node:os";
import {
  type Backend,
  type CheckProgress,
  type CheckReport,
  type CheckTools,
  ForgeError,
  LocalBackend,
  type OpenedRepository,
  type PackShare,
  type RepairPlan,
  type Repository,
  applyRepair,
  checkRepository,
  choosePacks,
  countBuffersWithHeap,
  findChainEnd,
  listCopy,
  listSnapshots,
  openRepository,
  parsePackShare,
  planRepair,
  resolveSnapshot,
  withCheckTools,
} from "../../../engine/node.ts";
import { checkRecordFile, loadCheckRecord, saveCheckRecord } from "../../check-record-file.ts";
import { versionText } from "../../version.ts";
import { loadWriterId } from "../../writer-id.ts";
import { openQuestions } from "../ask-line.ts";
import {
  adviceLines,
  countsLine,
  eventLine,
  findingLines,
  jsonEvent,
  jsonReport,
  stepLine,
} from "../check-text.ts";
import { type Command, type CommandContext, defineCommand } from "../command.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { formatDuration, plural } from "../format.ts";
import { ID_MEMORY_OPTION, idMemoryOf } from "../id-memory.ts";
import { type OptionKind, flag, optional, text } from "../option-kinds.ts";
import { Progress, type ProgressState, progressMode } from "../progress.ts";
import { chooseRepository, settingsOf } from "../repository-choice.ts";
import { withUnlocked } from "../session.ts";
import { LATEST_OPTIONS, snapshotFilter } from "../snapshot-choice.ts";
import type { StorageTrust } from "../storage-trust.ts";
import { fromPassphraseOf, keyFileOf } from "../unlock.ts";

/** What is remembered of verified packs is written this often, so that little is lost by a kill. */
const SAVE_INTERVAL_MS = 20_000;

const readDataOption: OptionKind<PackShare | undefined> = {
  flags: "--read-data [share]",
  description:
    "read every byte too; =10%, =3/7 or =20 (packs) reads a part, what was not verified for longest first",
  repeatable: false,
  hidden: false,
  decode(raw) {
    if (raw === undefined) return undefined;
    return typeof raw === "string" ? parsePackShare(raw) : { kind: "all" };
  },
};

export const check: Command = defineCommand({
  description:
    "Check a repository, or what one snapshot needs: every folder is read, every chunk has its place " +
    "in a pack that is there. With --read-data every byte is read and verified as well. With --repair " +
    "what is damaged is mended as far as possible; nothing is thrown away: what cannot be read is set " +
    "aside, and a damaged snapshot stays beside a repaired one. Exit code 0: all is well, 1: it is not.",
  arguments: { snapshot: optional("only this one: an id, latest, or latest~N") },
  options: {
    readData: readDataOption,
    repair: flag("--repair", "mend what is damaged; shows what it would do and asks"),
    from: text("--from <copy>", "with --repair: fetch what is good from a copy of the repository"),
    fromPassphraseFile: text(
      "--from-passphrase-file <file>",
      "passphrase of the copy (else FORGE_FROM_PASSPHRASE, else the repository's own)",
    ),
    dryRun: flag("-n, --dry-run", "with --repair: say what would be done, and do nothing"),
    yes: flag("-y, --yes", "with --repair: do not ask"),
    memory: ID_MEMORY_OPTION,
    ...LATEST_OPTIONS,
  },
  examples: [
    "forge check",
    "forge check --read-data=10%",
    "forge check latest --read-data",
    "forge check --repair --dry-run",
    "forge check --read-data --repair --from /media/usb/backup-copy",
  ],
  async run(context, values): Promise<ExitCode> {
    refuseContradictions(values);
    const settings = chooseRepository(context, await settingsOf(context));
    return withUnlocked(context, settings, {}, (repository, trust) => {
      const threads = availableParallelism();
      return withCheckTools({ keys: repository.keys, threads }, async (tools) => {
        const run = { context, repository, tools, trust, values };
        const report = await runCheck(run);
        if (!values.repair) return (await tell(run, report)) ? EXIT.done : EXIT.error;
        return repair(run, report);
      });
    });
  },
});

interface CheckValues {
  readonly snapshot: string | undefined;
  readonly readData: PackShare | undefined;
  readonly repair: boolean;
  readonly from: string | undefined;
  readonly fromPassphraseFile: string | undefined;
  readonly dryRun: boolean;
  readonly yes: boolean;
  readonly memory: number | undefined;
  readonly host: readonly string[];
  readonly tag: readonly string[];
}

interface Run {
  readonly context: CommandContext;
  readonly repository: OpenedRepository<Backend>;
  readonly tools: CheckTools;
  readonly trust: StorageTrust;
  readonly values: CheckValues;
}

function refuseContradictions(values: CheckValues): void {
  const refuse = (what: string): never => {
    throw new ForgeError("usage", `Cannot check like that: ${what}`);
  };
  const { repair } = values;
  if (!repair && (values.from !== undefined || values.dryRun || values.yes)) {
    refuse("--from, --dry-run and --yes belong to --repair");
  }
  if (repair && values.snapshot !== undefined) {
    refuse("--repair mends the whole repository, so name no snapshot");
  }
}

/** Checks, and remembers on this machine which packs were verified. */
async function runCheck({ context, repository, tools, trust, values }: Run): Promise<CheckReport> {
  const { output, globals, environment, signal } = context;
  const { readData } = values;
  const snapshots = await listSnapshots(repository, { onProblem: () => undefined, signal });
  await trust.observe(repository, snapshots, { writes: values.repair && !values.dryRun });
  const snapshot =
    values.snapshot === undefined
      ? undefined
      : resolveSnapshot(snapshots, values.snapshot, snapshotFilter(values)).id;
  const { id } = repository.config;
  const file = checkRecordFile(id, environment.variables);
  const record = loadCheckRecord(file, id, (message) => output.warn(message));
  const isWhole = readData?.kind === "all" && snapshot === undefined;
  const save = (): void => saveCheckRecord(file, record, (message) => output.detail(message));
  let savedMs = performance.now();
  const progress = new Progress(output, progressMode(output, globals.progress));
  try {
    const report = await checkRepository({
      repository,
      ...tools,
      snapshot,
      idMemory: idMemoryOf(context, values.memory),
      readData:
        readData &&
        ((packs) => {
          // From here on packs are read; the walk before keeps too much for it.
          countBuffersWithHeap();
          if (snapshot === undefined) record.retain(new Set(packs.map(({ packId }) => packId)));
          const chosen = choosePacks(packs, readData, record);
          if (isWhole && chosen.length < packs.length) {
            const done = plural(packs.length - chosen.length, "pack");
            output.note(`Going on with a check that was interrupted: ${done} verified already`);
          }
          if (isWhole) record.runStartedMs ??= Date.now();
          return chosen;
        }),
      onPackVerified(packId) {
        record.note(packId, Date.now());
        if (performance.now() - savedMs < SAVE_INTERVAL_MS) return;
        save();
        savedMs = performance.now();
      },
      onProgress: (numbers) => progress.update(() => progressState(numbers)),
      signal,
    });
    if (isWhole) record.runStartedMs = undefined;
    return report;
  } finally {
    progress.stop();
    if (readData !== undefined) save();
  }
}

function progressState(numbers: CheckProgress): ProgressState {
  const { activity, trees, packsRead, packsToRead, bytesRead, bytesToRead } = numbers;
  return {
    activity,
    files: packsToRead > 0 ? packsRead : trees,
    filesTotal: packsToRead > 0 ? packsToRead : undefined,
    bytes: bytesRead,
    bytesTotal: bytesToRead > 0 ? bytesToRead : undefined,
    unit: packsToRead > 0 ? "packs" : "trees",
  };
}

/** @returns whether all is well. */
async function tell({ context, values }: Run, report: CheckReport): Promise<boolean> {
  const { output } = context;
  if (output.json) {
    await output.jsonLine(jsonReport(report));
    return report.isSound;
  }
  if (!report.isSound || !output.quiet) await output.lines(findingLines(report));
  await output.summary(countsLine(report));
  if (report.isSound) {
    await output.summary("No damage found.");
    return true;
  }
  const damages = report.findings.filter(({ isNotice }) => !isNotice).length;
  await output.line(`${plural(damages, "finding")}: this repository is not sound.`);
  if (!values.repair) await output.lines(adviceLines(report, values.readData?.kind === "all"));
  return false;
}

async function repair(run: Run, report: CheckReport): Promise<ExitCode> {
  const { context, repository, values } = run;
  if (values.from === undefined) return repairWith(run, report, undefined);
  const copyBackend = new LocalBackend(values.from);
  try {
    const settings = chooseRepository(context, await settingsOf(context));
    const copy = await openRepository({
      backend: copyBackend,
      credentials: {
        passphrase: fromPassphraseOf(context, settings, values.fromPassphraseFile),
        keyFile: await keyFileOf(context, settings),
      },
      signal: context.signal,
    });
    await listCopy(repository, copy);
    return await repairWith(run, report, copy);
  } finally {
    await copyBackend.close();
  }
}

async function repairWith(
  run: Run,
  report: CheckReport,
  copy: Repository | undefined,
): Promise<ExitCode> {
  const { context, repository, values } = run;
  const { output } = context;
  const isSound = await tell(run, report);
  const plan = planRepair(report, copy && (await listCopy(repository, copy)));
  if (plan.steps.length === 0) {
    await output.summary("There is nothing to repair.");
    for (const note of plan.notes) output.warn(note);
    return isSound ? EXIT.done : EXIT.error;
  }
  await showPlan(run, plan);
  if (values.dryRun) return isSound ? EXIT.done : EXIT.error;
  if (!values.yes) await askToGoOn(context);
  return applyPlan(run, plan, copy);
}

async function showPlan({ context: { output } }: Run, plan: RepairPlan): Promise<void> {
  if (output.json) {
    await output.jsonLine({ type: "plan", steps: plan.steps, notes: plan.notes });
    return;
  }
  await output.line("To repair it:");
  for (const step of plan.steps) await output.line(`  ${stepLine(step)}`);
  for (const note of plan.notes) await output.line(`  left alone: ${note}`);
  await output.flush();
}

/** @throws ForgeError "aborted" when the answer is not yes; "usage" where nobody can be asked. */
async function askToGoOn(context: CommandContext): Promise<void> {
  const questions = openQuestions(context.signal);
  if (questions === undefined) {
    throw new ForgeError(
      "usage",
      "Cannot ask whether to repair: there is no terminal; say it with --yes",
    );
  }
  try {
    const answer = await questions.ask("Do this? Type yes: ");
    if (answer.trim().toLowerCase() === "yes") return;
  } finally {
    questions.close();
  }
  throw new ForgeError("aborted", "Nothing was changed");
}

async function applyPlan(
  { context, repository, tools, trust, values }: Run,
  plan: RepairPlan,
  copy: Repository | undefined,
): Promise<ExitCode> {
  const { output, environment, globals, signal } = context;
  const startMs = performance.now();
  const writer = loadWriterId(repository.config.id, environment.variables);
  const snapshots = await listSnapshots(repository, { onProblem: () => undefined, signal });
  const shown = findChainEnd(snapshots, writer);
  const seen = trust.headOf(writer);
  const last = seen !== undefined && seen.seq > (shown?.seq ?? 0) ? seen : shown;
  const progress = new Progress(output, progressMode(output, globals.progress));
  const told: Promise<void>[] = [];
  try {
    const after = await applyRepair(plan, {
      repository,
      ...tools,
      copy,
      chain: { writer, last },
      hostname: hostname(),
      username: userInfo().username,
      pid: process.pid,
      program: `forge ${versionText()}`,
      now: () => BigInt(Date.now()) * 1_000_000n,
      idMemory: idMemoryOf(context, values.memory),
      onEvent(event) {
        if (event.done === "failed" && !output.json) output.warn(event.error.message);
        else if (output.json) told.push(output.jsonLine(jsonEvent(event)));
        else told.push(output.summary(eventLine(event)));
      },
      onProgress: (numbers) => progress.update(() => progressState(numbers)),
      signal,
    });
    progress.stop();
    await Promise.all(told);
    const now = await listSnapshots(repository, { onProblem: () => undefined, signal });
    await trust.examine(repository, now);
    return await tellAfter(context, after, startMs);
  } finally {
    progress.stop();
  }
}

async function tellAfter(
  { output }: CommandContext,
  after: CheckReport,
  startMs: number,
): Promise<ExitCode> {
  if (output.json) {
    await output.jsonLine(jsonReport(after));
    return after.isSound ? EXIT.done : EXIT.error;
  }
  const seconds = formatDuration((performance.now() - startMs) / 1000);
  if (after.isSound) {
    await output.summary(
      `Repaired in ${seconds}. Back up the same files again: it heals what it can.`,
    );
    return EXIT.done;
  }
  await output.lines(findingLines(after));
  await output.line(`Not all could be repaired.`);
  return EXIT.error;
}
