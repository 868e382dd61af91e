/** Checking and repairing in tests: no threads, one fixed writer. */
import { tmpdir } from "node:os";
import { inspect, isDeepStrictEqual } from "node:util";
import { BYTES_PER_NUMBERED_ID } from "../../engine/base/blob-id-set.ts";
import { type CheckOptions, checkRepository } from "../../engine/maintenance/check.ts";
import type { CheckReport, FindingKind } from "../../engine/maintenance/check-report.ts";
import { openScratchFile } from "../../engine/maintenance/node/scratch-file.ts";
import type { ListedPack } from "../../engine/maintenance/rebuild-index.ts";
import { type RepairEvent, applyRepair, listCopy } from "../../engine/maintenance/repair.ts";
import { planRepair } from "../../engine/maintenance/repair-plan.ts";
import { createPackVerifier } from "../../engine/maintenance/verify-pack.ts";
import { nativePlatform, nativeSyncPlatform } from "../../engine/platform/node/native.ts";
import { createPlatformDecoder } from "../../engine/read/platform-decoder.ts";
import type { Repository } from "../../engine/repository/repository.ts";
import type { Backend } from "../../engine/storage/backend.ts";

/**
 * A check that reads every byte, unless told otherwise. It is made twice, once with nearly all ids in
 * scratch, and both have to find the same.
 */
export async function checkAll(
  repository: Repository,
  options: Partial<CheckOptions> = {},
): Promise<CheckReport> {
  const all = { ...toolsOf(repository), readData: (packs: readonly ListedPack[]) => packs };
  const report = await checkRepository({ ...all, ...options });
  const idMemory = {
    bytes: 5 * BYTES_PER_NUMBERED_ID,
    openScratch: () => openScratchFile(tmpdir()),
  };
  const again = await checkRepository({ ...all, ...options, idMemory, onPackVerified: undefined });
  // Threads finish in any order.
  const content = ({ findings, counts }: CheckReport): unknown => [
    findings.toSorted((a, b) => (a.message < b.message ? -1 : 1)),
    counts,
  ];
  const shown = (one: CheckReport): string => inspect(content(one), { depth: 9 });
  if (!isDeepStrictEqual(content(again), content(report))) {
    throw new Error(`in memory: ${shown(report)}\nin scratch: ${shown(again)}`);
  }
  return report;
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
