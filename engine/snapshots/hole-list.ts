/**
 * Hole lists: the holes of a file that has many, in list blobs.
 * FORMAT.md "Chunk lists and hole lists".
 *
 * | offset | size | field |
 * |---|---|---|
 * | 0 | 4 | 4, version 1, 0 u16 |
 * | 4 | 4 | n |
 * | 8 | 16n | offset u64, length u64 |
 */
import type { Bytes } from "../base/bytes.ts";
import { ForgeError, assert } from "../base/errors.ts";
import { type BlobId } from "../base/ids.ts";
import { HOLE_LISTS_MAX, HOLE_LIST_ENTRIES_MAX } from "../base/limits.ts";
import { type BlobHeader, checkBlobHeader } from "./blob-header.ts";
import type { Hole } from "./tree-node.ts";

const KIND = 4;
const VERSION = 1;
const HEADER_BYTES = 8;
const ENTRY_BYTES = 16;
const HEADER: BlobHeader = {
  what: "a hole list",
  kind: KIND,
  version: VERSION,
  headerBytes: HEADER_BYTES,
};

/** A decoded list: sorted, not touching, lengths at least 1. Whether they fit a file is not known. */
export interface HoleList {
  readonly count: number;
  readonly offsets: Float64Array;
  readonly lengths: Float64Array;
  /** Sum of the lengths before each hole, and of all at the end: one more than `count`. */
  readonly before: Float64Array;
}

/**
 * Writes the lists of a file's holes.
 *
 * @param emit Takes each list (a fresh buffer it owns) and gives its blob id, one after another.
 * @returns the ids in order of the holes.
 * @throws ForgeError "too-large" beyond HOLE_LISTS_MAX lists, and whatever `emit` throws.
 */
export async function buildHoleLists(
  holes: readonly Hole[],
  emit: (list: Bytes) => BlobId | Promise<BlobId>,
): Promise<BlobId[]> {
  if (holes.length > HOLE_LISTS_MAX * HOLE_LIST_ENTRIES_MAX) {
    throw new ForgeError("too-large", `Cannot store a file of ${holes.length} holes`);
  }
  const ids: BlobId[] = [];
  for (let start = 0; start < holes.length; start += HOLE_LIST_ENTRIES_MAX) {
    ids.push(await emit(encodeHoleList(holes.slice(start, start + HOLE_LIST_ENTRIES_MAX))));
  }
  return ids;
}

/** One list; a fresh buffer. @param holes 1 … HOLE_LIST_ENTRIES_MAX, sorted, not touching. */
export function encodeHoleList(holes: readonly Hole[]): Bytes {
  const count = holes.length;
  assert(count > 0 && count <= HOLE_LIST_ENTRIES_MAX, `a hole list of ${count} holes`);
  const list = new Uint8Array(HEADER_BYTES + ENTRY_BYTES * count);
  const view = new DataView(list.buffer);
  list[0] = KIND;
  list[1] = VERSION;
  view.setUint32(4, count, true);
  holes.forEach((hole, i) => {
    view.setBigUint64(HEADER_BYTES + ENTRY_BYTES * i, BigInt(hole.offset), true);
    view.setBigUint64(HEADER_BYTES + ENTRY_BYTES * i + 8, BigInt(hole.length), true);
  });
  return list;
}

/**
 * @param bytes A verified list blob; not kept.
 * @throws ForgeError "corrupt", "unsupported-version".
 */
export function decodeHoleList(bytes: Bytes): HoleList {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  checkBlobHeader(bytes, HEADER);
  if (view.getUint16(2, true) !== 0) fault("its reserved bytes are not zero");
  const count = view.getUint32(4, true);
  if (count < 1 || count > HOLE_LIST_ENTRIES_MAX) fault(`it has ${count} holes`);
  if (HEADER_BYTES + ENTRY_BYTES * count !== bytes.length) fault(`it has ${bytes.length} bytes`);
  const offsets = new Float64Array(count);
  const lengths = new Float64Array(count);
  const before = new Float64Array(count + 1);
  let end = -1;
  for (let i = 0; i < count; i++) {
    const at = HEADER_BYTES + ENTRY_BYTES * i;
    const offset = readSafe(view, at);
    const length = readSafe(view, at + 8);
    if (offset <= end || length === 0 || !Number.isSafeInteger(offset + length)) {
      fault(`its hole at ${offset} of ${length} bytes overlaps another`);
    }
    end = offset + length;
    offsets[i] = offset;
    lengths[i] = length;
    before[i + 1] = (before[i] as number) + length;
  }
  return { count, offsets, lengths, before };
}

function readSafe(view: DataView, at: number): number {
  const high = view.getUint32(at + 4, true);
  if (high >= 0x20_0000) fault("a number is too large");
  return high * 0x1_0000_0000 + view.getUint32(at, true);
}

function fault(found: string): never {
  throw new ForgeError("corrupt", `Cannot decode a hole list: ${found}`);
}
