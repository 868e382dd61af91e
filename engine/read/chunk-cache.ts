/**
 * ChunkCache: verified plaintext of blobs, bounded in bytes. What stands here was opened and checked
 * against its id; it is never a view into a pack. Whoever reads from it must not write into it.
 */
import type { Bytes } from "../base/bytes.ts";
import { ByteLru } from "./byte-lru.ts";

export type ChunkCache = ByteLru<Bytes>;

/** 64 MiB: a few sequential streams. The kernel keeps what was read as well, and more of it. */
export const CHUNK_CACHE_BYTES_DEFAULT: number = 64 * 1024 * 1024;

export function createChunkCache(bytesMax: number = CHUNK_CACHE_BYTES_DEFAULT): ChunkCache {
  return new ByteLru<Bytes>({ bytesMax, weigh: (plain) => plain.buffer.byteLength });
}
