/**
 * kill -9 at chosen system calls of a backup. After each: the snapshots from before are whole, what
 * is there of the stopped one too, and the next backup by the program succeeds, with nothing done to
 * help it.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";

import { verifyObjects } from "../../engine/maintenance/verify-objects.ts";
import { nativePlatform } from "../../engine/platform/node/native.ts";
import { type Repository, openRepository } from "../../engine/repository/repository.ts";
import type { Snapshot } from "../../engine/snapshots/snapshot.ts";
import type { Backend } from "../../engine/storage/backend.ts";
import { LocalBackend } from "../../engine/storage/node/local.ts";
import {
  type TreeLines,
  PASSPHRASE,
  backUp,
  createSmallRepository,
  directoryLines,
  equalLines,
  readSideOf,
  snapshotLines,
  snapshotsOf,
  withoutCtime,
} from "../helpers/backup-fixture.ts";
import { noise } from "../helpers/expected-tree.ts";
import { type Ended, runProgram } from "../helpers/forge-program.ts";
import { type Phase, type Point, type TraceOptions, traceBackup } from "./traced-backup.ts";

export const PHASES = ["packs", "index", "snapshots", "leases"] as const;
export type PhaseCounts = Record<(typeof PHASES)[number], number>;

/** What is asked for, by phase. */
export function sharesOf(points: number): PhaseCounts {
  const index = Math.round(points * 0.25);
  const snapshots = Math.round(points * 0.2);
  const leases = Math.round(points * 0.15);
  return { packs: points - index - snapshots - leases, index, snapshots, leases };
}

export interface KilledRun {
  readonly phase: Phase;
  readonly call: string;
  readonly number: number;
  /** What is wrong; empty when all is as it must be. */
  readonly wrong: readonly string[];
}

export class KillCampaign {
  readonly #folder: string;
  readonly #tree: string;
  #lines: TreeLines = new Map();
  #first: { readonly snapshot: Snapshot; readonly lines: TreeLines } | undefined;
  #reference: readonly Point[] = [];

  /** @param folder Empty; not below a directory that others change. */
  constructor(folder: string) {
    this.#folder = folder;
    this.#tree = `${folder}/tree`;
  }

  /** A repository with one snapshot, a tree that has changed since, and one whole backup of it traced. */
  async prepare(): Promise<void> {
    mkdirSync(`${this.#tree}/sub`, { recursive: true });
    for (let i = 0; i < 12; i++) writeFileSync(`${this.#tree}/${i}`, noise(3000, i + 1));
    const backend = new LocalBackend(`${this.#folder}/before`);
    const repository = await createSmallRepository({ backend, dataPackBytes: 2048 });
    const { snapshot } = await backUp(repository, this.#tree);
    if (snapshot === undefined) throw new Error("no snapshot");
    this.#first = { snapshot, lines: directoryLines(this.#tree) };
    for (let i = 0; i < 30; i++) writeFileSync(`${this.#tree}/sub/${i}`, noise(2500, i + 100));
    for (let i = 0; i < 3; i++) writeFileSync(`${this.#tree}/${i}`, noise(3000, i + 200));
    this.#lines = directoryLines(this.#tree);
    await backend.close();
    const whole = await traceBackup(this.#traceOptions());
    if (whole.code !== 0) throw new Error(`the traced backup failed: ${whole.said}`);
    // Opening and loading come first; the backup itself begins with its lease.
    const begin = whole.points.findIndex(
      ({ call, phase }) => call === "link" && phase === "leases",
    );
    this.#reference = whole.points.slice(begin);
  }

  /**
   * Kills until every phase has its share. How often a call is made varies a little from run to run
   * (packs have random names, and so more or fewer directories), so what counts is where the backup
   * was killed, not where it was meant to be.
   */
  async *run(wanted: PhaseCounts): AsyncGenerator<KilledRun> {
    const left = { ...wanted };
    const total = sumOf(wanted);
    for (let attempt = 0; sumOf(left) > 0; attempt++) {
      if (attempt > 4 * total) throw new Error(`not reached: ${JSON.stringify(left)}`);
      const phase = PHASES.filter((one) => left[one] > 0).sort((a, b) => left[b] - left[a])[0];
      if (phase === undefined) return;
      const killed = await this.#kill(this.#pick(phase, attempt));
      if (killed === undefined) continue;
      yield killed;
      if (killed.phase !== "other") left[killed.phase] = Math.max(0, left[killed.phase] - 1);
    }
  }

  /** Steps by the golden ratio spread evenly, however many there will be. */
  #pick(phase: Phase, attempt: number): Point {
    const all = this.#reference.filter((point) => point.phase === phase);
    const point = all[Math.floor(((attempt * 0.618_033_988) % 1) * all.length)];
    if (point === undefined) throw new Error(`no system call was made for ${phase}`);
    return point;
  }

  /** @returns `undefined` when the backup ended before it reached the point. */
  async #kill(point: Point): Promise<KilledRun | undefined> {
    const options = this.#traceOptions();
    const inject = { call: point.call, number: point.number, what: "signal=SIGKILL" } as const;
    const { code, points } = await traceBackup({ ...options, inject });
    if (code !== undefined) return undefined;
    const last = points.at(-1);
    const { call, number } = last ?? point;
    // A file that was only just created says nothing of what it was to be.
    const phase = last === undefined || last.phase === "other" ? point.phase : last.phase;
    return { phase, call, number, wrong: await this.#examine() };
  }

  /** A fresh copy of the repository from before. */
  #traceOptions(): TraceOptions {
    const repository = `${this.#folder}/repository`;
    rmSync(repository, { recursive: true, force: true });
    execFileSync("cp", ["-a", `${this.#folder}/before`, repository]);
    const log = `${this.#folder}/strace.log`;
    return { repository, passphrase: PASSPHRASE, tree: this.#tree, log };
  }

  async #examine(): Promise<string[]> {
    const wrong: string[] = [];
    const backend = new LocalBackend(`${this.#folder}/repository`);
    const repository = await openRepository({
      backend,
      platform: nativePlatform,
      credentials: { passphrase: () => Promise.resolve(PASSPHRASE) },
    });
    await this.#compare(repository, "after the kill", wrong);
    this.#restoreFirst(backend.description, wrong);
    const before = await snapshotsOf(repository);
    const { status, stderr } = runForge(["backup", this.#tree], backend.description);
    if (status !== 0) wrong.push(`the next backup ended with ${String(status)}: ${stderr}`);
    const after = await snapshotsOf(repository);
    if (after.length !== before.length + 1) wrong.push(`${after.length} snapshots in the end`);
    await this.#compare(repository, "after the next backup", wrong);
    await verifyObjects(repository, { onProblem: ({ message }) => wrong.push(message) });
    await backend.close();
    return wrong;
  }

  /** The program takes back the snapshot from before. */
  #restoreFirst(repository: string, wrong: string[]): void {
    const target = `${this.#folder}/restored`;
    rmSync(target, { recursive: true, force: true });
    const from = `${this.#first?.snapshot.id ?? ""}:${this.#tree}`;
    const { status, stderr } = runForge(["restore", from, "--target", target], repository);
    if (status !== 0) wrong.push(`the restore ended with ${String(status)}: ${stderr}`);
    const lines = withoutCtime(directoryLines(target));
    if (!equalLines(lines, withoutCtime(this.#first?.lines ?? new Map<string, string>()))) {
      wrong.push("what was restored differs");
    }
  }

  /** Every snapshot holds the tree as it was when it was begun. */
  async #compare(repository: Repository<Backend>, when: string, wrong: string[]): Promise<void> {
    const readSide = await readSideOf(repository);
    const snapshots = await snapshotsOf(repository);
    if (snapshots[0]?.id !== this.#first?.snapshot.id) wrong.push(`${when} the first is gone`);
    for (const [i, snapshot] of snapshots.entries()) {
      const lines = await snapshotLines(readSide, snapshot, this.#tree);
      const wanted = i === 0 ? (this.#first?.lines ?? new Map<string, string>()) : this.#lines;
      if (!equalLines(lines, wanted)) wrong.push(`${when} snapshot ${i} differs`);
    }
  }
}

/** The program as it is built, on a repository. */
export function runForge(
  words: readonly string[],
  repository: string,
): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  const program = `${import.meta.dirname}/../../bin/forge.cjs`;
  return spawnSync(process.execPath, [program, ...words], {
    encoding: "utf8",
    env: {
      PATH: process.env["PATH"],
      HOME: "/nonexistent",
      FORGE_REPOSITORY: repository,
      FORGE_PASSPHRASE: PASSPHRASE,
    },
  });
}

/** `runForge` without holding up this process, with a home of its own. */
export function runForgeAside(
  words: readonly string[],
  { repository, home }: { readonly repository: string; readonly home: string },
): Promise<Ended> {
  const program = `${import.meta.dirname}/../../bin/forge.cjs`;
  const env = {
    PATH: process.env["PATH"],
    HOME: home,
    FORGE_REPOSITORY: repository,
    FORGE_PASSPHRASE: PASSPHRASE,
  };
  return runProgram(process.execPath, [program, ...words], { env });
}

function sumOf(counts: PhaseCounts): number {
  return PHASES.reduce((sum, phase) => sum + counts[phase], 0);
}
