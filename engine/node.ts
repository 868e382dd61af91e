/**
 * PUBLIC DOOR, Node: open and create repositories on this machine, back up, read, restore. What the
 * browser can do as well is `browser.ts`; beyond names, this file only wires Node's platform in.
 */
import { availableParallelism } from "node:os";

import { type KdfParameters, calibrateKdf } from "./crypto/kdf.ts";
import { createDecodePool } from "./platform/node/decode-pool.ts";
import { type CollectOptions, type CollectReport, collect } from "./maintenance/collect.ts";
import { type ReencryptReport, reencrypt } from "./maintenance/reencrypt.ts";
import { nativePlatform, nativeSyncPlatform } from "./platform/node/native.ts";
import { type ReadSide, createReadSide } from "./read/read-side.ts";
import { type RecoveryPart, decodeRecoveryLine } from "./crypto/recovery-lines.ts";
import { type RecoveredRepository, openWithSheet as openSheetWith } from "./repository/recovery.ts";
import {
  type IndexedRepository,
  type OpenOptions,
  type OpenedRepository,
  type UnlockedRepository,
  openRepository as openWith,
  unlockRepository as unlockWith,
} from "./repository/repository.ts";
import type { ReadBackend } from "./storage/backend.ts";
import { type InitOptions, initRepository as initWith } from "./write/init.ts";
import type { Backend } from "./storage/backend.ts";

export { countBuffersWithHeap } from "./platform/node/collector.ts";
export { type Bytes, compareBytes, concatBytes, findUtf8, lossyUtf8, utf8 } from "./base/bytes.ts";
export { type ErrorCode, ForgeError, isForgeError, messageOf } from "./base/errors.ts";
export type { BlobId, KeyId, PackId, SnapshotId } from "./base/ids.ts";
export { KDF_STRONG, type KdfParameters } from "./crypto/kdf.ts";
export type { Compression } from "./crypto/envelope.ts";
export { CIPHERS, CODECS, type Cipher, type Codec } from "./platform/platform.ts";
export type { Snapshot, SnapshotStats } from "./snapshots/snapshot.ts";
export type { Backend, ObjectInfo, ReadBackend } from "./storage/backend.ts";
export { LocalBackend } from "./storage/node/local.ts";
export {
  type Credentials,
  type IndexedRepository,
  type OpenedRepository,
  type Repository,
  type RepositoryIdentity,
  type UnlockedRepository,
  loadIndex,
} from "./repository/repository.ts";
export {
  type KeySecret,
  type NewKeySlot,
  addKeySlot,
  removeKeySlot,
  replaceKeySlot,
} from "./repository/key-slots.ts";
export { type KeySlotListing, type StoredKeySlot, readKeySlots } from "./repository/unlock.ts";
export {
  type RotationPlan,
  type RotationSecret,
  applyRotation,
  planRotation,
} from "./repository/rotate-keys.ts";
export {
  type FreshnessFault,
  NOTHING_SEEN,
  type SeenHead,
  type SeenState,
  acceptState,
  examineFreshness,
} from "./repository/freshness.ts";
export type { SeqRange } from "./repository/snapshot-chain.ts";
export { type RecoverySheet, createRecoverySheet } from "./repository/recovery.ts";
export { LEASE_TTL_MS, listLeases, readLease } from "./repository/lease.ts";
export {
  type KnownLease,
  type LeaseContent,
  readLeases,
  removeLeases,
} from "./repository/lease.ts";
export { type LeaseSurvey, surveyLeases } from "./maintenance/survey-leases.ts";
export {
  type CollectOptions,
  type CollectReport,
  type CollectStage,
  GRACE_MS_DEFAULT,
  THRESHOLD_DEFAULT,
} from "./maintenance/collect.ts";
export type { ReencryptReport } from "./maintenance/reencrypt.ts";
export type { SweepResult, WaitingPlan } from "./maintenance/sweep.ts";
export { type CheckProgress, checkRepository } from "./maintenance/check.ts";
export { CHECK_RECORD_BYTES_MAX, CheckRecord } from "./maintenance/check-record.ts";
export type { AffectedPaths, CheckReport, Finding } from "./maintenance/check-report.ts";
export { type CheckTools, withCheckTools } from "./maintenance/node/check-tools.ts";
export { openScratchFile } from "./maintenance/node/scratch-file.ts";
export type { IdMemory } from "./maintenance/scratch.ts";
export { type PackShare, choosePacks, parsePackShare } from "./maintenance/pack-share.ts";
export { type RepairEvent, applyRepair, listCopy } from "./maintenance/repair.ts";
export { type RepairPlan, type RepairStep, planRepair } from "./maintenance/repair-plan.ts";
export { PERIODS, type Period } from "./snapshots/calendar.ts";
export {
  GROUP_KEYS,
  type GroupKey,
  type RetentionDecision,
  type RetentionGroup,
  type RetentionOptions,
  type RetentionPolicy,
  planRetention,
} from "./snapshots/retention.ts";
export {
  type Deletion,
  type Tombstone,
  deleteSnapshot,
  findStoredSnapshot,
  listTombstones,
  readTombstone,
} from "./repository/tombstone.ts";
export { listSnapshots } from "./repository/snapshot-store.ts";
export type { ReadSide } from "./read/read-side.ts";
export { ByteLru } from "./read/byte-lru.ts";
export { readExactly, streamFile } from "./read/file-stream.ts";
export {
  type FsAttributes,
  type FsDirectory,
  type FsEntry,
  type FsEntryType,
  type FsFile,
  type FsSpecial,
  type FsSymlink,
  type FsXattr,
  type ReadonlyFs,
  displayName,
  findEntry,
  fsEntries,
  splitPath,
} from "./read/readonly-fs.ts";
export { createPackSource } from "./restore/pack-source.ts";
export { type OverwritePolicy, restore } from "./restore/restore.ts";
export type {
  EntryOutcome,
  RestoreEvents,
  RestoredEntry,
  RestoreProblem,
  RestoreProgress,
  RestoreReport,
} from "./restore/restore-report.ts";
export type { Choice, Select } from "./restore/restore-walk.ts";
export { openLocalTarget } from "./restore/node/local-target.ts";
export { openSnapshotFs } from "./read/snapshot-fs.ts";
export {
  type DiffChange,
  type DiffEntry,
  type MetadataField,
  diffDirectories,
} from "./read/diff.ts";
export { type FindQuery, type FoundVersion, findVersions, versionKey } from "./read/find.ts";
export { NameIndex } from "./read/name-index.ts";
export type { NamePattern, NameQuery } from "./read/name-query.ts";
export { type NameHit, type NamedSnapshot, searchNames } from "./read/search-names.ts";
export { type PathVersion, pathVersions } from "./read/versions.ts";
export { type RepositoryFsOptions, openRepositoryFs } from "./read/repository-fs.ts";
export { type SnapshotFilter, matchesFilter, resolveSnapshot } from "./read/resolve-snapshot.ts";
export type { BackupProgress } from "./write/backup-progress.ts";
export type { BackupResult } from "./write/backup.ts";
export type { Source, SourceProblem } from "./write/source.ts";
export { type ChainEnd, findChainEnd, findParent } from "./write/parent.ts";
export { type SourceExcludes, openLocalSource } from "./write/node/local-source.ts";
/** System calls that Node lacks, for a mount and for standard input. */
export {
  exitNow,
  isReadableWithin,
  makeNonBlocking,
  mount,
  pipe,
  readAvailable,
  receiveFd,
  socketPair,
  umount2,
  waitReadable,
  writeMessage,
} from "./platform/node/libc.ts";
export { openCommandSource, openStreamSource } from "./write/node/stream-source.ts";
export { type LocalBackupOptions, backupLocally } from "./write/node/local-backup.ts";

export interface NodeReadSide extends ReadSide {
  /**
   * Starts the decoding threads in a moment, for who serves for long: readers then find them there. In
   * a moment, so that the first request, which needs none, does not wait for it.
   */
  warmUp(): void;
  /** Stops the decoding threads. */
  close(): Promise<void>;
}

const WARM_UP_MS = 20;

type NodeOpenOptions<B extends ReadBackend> = Omit<OpenOptions<B>, "platform">;

/** @throws ForgeError "no-repository", "wrong-password", "corrupt", "unsupported-version" and others. */
export function openRepository<B extends ReadBackend>(
  options: NodeOpenOptions<B>,
): Promise<OpenedRepository<B>> {
  return openWith({ ...options, platform: nativePlatform });
}

/** `openRepository` with the keys themselves, for making key slots. @throws the same. */
export function unlockRepository<B extends ReadBackend>(
  options: NodeOpenOptions<B>,
): Promise<UnlockedRepository<B>> {
  return unlockWith({ ...options, platform: nativePlatform });
}

/** Opens a repository with the typed lines of a recovery sheet. @throws those of the engine's. */
export function openWithSheet(backend: Backend, text: string): Promise<RecoveredRepository> {
  return openSheetWith(backend, nativePlatform, text);
}

/** One typed line of a sheet: `undefined` when it is right, else what is wrong with it. */
export async function findRecoveryLineFault(
  part: RecoveryPart,
  number: number,
  typed: string,
): Promise<string | undefined> {
  const result = await decodeRecoveryLine(nativePlatform, { part, number, typed });
  return typeof result === "string" ? result : undefined;
}

/** What a new passphrase costs on this machine: at most 250 ms. */
export function measureKdf(): Promise<KdfParameters> {
  return calibrateKdf(nativePlatform, () => performance.now());
}

/** @throws ForgeError "repository-exists" and what the backend throws. */
export async function initRepository(
  options: Omit<InitOptions, "platform" | "kdf" | "nowMs"> & {
    /** Calibrated to at most 250 ms on this machine when absent. */
    readonly kdf?: KdfParameters | undefined;
  },
): Promise<OpenedRepository<Backend>> {
  const kdf = options.kdf ?? (await measureKdf());
  return initWith({ ...options, kdf, nowMs: Date.now(), platform: nativePlatform });
}

/** The read side over this machine's threads. Close it when done. */
export function openReadSide(
  repository: IndexedRepository,
  options: {
    /** Verified chunks of files kept in memory. */
    readonly chunkCacheBytes?: number | undefined;
    /** Decoding threads; one a processor when absent. */
    readonly threads?: number | undefined;
  } = {},
): NodeReadSide {
  const pool = createDecodePool({
    keys: repository.keys,
    workers: options.threads ?? availableParallelism(),
  });
  const readSide = createReadSide({
    backend: repository.backend,
    index: repository.index,
    decoder: pool,
    chunkCacheBytes: options.chunkCacheBytes,
  });
  return {
    ...readSide,
    warmUp: () => void setTimeout(() => pool.startThreads(), WARM_UP_MS).unref(),
    close: () => pool.close(),
  };
}

/** Collection that seals everything of older key epochs anew. @throws as `reencrypt`. */
export function reencryptLocally(
  options: Omit<CollectOptions, "platform" | "nowNs" | "epochMin" | "reseal">,
): Promise<ReencryptReport> {
  return reencrypt({
    ...options,
    platform: nativeSyncPlatform,
    nowNs: BigInt(Date.now()) * 1_000_000n,
  });
}

/** Garbage collection with this machine's platform. @throws as `collect`. */
export function collectLocally(
  options: Omit<CollectOptions, "platform" | "nowNs">,
): Promise<CollectReport> {
  return collect({
    ...options,
    platform: nativeSyncPlatform,
    nowNs: BigInt(Date.now()) * 1_000_000n,
  });
}
