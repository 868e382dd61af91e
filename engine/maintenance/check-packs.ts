/**
 * PackCheck: reads packs whole and has them verified, keeps what is wrong with which, and holds the
 * index against their directories. A pack whose directory is lost is verified by what the index says
 * stands in it.
 */
import type { Bytes } from "../base/bytes.ts";
import { mapBounded } from "../base/concurrency.ts";
import { ForgeError, isForgeError } from "../base/errors.ts";
import type { PackId } from "../base/ids.ts";
import { PACK_BYTES_MAX } from "../base/limits.ts";
import type { PackEntry } from "../packs/pack-format.ts";
import { readRecord, recordId, RECORD_BYTES } from "../index/index-record.ts";
import type { Repository } from "../repository/repository.ts";
import type { BlobIdSet } from "../base/blob-id-set.ts";
import { type CheckFindings, kindOfError } from "./check-findings.ts";
import { compareWithIndex } from "./compare-index.ts";
import type { CheckedIndex } from "./index-source.ts";
import type { PackState } from "./locate-blobs.ts";
import { type ListedPack, readPackDirectory } from "./rebuild-index.ts";
import { isSameSum } from "./record-sum.ts";
import type { PackVerdict, PackVerifier } from "./verify-pack.ts";

export interface PackCheckOptions {
  readonly repository: Repository;
  readonly verifier: PackVerifier;
  readonly checked: CheckedIndex;
  readonly listed: ReadonlyMap<PackId, number>;
  readonly findings: CheckFindings;
  /** Takes the good blobs of damaged packs. */
  readonly goodBlobs: BlobIdSet;
  readonly onPackVerified?: ((packId: PackId) => void) | undefined;
  readonly onProgress: (numbers: PackProgress) => void;
  readonly signal?: AbortSignal | undefined;
}

export interface PackProgress {
  readonly packsRead: number;
  readonly packsToRead: number;
  readonly bytesRead: number;
  readonly bytesToRead: number;
}

/** Packs under way: as many as two threads a core on a small machine keep busy. */
const PACKS_AT_ONCE = 6;

export class PackCheck {
  readonly #options: PackCheckOptions;
  readonly #examined = new Set<PackId>();
  readonly #suspects = new Set<PackId>();
  readonly #damaged = new Map<PackId, ListedPack>();
  readonly #misindexed = new Set<PackId>();
  #packsRead = 0;
  #packsToRead = 0;
  #bytesRead = 0;
  #bytesToRead = 0;

  constructor(options: PackCheckOptions) {
    this.#options = options;
  }

  get counts(): { readonly packsRead: number; readonly bytesRead: number } {
    return { packsRead: this.#packsRead, bytesRead: this.#bytesRead };
  }

  get damaged(): readonly ListedPack[] {
    return [...this.#damaged.values()];
  }

  /** Packs of which an index segment says something wrong. */
  get misindexed(): ReadonlySet<PackId> {
    return this.#misindexed;
  }

  get hasDamage(): boolean {
    return this.#damaged.size > 0 || this.#misindexed.size > 0;
  }

  /** Packs that the index knows and the storage does not list. */
  missing(): readonly ListedPack[] {
    const { checked, listed } = this.#options;
    const missing: ListedPack[] = [];
    for (const [packId, packBytes] of checked.packs) {
      if (!listed.has(packId)) missing.push({ packId, packBytes });
    }
    return missing;
  }

  /** Packs whose size is not what the index says. */
  wrongSizes(): readonly ListedPack[] {
    const { checked, listed } = this.#options;
    const wrong: ListedPack[] = [];
    for (const [packId, wantedBytes] of checked.packs) {
      const packBytes = listed.get(packId);
      if (packBytes !== undefined && packBytes !== wantedBytes) wrong.push({ packId, packBytes });
    }
    return wrong;
  }

  stateOf(packId: PackId, packBytes: number): PackState {
    const listedBytes = this.#options.listed.get(packId);
    if (listedBytes === undefined) return "bad";
    if (this.#damaged.has(packId)) return "partly";
    return listedBytes === packBytes ? "good" : "bad";
  }

  /** Packs to be examined before the end, because something in them was found damaged. */
  suspect(packIds: Iterable<PackId>): void {
    for (const packId of packIds) this.#suspects.add(packId);
  }

  async examineSuspects(): Promise<void> {
    const packs: ListedPack[] = [];
    for (const packId of this.#suspects) {
      const packBytes = this.#options.listed.get(packId);
      if (packBytes !== undefined) packs.push({ packId, packBytes });
    }
    await this.examine(packs);
  }

  /** Reads packs whole, each once, and verifies everything in them. */
  async examine(packs: readonly ListedPack[]): Promise<void> {
    const fresh = packs.filter(({ packId }) => !this.#examined.has(packId));
    for (const { packId, packBytes } of fresh) {
      this.#examined.add(packId);
      this.#packsToRead++;
      this.#bytesToRead += packBytes;
    }
    const { signal } = this.#options;
    await mapBounded(fresh, { concurrency: PACKS_AT_ONCE, signal }, async (pack) => {
      await this.#examineOne(pack);
      this.#packsRead++;
      this.#bytesRead += pack.packBytes;
      this.#options.onProgress({
        packsRead: this.#packsRead,
        packsToRead: this.#packsToRead,
        bytesRead: this.#bytesRead,
        bytesToRead: this.#bytesToRead,
      });
    });
  }

  /** Two files say different lengths of one chunk, or the index another one. */
  reportContradiction(packId: PackId): void {
    if (this.#misindexed.has(packId)) return;
    this.#misindexed.add(packId);
    this.#options.findings.indexWrong(packId, "it has other lengths than the files say");
  }

  async #examineOne(pack: ListedPack): Promise<void> {
    const { findings } = this.#options;
    const verdict = await this.#verify(pack);
    if (verdict === undefined) return;
    switch (verdict.state) {
      case "newer": {
        const { code = "unsupported-version", message = "it is newer" } = verdict.fault ?? {};
        findings.newer(`pack ${pack.packId}`, new ForgeError(code, message));
        return;
      }
      case "damaged":
        this.#damaged.set(pack.packId, pack);
        for (const { id } of verdict.good) this.#options.goodBlobs.intern(id);
        findings.packDamaged(pack, verdict);
        return;
      case "sound":
        await this.#compare(pack, verdict);
        this.#options.onPackVerified?.(pack.packId);
        return;
      default:
        verdict.state satisfies never;
    }
  }

  /** @returns `undefined` when the pack cannot be read, which was told. */
  async #verify(pack: ListedPack): Promise<PackVerdict | undefined> {
    const { findings } = this.#options;
    try {
      return await verifyStoredPack(this.#options, pack);
    } catch (error) {
      if (!isForgeError(error) || error.code === "aborted") throw error;
      const kind = kindOfError(error);
      if (kind === "damaged") {
        const fault = { code: error.code, message: error.message };
        return { state: "damaged", fault, sum: undefined, good: [], bad: [] };
      }
      if (kind === "newer") findings.newer(`pack ${pack.packId}`, error);
      else findings.unreadable(`pack ${pack.packId}`, error);
      return undefined;
    }
  }

  /** Holds the index against a sound pack: by sums, and blob by blob when these differ. */
  async #compare(pack: ListedPack, { sum }: PackVerdict): Promise<void> {
    const { checked, findings, repository, signal } = this.#options;
    const { packId } = pack;
    const known = checked.sumOf(packId);
    if (known === undefined || sum === undefined) return;
    if (isSameSum(known.sum, sum, known.segments)) return;
    const entries = await readPackDirectory(repository, pack, signal);
    const { unindexed, misplaced, agreeing } = await compareWithIndex(
      checked.index,
      packId,
      entries,
    );
    let found: string | undefined;
    if (misplaced !== undefined)
      found = `it places blob ${misplaced} where the pack does not have it`;
    else if (unindexed > 0) found = `it leaves out ${unindexed} of ${entries.length} blobs`;
    else if (agreeing < known.sum.count)
      found = `it names ${known.sum.count - agreeing} blobs that the pack does not have`;
    if (found === undefined) return;
    this.#misindexed.add(packId);
    findings.indexWrong(packId, found);
  }
}

/**
 * Reads a pack whole and verifies everything in it.
 * @throws ForgeError what reading it throws.
 */
export async function verifyStoredPack(
  options: Pick<PackCheckOptions, "repository" | "verifier" | "checked" | "signal">,
  { packId, packBytes }: ListedPack,
): Promise<PackVerdict> {
  const { repository, verifier, checked, signal } = options;
  const read = (): Promise<Bytes> =>
    repository.backend.read({ kind: "packs", name: packId }, { bytesMax: PACK_BYTES_MAX, signal });
  const first = await verifier.verify(packId, await read());
  if (first.state !== "damaged" || first.good.length + first.bad.length > 0) return first;
  const candidates = await indexedEntries(checked, packId, packBytes);
  return candidates.length === 0 ? first : verifier.verify(packId, await read(), candidates);
}

/** What the index says stands in a pack, as far as it can. */
async function indexedEntries(
  { index }: CheckedIndex,
  packId: PackId,
  packBytes: number,
): Promise<readonly PackEntry[]> {
  const byOffset = new Map<number, PackEntry>();
  for await (const { segment, records } of index.recordPages()) {
    if (records === undefined) continue;
    for (let slot = 0; slot * RECORD_BYTES < records.length; slot++) {
      const { packNumber, ...blob } = readRecord(records, slot);
      if (segment.packId(packNumber) !== packId) continue;
      if (blob.offset + blob.sealedBytes > packBytes) continue;
      byOffset.set(blob.offset, { id: recordId(records, slot).slice(), ...blob });
    }
  }
  return [...byOffset.values()].sort((a, b) => a.offset - b.offset);
}
