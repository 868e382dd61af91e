/**
 * PackReader: BlobLocations → sealed bytes. Requests that arrive together for one pack are joined
 * into few ranged reads; packs of trees and lists are read whole once and kept sealed, so that a
 * walk through the metadata costs one request a pack.
 */
import type { Bytes } from "../base/bytes.ts";
import { ForgeError, isForgeError } from "../base/errors.ts";
import type { PackId } from "../base/ids.ts";
import { SEALED_BLOB_BYTES_MAX } from "../base/limits.ts";
import type { BlobLocation } from "../index/blob-location.ts";
import type { ByteSpan, ReadBackend } from "../storage/backend.ts";
import { ByteLru } from "./byte-lru.ts";
import { PackAhead } from "./pack-ahead.ts";
import { releaseSoon } from "./release-soon.ts";
import { whenAllAbort } from "./shared-task.ts";
import {
  type PlannedSpan,
  SPAN_OPTIONS_DEFAULT,
  type SpanOptions,
  planSpans,
} from "./span-plan.ts";

export interface PackReaderOptions {
  readonly span?: SpanOptions;
  /** Sealed bytes of whole tree packs that are kept. 0: trees are read by range like data. */
  readonly treePackCacheBytes?: number;
}

/** 32 MiB: eight tree packs of the size that writers aim at. */
const TREE_PACK_CACHE_BYTES_DEFAULT = 32 * 1024 * 1024;
/** A tree pack larger than this is read by range. */
const TREE_PACK_BYTES_MAX = 8 * 1024 * 1024;
/** Turns of the microtask queue that a request waits for company: index lookups differ by as much. */
const GATHER_TURNS = 4;

interface Request {
  readonly location: BlobLocation;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (sealed: Bytes) => void;
  readonly reject: (error: unknown) => void;
}

export class PackReader {
  readonly #backend: Pick<ReadBackend, "read">;
  readonly #span: SpanOptions;
  readonly #gathering = new Map<PackId, Request[]>();
  readonly #treePacks: ByteLru<Bytes> | undefined;
  readonly #largeTreePacks = new Set<PackId>();
  /** Tree packs that were read whole before: one that is not kept any more is not worth it again. */
  readonly #readTreePacks = new Set<PackId>();
  readonly #ahead = new PackAhead();

  constructor(backend: Pick<ReadBackend, "read">, options: PackReaderOptions = {}) {
    this.#backend = backend;
    this.#span = options.span ?? SPAN_OPTIONS_DEFAULT;
    const cacheBytes = options.treePackCacheBytes ?? TREE_PACK_CACHE_BYTES_DEFAULT;
    if (cacheBytes >= TREE_PACK_BYTES_MAX) {
      this.#treePacks = new ByteLru<Bytes>({
        bytesMax: cacheBytes,
        weigh: (pack) => pack.buffer.byteLength,
        onEvicted: releaseSoon,
      });
    }
  }

  /**
   * The sealed bytes of one blob: a buffer of its own or a view of what was read together for others
   * who wait as well. They are to be opened, not kept.
   * @throws ForgeError "missing-object", "corrupt" when the pack is shorter than the location says,
   *   "io", "aborted".
   */
  async read(location: BlobLocation, signal?: AbortSignal): Promise<Bytes> {
    if (location.sealedBytes > SEALED_BLOB_BYTES_MAX) {
      throw new ForgeError(
        "corrupt",
        `Cannot read blob ${location.id}: the index says ${location.sealedBytes} bytes, more than a blob may have`,
      );
    }
    if (location.kind !== "data" && this.#treePacks !== undefined) {
      const sealed = await this.#readFromWholePack(this.#treePacks, location, signal);
      if (sealed !== undefined) return sealed;
    }
    // A copy: the window may go before a thread has time for the blob.
    return this.#ahead.find(location)?.slice() ?? this.#gather(location, signal);
  }

  /** `read` at once, when the bytes are in memory: a view that is to be opened before anything else. */
  peek(location: BlobLocation): Bytes | undefined {
    const pack = location.kind === "data" ? undefined : this.#treePacks?.get(location.packId);
    return pack === undefined
      ? this.#ahead.find(location)
      : viewOf(pack, location, location.offset);
  }

  async #readFromWholePack(
    packs: ByteLru<Bytes>,
    location: BlobLocation,
    signal: AbortSignal | undefined,
  ): Promise<Bytes | undefined> {
    const { packId } = location;
    if (this.#largeTreePacks.has(packId)) return undefined;
    // Whoever walks in another order than was written comes back to many packs, a little each time.
    if (this.#readTreePacks.has(packId) && !packs.has(packId)) return undefined;
    let pack: Bytes;
    try {
      pack = await packs.fetch(
        packId,
        (taskSignal) =>
          this.#backend.read(
            { kind: "packs", name: packId },
            { bytesMax: TREE_PACK_BYTES_MAX, signal: taskSignal },
          ),
        signal,
      );
      this.#readTreePacks.add(packId);
    } catch (error) {
      if (!isForgeError(error, "too-large")) throw error;
      this.#largeTreePacks.add(packId);
      return undefined;
    }
    // A copy, as above.
    return viewOf(pack, location, location.offset).slice();
  }

  #gather(location: BlobLocation, signal: AbortSignal | undefined): Promise<Bytes> {
    return new Promise((resolve, reject) => {
      const request: Request = { location, signal, resolve, reject };
      const waiting = this.#gathering.get(location.packId);
      if (waiting !== undefined) {
        waiting.push(request);
        return;
      }
      const requests = [request];
      this.#gathering.set(location.packId, requests);
      void this.#readGathered(location.packId, requests);
    });
  }

  async #readGathered(packId: PackId, requests: readonly Request[]): Promise<void> {
    for (let turn = 0; turn < GATHER_TURNS; turn++) await Promise.resolve();
    this.#gathering.delete(packId);
    const spans = planSpans(requests, this.#span);
    // Who asks for several places at once has planned ahead already.
    const isAlone = spans.length === 1;
    await Promise.all(spans.map((planned) => this.#readSpan(packId, planned, isAlone)));
  }

  async #readSpan(packId: PackId, planned: PlannedSpan<Request>, isAlone: boolean): Promise<void> {
    try {
      const signal = whenAllAbort(planned.items.map(({ item }) => item.signal));
      const ahead = isAlone ? await this.#readAhead(packId, planned.span, signal) : undefined;
      const bytes =
        ahead ??
        (await this.#backend.read({ kind: "packs", name: packId }, { span: planned.span, signal }));
      for (const { item, start } of planned.items) {
        const sealed = viewOf(bytes, item.location, start);
        item.resolve(ahead === undefined ? sealed : sealed.slice());
      }
    } catch (error) {
      // After an answer the rejection is without effect, so each request gets exactly one.
      for (const { item } of planned.items) item.reject(error);
    }
  }

  /** The bytes of a longer span, kept for those who go on; `undefined` when none is to be read. */
  async #readAhead(
    packId: PackId,
    span: ByteSpan,
    signal: AbortSignal | undefined,
  ): Promise<Bytes | undefined> {
    const longer = this.#ahead.plan(packId, span);
    if (longer === undefined) return undefined;
    try {
      const bytes = await this.#backend.read(
        { kind: "packs", name: packId },
        { span: longer, signal },
      );
      this.#ahead.keep(packId, longer.offset, bytes);
      return bytes;
    } catch (error) {
      if (!isForgeError(error, "corrupt")) throw error;
      // The pack ends within the window. Backends that know where say so.
      const packBytes = error.context["sizeBytes"];
      this.#ahead.ended(packId, typeof packBytes === "number" ? packBytes : 0);
      return undefined;
    }
  }
}

/** A view of `bytes` where the blob stands; the whole of it when the blob is all there is. */
function viewOf(bytes: Bytes, location: BlobLocation, start: number): Bytes {
  const end = start + location.sealedBytes;
  if (end > bytes.length) {
    throw new ForgeError(
      "corrupt",
      `Cannot read blob ${location.id} from pack ${location.packId}: it should end at byte ${end} of ${bytes.length}`,
      { context: { packId: location.packId, blobId: location.id } },
    );
  }
  return start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end);
}
