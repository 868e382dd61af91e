/**
 * Chunk lists: the chunks of a large file as a tree of list blobs, cut content-defined so that an
 * edit in the middle of a file leaves most lists as they were. FORMAT.md "Chunk lists and hole lists".
 *
 * | offset | size | field |
 * |---|---|---|
 * | 0 | 4 | 3, version 1, level, 0 |
 * | 4 | 4 | n |
 * | 8 | 8n | plain bytes |
 * | 8 + 8n | 32n | ids |
 */
import type { Bytes } from "../base/bytes.ts";
import { ForgeError, assert } from "../base/errors.ts";
import { type BlobId, ID_BYTES, idOf } from "../base/ids.ts";
import { BLOB_BYTES_MAX, CHUNK_LIST_ENTRIES_MAX, CHUNK_LIST_LEVELS_MAX } from "../base/limits.ts";
import { type BlobHeader, checkBlobHeader } from "./blob-header.ts";
import { writeHexId } from "./hex-id.ts";
import type { ChunkListRef, ChunkRef } from "./tree-node.ts";

const KIND = 3;
const VERSION = 1;
const HEADER_BYTES = 8;
const HEADER: BlobHeader = {
  what: "a chunk list",
  kind: KIND,
  version: VERSION,
  headerBytes: HEADER_BYTES,
};
/** A list has at least this many entries before an id may end it. */
const ENTRIES_MIN = 64;

/** A decoded list. */
export interface ChunkList {
  /** 0: entries are chunks; above: chunk lists of one level less. */
  readonly level: number;
  readonly count: number;
  /** Bytes of data up to and with each entry; strictly ascending. */
  readonly ends: Float64Array;
  /** May be called unbound. */
  readonly idAt: (entry: number) => BlobId;
}

/**
 * Writes the lists of a file's chunks.
 *
 * @param chunks In order of the data, at least one.
 * @param emit Takes each finished list (a fresh buffer it owns), children before parents, and gives
 *   its blob id. Called one list after another.
 * @returns the root list.
 * @throws ForgeError "too-large" beyond CHUNK_LIST_LEVELS_MAX, and whatever `emit` throws.
 */
export async function buildChunkList(
  chunks: readonly ChunkRef[],
  emit: (list: Bytes) => BlobId | Promise<BlobId>,
): Promise<ChunkListRef> {
  assert(chunks.length > 0, "a chunk list of no chunks");
  let entries = chunks;
  for (let level = 0; level < CHUNK_LIST_LEVELS_MAX; level++) {
    const lists: ChunkRef[] = [];
    let start = 0;
    for (const end of cutChunkList(entries)) {
      const own = entries.slice(start, end);
      const id = await emit(encodeChunkList(level, own));
      lists.push({ id, plainBytes: own.reduce((sum, entry) => sum + entry.plainBytes, 0) });
      start = end;
    }
    const root = lists[0];
    if (lists.length === 1 && root !== undefined) return { id: root.id, level };
    entries = lists;
  }
  throw new ForgeError("too-large", `Cannot store a file of ${chunks.length} chunks`);
}

/** The end (exclusive) of each list; the last is `entries.length`. */
export function cutChunkList(entries: readonly ChunkRef[]): number[] {
  const ends: number[] = [];
  let start = 0;
  entries.forEach((entry, i) => {
    const count = i + 1 - start;
    const cutsHere = count >= ENTRIES_MIN && isCutId(entry.id);
    if (cutsHere || count >= CHUNK_LIST_ENTRIES_MAX || i + 1 === entries.length) {
      ends.push(i + 1);
      start = i + 1;
    }
  });
  return ends;
}

/** The lower 9 bits of the first two bytes as a little-endian number: byte 0 and bit 0 of byte 1. */
function isCutId(id: BlobId): boolean {
  return id.startsWith("00") && (Number.parseInt(id.slice(3, 4), 16) & 1) === 0;
}

/** One list; a fresh buffer. @param entries 1 … CHUNK_LIST_ENTRIES_MAX. */
export function encodeChunkList(level: number, entries: readonly ChunkRef[]): Bytes {
  const count = entries.length;
  assert(count > 0 && count <= CHUNK_LIST_ENTRIES_MAX, `a chunk list of ${count} entries`);
  const ids = HEADER_BYTES + 8 * count;
  const list = new Uint8Array(ids + ID_BYTES * count);
  const view = new DataView(list.buffer);
  list[0] = KIND;
  list[1] = VERSION;
  list[2] = level;
  view.setUint32(4, count, true);
  entries.forEach((entry, i) => {
    view.setBigUint64(HEADER_BYTES + 8 * i, BigInt(entry.plainBytes), true);
    writeHexId(list, ids + ID_BYTES * i, entry.id);
  });
  return list;
}

/**
 * @param bytes A verified list blob. Kept by the result, not copied.
 * @throws ForgeError "corrupt", "unsupported-version".
 */
export function decodeChunkList(bytes: Bytes): ChunkList {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  checkBlobHeader(bytes, HEADER);
  const level = bytes[2] ?? 0;
  if (level >= CHUNK_LIST_LEVELS_MAX || bytes[3] !== 0) fault(`it is of level ${level}`);
  const count = view.getUint32(4, true);
  if (count < 1 || count > CHUNK_LIST_ENTRIES_MAX) fault(`it has ${count} entries`);
  const ids = HEADER_BYTES + 8 * count;
  if (ids + ID_BYTES * count !== bytes.length) fault(`it has ${bytes.length} bytes`);
  const ends = new Float64Array(count);
  let end = 0;
  for (let i = 0; i < count; i++) {
    const high = view.getUint32(HEADER_BYTES + 8 * i + 4, true);
    // 2^21 × 2^32: a sum of less than 2^53 stays exact, and so does the check after adding.
    if (high >= 0x20_0000) fault("an entry has too many bytes");
    const length = high * 0x1_0000_0000 + view.getUint32(HEADER_BYTES + 8 * i, true);
    if (length === 0 || (level === 0 && length > BLOB_BYTES_MAX)) {
      fault(`an entry has ${length} bytes`);
    }
    end += length;
    if (!Number.isSafeInteger(end)) fault("its entries have too many bytes");
    ends[i] = end;
  }
  const idAt = (entry: number): BlobId => {
    assert(entry >= 0 && entry < count, `entry ${entry} of a chunk list of ${count}`);
    const at = ids + ID_BYTES * entry;
    return idOf<BlobId>(bytes.subarray(at, at + ID_BYTES));
  };
  return { level, count, ends, idAt };
}

function fault(found: string): never {
  throw new ForgeError("corrupt", `Cannot decode a chunk list: ${found}`);
}
