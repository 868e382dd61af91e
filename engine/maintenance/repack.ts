/**
 * Repack: moves what is needed out of packs that are mostly garbage. Sealed blobs move as they are;
 * a pack is compared with its name before anything of it is trusted. The new packs are durable and
 * indexed when this returns; the old ones and their records are untouched.
 */
import { type Bytes, toHex } from "../base/bytes.ts";
import { mapBounded } from "../base/concurrency.ts";
import { ForgeError, isForgeError } from "../base/errors.ts";
import { type PackId, idOf } from "../base/ids.ts";
import { PACK_BYTES_MAX } from "../base/limits.ts";
import { PackBuilder, type SealedBlob } from "../packs/pack-builder.ts";
import { type PackEntry, openPackDirectorySync } from "../packs/pack-format.ts";
import type { SyncPlatform } from "../platform/platform.ts";
import type { Repository } from "../repository/repository.ts";
import type { Backend } from "../storage/backend.ts";
import { Packer } from "../write/packer.ts";

/** Packs read at once; each is held whole, 16 MiB usually. */
const PACKS_AT_ONCE = 2;

export interface RepackOptions {
  readonly repository: Repository<Backend>;
  readonly platform: SyncPlatform;
  readonly packs: readonly PackId[];
  /**
   * Whether the blob has to move. Asked once for each entry of each pack; an answer of true means that
   * it is moved.
   */
  readonly take: (packId: PackId, entry: PackEntry) => boolean;
  /** Why a pack has to stay that was read; `entries` is how many blobs it holds. */
  readonly faultOf?: ((packId: PackId, entries: number) => string | undefined) | undefined;
  /** Gives the blob to store instead: the same blob sealed anew. */
  readonly reseal?: ((blob: SealedBlob) => SealedBlob | Promise<SealedBlob>) | undefined;
  /** A pack that cannot be read: it stays. */
  readonly onProblem: (error: ForgeError) => void;
  /** After every pack. */
  readonly onProgress?: ((done: RepackResult) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface RepackResult {
  /** Packs out of which everything that had to move was moved. */
  readonly emptied: readonly PackId[];
  /** Packs that cannot be read, or are not what the index says; they have to stay. */
  readonly unreadable: readonly PackId[];
  readonly movedBlobs: number;
  readonly movedBytes: number;
  /** Bytes of the new packs and index segments. */
  readonly storedBytes: number;
  readonly newPacks: ReadonlySet<PackId>;
}

/** @throws ForgeError "aborted", "no-space", "io" and others of writing; a pack that is gone is unreadable. */
export async function repack(options: RepackOptions): Promise<RepackResult> {
  const run = new RepackRun(options);
  const { signal } = options;
  try {
    await mapBounded(options.packs, { concurrency: PACKS_AT_ONCE, signal }, (id) => run.move(id));
    await run.flush();
  } finally {
    await run.close();
  }
  return run.result;
}

class RepackRun {
  readonly #options: RepackOptions;
  readonly #packer: Packer;
  readonly #builders: { readonly data: PackBuilder; readonly tree: PackBuilder };
  readonly #emptied: PackId[] = [];
  readonly #unreadable: PackId[] = [];
  #movedBlobs = 0;
  #movedBytes = 0;

  constructor(options: RepackOptions) {
    const { config } = options.repository;
    this.#options = options;
    this.#packer = new Packer(options.repository);
    this.#builders = {
      data: new PackBuilder({ targetBytes: config.dataPackBytes }),
      tree: new PackBuilder({ targetBytes: config.treePackBytes }),
    };
  }

  get result(): RepackResult {
    return {
      emptied: this.#emptied,
      unreadable: this.#unreadable,
      movedBlobs: this.#movedBlobs,
      movedBytes: this.#movedBytes,
      storedBytes: this.#packer.storedBytes,
      newPacks: this.#packer.packIds,
    };
  }

  async move(packId: PackId): Promise<void> {
    const opened = await this.#open(packId);
    if (opened === undefined) {
      this.#unreadable.push(packId);
      return;
    }
    const { bytes, entries } = opened;
    for (const entry of entries) {
      if (!this.#options.take(packId, entry)) continue;
      const { id, kind, codec, epoch, plainBytes, offset, sealedBytes } = entry;
      const sealed = bytes.subarray(offset, offset + sealedBytes);
      const blob: SealedBlob = { id: id.slice(), kind, codec, epoch, plainBytes, sealed };
      await this.#add((await this.#options.reseal?.(blob)) ?? blob);
    }
    const fault = this.#options.faultOf?.(packId, entries.length);
    if (fault === undefined) this.#emptied.push(packId);
    else this.#keep(packId, fault);
    this.#options.onProgress?.(this.result);
  }

  #keep(packId: PackId, fault: string): void {
    this.#unreadable.push(packId);
    this.#options.onProblem(
      new ForgeError("corrupt", `Cannot write pack ${packId} anew: ${fault}; see: forge check`, {
        context: { packId },
      }),
    );
  }

  /** Stores what was begun. */
  async flush(): Promise<void> {
    for (const builder of [this.#builders.data, this.#builders.tree]) await this.#finish(builder);
    await this.#packer.flush();
  }

  async close(): Promise<void> {
    await this.#packer.close();
  }

  async #add(blob: SealedBlob): Promise<void> {
    const builder = blob.kind === "data" ? this.#builders.data : this.#builders.tree;
    builder.add(blob);
    this.#movedBlobs++;
    this.#movedBytes += blob.sealed.length;
    if (builder.isFull) await this.#finish(builder);
  }

  async #finish(builder: PackBuilder): Promise<void> {
    if (builder.blobCount === 0) return;
    const { platform, repository } = this.#options;
    const pack = builder.finish(platform, repository.keys);
    await this.#packer.put(pack);
    builder.reuse(pack.bytes);
  }

  async #open(
    packId: PackId,
  ): Promise<{ readonly bytes: Bytes; readonly entries: readonly PackEntry[] } | undefined> {
    const { repository, platform, signal, onProblem } = this.#options;
    try {
      const bytes = await repository.backend.read(
        { kind: "packs", name: packId },
        { bytesMax: PACK_BYTES_MAX, signal },
      );
      const found = idOf<PackId>(platform.hash(bytes));
      if (found !== packId) {
        throw new ForgeError(
          "corrupt",
          `Cannot use pack ${packId}: it is damaged, its ${bytes.length} bytes have the hash ${toHex(platform.hash(bytes))}; it is left alone, see: forge check --read-data`,
          { context: { packId } },
        );
      }
      return { bytes, entries: openPackDirectorySync(platform, repository.keys, bytes) };
    } catch (error) {
      if (!isForgeError(error, "corrupt", "missing-object", "unsupported-version")) throw error;
      onProblem(error);
      return undefined;
    }
  }
}
