/**
 * Tombstones: what stays of a deleted snapshot. Written before the snapshot goes, so that a snapshot
 * that is missing without one was not deleted by anyone who holds the keys. FORMAT.md "Tombstones".
 */
import { utf8 } from "../base/bytes.ts";
import { mapBounded } from "../base/concurrency.ts";
import { type ForgeError, isForgeError } from "../base/errors.ts";
import { type SnapshotId, findId, idBytes, parseId } from "../base/ids.ts";
import { TOMBSTONE_BYTES_MAX } from "../base/limits.ts";
import { openStandalone, sealStandalone } from "../crypto/standalone-object.ts";
import type { Snapshot } from "../snapshots/snapshot.ts";
import type { Backend } from "../storage/backend.ts";
import { JsonFields } from "./json-object.ts";
import type { Repository } from "./repository.ts";

const VERSION = 1;
const READ_CONCURRENCY = 16;

export interface Tombstone {
  /** The snapshot that was deleted. */
  readonly id: SnapshotId;
  /** When, by the clock of who deleted it; nanoseconds since 1970. */
  readonly deletedNs: bigint;
  /** Who. */
  readonly hostname: string;
  readonly username: string;
  /** Why, in words: "forge delete", or what of a retention policy did not hold it. */
  readonly reason: string;
  /**
   * The place of the snapshot in its writer's chain, so that the chain stays checkable. Absent when
   * the snapshot could not be read any more.
   */
  readonly chain?: { readonly writer: string; readonly seq: number } | undefined;
  /** When the snapshot was made, nanoseconds since 1970. */
  readonly timeNs?: bigint | undefined;
}

/** Stores the tombstone. One that is there already stays as it is: the first deletion counts. */
export async function writeTombstone(
  repository: Repository<Backend>,
  tombstone: Tombstone,
): Promise<void> {
  const { backend, platform, keys } = repository;
  const plain = utf8(
    JSON.stringify({
      version: VERSION,
      deleted: tombstone.deletedNs.toString(),
      hostname: tombstone.hostname,
      username: tombstone.username,
      reason: tombstone.reason,
      writer: tombstone.chain?.writer,
      seq: tombstone.chain?.seq,
      time: tombstone.timeNs?.toString(),
    }),
  );
  const bytes = await sealStandalone(platform, keys, {
    kind: "tombstone",
    objectId: idBytes(tombstone.id),
    plain,
  });
  await backend.put({ kind: "tombstones", name: tombstone.id }, bytes);
}

/** @throws ForgeError "corrupt", "unsupported-version", and what the backend throws. */
export async function readTombstone(repository: Repository, id: SnapshotId): Promise<Tombstone> {
  const bytes = await repository.backend.read(
    { kind: "tombstones", name: id },
    { bytesMax: TOMBSTONE_BYTES_MAX + 1024 },
  );
  const plain = await openStandalone(repository.platform, repository.keys, {
    kind: "tombstone",
    objectId: idBytes(id),
    bytes,
  });
  const fields = new JsonFields(plain, `tombstone ${id}`, VERSION);
  const writer = fields.findString("writer");
  const seq = fields.findNumber("seq");
  return {
    id,
    deletedNs: fields.timeNs("deleted"),
    hostname: fields.string("hostname"),
    username: fields.string("username"),
    reason: fields.string("reason"),
    chain: writer === undefined || seq === undefined ? undefined : { writer, seq },
    timeNs: fields.findString("time") === undefined ? undefined : fields.timeNs("time"),
  };
}

/**
 * Tombstones, in order of their ids.
 * @param options.sinceMs Only those stored at this storage time or later: a chain's end needs no others.
 */
export async function listTombstones(
  repository: Repository,
  options: {
    readonly sinceMs?: number | undefined;
    /** One that cannot be read; the others are listed. */
    readonly onProblem: (error: ForgeError) => void;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<Tombstone[]> {
  const { sinceMs = Number.NEGATIVE_INFINITY, signal } = options;
  const infos = await repository.backend.list("tombstones", { signal });
  const wanted = infos.filter(({ modifiedMs }) => modifiedMs >= sinceMs);
  const found = await mapBounded(
    wanted,
    { concurrency: READ_CONCURRENCY, signal },
    async ({ name }) => {
      try {
        return await readTombstone(repository, parseId<SnapshotId>(name));
      } catch (error) {
        if (!isForgeError(error) || error.code === "aborted") throw error;
        options.onProblem(error);
        return undefined;
      }
    },
  );
  return found
    .filter((tombstone) => tombstone !== undefined)
    .sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
}

export interface Deletion {
  readonly nowNs: bigint;
  readonly hostname: string;
  readonly username: string;
  readonly reason: string;
}

/**
 * Deletes a snapshot: tombstone first, so that a crash between the two leaves a snapshot that is
 * still whole and may be deleted again. Its space is freed by a later collection.
 * @param snapshot The snapshot, or only its id when it cannot be read.
 */
export async function deleteSnapshot(
  repository: Repository<Backend>,
  snapshot: Snapshot | { readonly id: SnapshotId },
  deletion: Deletion,
): Promise<void> {
  const { id } = snapshot;
  const known = "writer" in snapshot ? snapshot : undefined;
  await writeTombstone(repository, {
    id,
    deletedNs: deletion.nowNs,
    hostname: deletion.hostname,
    username: deletion.username,
    reason: deletion.reason,
    chain: known && { writer: known.writer, seq: known.seq },
    timeNs: known?.timeNs,
  });
  await repository.backend.delete([{ kind: "snapshots", name: id }]);
}

/**
 * The id of a stored snapshot by its beginning, also of one that cannot be read.
 * @returns `undefined` when none or several begin so.
 */
export async function findStoredSnapshot(
  repository: Repository,
  prefix: string,
): Promise<SnapshotId | undefined> {
  if (!/^[0-9a-f]{4,64}$/.test(prefix)) return undefined;
  const infos = await repository.backend.list("snapshots");
  const found = infos.filter(({ name }) => name.startsWith(prefix));
  return found.length === 1 ? findId<SnapshotId>(found[0]?.name ?? "") : undefined;
}
