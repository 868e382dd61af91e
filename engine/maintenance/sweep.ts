/**
 * Sweep: deletes condemned packs once nobody can need them any more. The order of its steps is the
 * proof that it loses nothing: FORMAT.md "Collection", step 6. Every step can be interrupted and done
 * again, by anyone.
 */
import { ForgeError } from "../base/errors.ts";
import type { LeaseId, PackId, PlanId } from "../base/ids.ts";
import { type StoredPlan, listPlans, planRef } from "../repository/collection-plan.ts";
import {
  type KnownLease,
  LEASE_TTL_MS,
  type Lease,
  readLeases,
  removeLeases,
} from "../repository/lease.ts";
import type { Repository } from "../repository/repository.ts";
import type { Backend } from "../storage/backend.ts";
import { type UpkeepResult, upkeepIndex } from "./index-upkeep.ts";
import { type Marking, listPacks, markNew } from "./mark.ts";
import { placeBlobs } from "./place-blobs.ts";

/** Packs deleted between two confirmations of the lease. */
const DELETES_AT_A_TIME = 500;

export interface SweepOptions {
  readonly marking: Marking;
  readonly lease: Lease;
  /** In the place of what the plans say, when the user does not want to wait so long. */
  readonly graceMs: number | undefined;
  /** Delete nothing: what plans condemned may hold the only good copies of what a damaged pack holds. */
  readonly isHeldBack: boolean;
  readonly rewriteIndex?: boolean | undefined;
}

/** A plan that has to wait, and what for. */
export interface WaitingPlan {
  readonly id: PlanId;
  readonly packs: number;
  /** The storage's time when its grace is over. */
  readonly untilMs: number;
  /** Leases of others that must end first, once the grace is over. */
  readonly leases: readonly KnownLease[];
}

export interface SweepResult extends UpkeepResult {
  readonly deletedPacks: number;
  readonly freedBytes: number;
  readonly sweptPlans: number;
  readonly rescuedBlobs: number;
  readonly waiting: readonly WaitingPlan[];
  /** Leases of others that had seemed dead for long enough, and were ended. */
  readonly endedLeases: number;
}

/**
 * @throws ForgeError "lease-lost", "missing-object" (something that is needed is nowhere; nothing is
 *   deleted then), and what the storage throws.
 */
export async function sweep(options: SweepOptions): Promise<SweepResult> {
  const { marking, lease } = options;
  const { repository, index, onProblem } = marking;
  const { ready, waiting, endedLeases } = await findReady(options);
  const dropped = new Set<PackId>();
  let rescuedBlobs = 0;
  if (ready.size > 0) {
    // 6.2 and 6.3: plans, snapshots, packs and index, in this order.
    const { plans } = await listPlans(repository, marking.signal);
    await markNew(marking);
    const packs = await listPacks(repository, marking.signal);
    await index.refresh();
    const condemned = new Set(plans.flatMap((plan) => plan.packs));
    const placement = await placeBlobs({ ...marking, packs, condemned, lookIntoOrphans: false });
    rescuedBlobs = placement.rescuedBlobs;
    for (const plan of plans) {
      if (ready.has(plan.id)) for (const id of plan.packs) dropped.add(id);
    }
  }
  const upkeep = await upkeepIndex({
    repository,
    index,
    dropped,
    rewriteAll: options.rewriteIndex,
    onProblem,
  });
  const deleted = await deletePacks(repository, lease, dropped);
  await repository.backend.delete([...ready].map(planRef));
  return { ...upkeep, ...deleted, sweptPlans: ready.size, rescuedBlobs, waiting, endedLeases };
}

/** 6.1: plans whose grace is over and which no living lease holds back. */
async function findReady({ marking, lease, graceMs, isHeldBack }: SweepOptions): Promise<{
  readonly ready: ReadonlySet<PlanId>;
  readonly waiting: readonly WaitingPlan[];
  readonly endedLeases: number;
}> {
  const { repository } = marking;
  const { plans } = await listPlans(repository, marking.signal);
  await lease.confirm();
  const nowMs = lease.lastBeatMs;
  const { living, ended } = await endDeadLeases(repository, { own: lease.id, nowMs });
  const ready = new Set<PlanId>();
  const waiting: WaitingPlan[] = [];
  for (const plan of plans) {
    const untilMs = plan.storedMs + (graceMs ?? plan.graceMs);
    const leases = living.filter((other) => holdsBack(other, plan));
    if (untilMs <= nowMs && leases.length === 0 && !isHeldBack) ready.add(plan.id);
    else waiting.push({ id: plan.id, packs: plan.packs.length, untilMs, leases });
  }
  return { ready, waiting, endedLeases: ended };
}

/** Whether the holder may rely on packs of the plan: all but those who say that they have seen it. */
export function holdsBack({ content }: KnownLease, plan: Pick<StoredPlan, "id">): boolean {
  return content?.purpose !== "collection" && content?.plans.includes(plan.id) !== true;
}

/**
 * Ends leases whose newest beat is too old by the storage's clock.
 * @returns the leases of others that live.
 */
export async function endDeadLeases(
  repository: Repository<Backend>,
  { own, nowMs }: { readonly own: LeaseId; readonly nowMs: number },
): Promise<{ readonly living: readonly KnownLease[]; readonly ended: number }> {
  const others = (await readLeases(repository)).filter(({ id }) => id !== own);
  const isOld = ({ newest }: KnownLease): boolean => nowMs - newest.modifiedMs > LEASE_TTL_MS;
  const dead = new Set(others.filter(isOld).map(({ id }) => id));
  const left = await removeLeases(repository, dead);
  const living = others
    .filter(({ id }) => !dead.has(id) || left.has(id))
    // One that came back beat after its content was read: what it has seen is not known.
    .map((other) => (left.has(other.id) ? { ...other, content: undefined } : other));
  return { living, ended: dead.size - left.size };
}

async function deletePacks(
  repository: Repository<Backend>,
  lease: Lease,
  dropped: ReadonlySet<PackId>,
): Promise<{ readonly deletedPacks: number; readonly freedBytes: number }> {
  const listed = await listPacks(repository);
  const there = [...listed.values()].filter(({ name }) => isOneOf(dropped, name));
  let freedBytes = 0;
  for (let first = 0; first < there.length; first += DELETES_AT_A_TIME) {
    const some = there.slice(first, first + DELETES_AT_A_TIME);
    await lease.confirm();
    await repository.backend.delete(some.map(({ name }) => ({ kind: "packs", name })));
    for (const { sizeBytes } of some) freedBytes += sizeBytes;
  }
  return { deletedPacks: there.length, freedBytes };
}

function isOneOf(packs: ReadonlySet<string>, name: string): boolean {
  return packs.has(name);
}

/** @throws ForgeError "locked" when another collection is at work. */
export function refuseOther(living: readonly KnownLease[]): void {
  const other = living.find(({ content }) => content?.purpose === "collection");
  if (other?.content === undefined) return;
  const { hostname, pid } = other.content;
  throw new ForgeError(
    "locked",
    `Cannot collect garbage: another collection is at work (${hostname}, process ${pid}); wait for it, or if it is dead: forge unlock`,
  );
}
