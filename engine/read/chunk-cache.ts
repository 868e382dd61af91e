/**
 * ChunkCache: verified plaintext of blobs, bounded in bytes. What stands here was opened and checked
 * against its id; it is never a view into a pack. Whoever reads from it must not write into it, and
 * must have copied what it wants before it waits for anything: what leaves the cache is freed at the
 * next turn of the event loop.
 */
import type { Bytes } from "../base/bytes.ts";
import { ByteLru } from "./byte-lru.ts";
import { releaseSoon } from "./release-soon.ts";

export type ChunkCache = ByteLru<Bytes>;

/**
 * 24 MiB: a few sequential streams. The kernel keeps what was read as well, and more of it; 32 and 64 MiB
 * made nothing faster that was measured, 8 random readers beside a sequential one among it.
 */
export const CHUNK_CACHE_BYTES_DEFAULT: number = 24 * 1024 * 1024;

export function createChunkCache(bytesMax: number = CHUNK_CACHE_BYTES_DEFAULT): ChunkCache {
  return new ByteLru<Bytes>({
    bytesMax,
    weigh: (plain) => plain.buffer.byteLength,
    onEvicted: releaseSoon,
  });
}
