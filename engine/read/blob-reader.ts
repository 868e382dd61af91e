/**
 * BlobReader: BlobId → verified plaintext. A blob may stand in several places: all are tried in turn,
 * those that failed before last. What stands nowhere, or in a pack that is gone, makes the index load
 * once more before that is an error: others may have written or compacted meanwhile.
 */
import type { Bytes } from "../base/bytes.ts";
import { ForgeError, isForgeError } from "../base/errors.ts";
import type { BlobId } from "../base/ids.ts";
import type { BlobKind } from "../crypto/key-ring.ts";
import type { BlobLocation } from "../index/blob-location.ts";
import type { BlobDecoder } from "./blob-decoder.ts";
import type { RefreshableBlobFinder } from "./blob-finder.ts";
import { type ChunkCache, createChunkCache } from "./chunk-cache.ts";
import type { PackReader } from "./pack-reader.ts";
import { releaseSoon } from "./release-soon.ts";

export interface BlobRef {
  readonly id: BlobId;
  readonly kind: BlobKind;
}

export interface BlobReaderOptions {
  readonly index: RefreshableBlobFinder;
  readonly packs: Pick<PackReader, "read"> & Partial<Pick<PackReader, "peek">>;
  readonly decoder: BlobDecoder;
  /** One of the default size when absent. */
  readonly cache?: ChunkCache | undefined;
  /** Plaintext that prefetching may have under way: less than the cache keeps. Default 64 MiB. */
  readonly prefetchBytesMax?: number | undefined;
}

const PREFETCH_BYTES_MAX_DEFAULT: number = 64 * 1024 * 1024;

/** Places remembered as bad; beyond, the oldest are forgotten and may be tried first again. */
const QUARANTINE_MAX = 10_000;

export class BlobReader {
  readonly #index: RefreshableBlobFinder;
  readonly #packs: BlobReaderOptions["packs"];
  readonly #decoder: BlobDecoder;
  readonly #cache: ChunkCache;
  readonly #quarantine = new Set<string>();
  readonly #prefetchBytesMax: number;
  #prefetchingBytes = 0;
  #refreshing: Promise<unknown> | undefined;

  constructor(options: BlobReaderOptions) {
    this.#index = options.index;
    this.#packs = options.packs;
    this.#decoder = options.decoder;
    this.#cache = options.cache ?? createChunkCache();
    this.#prefetchBytesMax = options.prefetchBytesMax ?? PREFETCH_BYTES_MAX_DEFAULT;
  }

  /**
   * Plaintext through the cache, shared with others: do not write into it, and copy of it what you
   * want before you wait for anything else; the cache frees what leaves it.
   * @throws ForgeError "missing-object", "corrupt", "io", "aborted".
   */
  read(ref: BlobRef, signal?: AbortSignal): Promise<Bytes> {
    return this.#cache.fetch(ref.id, (taskSignal) => this.load(ref, taskSignal), signal);
  }

  /** The plaintext when the cache has it, as `read` gives it. */
  peek(id: BlobId): Bytes | undefined {
    return this.#cache.get(id);
  }

  /**
   * `read` at once, from the cache or from what was read ahead; `undefined` when `read` has to
   * load, or to say what is wrong.
   */
  readNow(ref: BlobRef): Bytes | undefined {
    const kept = this.#cache.get(ref.id);
    if (kept !== undefined) return kept;
    const plain = this.loadNow(ref);
    if (plain !== undefined) this.#cache.set(ref.id, plain);
    return plain;
  }

  /** `readNow` for who copies it at once and will not come back: it leaves the cache. */
  takeNow(ref: BlobRef): Bytes | undefined {
    const kept = this.#cache.get(ref.id);
    if (kept !== undefined) {
      this.#cache.delete(ref.id);
      return kept;
    }
    const plain = this.loadNow(ref);
    if (plain !== undefined) releaseSoon(plain);
    return plain;
  }

  /** `load` at once from what was read already; `undefined` as for `readNow`. */
  loadNow(ref: BlobRef): Bytes | undefined {
    const places = this.#index.peek?.(ref.id) ?? "unread";
    const [location] = typeof places === "string" ? [] : places;
    if (location?.kind !== ref.kind) return undefined;
    try {
      const sealed = this.#packs.peek?.(location);
      const plain = sealed && this.#decoder.decodeNow?.(location, sealed);
      // Neither encrypted nor compressed it is a view of what was read ahead, which is not ours to free.
      return plain !== undefined && plain.buffer === sealed?.buffer ? plain.slice() : plain;
    } catch {
      // `read` meets the same, tries the other places, and reports it.
      return undefined;
    }
  }

  /**
   * Begins to load a blob of `plainBytes` into the cache, unless it is there or as much as may be is
   * under way already. Never throws.
   */
  prefetch(ref: BlobRef, plainBytes: number): void {
    if (this.#prefetchingBytes + plainBytes > this.#prefetchBytesMax) return;
    if (this.#cache.has(ref.id)) return;
    this.#prefetchingBytes += plainBytes;
    const ended = (): void => {
      this.#prefetchingBytes -= plainBytes;
    };
    // Whoever reads the blob meets a failure itself.
    this.read(ref).then(ended, ended);
  }

  /**
   * Plaintext past the cache, in a buffer the caller owns.
   * @throws as `read`.
   */
  async load(ref: BlobRef, signal?: AbortSignal): Promise<Bytes> {
    const locations = await this.#index.find(ref.id);
    const first = await this.#tryAll(ref, locations, signal);
    if ("plain" in first) return first.plain;
    if (
      first.failures.length > 0 &&
      !first.failures.some((error) => error.code === "missing-object")
    ) {
      throw this.#unreadable(ref, first.failures);
    }
    await this.#refreshIndex();
    const known = new Set(locations.map(placeOf));
    const fresh = (await this.#index.find(ref.id)).filter((place) => !known.has(placeOf(place)));
    const second = await this.#tryAll(ref, fresh, signal);
    if ("plain" in second) return second.plain;
    throw this.#unreadable(ref, [...first.failures, ...second.failures]);
  }

  async #tryAll(
    ref: BlobRef,
    locations: readonly BlobLocation[],
    signal: AbortSignal | undefined,
  ): Promise<{ readonly plain: Bytes } | { readonly failures: readonly ForgeError[] }> {
    const failures: ForgeError[] = [];
    for (const location of this.#healthyFirst(locations)) {
      try {
        if (location.kind !== ref.kind) {
          throw new ForgeError("corrupt", `it is stored as a ${location.kind} blob`);
        }
        const sealed = await this.#packs.read(location, signal);
        return { plain: await this.#decoder.decode(location, sealed) };
      } catch (error) {
        if (!isForgeError(error) || error.code === "aborted") throw error;
        if (isForgeError(error, "corrupt", "missing-object")) this.#setAside(location);
        failures.push(error);
      }
    }
    return { failures };
  }

  #healthyFirst(locations: readonly BlobLocation[]): readonly BlobLocation[] {
    if (locations.length < 2 || this.#quarantine.size === 0) return locations;
    const bad = (location: BlobLocation): number =>
      this.#quarantine.has(placeOf(location)) ? 1 : 0;
    return [...locations].sort((a, b) => bad(a) - bad(b));
  }

  #setAside(location: BlobLocation): void {
    this.#quarantine.add(placeOf(location));
    if (this.#quarantine.size <= QUARANTINE_MAX) return;
    for (const oldest of this.#quarantine) {
      this.#quarantine.delete(oldest);
      return;
    }
  }

  /** One refresh for all who miss something at the same time. */
  #refreshIndex(): Promise<unknown> {
    this.#refreshing ??= this.#index.refresh().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  #unreadable(ref: BlobRef, failures: readonly ForgeError[]): ForgeError {
    const what = `Cannot read ${ref.kind} blob ${ref.id}`;
    const context = { blobId: ref.id };
    const first = failures[0];
    if (first === undefined) {
      const message = `${what}: no index segment knows it`;
      return new ForgeError("missing-object", message, { context });
    }
    // What may work later (a network) outranks what never will.
    const cause =
      failures.find(({ code }) => code !== "corrupt" && code !== "missing-object") ?? first;
    const places = failures.length === 1 ? "" : ` (all ${failures.length} copies failed)`;
    return new ForgeError(cause.code, `${what}${places}: ${cause.message}`, {
      cause,
      context: { ...cause.context, ...context },
      retryable: cause.retryable,
    });
  }
}

function placeOf(location: BlobLocation): string {
  return `${location.packId}:${location.offset}`;
}
