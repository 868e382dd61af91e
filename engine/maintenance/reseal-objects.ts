/**
 * Seals snapshots and tombstones of older key epochs anew, under their own names. A name is free for
 * a moment then, so a copy of the snapshot stands beside it meanwhile: whatever happens, one of the two
 * is there, and the next run puts things in order. FORMAT.md "Key epochs".
 */
import type { Bytes } from "../base/bytes.ts";
import { throwIfAborted } from "../base/concurrency.ts";
import { type ForgeError, isForgeError } from "../base/errors.ts";
import { type SnapshotId, findId, idBytes } from "../base/ids.ts";
import { SNAPSHOT_BYTES_MAX, TOMBSTONE_BYTES_MAX } from "../base/limits.ts";
import { resealSync } from "../crypto/envelope.ts";
import type { KeyRing } from "../crypto/key-ring.ts";
import {
  findStandaloneEpoch,
  openStandalone,
  sealStandalone,
} from "../crypto/standalone-object.ts";
import type { SealedBlob } from "../packs/pack-builder.ts";
import type { SyncPlatform } from "../platform/platform.ts";
import type { Lease } from "../repository/lease.ts";
import type { Repository } from "../repository/repository.ts";
import { RESEALING_FIELD, listSnapshots, writeSnapshot } from "../repository/snapshot-store.ts";
import { type Snapshot, decodeSnapshot, encodeSnapshot } from "../snapshots/snapshot.ts";
import type { Backend, ObjectRef } from "../storage/backend.ts";

/** For the repacker: blobs of older epochs under the newest, compressed as they were. */
export function blobResealer(
  platform: SyncPlatform,
  keys: KeyRing,
): (blob: SealedBlob) => SealedBlob {
  return (blob) => {
    if (blob.epoch >= keys.currentEpoch) return blob;
    const { id, kind, codec, epoch, plainBytes, sealed } = blob;
    const request = { kind, objectId: id, codec, epoch, plainBytes };
    return { ...blob, ...resealSync(platform, keys, request, sealed) };
  };
}

export interface ResealOptions {
  readonly repository: Repository<Backend>;
  /** A collection's: nobody else may be marking while names are free. */
  readonly lease: Lease;
  /** What cannot be opened stays as it is. */
  readonly onProblem: (error: ForgeError) => void;
  readonly signal?: AbortSignal | undefined;
}

export interface ResealResult {
  readonly snapshots: number;
  readonly tombstones: number;
}

/** @throws ForgeError "lease-lost", "aborted", and what the storage throws: run it again then. */
export async function resealObjects(options: ResealOptions): Promise<ResealResult> {
  await finishCopies(options);
  const snapshots = await resealEach(options, "snapshots", resealSnapshot);
  const tombstones = await resealEach(options, "tombstones", resealTombstone);
  return { snapshots, tombstones };
}

type Resealer = (options: ResealOptions, id: SnapshotId, plain: Bytes) => Promise<void>;

async function resealEach(
  options: ResealOptions,
  kind: "snapshots" | "tombstones",
  reseal: Resealer,
): Promise<number> {
  const { repository, lease, onProblem, signal } = options;
  const { backend, platform, keys } = repository;
  let resealed = 0;
  for (const { name } of await backend.list(kind, { signal })) {
    throwIfAborted(signal);
    const id = findId<SnapshotId>(name);
    if (id === undefined) continue;
    const standalone = kind === "snapshots" ? "snapshot" : "tombstone";
    let plain: Bytes;
    try {
      const bytesMax = Math.max(SNAPSHOT_BYTES_MAX, TOMBSTONE_BYTES_MAX) + 1024;
      const bytes = await backend.read({ kind, name }, { bytesMax, signal });
      if ((findStandaloneEpoch(bytes) ?? 0) >= keys.currentEpoch) continue;
      const objectId = idBytes(id);
      plain = await openStandalone(platform, keys, { kind: standalone, objectId, bytes });
    } catch (error) {
      if (!isForgeError(error) || error.code === "aborted") throw error;
      if (error.code !== "missing-object") onProblem(error);
      continue;
    }
    await lease.confirm();
    await reseal(options, id, plain);
    resealed++;
  }
  return resealed;
}

async function resealSnapshot(options: ResealOptions, id: SnapshotId, plain: Bytes): Promise<void> {
  const { repository } = options;
  const snapshot = decodeSnapshot(plain, id);
  const copy = await writeSnapshot(repository, {
    ...snapshot,
    unknown: { ...snapshot.unknown, [RESEALING_FIELD]: id },
  });
  await replaceSnapshot(repository, id, plain);
  await repository.backend.delete([snapshotRef(copy.id)]);
}

/** Not if somebody deleted it meanwhile. */
async function replaceSnapshot(
  repository: Repository<Backend>,
  id: SnapshotId,
  plain: Bytes,
): Promise<void> {
  const { backend, platform, keys } = repository;
  const request = { kind: "snapshot", objectId: idBytes(id), plain } as const;
  const sealed = await sealStandalone(platform, keys, request);
  await backend.delete([snapshotRef(id)]);
  if ((await backend.stat({ kind: "tombstones", name: id })) !== undefined) return;
  await backend.put(snapshotRef(id), sealed);
}

/**
 * A tombstone that is lost in the moment between is a warning that names a snapshot as missing; so the
 * moment is short, and a failure is tried again at once.
 */
async function resealTombstone(
  { repository }: ResealOptions,
  id: SnapshotId,
  plain: Bytes,
): Promise<void> {
  const { backend, platform, keys } = repository;
  const ref = { kind: "tombstones", name: id } as const;
  const request = { kind: "tombstone", objectId: idBytes(id), plain } as const;
  const sealed = await sealStandalone(platform, keys, request);
  await backend.delete([ref]);
  try {
    await backend.put(ref, sealed);
  } catch {
    await backend.put(ref, sealed);
  }
}

/** Ends what an interrupted run began: puts the snapshot back if it is not there, removes the copy. */
async function finishCopies({
  repository,
  lease,
  onProblem,
  signal,
}: ResealOptions): Promise<void> {
  for (const copy of await listSnapshots(repository, { onProblem, signal })) {
    const original = originalOf(copy);
    if (original === undefined) continue;
    await lease.confirm();
    const ref = snapshotRef(original);
    if ((await repository.backend.stat(ref)) === undefined) {
      const rest = Object.entries(copy.unknown ?? {}).filter(([key]) => key !== RESEALING_FIELD);
      const unknown = rest.length === 0 ? undefined : Object.fromEntries(rest);
      const plain = encodeSnapshot({ ...copy, unknown });
      await replaceSnapshot(repository, original, plain);
    }
    await repository.backend.delete([snapshotRef(copy.id)]);
  }
}

function originalOf({ unknown }: Snapshot): SnapshotId | undefined {
  const id = unknown?.[RESEALING_FIELD];
  return typeof id === "string" ? findId<SnapshotId>(id) : undefined;
}

function snapshotRef(name: SnapshotId): ObjectRef {
  return { kind: "snapshots", name };
}
