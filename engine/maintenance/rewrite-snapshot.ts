/**
 * Saves what is left of a damaged snapshot as a new one: lost files and folders are left out, all else
 * is as it was. The damaged snapshot stays, and the new one names it.
 */
import { throwIfAborted } from "../base/concurrency.ts";
import { ForgeError } from "../base/errors.ts";
import type { PackId } from "../base/ids.ts";
import type { BlobIndex } from "../index/blob-index.ts";
import type { SyncPlatform } from "../platform/platform.ts";
import type { BlobDecoder } from "../read/blob-decoder.ts";
import { type ReadSide, createReadSide } from "../read/read-side.ts";
import type { Lease } from "../repository/lease.ts";
import { type Repository, loadIndex } from "../repository/repository.ts";
import type { Snapshot } from "../snapshots/snapshot.ts";
import type { Backend } from "../storage/backend.ts";
import { BlobWriter } from "../write/blob-writer.ts";
import { commitSnapshot } from "../write/commit.ts";
import { Dedup } from "../write/dedup.ts";
import type { ChainEnd } from "../write/parent.ts";
import { Packer } from "../write/packer.ts";
import { TreeSaver } from "../write/save-tree.ts";
import { SessionTable } from "../write/session-table.ts";
import { BlobIdSet } from "../base/blob-id-set.ts";
import type { BlobSets } from "./blob-sets.ts";
import { DamagedTrees, type Lost, type RewrittenSnapshot } from "./damaged-trees.ts";
import { locateBlobs } from "./locate-blobs.ts";
import { ReachableBlobs, conflictError, walkReachable } from "./reachable.ts";
import type { IdMemory } from "./scratch.ts";

export const REPAIRED_TAG = "repaired";

export interface RewriteOptions {
  readonly repository: Repository<Backend>;
  readonly platform: SyncPlatform;
  readonly decoder: BlobDecoder;
  readonly lost: BlobSets;
  readonly lease: Lease;
  /** Packs that collection plans name, listed after the lease was acquired: not to be relied on. */
  readonly condemned: ReadonlySet<string>;
  /** This client's chain, which the new snapshot continues. */
  readonly chain: { readonly writer: string; readonly last: ChainEnd | undefined };
  readonly program: string;
  readonly nowNs: bigint;
  readonly onLost: (lost: Lost) => void;
  /** For the ids of chunks; without a bound when absent. */
  readonly idMemory?: IdMemory | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * @returns the new snapshot.
 * @throws ForgeError "missing-object" when what is left turns out not to be complete; then there is no
 *   new snapshot. Else as `backup`.
 */
export async function rewriteSnapshot(
  snapshot: Snapshot,
  options: RewriteOptions,
): Promise<Snapshot> {
  const { repository, lease, chain, program, signal } = options;
  const written = await saveRest(snapshot, options);
  const { root } = written;
  if (root === undefined) {
    throw new ForgeError("missing-object", `Nothing is left of snapshot ${snapshot.id}`);
  }
  const neededPacks = await packsOf(root, options);
  const { stats, ...kept } = snapshot;
  const droppedEntries = written.files + written.directories;
  const { writer, last } = chain;
  throwIfAborted(signal);
  return commitSnapshot({
    repository,
    lease,
    neededPacks,
    snapshot: {
      ...kept,
      // One nanosecond later, so that it is the newer of the two for everyone who asks for the latest.
      timeNs: snapshot.timeNs + 1n,
      endTimeNs: options.nowNs,
      tags: [...new Set([...snapshot.tags, REPAIRED_TAG])],
      root,
      stats: {
        ...stats,
        files: Math.max(0, stats.files - written.files),
        bytes: Math.max(0, stats.bytes - written.bytes),
      },
      problems: snapshot.problems + droppedEntries,
      program,
      original: snapshot.id,
      writer,
      seq: (last?.seq ?? 0) + 1,
      previous: last?.id,
    },
  });
}

/** Stores the directories that changed. */
async function saveRest(
  snapshot: Snapshot,
  { repository, platform, decoder, lost, condemned, onLost, signal }: RewriteOptions,
): Promise<RewrittenSnapshot> {
  const { keys, config } = repository;
  const { index } = await loadIndex(repository);
  const readSide = createReadSide({ backend: repository.backend, index, decoder });
  const packer = new Packer(repository);
  const uploads: Promise<void>[] = [];
  const writer = new BlobWriter({
    platform,
    keys,
    compression: { codec: "zstd", level: 3 },
    packBytes: config.treePackBytes,
    onPack: (pack) => {
      const upload = packer.put(pack);
      // Awaited below; a failure before that is not one that nobody heard of.
      upload.catch(() => undefined);
      uploads.push(upload);
    },
  });
  const dedup = new Dedup(index, await goodPacks(repository, condemned));
  const saver = new TreeSaver({ writer, session: new SessionTable(), dedup, keys });
  try {
    const trees = new DamagedTrees({ readSide, lost, signal });
    const written = await trees.rewrite(snapshot.root, saver, onLost);
    writer.flush();
    await Promise.all(uploads);
    await packer.flush();
    return written;
  } finally {
    await packer.close();
  }
}

/** The packs that hold all of it: also the proof that nothing is missing. */
async function packsOf(
  root: Snapshot["root"],
  { repository, decoder, condemned, idMemory, signal }: RewriteOptions,
): Promise<ReadonlySet<PackId>> {
  const { index } = await loadIndex(repository);
  const readSide: ReadSide = createReadSide({ backend: repository.backend, index, decoder });
  const reachable = new ReachableBlobs(idMemory);
  try {
    await walkReachable({ readSide, roots: [root], into: reachable, signal });
    return await packsHolding(reachable, index, await goodPacks(repository, condemned));
  } finally {
    reachable.chunks.close();
  }
}

async function packsHolding(
  reachable: ReachableBlobs,
  index: BlobIndex,
  good: ReadonlySet<string>,
): Promise<ReadonlySet<PackId>> {
  const { lost, packs } = await locateBlobs({
    index,
    reachable,
    packState: (packId) => (good.has(packId) ? "good" : "bad"),
    goodBlobs: new BlobIdSet(),
    isStored: () => true,
    onConflict: (conflict) => {
      throw conflictError(conflict);
    },
  });
  if (lost.size === 0) return packs;
  throw new ForgeError(
    "missing-object",
    `Cannot save what is left of a snapshot: ${lost.size} blobs of it are gone by now; check again`,
  );
}

async function goodPacks(
  { backend }: Repository<Backend>,
  condemned: ReadonlySet<string>,
): Promise<ReadonlySet<string>> {
  const names = (await backend.list("packs")).map(({ name }) => name);
  return new Set(names.filter((name) => !condemned.has(name)));
}
