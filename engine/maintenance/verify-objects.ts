/**
 * Verifies every stored object on its own: packs against their names and directories, the index
 * against the packs, key slots against their names, and that everything sealed opens. It reads the
 * whole repository once and decodes no blob; whether snapshots are complete is another question.
 */
import type { Bytes } from "../base/bytes.ts";
import { mapBounded } from "../base/concurrency.ts";
import { ForgeError, isForgeError } from "../base/errors.ts";
import {
  type BlobId,
  type KeyId,
  type PackId,
  type SnapshotId,
  idOf,
  parseId,
} from "../base/ids.ts";
import { CONFIG_BYTES_MAX, KEY_SLOT_BYTES_MAX, PACK_BYTES_MAX } from "../base/limits.ts";
import { readKeySlotHeader } from "../crypto/key-slot.ts";
import { BlobIndex } from "../index/blob-index.ts";
import type { BlobLocation } from "../index/blob-location.ts";
import {
  type PackEntry,
  decodePackTrailer,
  openPackDirectory,
  trailerOf,
} from "../packs/pack-format.ts";
import { decodeConfig, verifyConfig } from "../repository/config.ts";
import { readPlan } from "../repository/collection-plan.ts";
import { readLease } from "../repository/lease.ts";
import type { Repository } from "../repository/repository.ts";
import { listSnapshots } from "../repository/snapshot-store.ts";
import { readTombstone } from "../repository/tombstone.ts";
import type { ObjectInfo, ObjectKind } from "../storage/backend.ts";

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
  await run.config();
  await run.keySlots();
  const index = await run.index();
  await run.packs(index);
  await run.snapshots();
  await run.leases();
  await run.collection();
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

  async config(): Promise<void> {
    const { backend, platform, keys } = this.#repository;
    await this.#look(async () => {
      const bytes = await backend.read(
        { kind: "config", name: "" },
        { bytesMax: CONFIG_BYTES_MAX, signal: this.#options.signal },
      );
      await decodeConfig(platform, bytes);
      await verifyConfig(platform, keys, bytes);
      return bytes.length;
    });
  }

  async keySlots(): Promise<void> {
    for (const { name } of await this.#list("keys")) {
      await this.#look(async () => {
        const bytes = await this.#read("keys", name, KEY_SLOT_BYTES_MAX);
        await readKeySlotHeader(this.#repository.platform, parseId<KeyId>(name), bytes);
        return bytes.length;
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
    const records = index.locations();
    while ((await records.next()).done !== true);
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
        await this.#compareWithIndex(id, entries, index);
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

  async snapshots(): Promise<void> {
    for (const { sizeBytes } of await this.#list("snapshots")) this.#count(sizeBytes);
    await listSnapshots(this.#repository, {
      onProblem: (error) => this.#report(error),
      signal: this.#options.signal,
    });
  }

  async leases(): Promise<void> {
    for (const info of await this.#list("leases")) {
      await this.#look(async () => {
        await readLease(this.#repository, info);
        return info.sizeBytes;
      });
    }
  }

  /** What deletion and collection leave. */
  async collection(): Promise<void> {
    for (const { name, sizeBytes } of await this.#list("tombstones")) {
      await this.#look(async () => {
        await readTombstone(this.#repository, parseId<SnapshotId>(name));
        return sizeBytes;
      });
    }
    for (const info of await this.#list("gc")) {
      await this.#look(async () => {
        await readPlan(this.#repository, info);
        return info.sizeBytes;
      });
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
  async #compareWithIndex(
    packId: PackId,
    entries: readonly PackEntry[],
    index: BlobIndex,
  ): Promise<void> {
    const places = await index.findMany(entries.map(({ id }) => idOf<BlobId>(id)));
    for (const entry of entries) {
      const id = idOf<BlobId>(entry.id);
      const inPack = (places.get(id) ?? []).filter((place) => place.packId === packId);
      if (inPack.length === 0) {
        this.#unindexedBlobs++;
      } else if (!inPack.some((place) => isSamePlace(place, entry))) {
        this.#report(
          new ForgeError("corrupt", `The index misplaces blob ${id} in pack ${packId}`, {
            context: { packId, blobId: id },
          }),
        );
      }
    }
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

function isSamePlace(place: BlobLocation, entry: PackEntry): boolean {
  return (
    place.offset === entry.offset &&
    place.sealedBytes === entry.sealedBytes &&
    place.plainBytes === entry.plainBytes &&
    place.kind === entry.kind &&
    place.codec === entry.codec &&
    place.epoch === entry.epoch
  );
}
