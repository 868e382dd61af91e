/**
 * Verifies every stored object on its own: packs against their names and directories, the index
 * against the packs, key slots against their names, and that everything sealed opens. It reads the
 * whole repository once and decodes no blob; whether snapshots are complete is another question.
 */
import type { Bytes } from "../base/bytes.ts";
import { mapBounded } from "../base/concurrency.ts";
import { ForgeError, isForgeError } from "../base/errors.ts";
import { type PackId, idOf, parseId } from "../base/ids.ts";
import { PACK_BYTES_MAX } from "../base/limits.ts";
import { BlobIndex } from "../index/blob-index.ts";
import {
  type PackEntry,
  decodePackTrailer,
  openPackDirectory,
  trailerOf,
} from "../packs/pack-format.ts";
import type { Repository } from "../repository/repository.ts";
import type { ObjectInfo, ObjectKind } from "../storage/backend.ts";
import { compareWithIndex } from "./compare-index.ts";
import { SMALL_KINDS, type SmallKind, examineObject } from "./examine-object.ts";

export interface VerifyOptions {
  /** One call for each thing found wrong; the verification goes on. */
  readonly onProblem: (error: ForgeError) => void;
  readonly onProgress?: ((report: VerifyReport) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface VerifyReport {
  /** Objects looked at and their bytes. */
  readonly objects: number;
  readonly bytes: number;
  readonly problems: number;
  /**
   * Blobs in packs that no index segment knows: what a backup left that was interrupted before it
   * could write the segment. Harmless, unless a segment was lost.
   */
  readonly unindexedBlobs: number;
}

/** Packs read at once: each may be 512 MiB, usually 16. */
const PACKS_AT_ONCE = 2;

/** @throws ForgeError "aborted", and what listing the storage throws. */
export async function verifyObjects(
  repository: Repository,
  options: VerifyOptions,
): Promise<VerifyReport> {
  const run = new Verification(repository, options);
  await run.packs(await run.index());
  for (const kind of SMALL_KINDS) await run.small(kind);
  return run.report;
}

class Verification {
  readonly #repository: Repository;
  readonly #options: VerifyOptions;
  #objects = 0;
  #bytes = 0;
  #problems = 0;
  #unindexedBlobs = 0;

  constructor(repository: Repository, options: VerifyOptions) {
    this.#repository = repository;
    this.#options = options;
  }

  get report(): VerifyReport {
    return {
      objects: this.#objects,
      bytes: this.#bytes,
      problems: this.#problems,
      unindexedBlobs: this.#unindexedBlobs,
    };
  }

  /** Objects of a kind that is neither packs nor index. */
  async small(kind: SmallKind): Promise<void> {
    for (const info of await this.#list(kind)) {
      await this.#look(async () => {
        await examineObject(this.#repository, kind, info, this.#options.signal);
        return info.sizeBytes;
      });
    }
  }

  /** Opens every segment and every page of it. */
  async index(): Promise<BlobIndex> {
    const { backend, platform, keys } = this.#repository;
    for (const { sizeBytes } of await this.#list("index")) this.#count(sizeBytes);
    const index = await BlobIndex.open({
      backend,
      platform,
      keys,
      onProblem: (error) => this.#report(error),
      signal: this.#options.signal,
    });
    // Reading the pages is the point; what they say is held against the packs.
    const pages = index.recordPages();
    while ((await pages.next()).done !== true);
    return index;
  }

  async packs(index: BlobIndex): Promise<void> {
    const { signal } = this.#options;
    const stored = await this.#list("packs");
    await mapBounded(stored, { concurrency: PACKS_AT_ONCE, signal }, async ({ name }) => {
      await this.#look(async () => {
        const id = parseId<PackId>(name);
        const bytes = await this.#read("packs", name, PACK_BYTES_MAX);
        const entries = await this.#openPack(id, bytes);
        await this.#compare(id, entries, index);
        return bytes.length;
      });
    });
    const sizes = new Map(stored.map(({ name, sizeBytes }) => [name, sizeBytes]));
    for (const { packId, packBytes } of index.packs()) {
      const sizeBytes = sizes.get(packId);
      if (sizeBytes === packBytes) continue;
      const found = sizeBytes === undefined ? "is gone" : `has ${sizeBytes} bytes`;
      this.#report(
        new ForgeError(
          sizeBytes === undefined ? "missing-object" : "corrupt",
          `Pack ${packId}, of ${packBytes} bytes in the index, ${found}`,
          { context: { packId } },
        ),
      );
    }
  }

  async #openPack(id: PackId, bytes: Bytes): Promise<readonly PackEntry[]> {
    const { platform, keys } = this.#repository;
    const found = idOf<PackId>(await platform.hash(bytes));
    if (found !== id) {
      throw new ForgeError(
        "corrupt",
        `Pack ${id} is damaged: its ${bytes.length} bytes have the hash ${found}`,
        { context: { packId: id } },
      );
    }
    const tail = decodePackTrailer(trailerOf(bytes), bytes.length);
    const end = tail.directoryOffset + tail.trailer.sealedBytes;
    return openPackDirectory(platform, keys, tail, bytes.subarray(tail.directoryOffset, end));
  }

  /** Every place that the index names in this pack must be one that the pack has. */
  async #compare(packId: PackId, entries: readonly PackEntry[], index: BlobIndex): Promise<void> {
    const { unindexed, misplaced } = await compareWithIndex(index, packId, entries);
    this.#unindexedBlobs += unindexed;
    if (misplaced === undefined) return;
    this.#report(
      new ForgeError("corrupt", `The index misplaces blob ${misplaced} in pack ${packId}`, {
        context: { packId, blobId: misplaced },
      }),
    );
  }

  /** @param look Reads one object and returns its size. Only an abort ends the verification. */
  async #look(look: () => Promise<number>): Promise<void> {
    try {
      this.#count(await look());
    } catch (error) {
      if (!isForgeError(error) || error.code === "aborted") throw error;
      this.#count(0);
      this.#report(error);
    }
  }

  #list(kind: ObjectKind): Promise<ObjectInfo[]> {
    return this.#repository.backend.list(kind, { signal: this.#options.signal });
  }

  #read(kind: ObjectKind, name: string, bytesMax: number): Promise<Bytes> {
    const { signal } = this.#options;
    return this.#repository.backend.read({ kind, name }, { bytesMax, signal });
  }

  #count(sizeBytes: number): void {
    this.#objects++;
    this.#bytes += sizeBytes;
    this.#options.onProgress?.(this.report);
  }

  #report(error: ForgeError): void {
    this.#problems++;
    this.#options.onProblem(error);
  }
}
