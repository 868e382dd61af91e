/**
 * Commit: the order that makes crashes harmless. When it begins, every pack and index segment of the
 * backup is durable; FORMAT.md "Write order" gives the rest.
 */
import { ForgeError, isForgeError } from "../base/errors.ts";
import type { PackId } from "../base/ids.ts";
import { listPlans } from "../repository/collection-plan.ts";
import type { Lease } from "../repository/lease.ts";
import type { Repository } from "../repository/repository.ts";
import { writeSnapshot } from "../repository/snapshot-store.ts";
import type { Snapshot } from "../snapshots/snapshot.ts";
import type { Backend } from "../storage/backend.ts";

/**
 * @param neededPacks Packs of earlier backups that this snapshot refers to, and this backup's own.
 * @throws ForgeError "lease-lost", "missing-object" (a pack is gone), and what the backend throws;
 *   then there is no snapshot.
 */
export async function commitSnapshot(options: {
  readonly repository: Repository<Backend>;
  readonly lease: Lease;
  readonly neededPacks: ReadonlySet<PackId>;
  readonly snapshot: Omit<Snapshot, "id">;
}): Promise<Snapshot> {
  const { repository, lease, neededPacks } = options;
  await lease.confirm();
  await checkNotCondemned(repository, lease, neededPacks);
  await checkPacksExist(repository, neededPacks);
  const snapshot = await writeSnapshot(repository, options.snapshot);
  try {
    await lease.confirm();
  } catch (error) {
    // Without a living lease, packs may have been collected before the snapshot named them. Nobody
    // was told of it yet, so it goes again.
    if (isForgeError(error, "lease-lost")) {
      await repository.backend.delete([{ kind: "snapshots", name: snapshot.id }]);
    }
    throw error;
  }
  return snapshot;
}

/**
 * A plan's time is when its bytes were written; it is seen once it is durable, a moment later. Within
 * this time the order of the two cannot be told.
 */
const DURABLE_AFTER_MS = 1000;

/**
 * Packs condemned since the backup began are kept alive by its lease. One that was condemned before
 * was to be seen then: where the storage's listings lag behind, this is the second look.
 */
async function checkNotCondemned(
  repository: Repository<Backend>,
  lease: Lease,
  needed: ReadonlySet<PackId>,
): Promise<void> {
  const { plans } = await listPlans(repository);
  for (const plan of plans) {
    if (plan.storedMs + DURABLE_AFTER_MS >= lease.firstBeatMs) continue;
    const condemned = plan.packs.find((id) => needed.has(id));
    if (condemned === undefined) continue;
    throw new ForgeError(
      "missing-object",
      `Cannot commit: pack ${condemned}, which the snapshot needs, was condemned by a collection before this backup began, and the storage did not show it then; run the backup again`,
    );
  }
}

async function checkPacksExist(
  repository: Repository<Backend>,
  needed: ReadonlySet<PackId>,
): Promise<void> {
  const listed = new Set<string>();
  for (const info of await repository.backend.list("packs")) listed.add(info.name);
  const missing = [...needed].filter((id) => !listed.has(id));
  if (missing.length === 0) return;
  throw new ForgeError(
    "missing-object",
    `Cannot commit: ${missing.length} of ${needed.size} packs that the snapshot needs are gone, the first is ${missing[0] ?? ""}; run the backup again, or "forge check" if it persists`,
    { context: { packs: missing.length } },
  );
}
