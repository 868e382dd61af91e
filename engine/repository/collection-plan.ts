/**
 * Collection plans: which packs are condemned. A plan is written before anything is deleted; whoever
 * sees it at the start of a backup treats its packs as absent, and whoever has not seen it keeps them
 * alive by a lease. A condemned pack never becomes a good one again: FORMAT.md "Collection".
 */
import { toHex, utf8 } from "../base/bytes.ts";
import { type ForgeError, assert, isForgeError } from "../base/errors.ts";
import { type PackId, type PlanId, findId, idBytes, parseId } from "../base/ids.ts";
import { PLAN_BYTES_MAX, PLAN_PACKS_MAX } from "../base/limits.ts";
import { openStandalone, sealStandalone } from "../crypto/standalone-object.ts";
import type { Backend, ObjectInfo, ObjectRef } from "../storage/backend.ts";
import { JsonFields } from "./json-object.ts";
import type { Repository } from "./repository.ts";

const VERSION = 1;

export interface CollectionPlan {
  /** Condemned packs, each once. At most PLAN_PACKS_MAX. */
  readonly packs: readonly PackId[];
  /** How long they stay at least, from the time the plan was stored. */
  readonly graceMs: number;
  /** Who made the plan; for messages. */
  readonly hostname: string;
  readonly pid: number;
}

export interface StoredPlan extends CollectionPlan {
  readonly id: PlanId;
  /** When it was stored, by the storage's clock. */
  readonly storedMs: number;
}

export interface PlanListing {
  readonly plans: readonly StoredPlan[];
  /** Plans that are there and cannot be read: what they condemn is unknown. */
  readonly unreadable: readonly { readonly name: string; readonly error: ForgeError }[];
}

export function planRef(id: PlanId): ObjectRef {
  return { kind: "gc", name: `${id}.plan` };
}

/** Stores a plan under a new random id. From when this returns, new backups leave its packs alone. */
export async function writePlan(
  repository: Repository<Backend>,
  plan: CollectionPlan,
): Promise<PlanId> {
  assert(plan.packs.length > 0 && plan.packs.length <= PLAN_PACKS_MAX, "a plan of no known size");
  const { backend, platform, keys } = repository;
  const id = parseId<PlanId>(toHex(platform.randomBytes(32)));
  const bytes = await sealStandalone(platform, keys, {
    kind: "plan",
    objectId: idBytes(id),
    plain: utf8(
      JSON.stringify({
        version: VERSION,
        hostname: plan.hostname,
        pid: plan.pid,
        grace: plan.graceMs,
        packs: plan.packs,
      }),
    ),
    compression: { codec: "zstd", level: 1 },
  });
  await backend.put(planRef(id), bytes);
  return id;
}

/** All plans there are. @throws what listing throws; "aborted". */
export async function listPlans(
  repository: Repository,
  signal?: AbortSignal,
): Promise<PlanListing> {
  const plans: StoredPlan[] = [];
  const unreadable: { name: string; error: ForgeError }[] = [];
  for (const info of await repository.backend.list("gc", { signal })) {
    try {
      plans.push(await readPlan(repository, info));
    } catch (error) {
      if (!isForgeError(error) || error.code === "aborted") throw error;
      // Finished between the listing and the reading: its packs were gone before it was.
      if (error.code !== "missing-object") unreadable.push({ name: info.name, error });
    }
  }
  return { plans, unreadable };
}

/** @throws ForgeError "corrupt", "unsupported-version", "missing-object". */
export async function readPlan(repository: Repository, info: ObjectInfo): Promise<StoredPlan> {
  const id = parseId<PlanId>(info.name.slice(0, 64));
  const bytes = await repository.backend.read(
    { kind: "gc", name: info.name },
    { bytesMax: PLAN_BYTES_MAX + 1024 },
  );
  const plain = await openStandalone(repository.platform, repository.keys, {
    kind: "plan",
    objectId: idBytes(id),
    bytes,
  });
  const fields = new JsonFields(plain, `collection plan ${id}`, VERSION);
  const packs = fields
    .strings("packs")
    .map((pack) => findId<PackId>(pack) ?? fields.fail("packs", "are no pack ids"));
  if (packs.length > PLAN_PACKS_MAX) fields.fail("packs", `are ${packs.length}`);
  return {
    id,
    packs,
    graceMs: fields.number("grace"),
    hostname: fields.string("hostname"),
    pid: fields.number("pid"),
    storedMs: info.modifiedMs,
  };
}
