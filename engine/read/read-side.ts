/**
 * ReadSide: everything that reading a repository needs, wired once: storage → pack reads → open and
 * verify → caches. All file systems over one repository share it, and with it the caches.
 */
import type { ReadBackend } from "../storage/backend.ts";
import type { BlobDecoder } from "./blob-decoder.ts";
import type { RefreshableBlobFinder } from "./blob-finder.ts";
import { BlobReader } from "./blob-reader.ts";
import { CHUNK_CACHE_BYTES_DEFAULT, createChunkCache } from "./chunk-cache.ts";
import { ListReader } from "./list-reader.ts";
import { PackReader, type PackReaderOptions } from "./pack-reader.ts";
import { TreeReader } from "./tree-reader.ts";

export interface ReadSideOptions extends PackReaderOptions {
  readonly backend: Pick<ReadBackend, "read">;
  readonly index: RefreshableBlobFinder;
  readonly decoder: BlobDecoder;
  /** Verified plaintext of file chunks. */
  readonly chunkCacheBytes?: number | undefined;
  /** Decoded directory pages. */
  readonly pageCacheBytes?: number | undefined;
}

export interface ReadSide {
  readonly index: RefreshableBlobFinder;
  readonly packs: PackReader;
  readonly blobs: BlobReader;
  readonly trees: TreeReader;
  readonly lists: ListReader;
}

/** Of the chunk cache, what prefetching may have under way: the rest is for what was read. */
const PREFETCH_SHARE = 0.5;

export function createReadSide(options: ReadSideOptions): ReadSide {
  const packs = new PackReader(options.backend, options);
  const chunkCacheBytes = options.chunkCacheBytes ?? CHUNK_CACHE_BYTES_DEFAULT;
  const blobs = new BlobReader({
    index: options.index,
    packs,
    decoder: options.decoder,
    cache: createChunkCache(chunkCacheBytes),
    prefetchBytesMax: PREFETCH_SHARE * chunkCacheBytes,
  });
  return {
    index: options.index,
    packs,
    blobs,
    trees: new TreeReader(blobs, { pageCacheBytes: options.pageCacheBytes }),
    lists: new ListReader(blobs),
  };
}
