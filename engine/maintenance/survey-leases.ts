/** Which leases of others are dead, for who wants to remove them without collecting. */
import { type KnownLease, LEASE_TTL_MS, Lease, readLeases } from "../repository/lease.ts";
import type { Repository } from "../repository/repository.ts";
import type { Backend } from "../storage/backend.ts";

export interface LeaseSurvey {
  /** Without a sign of life for too long, or of a process of this machine that is gone. */
  readonly dead: readonly KnownLease[];
  readonly living: readonly KnownLease[];
}

/**
 * @param options.isAlive Whether a process of this machine is there.
 * @param options.nowNs The own clock, for the lease by which the storage's is read.
 */
export async function surveyLeases(
  repository: Repository<Backend>,
  options: {
    readonly hostname: string;
    readonly pid: number;
    readonly nowNs: bigint;
    readonly isAlive: (pid: number) => boolean;
  },
): Promise<LeaseSurvey> {
  const { hostname, pid, nowNs, isAlive } = options;
  const probe = await Lease.acquire(repository, {
    purpose: "unlock",
    hostname,
    pid,
    startedNs: nowNs,
  });
  const nowMs = probe.firstBeatMs;
  await probe.release();
  const dead: KnownLease[] = [];
  const living: KnownLease[] = [];
  for (const lease of await readLeases(repository)) {
    const { content, newest } = lease;
    const isGone = content?.hostname === hostname && !isAlive(content.pid);
    (isGone || nowMs - newest.modifiedMs > LEASE_TTL_MS ? dead : living).push(lease);
  }
  return { dead, living };
}
