/**
 * Every crash that a session could have met, one state of the storage for each: the repository opens,
 * what was promised is whole, what is there beside it is whole as well, and the next backup succeeds
 * without help; of some states also the next collection.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";

import { messageOf } from "../../engine/base/errors.ts";
import { loadIndex } from "../../engine/repository/repository.ts";
import { listSnapshots } from "../../engine/repository/snapshot-store.ts";
import type { Backend } from "../../engine/storage/backend.ts";
import { readSideOf } from "../helpers/backup-fixture.ts";
import { collectIn, problemsOf } from "../helpers/collection-fixture.ts";
import { SeededRandom } from "../helpers/seeded-random.ts";
import {
  FIRST_PASSPHRASE,
  type Session,
  backUpTree,
  expectTree,
  makeRepository,
  runSession,
  unlockWith,
} from "./crash-session.ts";
import { type CrashState, directoryOf, storageOf } from "./storage-log.ts";

/** Operations of a session after its init and first backup. */
const STEPS = 7;
/** A collection is tried after every so-manieth state: it takes longer than all the rest. */
const COLLECT_EVERY = 8;
const DAY_MS = 24 * 3_600_000;
const HOUR_MS = 3_600_000;

export interface CrashCounts {
  sessions: number;
  states: number;
  /** Of them, those with the last write torn, as files of a directory. */
  torn: number;
  /** After how many a collection was made. */
  collections: number;
  readonly operations: Record<string, number>;
}

export interface CrashFault {
  readonly seed: number;
  readonly state: string;
  readonly what: string;
}

export function noCrashes(): CrashCounts {
  return { sessions: 0, states: 0, torn: 0, collections: 0, operations: {} };
}

/** All states of the session of one seed. @returns what is wrong. */
export async function crashSession(
  seed: number,
  counts: CrashCounts,
  options: { readonly statesMax?: number } = {},
): Promise<CrashFault[]> {
  const session = await runSession(seed, STEPS);
  const random = new SeededRandom(seed ^ 0x5bd1e995);
  const faults: CrashFault[] = [];
  counts.sessions++;
  for (const operation of session.operations) {
    counts.operations[operation] = (counts.operations[operation] ?? 0) + 1;
  }
  let left = options.statesMax ?? Number.POSITIVE_INFINITY;
  for (let moment = 0; moment <= session.log.now; moment++) {
    for (const state of session.log.statesAt(moment, random)) {
      if (left-- <= 0) return faults;
      counts.states++;
      try {
        const collects = state.torn === undefined && counts.states % COLLECT_EVERY === 0;
        await examineCrash(session, { moment, state, collects });
        if (state.torn !== undefined) counts.torn++;
        if (collects) counts.collections++;
      } catch (error) {
        faults.push({ seed, state: state.what, what: messageOf(error) });
      }
    }
  }
  return faults;
}

export interface Crash {
  readonly moment: number;
  readonly state: CrashState;
  readonly collects: boolean;
}

/** @throws Error what is wrong. */
export async function examineCrash(session: Session, crash: Crash): Promise<void> {
  const { state } = crash;
  const lastMs = state.changes.reduce((ms, { atMs }) => Math.max(ms, atMs), session.log.nowMs);
  if (state.torn === undefined) {
    const { backend, clock } = await storageOf(state, lastMs + 1);
    return examine(session, crash, { backend, clock });
  }
  const root = mkdtempSync(`${existsSync("/dev/shm") ? "/dev/shm" : tmpdir()}/forge-torn-`);
  try {
    const backend = await directoryOf(state, root);
    await examine(session, crash, { backend, clock: { nowMs: lastMs + 1 } });
    await backend.close();
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

interface Storage {
  readonly backend: Backend;
  readonly clock: { nowMs: number };
}

async function examine(
  session: Session,
  { moment, collects }: Crash,
  { backend, clock }: Storage,
): Promise<void> {
  if ((await backend.stat({ kind: "config", name: "" })) === undefined) {
    if (session.made < moment) throw new Error("the config is gone");
    await makeRepository(backend, clock.nowMs);
  }
  const passphrase = await workingPassphrase(session, moment, backend);
  const { repository } = await unlockWith(backend, passphrase);
  await expectSnapshots(session, moment, repository);

  const tree = (session.trees.at(-1) ?? [1, 2, 3]).map((number) => number + 5000);
  const { id } = await backUpTree(repository, tree, clock.nowMs);
  const after = await listSnapshots(repository, { onProblem: fail });
  const made = after.find((snapshot) => snapshot.id === id);
  if (made === undefined) throw new Error("the next snapshot is not there");
  await expectTree(await readSideOf(repository), made, [tree]);
  if (!collects) return;

  clock.nowMs += 2 * DAY_MS + HOUR_MS;
  await collectIn(repository);
  await expectSnapshots({ ...session, trees: [...session.trees, tree] }, moment, repository);
  const problems = await problemsOf(repository);
  if (problems.length > 0) throw new Error(`after collecting: ${problems.join("; ")}`);
}

/** Every passphrase that was promised opens it; during a change at least one of both. */
async function workingPassphrase(
  { keys, made }: Session,
  moment: number,
  backend: Backend,
): Promise<string> {
  if (made >= moment) return FIRST_PASSPHRASE;
  const promised = keys.filter(({ from, until }) => from < moment && until >= moment);
  for (const { passphrase } of promised) await unlockWith(backend, passphrase);
  const [one] = promised;
  if (one !== undefined) return one.passphrase;
  const opened: string[] = [];
  for (const { passphrase } of keys) {
    await unlockWith(backend, passphrase).then(
      () => opened.push(passphrase),
      () => undefined,
    );
  }
  const [any] = opened;
  if (any === undefined) throw new Error("no passphrase opens it");
  return any;
}

async function expectSnapshots(
  { snapshots, trees }: Session,
  moment: number,
  repository: Parameters<typeof readSideOf>[0],
): Promise<void> {
  await loadIndex(repository, { onProblem: fail });
  const readSide = await readSideOf(repository);
  const there = await listSnapshots(repository, { onProblem: fail });
  for (const { id, tree, from, until } of snapshots) {
    const snapshot = there.find((one) => one.id === id);
    if (snapshot !== undefined) await expectTree(readSide, snapshot, [tree]);
    else if (from <= moment && until >= moment) throw new Error(`snapshot ${id} is gone`);
  }
  const known = new Set(snapshots.map(({ id }) => id));
  for (const snapshot of there) {
    if (!known.has(snapshot.id)) await expectTree(readSide, snapshot, trees);
  }
}

function fail(error: Error): never {
  throw error;
}
