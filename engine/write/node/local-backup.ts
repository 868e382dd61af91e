/** Backup with the machine's own threads: what `backup` needs from Node, wired. */
import { availableParallelism } from "node:os";

import { nativeSyncPlatform } from "../../platform/node/native.ts";
import { type BackupOptions, type BackupResult, backup } from "../backup.ts";
import { createFileWorkers } from "./file-workers.ts";

export type LocalBackupOptions = Omit<BackupOptions, "platform" | "createPool" | "now"> & {
  /** Worker threads; one a processor when absent. */
  readonly threads?: number | undefined;
};

/** @throws as `backup`. */
export function backupLocally(options: LocalBackupOptions): Promise<BackupResult> {
  const threads = options.threads ?? availableParallelism();
  return backup({
    ...options,
    platform: nativeSyncPlatform,
    now: nowNs,
    createPool: (context) => createFileWorkers(context, { threads }),
  });
}

function nowNs(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}
