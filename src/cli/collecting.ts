/** Running a collection for a command, and saying what came of it. */
import { statfs } from "node:fs/promises";
import { hostname } from "node:os";
import {
  type CollectReport,
  type CollectStage,
  type ForgeError,
  type ReencryptReport,
  type SweepResult,
  collectLocally,
  reencryptLocally,
} from "../../engine/node.ts";
import type { CommandContext } from "./command.ts";
import { EXIT, type ExitCode } from "./exit-code.ts";
import { displayText, formatBytes, formatDuration, formatTime, plural } from "./format.ts";
import { ID_MEMORY_OPTION, idMemoryOf } from "./id-memory.ts";
import { percent, size, span } from "./option-kinds.ts";
import { progressMode } from "./progress.ts";
import { settingsOf } from "./repository-choice.ts";
import { type Session, localPathOf } from "./session.ts";

export const COLLECT_OPTIONS = {
  threshold: percent("--threshold <percent>", "write packs anew from this much waste on", 10),
  maxRepack: size("--max-repack <size>", "write at most so much anew"),
  grace: span(
    "--grace <span>",
    "how long unneeded packs stay; 0 when nobody else can be writing (default: 24h, or 0 where only this machine ever wrote)",
  ),
  memory: ID_MEMORY_OPTION,
} as const;

export interface CollectValues {
  readonly threshold: number;
  readonly maxRepack: number | undefined;
  readonly grace: number | undefined;
  readonly memory: number | undefined;
}

/** File systems of this machine's own disks, by statfs(2): a listing shows what was written. */
const LOCAL_FILE_SYSTEMS: ReadonlySet<number> = new Set([
  0xef53, // ext2, ext3, ext4
  0x58465342, // XFS
  0x9123683e, // Btrfs
  0x01021994, // tmpfs
  0x2fc12fc1, // ZFS
  0xf2f52010, // F2FS
  0xca451a4e, // bcachefs
  0x794c7630, // overlayfs
  0x4d44, // FAT
  0x2011bab0, // exFAT
  0x7366746e, // NTFS
  0x3153464a, // JFS
]);

/** What a collection came to, for JSON and for words. */
export interface Collected {
  readonly report: CollectReport;
  /** Of `compact --reencrypt`. */
  readonly reencrypted: Omit<ReencryptReport, "collection"> | undefined;
  readonly code: ExitCode;
}

/** Collects garbage; with `reencrypt` everything of older key epochs is sealed anew as well. */
export async function runCollection(
  context: CommandContext,
  session: Session,
  values: CollectValues & { readonly dryRun: boolean; readonly reencrypt?: boolean },
): Promise<Collected> {
  const { output, globals, signal } = context;
  const graceMs = await graceOf(context, session, values.grace);
  const mode = progressMode(output, globals.progress);
  let problems = 0;
  try {
    const options = {
      repository: session.repository,
      readSide: session.readSide,
      hostname: hostname(),
      pid: process.pid,
      graceMs,
      overridePlans: values.grace !== undefined || graceMs === 0,
      threshold: values.threshold / 100,
      repackBytesMax: values.maxRepack,
      dryRun: values.dryRun,
      idMemory: idMemoryOf(context, values.memory),
      onProblem(error: ForgeError) {
        problems++;
        output.warn(error.message);
      },
      onProgress(stage: CollectStage, count: number) {
        if (mode === "terminal") output.showTransient(`${stage}: ${count}`);
      },
      signal,
    };
    const result =
      values.reencrypt === true
        ? await reencryptLocally(options)
        : { collection: await collectLocally(options) };
    const { collection: report, ...reencrypted } = result;
    const code = problems > 0 ? EXIT.someSkipped : EXIT.done;
    return { report, reencrypted: "oldPacks" in reencrypted ? reencrypted : undefined, code };
  } finally {
    output.clearTransient();
  }
}

/**
 * The time condemned packs stay. None where nobody else can be in the middle of something: the
 * repository lies on a disk of this machine, and every snapshot is this machine's own. Even then the
 * sweep waits for any lease there is.
 */
async function graceOf(
  context: CommandContext,
  session: Session,
  given: number | undefined,
): Promise<number | undefined> {
  if (given !== undefined) return given * 1000;
  const path = localPathOf(session.settings);
  if (path === undefined) return undefined;
  const { type } = await statfs(path);
  if (!LOCAL_FILE_SYSTEMS.has(type >>> 0)) return undefined;
  const own = [hostname(), (await settingsOf(context)).hostname];
  return session.snapshots.every((snapshot) => own.includes(snapshot.hostname)) ? 0 : undefined;
}

/** What was done, or would be, in a few lines. */
export async function reportCollection(
  { output }: CommandContext,
  report: CollectReport,
  dryRun: boolean,
): Promise<void> {
  const { sweep } = report;
  if (dryRun || sweep === undefined) {
    const bytes = report.condemnedBytes - report.movedBytes;
    await output.summary(
      `Would free ${formatBytes(Math.max(0, bytes))} of ${formatBytes(report.packBytes)}: ` +
        `${plural(report.deadPacks, "pack")} nobody needs, ` +
        `${plural(report.repackedPacks, "pack")} written anew (${formatBytes(report.movedBytes)})`,
    );
  } else {
    await output.summary(freedLine(report, sweep));
    for (const line of waitingLines(report)) await output.summary(line);
    if (sweep.endedLeases > 0) {
      output.note(`${plural(sweep.endedLeases, "lease")} of dead processes removed`);
    }
  }
  if (report.isHeldBack) {
    output.warn(
      "Nothing was deleted: a pack is damaged, and what was about to go may be the good copy of what it holds; run forge check --read-data --repair, then forge compact",
    );
  }
  if (report.sparedPacks > 0) {
    output.note(
      `${plural(report.sparedPacks, "pack")} (${formatBytes(report.sparedBytes)}) left for now: so new that a backup may be about to need them`,
    );
  }
  if (report.postponedPacks > 0) {
    output.note(`${plural(report.postponedPacks, "wasteful pack")} left for another run`);
  }
  if (report.adoptedPacks > 0) {
    output.note(`${plural(report.adoptedPacks, "pack")} put back into the index`);
  }
}

/** What `--reencrypt` did beside collecting. */
export async function reportReencryption(
  { output }: CommandContext,
  { resealed, oldPacks }: Omit<ReencryptReport, "collection">,
): Promise<void> {
  if (resealed !== undefined) {
    await output.summary(
      `Sealed anew: ${plural(resealed.snapshots, "snapshot")}, ${plural(resealed.tombstones, "tombstone")}, and the index`,
    );
  }
  if (oldPacks > 0) {
    output.warn(
      `${plural(oldPacks, "pack")} still there can be opened with older keys: they wait for their grace, or are so new that a backup may need them; run forge compact --reencrypt again later`,
    );
  } else {
    await output.summary("Older keys open nothing that the repository still holds.");
  }
}

/** What became free, less what was written for it. */
function freedLine(report: CollectReport, sweep: SweepResult): string {
  const written = report.movedBytes > 0 ? `, ${formatBytes(report.movedBytes)} written anew` : "";
  if (sweep.deletedPacks > 0) {
    const bytes = Math.max(0, sweep.freedBytes - report.movedBytes);
    return `Freed ${formatBytes(bytes)}: ${plural(sweep.deletedPacks, "pack")} deleted${written}`;
  }
  if (report.condemnedPacks > 0) {
    return `Freed nothing yet: ${plural(report.condemnedPacks, "pack")} (${formatBytes(report.condemnedBytes)}) can go later${written}`;
  }
  if (report.isHeldBack) return `Freed nothing${written}`;
  return `Nothing to free in ${formatBytes(report.packBytes)}`;
}

function waitingLines({ sweep }: CollectReport): string[] {
  return (sweep?.waiting ?? []).map((plan) => {
    const until = BigInt(Math.ceil(plan.untilMs)) * 1_000_000n;
    const holders = plan.leases.map(({ content }) =>
      content === undefined
        ? "someone at work"
        : `${content.purpose} on ${displayText(content.hostname)} (process ${content.pid})`,
    );
    const waitsMs = plan.untilMs - Date.now();
    const time =
      waitsMs > 0 ? ` until ${formatTime(until)} (${formatDuration(waitsMs / 1000)})` : "";
    const others = holders.length > 0 ? ` for the end of: ${holders.join(", ")}` : "";
    const words = [time, others].filter((part) => part !== "").join(", and");
    return `${plural(plan.packs, "unneeded pack")} waiting${words || " for the next run"}; then run: forge compact`;
  });
}
