/**
 * Collection: frees the space of what no snapshot reaches. Mark → move what is alive out of wasteful
 * packs → plan → grace → sweep; FORMAT.md "Collection". Backups, mounts and restores go on meanwhile.
 * The sweep takes what this run planned and what earlier ones did, as far as its time has come.
 */
import { type ForgeError, isForgeError } from "../base/errors.ts";
import type { PackId } from "../base/ids.ts";
import { PLAN_PACKS_MAX } from "../base/limits.ts";
import type { SealedBlob } from "../packs/pack-builder.ts";
import type { SyncPlatform } from "../platform/platform.ts";
import type { ReadSide } from "../read/read-side.ts";
import { listPlans, planRef, writePlan } from "../repository/collection-plan.ts";
import { type KnownLease, LEASE_BEAT_MS, Lease, readLeases } from "../repository/lease.ts";
import type { IndexedRepository } from "../repository/repository.ts";
import type { Backend, ObjectInfo } from "../storage/backend.ts";
import { type PackChoice, type PackState, choosePacks, wasteOf } from "./choose-packs.ts";
import { type Marking, listPacks, markNew } from "./mark.ts";
import { type Placement, placeBlobs } from "./place-blobs.ts";
import { planMoves } from "./plan-moves.ts";
import { ReachableBlobs } from "./reachable.ts";
import { type RepackResult, repack } from "./repack.ts";
import type { IdMemory } from "./scratch.ts";
import { type SweepResult, endDeadLeases, refuseOther, sweep } from "./sweep.ts";

/** The time condemned packs stay when nothing else is said. */
export const GRACE_MS_DEFAULT: number = 24 * 60 * 60 * 1000;
/** Share of waste from which on a pack is written anew: what other programs have found reasonable. */
export const THRESHOLD_DEFAULT = 0.1;
/** Packs of a backup that was interrupted are left for its next run for so long. */
const INTERRUPTED_MS: number = 24 * 60 * 60 * 1000;

export type CollectStage = "marking" | "moving" | "sweeping";

export interface CollectOptions {
  readonly repository: IndexedRepository<Backend>;
  /** Over the same index. */
  readonly readSide: ReadSide;
  readonly platform: SyncPlatform;
  readonly hostname: string;
  readonly pid: number;
  /** Nanoseconds since 1970, by the own clock: for the lease's reader, and for a dry run. */
  readonly nowNs: bigint;
  /**
   * How long condemned packs stay. What is planned now gets it, and with `overridePlans` also what was
   * planned before.
   */
  readonly graceMs?: number | undefined;
  readonly overridePlans?: boolean | undefined;
  /** 0 … 1. */
  readonly threshold?: number | undefined;
  /** Bytes of blobs that are moved at most. */
  readonly repackBytesMax?: number | undefined;
  /** Packs with blobs of an older key epoch are written anew, and so is the whole index. */
  readonly epochMin?: number | undefined;
  /** Seals a blob anew while it is moved. */
  readonly reseal?: ((blob: SealedBlob) => SealedBlob | Promise<SealedBlob>) | undefined;
  /** For the ids of chunks; without a bound when absent. */
  readonly idMemory?: IdMemory | undefined;
  /** Says what would be done, and writes nothing. */
  readonly dryRun?: boolean | undefined;
  readonly onProblem: (error: ForgeError) => void;
  readonly onProgress?: ((stage: CollectStage, count: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface CollectReport {
  readonly snapshots: number;
  readonly packs: number;
  readonly packBytes: number;
  /** Bytes in packs that no snapshot needs. */
  readonly wasteBytes: number;
  /** Packs without anything needed, and those written anew (would be, in a dry run). */
  readonly deadPacks: number;
  readonly deadBytes: number;
  readonly repackedPacks: number;
  readonly repackedBytes: number;
  readonly movedBytes: number;
  /** Packs that a limit left for another run. */
  readonly postponedPacks: number;
  /** Not needed, or wasteful, but so new that somebody may be about to need them. */
  readonly sparedPacks: number;
  readonly sparedBytes: number;
  /** Packs that no index knew: taken into it, or condemned, or not readable. */
  readonly adoptedPacks: number;
  readonly orphanPacks: number;
  readonly unreadablePacks: number;
  /** A pack was found damaged, so none was condemned or deleted. */
  readonly isHeldBack: boolean;
  /** Packs condemned by this run. */
  readonly condemnedPacks: number;
  readonly condemnedBytes: number;
  /** Absent after a dry run. */
  readonly sweep: SweepResult | undefined;
}

/**
 * @throws ForgeError "locked" (another collection is at work), "missing-object", "corrupt" and others
 *   when it cannot be told what is garbage; then nothing is deleted.
 */
export async function collect(options: CollectOptions): Promise<CollectReport> {
  const marking = markingOf(options);
  try {
    return await collectWith(options, marking);
  } finally {
    marking.reachable.chunks.close();
  }
}

async function collectWith(options: CollectOptions, marking: Marking): Promise<CollectReport> {
  if (options.dryRun === true) {
    const nowMs = Number(options.nowNs / 1_000_000n);
    const { report } = await plan(options, marking, {
      nowMs,
      living: await readLeases(options.repository),
    });
    return { ...report, sweep: undefined };
  }
  const lease = await Lease.acquire(options.repository, {
    purpose: "collection",
    hostname: options.hostname,
    pid: options.pid,
    startedNs: options.nowNs,
  });
  const stopBeating = lease.keepBeating();
  try {
    const nowMs = lease.lastBeatMs;
    const { living, ended } = await endDeadLeases(options.repository, { own: lease.id, nowMs });
    refuseOther(living);
    const { report, condemned } = await plan(options, marking, { nowMs, living });
    for (let first = 0; first < condemned.length; first += PLAN_PACKS_MAX) {
      await lease.confirm();
      await writePlan(options.repository, {
        packs: condemned.slice(first, first + PLAN_PACKS_MAX),
        graceMs: options.graceMs ?? GRACE_MS_DEFAULT,
        hostname: options.hostname,
        pid: options.pid,
      });
    }
    options.onProgress?.("sweeping", condemned.length);
    const swept = await sweep({
      marking,
      lease,
      graceMs: options.overridePlans === true ? options.graceMs : undefined,
      isHeldBack: report.isHeldBack,
      rewriteIndex: options.epochMin !== undefined,
    });
    return { ...report, sweep: { ...swept, endedLeases: swept.endedLeases + ended } };
  } finally {
    stopBeating();
    // It ends by itself when it cannot be deleted.
    await lease.release().catch((error: unknown) => {
      if (!isForgeError(error)) throw error;
      options.onProblem(error);
    });
  }
}

function markingOf(options: CollectOptions): Marking {
  const { repository, onProgress } = options;
  return {
    repository,
    platform: options.platform,
    index: repository.index,
    readSide: options.readSide,
    reachable: new ReachableBlobs(options.idMemory),
    snapshots: new Map(),
    onProblem: options.onProblem,
    onProgress: (found) => onProgress?.("marking", found.trees.size),
    signal: options.signal,
  };
}

interface Situation {
  /** The storage's time. */
  readonly nowMs: number;
  /** Leases of others. */
  readonly living: readonly KnownLease[];
}

interface Planned {
  readonly condemned: readonly PackId[];
  readonly report: Omit<CollectReport, "sweep">;
}

/** Steps 1 to 3, and what step 4 is to write down. */
async function plan(
  options: CollectOptions,
  marking: Marking,
  situation: Situation,
): Promise<Planned> {
  const { repository, dryRun, onProblem, signal } = options;
  const { plans, unreadable } = await listPlans(repository, signal);
  for (const { name, error } of unreadable) {
    if (error.code !== "corrupt") throw error;
    onProblem(error);
    // Nobody can sweep it any more: what it condemned is judged anew.
    if (dryRun !== true) await repository.backend.delete([{ kind: "gc", name }]);
  }
  await markNew(marking);
  const packs = await listPacks(repository, signal);
  await marking.index.refresh();
  const condemned = new Set(plans.flatMap(({ packs: ids }) => ids));
  // Left of a sweep that was interrupted after its last pack.
  const finished = plans.filter((one) => one.packs.every((id) => !packs.has(id)));
  if (dryRun !== true) await repository.backend.delete(finished.map(({ id }) => planRef(id)));
  const lookIntoOrphans = situation.living.length === 0;
  const placement = await placeBlobs({ ...marking, packs, condemned, lookIntoOrphans, dryRun });
  const states = statesOf(packs, condemned, placement);
  const choice = choosePacks(states, {
    threshold: options.threshold ?? THRESHOLD_DEFAULT,
    repackBytesMax: options.repackBytesMax ?? Number.POSITIVE_INFINITY,
    dataPackBytes: repository.config.dataPackBytes,
    treePackBytes: repository.config.treePackBytes,
    spareSinceMs: await spareSince(options, situation),
    epochMin: options.epochMin,
  });
  const moved =
    dryRun === true
      ? undefined
      : await move(
          options,
          marking,
          choice.repack,
          stayingPacks(packs, condemned, placement, choice),
        );
  // Other packs may hold the only good copies of what a damaged one holds: nothing goes.
  const isDamaged = moved !== undefined && moved.unreadable.length > 0;
  const dead = isDamaged ? [] : choice.dead;
  const repacked = isDamaged ? [] : choice.repack;
  const going = [...dead, ...repacked];
  const sum = (some: readonly PackState[]): number =>
    some.reduce((bytes, { sizeBytes }) => bytes + sizeBytes, 0);
  return {
    condemned: going.map(({ packId }) => packId),
    report: {
      snapshots: marking.snapshots.size,
      packs: packs.size,
      packBytes: [...packs.values()].reduce((bytes, { sizeBytes }) => bytes + sizeBytes, 0),
      wasteBytes: states.reduce((bytes, state) => bytes + wasteOf(state), 0),
      deadPacks: dead.length,
      deadBytes: sum(dead),
      repackedPacks: repacked.length,
      repackedBytes: sum(repacked),
      movedBytes:
        moved?.movedBytes ?? repacked.reduce((bytes, { liveBytes }) => bytes + liveBytes, 0),
      postponedPacks: choice.postponed.length,
      sparedPacks: choice.spared.length,
      sparedBytes: sum(choice.spared),
      adoptedPacks: placement.adoptedPacks,
      orphanPacks: placement.orphans.length,
      unreadablePacks: placement.unreadable.length + (moved?.unreadable.length ?? 0),
      isHeldBack: isDamaged,
      condemnedPacks: going.length,
      condemnedBytes: sum(going),
    },
  };
}

/** Packs that are there, not condemned, and known to the index or certainly not needed. */
function statesOf(
  packs: ReadonlyMap<string, ObjectInfo>,
  condemned: ReadonlySet<string>,
  placement: Placement,
): PackState[] {
  const states: PackState[] = [];
  const add = (
    packId: PackId,
    used: Omit<PackState, "packId" | "sizeBytes" | "storedMs">,
  ): void => {
    const info = packs.get(packId);
    if (info === undefined || condemned.has(packId)) return;
    states.push({ ...used, packId, sizeBytes: info.sizeBytes, storedMs: info.modifiedMs });
  };
  for (const [packId, usage] of placement.usages) add(packId, usage);
  for (const packId of placement.orphans) {
    add(packId, { isData: true, liveBytes: 0, liveBlobs: 0, leastEpoch: 255 });
  }
  return states;
}

/**
 * Packs stored since are left alone. That is a courtesy and not what safety rests on: what a running
 * backup has stored would have to be copied, and what an interrupted one has stored be stored again.
 */
async function spareSince(
  { repository, graceMs }: CollectOptions,
  { nowMs, living }: Situation,
): Promise<number> {
  const newest = (infos: readonly ObjectInfo[]): number =>
    infos.reduce((most, { modifiedMs }) => Math.max(most, modifiedMs), Number.NEGATIVE_INFINITY);
  const committedMs = Math.max(
    newest(await repository.backend.list("snapshots")),
    newest(await repository.backend.list("tombstones")),
  );
  // Only an interrupted backup leaves packs that are newer than every snapshot and every deletion.
  let sinceMs = Math.max(committedMs + 1, nowMs - INTERRUPTED_MS);
  if (graceMs !== 0) sinceMs = Math.min(sinceMs, nowMs - (graceMs ?? GRACE_MS_DEFAULT));
  for (const { newest: beat } of living) {
    const beats = Number(beat.name.slice(65)) + 2;
    sinceMs = Math.min(sinceMs, beat.modifiedMs - beats * LEASE_BEAT_MS);
  }
  return sinceMs;
}

/** Good packs that are not chosen to go. */
function stayingPacks(
  packs: ReadonlyMap<string, ObjectInfo>,
  condemned: ReadonlySet<string>,
  { rescuePacks }: Placement,
  { repack: chosen, dead }: PackChoice,
): Set<string> {
  const staying = new Set<string>(packs.keys());
  for (const id of rescuePacks) staying.add(id);
  for (const id of condemned) staying.delete(id);
  for (const { packId } of [...chosen, ...dead]) staying.delete(packId);
  return staying;
}

/** Step 3. What also stands in a pack that stays needs no moving. */
async function move(
  options: CollectOptions,
  { index, reachable }: Marking,
  chosen: readonly PackState[],
  staying: ReadonlySet<string>,
): Promise<RepackResult | undefined> {
  if (chosen.length === 0) return undefined;
  const { repository, platform, reseal, signal, onProgress, onProblem } = options;
  const leaving = chosen.map(({ packId }) => packId);
  const moves = await planMoves({ index, reachable, staying, leaving, onProblem });
  const result = await repack({
    repository,
    platform,
    packs: leaving,
    take: (packId, entry) => moves.take(packId, entry),
    faultOf: (packId, entries) => moves.faultOf(packId, entries),
    reseal,
    onProblem,
    onProgress: (done) => onProgress?.("moving", done.emptied.length),
    signal,
  });
  await index.refresh();
  return result;
}
