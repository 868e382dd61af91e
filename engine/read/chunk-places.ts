/** ChunkPlaces: where chunks stand that files want, in columns, one place for each. */
import type { Bytes } from "../base/bytes.ts";
import { mapBounded } from "../base/concurrency.ts";
import { ForgeError } from "../base/errors.ts";
import type { PackId } from "../base/ids.ts";
import { SEALED_BLOB_BYTES_MAX } from "../base/limits.ts";
import type { BlobPlace } from "../index/blob-location.ts";
import { CODECS } from "../platform/platform.ts";
import type { BlobFinder } from "./blob-finder.ts";
import type { WantedChunks } from "./wanted-chunks.ts";

/** Ids looked up at a time by a finder that knows them one by one. */
const CONCURRENCY = 16;

/** By numbers of chunks: the first place of each that fits what the files say of it. */
export class ChunkPlaces {
  readonly packIds: PackId[] = [];
  /** Number of its pack, or −1. */
  readonly packs: Int32Array;
  readonly offsets: Uint32Array;
  readonly sealedBytes: Uint32Array;
  readonly codecs: Uint8Array;
  readonly epochs: Uint8Array;
  readonly #wanted: WantedChunks;
  readonly #packNumbers = new Map<PackId, number>();
  /** Of chunks that the index has otherwise than the files. */
  readonly #unfit = new Map<number, BlobPlace>();

  constructor(wanted: WantedChunks) {
    this.#wanted = wanted;
    this.packs = new Int32Array(wanted.count).fill(-1);
    this.offsets = new Uint32Array(wanted.count);
    this.sealedBytes = new Uint32Array(wanted.count);
    this.codecs = new Uint8Array(wanted.count);
    this.epochs = new Uint8Array(wanted.count);
  }

  has(chunk: number): boolean {
    return this.packs[chunk] !== -1;
  }

  /** Asks for all chunks, and once more, after a refresh, for those that have no place. */
  async find(index: BlobFinder, signal: AbortSignal | undefined): Promise<void> {
    const all = Array.from({ length: this.#wanted.count }, (_, chunk) => chunk);
    await this.#ask(index, all, signal);
    const missing = all.filter((chunk) => !this.has(chunk));
    if (missing.length === 0 || index.refresh === undefined) return;
    await index.refresh();
    await this.#ask(index, missing, signal);
  }

  /** Why a chunk has no place. */
  faultOf(chunk: number): ForgeError {
    const blobId = this.#wanted.ids.idAt(chunk);
    const context = { blobId };
    const unfit = this.#unfit.get(chunk);
    if (unfit === undefined) {
      return new ForgeError("missing-object", `Cannot find data blob ${blobId} in the index`, {
        context,
      });
    }
    const fault =
      unfit.sealedBytes > SEALED_BLOB_BYTES_MAX
        ? `the index says that it takes ${unfit.sealedBytes} bytes, more than a blob may have`
        : `the index has it as ${unfit.kind} of ${unfit.plainBytes} bytes, a file as a chunk of ${this.#wanted.plainBytesAt(chunk)}`;
    return new ForgeError("corrupt", `Cannot use data blob ${blobId}: ${fault}`, { context });
  }

  async #ask(
    index: BlobFinder,
    chunks: readonly number[],
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { ids } = this.#wanted;
    if (index.visitPlaces !== undefined) {
      const bytesAt = (i: number): Bytes => ids.bytesAt(chunks[i] as number);
      await index.visitPlaces({ count: chunks.length, bytesAt }, (i, place) =>
        this.#take(chunks[i] as number, place),
      );
      return;
    }
    await mapBounded(chunks, { concurrency: CONCURRENCY, signal }, async (chunk) => {
      for (const place of await index.find(ids.idAt(chunk))) this.#take(chunk, place);
    });
  }

  #take(chunk: number, place: BlobPlace): void {
    if (this.has(chunk)) return;
    if (
      place.kind !== "data" ||
      place.plainBytes !== this.#wanted.plainBytesAt(chunk) ||
      place.sealedBytes > SEALED_BLOB_BYTES_MAX
    ) {
      this.#unfit.set(chunk, place);
      return;
    }
    this.packs[chunk] = this.#packNumber(place.packId);
    this.offsets[chunk] = place.offset;
    this.sealedBytes[chunk] = place.sealedBytes;
    this.codecs[chunk] = CODECS[place.codec];
    this.epochs[chunk] = place.epoch;
  }

  #packNumber(packId: PackId): number {
    const known = this.#packNumbers.get(packId);
    if (known !== undefined) return known;
    this.#packNumbers.set(packId, this.packIds.length);
    return this.packIds.push(packId) - 1;
  }
}
