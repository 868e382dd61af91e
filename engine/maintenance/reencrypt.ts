/**
 * Reencryption: a collection that also seals everything of older key epochs anew, so that keys which
 * were stolen before a rotation open nothing that the repository still holds. Old packs are condemned
 * like wasteful ones and go when their grace is over.
 */
import { isForgeError } from "../base/errors.ts";
import type { PackId } from "../base/ids.ts";
import type { BlobIndex } from "../index/blob-index.ts";
import { Lease } from "../repository/lease.ts";
import { type CollectOptions, type CollectReport, collect } from "./collect.ts";
import { type ResealResult, blobResealer, resealObjects } from "./reseal-objects.ts";
import { endDeadLeases, refuseOther } from "./sweep.ts";

export interface ReencryptReport {
  readonly collection: CollectReport;
  /** What was sealed anew beside the packs; absent after a dry run. */
  readonly resealed: ResealResult | undefined;
  /** Packs that still hold something of an older epoch: condemned and waiting, or left for another run. */
  readonly oldPacks: number;
}

/** @throws as `collect`. */
export async function reencrypt(
  options: Omit<CollectOptions, "epochMin" | "reseal">,
): Promise<ReencryptReport> {
  const { repository, platform } = options;
  const epochMin = repository.keys.currentEpoch;
  const reseal = blobResealer(platform, repository.keys);
  const collection = await collect({ ...options, epochMin, reseal });
  const resealed = options.dryRun === true ? undefined : await resealRest(options);
  await repository.index.refresh();
  return { collection, resealed, oldPacks: (await oldPacksOf(repository.index, epochMin)).size };
}

async function resealRest(options: Omit<CollectOptions, "epochMin">): Promise<ResealResult> {
  const { repository, hostname, pid, nowNs, onProblem, signal } = options;
  const holder = { purpose: "collection", hostname, pid, startedNs: nowNs } as const;
  const lease = await Lease.acquire(repository, holder);
  const stopBeating = lease.keepBeating();
  try {
    const own = lease.id;
    const { living } = await endDeadLeases(repository, { own, nowMs: lease.lastBeatMs });
    refuseOther(living);
    return await resealObjects({ repository, lease, onProblem, signal });
  } finally {
    stopBeating();
    await lease.release().catch((error: unknown) => {
      if (!isForgeError(error)) throw error;
      onProblem(error);
    });
  }
}

async function oldPacksOf(index: BlobIndex, epochMin: number): Promise<ReadonlySet<PackId>> {
  const packs = new Set<PackId>();
  for await (const { epoch, packId } of index.locations()) if (epoch < epochMin) packs.add(packId);
  return packs;
}
