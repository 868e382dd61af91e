/**
 * Backup, the whole flow: lease → walk → unchanged? → chunk → hash → dedup → compress → seal → pack →
 * upload → index → commit. Parallel by the pool's workers, bounded in bytes; a crash anywhere leaves
 * objects nobody refers to, and what was indexed is reused by the next run.
 */
import type { Bytes } from "../base/bytes.ts";
import { throwIfAborted } from "../base/concurrency.ts";
import { type ForgeError, isForgeError } from "../base/errors.ts";
import { HeldWork } from "../base/held-work.ts";
import type { BlobId, PackId } from "../base/ids.ts";
import type { Compression } from "../crypto/envelope.ts";
import type { SyncPlatform } from "../platform/platform.ts";
import type { ReadSide } from "../read/read-side.ts";
import { listPlans } from "../repository/collection-plan.ts";
import { Lease } from "../repository/lease.ts";
import type { IndexedRepository } from "../repository/repository.ts";
import type { Snapshot, SnapshotStats } from "../snapshots/snapshot.ts";
import type { Backend } from "../storage/backend.ts";
import type { ChainEnd } from "./parent.ts";
import { BackupProgress } from "./backup-progress.ts";
import { BlobWriter } from "./blob-writer.ts";
import { commitSnapshot } from "./commit.ts";
import { Dedup } from "./dedup.ts";
import { discarding } from "./discarding-backend.ts";
import { FileBatcher } from "./file-batcher.ts";
import type { FilePool, FilePoolOptions } from "./file-pool.ts";
import { Packer } from "./packer.ts";
import { PreviousTree } from "./previous-tree.ts";
import { TreeSaver } from "./save-tree.ts";
import { SessionTable } from "./session-table.ts";
import type { Source, SourceProblem } from "./source.ts";
import { SourceSaver } from "./source-saver.ts";

/** Tree packs that may wait for the storage: 4 MiB each. The walk pauses beyond. */
const TREE_UPLOADS_MAX = 6;

/** What a pool of file workers is made from. */
export interface FilePoolContext extends FilePoolOptions {
  readonly session: SessionTable;
  readonly repository: IndexedRepository<Backend>;
  readonly compression: Compression;
}

export interface BackupOptions {
  readonly repository: IndexedRepository<Backend>;
  readonly readSide: ReadSide;
  readonly source: Source;
  /** What was asked for, for the snapshot. */
  readonly paths: readonly Bytes[];
  /** The snapshot to compare with; its unchanged files are not read. */
  readonly parent: Snapshot | undefined;
  /** The newest snapshot of this writer, which the new one continues. */
  readonly chain: { readonly writer: string; readonly last: ChainEnd | undefined };
  readonly platform: SyncPlatform;
  readonly createPool: (context: FilePoolContext) => FilePool;
  readonly compression: Compression;
  readonly hostname: string;
  readonly username: string;
  readonly pid: number;
  readonly program: string;
  readonly tags: readonly string[];
  readonly label?: string | undefined;
  readonly name?: string | undefined;
  readonly recordAtime?: boolean | undefined;
  /** Does everything but write. */
  readonly dryRun?: boolean | undefined;
  /** Nanoseconds since 1970. */
  readonly now: () => bigint;
  readonly onProgress?: ((progress: BackupProgress) => void) | undefined;
  /** An entry left out or incomplete. The backup goes on; the result counts them. */
  readonly onProblem: (problem: SourceProblem) => void;
  /** Something the user should know that costs no data. */
  readonly onNotice?: ((error: ForgeError) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface BackupResult {
  /** Absent after a dry run. */
  readonly snapshot: Snapshot | undefined;
  readonly stats: SnapshotStats;
  readonly problems: number;
}

/**
 * @throws ForgeError "lease-lost", "no-space", "io", "permission", "aborted" and others; then there is
 *   no new snapshot, and nothing that was there before is touched.
 */
export async function backup(options: BackupOptions): Promise<BackupResult> {
  const startedNs = options.now();
  const backend =
    options.dryRun === true ? discarding(options.repository.backend) : options.repository.backend;
  const repository = { ...options.repository, backend };
  const lease = await Lease.acquire(repository, {
    purpose: "backup",
    hostname: options.hostname,
    pid: options.pid,
    startedNs,
  });
  const stopBeating = lease.keepBeating();
  try {
    const saved = await saveSource({ ...options, repository }, lease);
    throwIfAborted(options.signal);
    await options.source.confirm?.();
    if (options.dryRun === true) return { ...saved, snapshot: undefined };
    const { chain } = options;
    const snapshot = await commitSnapshot({
      repository,
      lease,
      neededPacks: saved.neededPacks,
      snapshot: {
        timeNs: startedNs,
        endTimeNs: options.now(),
        hostname: options.hostname,
        username: options.username,
        paths: options.paths,
        tags: options.tags,
        label: options.label,
        name: options.name,
        parent: options.parent?.id,
        root: saved.root,
        stats: saved.stats,
        problems: saved.problems,
        program: options.program,
        writer: chain.writer,
        seq: (chain.last?.seq ?? 0) + 1,
        previous: chain.last?.id,
      },
    });
    return { snapshot, stats: saved.stats, problems: saved.problems };
  } finally {
    stopBeating();
    // The outcome stands: a lease that cannot be deleted ends by itself.
    await lease.release().catch((error: unknown) => {
      if (!isForgeError(error)) throw error;
      options.onNotice?.(error);
    });
  }
}

interface SavedSource {
  readonly root: BlobId;
  readonly stats: SnapshotStats;
  readonly problems: number;
  readonly neededPacks: ReadonlySet<PackId>;
}

async function saveSource(options: BackupOptions, lease: Lease): Promise<SavedSource> {
  const { repository, readSide, source, compression } = options;
  const { keys, config } = repository;
  const session = new SessionTable();
  const dedup = new Dedup(repository.index, await listGoodPacks(repository, lease));
  const packer = new Packer(repository);
  const uploads = new HeldWork(TREE_UPLOADS_MAX);
  const pool = options.createPool({
    repository,
    session,
    compression,
    onPack: (pack) => packer.put(pack),
  });
  try {
    const trees = new BlobWriter({
      platform: options.platform,
      keys,
      // Trees are read far more often than written, and small: always zstd.
      compression: { codec: "zstd", level: 3 },
      packBytes: config.treePackBytes,
      onPack: (pack) => uploads.hold(packer.put(pack).then(() => trees.reuse(pack.bytes))),
    });
    const files = new FileBatcher(pool, dedup);
    const progress = new BackupProgress(options.onProgress ?? (() => undefined));
    let problems = 0;
    const saver = new SourceSaver({
      source,
      files,
      trees: new TreeSaver({ writer: trees, session, dedup, keys }),
      dedup,
      previous: await openPrevious(options, readSide, dedup),
      progress,
      recordAtime: options.recordAtime ?? false,
      onProblem: (problem) => {
        problems++;
        options.onProblem(problem);
      },
      waitForRoom: () => uploads.waitForRoom(),
      signal: options.signal,
    });
    const root = await saver.save();
    trees.flush();
    await pool.flush();
    await uploads.finished();
    await packer.flush();
    const treeTotals = trees.takeTotals();
    return {
      root,
      problems,
      neededPacks: new Set([...dedup.neededPacks, ...packer.packIds]),
      stats: {
        files: progress.filesNew + progress.filesChanged + progress.filesUnchanged,
        directories: progress.directories,
        others: progress.others,
        bytes: progress.bytesSaved,
        filesNew: progress.filesNew,
        filesChanged: progress.filesChanged,
        filesUnchanged: progress.filesUnchanged,
        blobsNew: files.newData.blobs + treeTotals.blobs,
        bytesNew: files.newData.plainBytes + treeTotals.plainBytes,
        bytesStored: packer.storedBytes,
      },
    };
  } finally {
    await pool.close();
    await packer.close();
  }
}

/**
 * Packs that what is stored already may be found in: those that are there and not condemned. The
 * order is part of the collection protocol (FORMAT.md "Collection"): the lease, the plans, the packs.
 * A plan this does not see is made after the lease, and its sweep waits for the lease's end.
 */
async function listGoodPacks(
  repository: IndexedRepository<Backend>,
  lease: Lease,
): Promise<ReadonlySet<string>> {
  const { plans } = await listPlans(repository);
  await lease.acknowledgePlans(plans.map(({ id }) => id));
  const packs = new Set((await repository.backend.list("packs")).map(({ name }) => name));
  for (const plan of plans) for (const id of plan.packs) packs.delete(id);
  // What was moved out of condemned packs stands in segments that may be newer than the index.
  if (plans.length > 0) await repository.index.refresh();
  return packs;
}

async function openPrevious(
  options: BackupOptions,
  readSide: ReadSide,
  dedup: Dedup,
): Promise<PreviousTree | undefined> {
  if (options.parent === undefined) return undefined;
  return PreviousTree.open({
    root: options.parent.root,
    readSide,
    dedup,
    onUnreadable: options.onNotice ?? (() => undefined),
  });
}
