/**
 * Check, the whole flow: small objects → index → packs listed → trees walked → every blob located →
 * (with `readData`) every byte of packs → what is lost, and which paths that concerns. It changes
 * nothing and prints nothing. "Cannot read" is never taken for "damaged".
 */
import { mapBounded } from "../base/concurrency.ts";
import { ForgeError, isForgeError } from "../base/errors.ts";
import { type IndexId, type PackId, type SnapshotId, parseId } from "../base/ids.ts";
import type { BlobDecoder } from "../read/blob-decoder.ts";
import { type ReadSide, createReadSide } from "../read/read-side.ts";
import type { Repository } from "../repository/repository.ts";
import { readSnapshot } from "../repository/snapshot-store.ts";
import type { Snapshot } from "../snapshots/snapshot.ts";
import { BlobIdSet } from "../base/blob-id-set.ts";
import { BlobSets } from "./blob-sets.ts";
import { CheckFindings, kindOfError } from "./check-findings.ts";
import { PackCheck } from "./check-packs.ts";
import type { AffectedPaths, CheckReport, Damage } from "./check-report.ts";
import { DamagedTrees } from "./damaged-trees.ts";
import { SMALL_KINDS, examineObject } from "./examine-object.ts";
import { CheckedIndex } from "./index-source.ts";
import { type LocatedBlobs, locateBlobs } from "./locate-blobs.ts";
import {
  ReachableBlobs,
  type ReachableProblem,
  conflictError,
  walkReachable,
} from "./reachable.ts";
import { type ListedPack, rebuildIndex } from "./rebuild-index.ts";
import type { IdMemory } from "./scratch.ts";
import type { PackVerifier } from "./verify-pack.ts";

export interface CheckProgress {
  readonly activity: "opening the index" | "walking folders" | "reading packs";
  readonly trees: number;
  readonly packsRead: number;
  readonly packsToRead: number;
  readonly bytesRead: number;
  readonly bytesToRead: number;
}

export interface CheckOptions {
  readonly repository: Repository;
  readonly decoder: BlobDecoder;
  readonly verifier: PackVerifier;
  /** Only what this snapshot needs. */
  readonly snapshot?: SnapshotId | undefined;
  /**
   * Chooses the packs to be read whole, in order; absent: none but those that look damaged.
   * @param packs All that are in question: of the one snapshot, or of the repository.
   */
  readonly readData?: ((packs: readonly ListedPack[]) => readonly ListedPack[]) | undefined;
  /** A pack was read and is sound. */
  readonly onPackVerified?: ((packId: PackId) => void) | undefined;
  /** For the ids of chunks; without a bound when absent. */
  readonly idMemory?: IdMemory | undefined;
  readonly onProgress?: ((progress: CheckProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Small objects read at once: a remote storage answers each after tens of milliseconds. */
const READS = 16;

/**
 * @throws ForgeError "unsupported-version" when a newer forge wrote a part of the index; "not-found"
 *   for a snapshot that is not there; "aborted"; what listing the storage throws.
 */
export async function checkRepository(options: CheckOptions): Promise<CheckReport> {
  const check = new Check(options);
  try {
    return await check.run();
  } finally {
    check.close();
  }
}

class Check {
  readonly #options: CheckOptions;
  readonly #findings = new CheckFindings();
  readonly #goodBlobs = new BlobIdSet();
  readonly #reachable: ReachableBlobs;
  /** Trees and lists that could not be read. */
  readonly #unread = new BlobSets();
  #snapshots: readonly Snapshot[] = [];

  constructor(options: CheckOptions) {
    this.#options = options;
    this.#reachable = new ReachableBlobs(options.idMemory);
  }

  close(): void {
    this.#reachable.chunks.close();
  }

  async run(): Promise<CheckReport> {
    const { repository, signal, verifier, onPackVerified } = this.#options;
    await this.#smallObjects();
    const { checked, listed } = await this.#openIndex();
    const packs = new PackCheck({
      repository,
      verifier,
      checked,
      listed,
      findings: this.#findings,
      goodBlobs: this.#goodBlobs,
      onPackVerified,
      onProgress: (numbers) => this.#progress("reading packs", numbers),
      signal,
    });
    const unindexed = await this.#describeUnindexed(checked, listed, packs);
    await packs.examine(packs.wrongSizes());
    const readSide = createReadSide({
      backend: repository.backend,
      index: checked.index,
      decoder: this.#options.decoder,
    });
    packs.suspect(await this.#walk(readSide));
    let located = await this.#locate(checked, packs);
    await this.#readData(packs, located, listed);
    await packs.examineSuspects();
    if (packs.hasDamage) located = await this.#locate(checked, packs);
    for (const packId of located.contradicting) packs.reportContradiction(packId);
    const damage = await this.#damage(checked, packs, located, unindexed, readSide);
    return this.#findings.report(damage, {
      snapshots: this.#snapshots.length,
      trees: this.#reachable.trees.size,
      lists: this.#reachable.lists.size,
      chunks: located.chunks,
      packs: listed.size,
      packBytes: [...listed.values()].reduce((sum, bytes) => sum + bytes, 0),
      indexSegments: checked.segmentCount,
      indexRecords: checked.records,
      ...packs.counts,
    });
  }

  /** Everything but packs and index; keeps the snapshots. */
  async #smallObjects(): Promise<void> {
    const { repository, snapshot, signal } = this.#options;
    if (snapshot !== undefined) {
      this.#snapshots = [await readSnapshot(repository, snapshot)];
      return;
    }
    const snapshots: Snapshot[] = [];
    for (const kind of SMALL_KINDS) {
      const infos = await repository.backend.list(kind, { signal });
      await mapBounded(infos, { concurrency: READS, signal }, async (info) => {
        try {
          if (kind === "snapshots") {
            snapshots.push(await readSnapshot(repository, parseId<SnapshotId>(info.name)));
          } else {
            await examineObject(repository, kind, info, signal);
          }
        } catch (error) {
          // Removed between the listing and the reading: it is simply not there any more.
          if (isForgeError(error, "missing-object")) return;
          this.#findings.object({ kind, name: info.name }, forgeError(error));
        }
      });
    }
    const quarantined = await repository.backend.list("quarantine", { signal });
    this.#findings.quarantine(quarantined);
    snapshots.sort((a, b) => Number(a.timeNs - b.timeNs) || (a.id < b.id ? -1 : 1));
    this.#snapshots = snapshots;
  }

  /** What collection removes meanwhile makes the index older than the listing: then once more. */
  async #openIndex(): Promise<{ checked: CheckedIndex; listed: Map<PackId, number> }> {
    const { repository, signal } = this.#options;
    for (let attempt = 1; ; attempt++) {
      this.#progress("opening the index");
      const checked = await CheckedIndex.open(repository, signal);
      const infos = await repository.backend.list("packs", { signal });
      const listed = new Map<PackId, number>();
      for (const { name, sizeBytes } of infos) listed.set(parseId<PackId>(name), sizeBytes);
      const missing = [...checked.packs.keys()].some((id) => !listed.has(id));
      if (missing && attempt === 1) continue;
      return { checked, listed };
    }
  }

  /** Packs that no readable segment describes are described in memory. */
  async #describeUnindexed(
    checked: CheckedIndex,
    listed: ReadonlyMap<PackId, number>,
    packs: PackCheck,
  ): Promise<readonly ListedPack[]> {
    const { repository, signal } = this.#options;
    const faulty = new Set<string>(checked.faults.map(({ id }) => id));
    const described = checked.packsOutside(faulty);
    const unindexed: ListedPack[] = [];
    for (const [packId, packBytes] of listed) {
      if (!described.has(packId)) unindexed.push({ packId, packBytes });
    }
    const rebuilt = await rebuildIndex(repository, unindexed, { signal });
    await checked.addUnstored(rebuilt.segments.filter(({ records }) => records > 0));
    const isNewer = rebuilt.failures.some(({ error }) => kindOfError(error) === "newer");
    for (const { id, error } of checked.faults) {
      // Newer keys seal packs as well: where all packs open, it is the header that is damaged.
      const isHeader = error.code === "newer-keys" && !isNewer;
      this.#findings.segment(id, isHeader ? damagedHeader(id, error) : error);
    }
    packs.suspect(
      rebuilt.failures.flatMap(({ packId, error }) => {
        if (kindOfError(error) !== "unreadable") return [packId];
        this.#findings.unreadable(`pack ${packId}`, error);
        return [];
      }),
    );
    // Which packs a segment describes that cannot be read now is not known.
    const isDark = checked.faults.some(({ error }) => kindOfError(error) === "unreadable");
    return isDark ? [] : unindexed;
  }

  /** @returns packs of trees and lists that are damaged. */
  async #walk(readSide: ReadSide): Promise<readonly PackId[]> {
    const { signal } = this.#options;
    const problems: ReachableProblem[] = [];
    let trees = 0;
    await walkReachable({
      readSide,
      roots: new Set(this.#snapshots.map(({ root }) => root)),
      into: this.#reachable,
      onProblem: (problem) => problems.push(problem),
      onProgress: () => {
        if (++trees % 64 === 0) this.#progress("walking folders");
      },
      signal,
    });
    const suspects: PackId[] = [];
    for (const { kind, id, error } of problems) {
      if (kind === "data") {
        this.#findings.treeWrong(id, error);
        continue;
      }
      switch (kindOfError(error)) {
        case "newer":
          this.#findings.newer(`${kind} blob ${id}`, error);
          break;
        case "unreadable":
          this.#findings.unreadable(`${kind} blob ${id}`, error);
          break;
        case "damaged":
        case "missing": {
          this.#unread.add(kind, id);
          const places = await readSide.index.find(id);
          suspects.push(...places.map(({ packId }) => packId));
          break;
        }
      }
    }
    return suspects;
  }

  async #locate(checked: CheckedIndex, packs: PackCheck): Promise<LocatedBlobs> {
    return locateBlobs({
      index: checked.index,
      reachable: this.#reachable,
      packState: (packId, packBytes) => packs.stateOf(packId, packBytes),
      goodBlobs: this.#goodBlobs,
      isStored: (segment) => checked.isStored(segment.id),
      onConflict: (conflict) => this.#findings.treeWrong(conflict.id, conflictError(conflict)),
    });
  }

  async #readData(
    packs: PackCheck,
    located: LocatedBlobs,
    listed: ReadonlyMap<PackId, number>,
  ): Promise<void> {
    const { readData, snapshot } = this.#options;
    if (readData === undefined) return;
    const all: ListedPack[] = [];
    for (const [packId, packBytes] of listed) {
      if (snapshot === undefined || located.packs.has(packId)) all.push({ packId, packBytes });
    }
    await packs.examine(readData(all));
  }

  async #damage(
    checked: CheckedIndex,
    packs: PackCheck,
    located: LocatedBlobs,
    unindexed: readonly ListedPack[],
    readSide: ReadSide,
  ): Promise<Damage> {
    const { lost } = located;
    lost.addAll(this.#unread);
    const missing = packs.missing();
    for (const pack of missing) this.#findings.packMissing(pack);
    this.#findings.unindexed(unindexed.length, located.unindexed);
    const snapshots: { snapshotId: SnapshotId; affected: AffectedPaths }[] = [];
    if (lost.size > 0) {
      const trees = new DamagedTrees({ readSide, lost, signal: this.#options.signal });
      for (const { id, root } of this.#snapshots) {
        const affected = await this.#affected(trees, root);
        if (affected === undefined) continue;
        const repairedBy = this.#snapshots.find(({ original }) => original === id)?.id;
        this.#findings.snapshot(id, affected, repairedBy);
        if (repairedBy === undefined) snapshots.push({ snapshotId: id, affected });
      }
    }
    const gone = new Set<string>([...missing, ...packs.damaged].map(({ packId }) => packId));
    for (const packId of packs.misindexed) gone.add(packId);
    const broken = this.#findings.brokenSegments;
    const stale = checked.segmentsOf(gone).filter((id) => !broken.includes(id));
    return {
      brokenSegments: broken,
      staleSegments: stale,
      missingPacks: missing,
      damagedPacks: packs.damaged,
      unindexedPacks: unindexed,
      lost,
      snapshots,
      ...this.#findings.forRepair,
    };
  }

  /** A storage that stopped answering hides which paths are affected, and says so itself. */
  async #affected(trees: DamagedTrees, root: Snapshot["root"]): Promise<AffectedPaths | undefined> {
    try {
      return await trees.affected(root);
    } catch (error) {
      const known = forgeError(error);
      this.#findings.unreadable(`the tree ${root}`, known);
      return undefined;
    }
  }

  #progress(activity: CheckProgress["activity"], numbers?: Partial<CheckProgress>): void {
    this.#options.onProgress?.({
      activity,
      trees: this.#reachable.trees.size,
      packsRead: 0,
      packsToRead: 0,
      bytesRead: 0,
      bytesToRead: 0,
      ...numbers,
    });
  }
}

function damagedHeader(id: IndexId, cause: ForgeError): ForgeError {
  const message = `Cannot read index segment ${id}: it names a key epoch that no pack has`;
  return new ForgeError("corrupt", message, { cause });
}

/** An error of the world; our own and an abort are thrown on. */
function forgeError(error: unknown): ForgeError {
  if (!isForgeError(error) || error.code === "aborted") throw error;
  return error;
}
