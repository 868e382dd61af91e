/** Opens one small object, whatever its kind, to see that it can be opened: it is looked at and dropped. */
import type { Bytes } from "../base/bytes.ts";
import { type KeyId, type SnapshotId, parseId } from "../base/ids.ts";
import { CONFIG_BYTES_MAX, KEY_SLOT_BYTES_MAX } from "../base/limits.ts";
import { readKeySlotHeader } from "../crypto/key-slot.ts";
import { readPlan } from "../repository/collection-plan.ts";
import { decodeConfig, verifyConfig } from "../repository/config.ts";
import { readLease } from "../repository/lease.ts";
import type { Repository } from "../repository/repository.ts";
import { readSnapshot } from "../repository/snapshot-store.ts";
import { readTombstone } from "../repository/tombstone.ts";
import type { ObjectInfo } from "../storage/backend.ts";

/** Kinds that are no packs and no index segments, which are read by ranges. */
export const SMALL_KINDS = ["config", "keys", "snapshots", "leases", "tombstones", "gc"] as const;
export type SmallKind = (typeof SMALL_KINDS)[number];

/** @throws ForgeError "corrupt", "unsupported-version", "newer-keys" and what the backend throws. */
export async function examineObject(
  repository: Repository,
  kind: SmallKind,
  info: ObjectInfo,
  signal?: AbortSignal,
): Promise<void> {
  const { backend, platform, keys } = repository;
  const read = (bytesMax: number): Promise<Bytes> =>
    backend.read({ kind, name: info.name }, { bytesMax, signal });
  switch (kind) {
    case "config": {
      const bytes = await read(CONFIG_BYTES_MAX);
      await decodeConfig(platform, bytes);
      await verifyConfig(platform, keys, bytes);
      return;
    }
    case "keys":
      await readKeySlotHeader(platform, parseId<KeyId>(info.name), await read(KEY_SLOT_BYTES_MAX));
      return;
    case "snapshots":
      await readSnapshot(repository, parseId<SnapshotId>(info.name));
      return;
    case "leases":
      await readLease(repository, info);
      return;
    case "tombstones":
      await readTombstone(repository, parseId<SnapshotId>(info.name));
      return;
    case "gc":
      await readPlan(repository, info);
      return;
    default:
      return kind satisfies never;
  }
}
