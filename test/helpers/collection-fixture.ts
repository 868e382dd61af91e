/** Collections of small repositories as a new process would make them, and what must hold after each. */
import { readSideOf, snapshotsOf } from "./backup-fixture.ts";
import { isForgeError, type ForgeError } from "../../engine/base/errors.ts";
import {
  type CollectOptions,
  type CollectReport,
  collect,
} from "../../engine/maintenance/collect.ts";
import { ReachableBlobs, walkReachable } from "../../engine/maintenance/reachable.ts";
import { verifyObjects } from "../../engine/maintenance/verify-objects.ts";
import { measureUsage } from "../../engine/maintenance/pack-usage.ts";
import { nativePlatform, nativeSyncPlatform } from "../../engine/platform/node/native.ts";
import { createPlatformDecoder } from "../../engine/read/platform-decoder.ts";
import { createReadSide } from "../../engine/read/read-side.ts";
import { type Repository, loadIndex } from "../../engine/repository/repository.ts";
import type { Snapshot } from "../../engine/snapshots/snapshot.ts";
import { deleteSnapshot } from "../../engine/repository/tombstone.ts";
import type { Backend } from "../../engine/storage/backend.ts";

export type CollectAsk = Partial<Omit<CollectOptions, "repository" | "readSide" | "platform">>;

/** One run; `graceMs` is 0 unless it says otherwise. */
export async function collectIn(
  repository: Repository<Backend>,
  ask: CollectAsk = {},
): Promise<CollectReport> {
  const indexed = await loadIndex(repository, { onProblem: fail });
  return collect({
    graceMs: 0,
    overridePlans: true,
    hostname: "host",
    pid: 2,
    nowNs: 0n,
    onProblem: fail,
    ...ask,
    repository: indexed,
    platform: nativeSyncPlatform,
    readSide: createReadSide({
      backend: repository.backend,
      index: indexed.index,
      decoder: createPlatformDecoder(nativePlatform, repository.keys),
    }),
  });
}

export async function deleteIn(repository: Repository<Backend>, snapshot: Snapshot): Promise<void> {
  await deleteSnapshot(repository, snapshot, {
    nowNs: 0n,
    hostname: "host",
    username: "user",
    reason: "test",
  });
}

/** What is wrong with the objects, or with what snapshots need; empty when all is well. */
export async function problemsOf(repository: Repository<Backend>): Promise<string[]> {
  const problems: string[] = [];
  await verifyObjects(repository, { onProblem: ({ message }) => problems.push(message) });
  const readSide = await readSideOf(repository);
  const roots = (await snapshotsOf(repository)).map(({ root }) => root);
  const reachable = new ReachableBlobs();
  try {
    await walkReachable({ readSide, roots, into: reachable });
  } catch (error) {
    if (!isForgeError(error)) throw error;
    problems.push(error.message);
  }
  const { index } = await loadIndex(repository, { onProblem: fail });
  const packs = new Set((await repository.backend.list("packs")).map(({ name }) => name));
  let missing = 0;
  await measureUsage({
    index,
    reachable,
    packs,
    onProblem: fail,
    onPart: (placed) => (missing += [...placed.missing()].length),
  });
  if (missing > 0) problems.push(`${missing} blobs stand nowhere`);
  return problems;
}

/** Bytes of all objects of a kind. */
export async function bytesOf(
  backend: Backend,
  kind: "packs" | "index" | "gc" | "leases" = "packs",
): Promise<number> {
  return (await backend.list(kind)).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

function fail(error: ForgeError): never {
  throw error;
}
