/** Checking and repairing in tests: no threads, one fixed writer. */
import { type CheckOptions, checkRepository } from "../../engine/maintenance/check.ts";
import type { CheckReport, FindingKind } from "../../engine/maintenance/check-report.ts";
import { type RepairEvent, applyRepair, listCopy } from "../../engine/maintenance/repair.ts";
import { planRepair } from "../../engine/maintenance/repair-plan.ts";
import { createPackVerifier } from "../../engine/maintenance/verify-pack.ts";
import { nativePlatform, nativeSyncPlatform } from "../../engine/platform/node/native.ts";
import { createPlatformDecoder } from "../../engine/read/platform-decoder.ts";
import type { Repository } from "../../engine/repository/repository.ts";
import type { Backend } from "../../engine/storage/backend.ts";

/** A check that reads every byte, unless told otherwise. */
export function checkAll(
  repository: Repository,
  options: Partial<CheckOptions> = {},
): Promise<CheckReport> {
  return checkRepository({ ...toolsOf(repository), readData: (packs) => packs, ...options });
}

export interface Repaired {
  readonly before: CheckReport;
  readonly after: CheckReport;
  readonly events: readonly RepairEvent[];
}

/** @throws what `planRepair` and `applyRepair` throw. */
export async function repairAll(
  repository: Repository<Backend>,
  copy?: Repository,
): Promise<Repaired> {
  const before = await checkAll(repository);
  const plan = planRepair(before, copy && (await listCopy(repository, copy)));
  const events: RepairEvent[] = [];
  const after = await applyRepair(plan, {
    ...toolsOf(repository),
    repository,
    platform: nativeSyncPlatform,
    copy,
    chain: { writer: "ab".repeat(16), last: undefined },
    hostname: "host",
    username: "user",
    pid: 1,
    program: "forge test",
    now: () => 1_800_000_000_000_000_000n,
    onEvent: (event) => events.push(event),
  });
  return { before, after, events };
}

/** Kinds of what was found, without what is only worth knowing. */
export function damagesOf({ findings }: CheckReport): readonly FindingKind[] {
  const kinds = findings.flatMap(({ kind, isNotice }) => (isNotice ? [] : [kind]));
  return [...new Set(kinds)].sort();
}

function toolsOf(
  repository: Repository,
): Pick<CheckOptions, "repository" | "decoder" | "verifier"> {
  return {
    repository,
    decoder: createPlatformDecoder(nativePlatform, repository.keys),
    verifier: createPackVerifier(nativeSyncPlatform, repository.keys),
  };
}
