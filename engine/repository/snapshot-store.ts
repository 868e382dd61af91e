/** Reading and writing snapshot objects. They are few and small; each is sealed on its own. */
import { toHex } from "../base/bytes.ts";
import { mapBounded } from "../base/concurrency.ts";
import { ForgeError, isForgeError, messageOf } from "../base/errors.ts";
import { type SnapshotId, idBytes, parseId } from "../base/ids.ts";
import { SNAPSHOT_BYTES_MAX } from "../base/limits.ts";
import { openStandalone, sealStandalone } from "../crypto/standalone-object.ts";
import { type Snapshot, decodeSnapshot, encodeSnapshot } from "../snapshots/snapshot.ts";
import type { Backend } from "../storage/backend.ts";
import type { Repository } from "./repository.ts";

/** Ranged reads of small objects wait for the storage, not for the processor. */
const READ_CONCURRENCY = 16;

export interface ListSnapshotsOptions {
  /** Already decoded ones, by id: snapshots never change. */
  readonly known?: ReadonlyMap<SnapshotId, Snapshot> | undefined;
  /** A snapshot that cannot be read: the others are listed, and the view is said to be partial. */
  readonly onProblem: (error: ForgeError) => void;
  readonly signal?: AbortSignal | undefined;
}

/** All readable snapshots, oldest first; equal times in order of their ids. */
export async function listSnapshots(
  repository: Repository,
  options: ListSnapshotsOptions,
): Promise<Snapshot[]> {
  const infos = await repository.backend.list("snapshots", { signal: options.signal });
  const found = await mapBounded(
    infos,
    { concurrency: READ_CONCURRENCY, signal: options.signal },
    async (info) => {
      const id = parseId<SnapshotId>(info.name);
      const known = options.known?.get(id);
      if (known !== undefined) return known;
      try {
        return await readSnapshot(repository, id);
      } catch (error) {
        // Removed between the listing and the reading: it is simply not there any more.
        if (isForgeError(error, "missing-object")) return undefined;
        if (!isForgeError(error) || error.code === "aborted") throw error;
        options.onProblem(error);
        return undefined;
      }
    },
  );
  return found
    .filter((snapshot) => snapshot !== undefined)
    .sort((a, b) => compare(a.timeNs, b.timeNs) || compare(a.id, b.id));
}

export async function readSnapshot(repository: Repository, id: SnapshotId): Promise<Snapshot> {
  const bytes = await repository.backend.read(
    { kind: "snapshots", name: id },
    { bytesMax: SNAPSHOT_BYTES_MAX + 1024 },
  );
  try {
    const plain = await openStandalone(repository.platform, repository.keys, {
      kind: "snapshot",
      objectId: idBytes(id),
      bytes,
    });
    return decodeSnapshot(plain, id);
  } catch (error) {
    if (!isForgeError(error)) throw error;
    throw new ForgeError(
      error.code,
      `Cannot read snapshot ${id.slice(0, 8)}: ${messageOf(error)}`,
      { cause: error, context: { snapshotId: id } },
    );
  }
}

/** Stores a snapshot under a new random id: the commit point. */
export async function writeSnapshot(
  repository: Repository<Backend>,
  fields: Omit<Snapshot, "id">,
): Promise<Snapshot> {
  const id = parseId<SnapshotId>(toHex(repository.platform.randomBytes(32)));
  const snapshot: Snapshot = { ...fields, id };
  const bytes = await sealStandalone(repository.platform, repository.keys, {
    kind: "snapshot",
    objectId: idBytes(id),
    plain: encodeSnapshot(snapshot),
  });
  await repository.backend.put({ kind: "snapshots", name: id }, bytes);
  return snapshot;
}

function compare<T extends bigint | string>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
