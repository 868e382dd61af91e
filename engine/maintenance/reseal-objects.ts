/**
 * Seals snapshots and tombstones of older key epochs anew, each in the place of itself: at every moment
 * there is the one or the other. FORMAT.md "Key epochs".
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
import type { Backend } from "../storage/backend.ts";

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
  /** A collection's: nobody else seals anew. */
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
  const snapshots = await resealEach(options, "snapshots");
  const tombstones = await resealEach(options, "tombstones");
  return { snapshots, tombstones };
}

async function resealEach(
  options: ResealOptions,
  kind: "snapshots" | "tombstones",
): Promise<number> {
  const { repository, lease, onProblem, signal } = options;
  const { backend, platform, keys } = repository;
  const standalone = kind === "snapshots" ? "snapshot" : "tombstone";
  const bytesMax = Math.max(SNAPSHOT_BYTES_MAX, TOMBSTONE_BYTES_MAX) + 1024;
  let resealed = 0;
  for (const { name } of await backend.list(kind, { signal })) {
    throwIfAborted(signal);
    const id = findId<SnapshotId>(name);
    if (id === undefined) continue;
    const what = { kind: standalone, objectId: idBytes(id) } as const;
    let plain: Bytes;
    try {
      const bytes = await backend.read({ kind, name }, { bytesMax, signal });
      if ((findStandaloneEpoch(bytes) ?? 0) >= keys.currentEpoch) continue;
      plain = await openStandalone(platform, keys, { ...what, bytes });
    } catch (error) {
      if (!isForgeError(error) || error.code === "aborted") throw error;
      if (error.code !== "missing-object") onProblem(error);
      continue;
    }
    await lease.confirm();
    await backend.replace({ kind, name }, await sealStandalone(platform, keys, { ...what, plain }));
    if (kind === "snapshots") await keepDeleted(backend, name);
    resealed++;
  }
  return resealed;
}

/** Whoever deletes writes the tombstone first: a snapshot that went meanwhile does not come back. */
async function keepDeleted(backend: Backend, name: string): Promise<void> {
  const tombstone = await backend.stat({ kind: "tombstones", name });
  if (tombstone !== undefined) await backend.delete([{ kind: "snapshots", name }]);
}
