/** Marking: what the snapshots reach, as a state that grows with snapshots that come later. */
import { ForgeError, messageOf } from "../base/errors.ts";
import type { SnapshotId } from "../base/ids.ts";
import type { BlobIndex } from "../index/blob-index.ts";
import type { SyncPlatform } from "../platform/platform.ts";
import type { ReadSide } from "../read/read-side.ts";
import type { Repository } from "../repository/repository.ts";
import { listSnapshots } from "../repository/snapshot-store.ts";
import type { Snapshot } from "../snapshots/snapshot.ts";
import type { Backend, ObjectInfo } from "../storage/backend.ts";
import { type ReachableBlobs, walkReachable } from "./reachable.ts";

/** A collection's view of the repository. */
export interface Marking {
  readonly repository: Repository<Backend>;
  /** What seals and hashes packs. */
  readonly platform: SyncPlatform;
  readonly index: BlobIndex;
  readonly readSide: ReadSide;
  /**
   * Everything that the snapshots met so far reach. Snapshots deleted meanwhile stay in it: that keeps
   * too much for a while, and never too little.
   */
  readonly reachable: ReachableBlobs;
  readonly snapshots: Map<SnapshotId, Snapshot>;
  readonly onProblem: (error: ForgeError) => void;
  readonly onProgress?: ((found: ReachableBlobs) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Lists the snapshots and walks those that are new.
 * @throws ForgeError when a snapshot, tree or list cannot be read: what it needs is not known then, and
 *   nothing may be deleted.
 */
export async function markNew(marking: Marking): Promise<void> {
  const { repository, snapshots, readSide, reachable, signal, onProgress } = marking;
  const listed = await listSnapshots(repository, {
    known: snapshots,
    signal,
    onProblem: (error) => {
      throw refusal(error);
    },
  });
  const fresh = listed.filter(({ id }) => !snapshots.has(id));
  const roots = fresh.map(({ root }) => root);
  try {
    await walkReachable({ readSide, roots, into: reachable, onProgress, signal });
  } catch (error) {
    throw error instanceof ForgeError && error.code !== "aborted" ? refusal(error) : error;
  }
  for (const snapshot of fresh) snapshots.set(snapshot.id, snapshot);
}

/** By name. */
export async function listPacks(
  repository: Repository,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, ObjectInfo>> {
  const infos = await repository.backend.list("packs", { signal });
  return new Map(infos.map((info) => [info.name, info]));
}

function refusal(cause: ForgeError): ForgeError {
  return new ForgeError(
    cause.code,
    `Cannot tell what is garbage, so nothing is deleted: ${messageOf(cause)}; see: forge check`,
    { cause, context: cause.context },
  );
}
