/** ListReader: chunk lists and hole lists by id, decoded once and kept, bounded in bytes. */
import type { BlobId } from "../base/ids.ts";
import { type ChunkList, decodeChunkList } from "../snapshots/chunk-list.ts";
import { type HoleList, decodeHoleList } from "../snapshots/hole-list.ts";
import type { ChunkListRef } from "../snapshots/tree-node.ts";
import type { BlobReader } from "./blob-reader.ts";
import { ByteLru } from "./byte-lru.ts";

/** 16 MiB: chunk lists of about 300,000 chunks, some 300 GiB of files that are read at a time. */
const CACHE_BYTES_DEFAULT = 16 * 1024 * 1024;
/** A decoded chunk list: 32 bytes of id, 8 stored and 8 cumulative bytes of length an entry. */
const CHUNK_ENTRY_BYTES = 48;
/** A decoded hole: three numbers. */
const HOLE_ENTRY_BYTES = 24;

export class ListReader {
  readonly #blobs: Pick<BlobReader, "load">;
  readonly #chunkLists: ByteLru<ChunkList>;
  readonly #holeLists: ByteLru<HoleList>;

  constructor(
    blobs: Pick<BlobReader, "load">,
    options: { readonly cacheBytes?: number | undefined } = {},
  ) {
    const bytesMax = (options.cacheBytes ?? CACHE_BYTES_DEFAULT) / 2;
    this.#blobs = blobs;
    this.#chunkLists = new ByteLru<ChunkList>({
      bytesMax,
      weigh: (list) => CHUNK_ENTRY_BYTES * list.count,
    });
    this.#holeLists = new ByteLru<HoleList>({
      bytesMax,
      weigh: (list) => HOLE_ENTRY_BYTES * list.count,
    });
  }

  /** @throws ForgeError "corrupt", "missing-object", "io", "unsupported-version", "aborted". */
  chunkList(ref: ChunkListRef, signal?: AbortSignal): Promise<ChunkList> {
    return this.#chunkLists.fetch(
      ref.id,
      async (taskSignal) => decodeChunkList(await this.#load(ref.id, taskSignal)),
      signal,
    );
  }

  /** The chunk list when it is in memory. */
  peekChunkList(ref: ChunkListRef): ChunkList | undefined {
    return this.#chunkLists.get(ref.id);
  }

  /** @throws as `chunkList`. */
  holeList(id: BlobId, signal?: AbortSignal): Promise<HoleList> {
    return this.#holeLists.fetch(
      id,
      async (taskSignal) => decodeHoleList(await this.#load(id, taskSignal)),
      signal,
    );
  }

  #load(id: BlobId, signal: AbortSignal): ReturnType<BlobReader["load"]> {
    return this.#blobs.load({ id, kind: "list" }, signal);
  }
}
