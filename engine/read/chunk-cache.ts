/**
 * ChunkCache: verified plaintext of blobs, bounded in bytes. What stands here was opened and checked
 * against its id; it is never a view into a pack. Whoever reads from it must not write into it, and
 * must have copied what it wants before it waits for anything: what leaves the cache is freed at the
 * next turn of the event loop. Left to the collector, which does not see how large they are, chunks
 * that were read once took 100 MB more.
 */
import { type Bytes, releaseLarge } from "../base/bytes.ts";
import { ByteLru } from "./byte-lru.ts";

export type ChunkCache = ByteLru<Bytes>;

/**
 * 32 MiB: a few sequential streams. The kernel keeps what was read as well, and more of it; 64 MiB
 * made nothing faster that was measured, 8 random readers beside a sequential one among it.
 */
export const CHUNK_CACHE_BYTES_DEFAULT: number = 32 * 1024 * 1024;

export function createChunkCache(bytesMax: number = CHUNK_CACHE_BYTES_DEFAULT): ChunkCache {
  return new ByteLru<Bytes>({
    bytesMax,
    weigh: (plain) => plain.buffer.byteLength,
    onEvicted: releaseSoon,
  });
}

let leaving: Bytes[] = [];

/** Frees a chunk once everybody who was just given it has gone on. */
function releaseSoon(plain: Bytes): void {
  if (leaving.length === 0) setTimeout(releaseLeaving, 0);
  leaving.push(plain);
}

function releaseLeaving(): void {
  const released = leaving;
  leaving = [];
  for (const plain of released) releaseLarge(plain);
}
