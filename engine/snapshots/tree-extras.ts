/**
 * Extras of a leaf page: what few entries have, so that it needs no column. Here are the values;
 * `leaf-page-encode.ts` frames them and `leaf-page-check.ts` validates the frames.
 * FORMAT.md "Trees", table of extras.
 */
import { ByteReader, type ByteWriter, type Bytes, compareBytes } from "../base/bytes.ts";
import { ForgeError, assert } from "../base/errors.ts";
import { type BlobId, ID_BYTES, idOf } from "../base/ids.ts";
import {
  CHUNK_LIST_LEVELS_MAX,
  HOLE_LISTS_MAX,
  LINK_TARGET_BYTES_MAX,
  XATTRS_BYTES_MAX,
} from "../base/limits.ts";
import { EXTRA_HEADER_BYTES, EXTRA_TAGS } from "./leaf-layout.ts";
import { writeHexId } from "./hex-id.ts";
import type { Hole, TreeNode, Xattr } from "./tree-node.ts";

const WHAT = "tree page";
const NANOS = 1_000_000_000n;

/** Length of an xattr list as stored: to be at most XATTRS_BYTES_MAX. */
export function xattrsBytes(xattrs: readonly Xattr[]): number {
  let bytes = 0;
  for (const xattr of xattrs) bytes += 6 + xattr.name.length + xattr.value.length;
  return bytes;
}

function hasDeviceNumber(node: TreeNode): boolean {
  return node.type === "char-device" || node.type === "block-device";
}

/** Length of all extras of `node`, with their headers. */
export function extrasBytes(node: TreeNode): number {
  let bytes = 0;
  if (node.linkTarget !== undefined) bytes += EXTRA_HEADER_BYTES + node.linkTarget.length;
  if (node.xattrs.length > 0) bytes += EXTRA_HEADER_BYTES + xattrsBytes(node.xattrs);
  if (hasDeviceNumber(node)) bytes += EXTRA_HEADER_BYTES + 8;
  if (node.atimeNs !== undefined) bytes += EXTRA_HEADER_BYTES + 12;
  const content = node.content;
  if (content === undefined) return bytes;
  if (content.holes.length > 0) bytes += EXTRA_HEADER_BYTES + 16 * content.holes.length;
  if (content.chunkList !== undefined) bytes += EXTRA_HEADER_BYTES + 1;
  if (content.holeLists !== undefined) {
    bytes += EXTRA_HEADER_BYTES + ID_BYTES * content.holeLists.length;
  }
  return bytes;
}

/** Appends the extras of entry number `entry`, by ascending tag. */
export function encodeExtras(writer: ByteWriter, entry: number, node: TreeNode): void {
  const begin = (tag: number, length: number): void => {
    writer.u32(entry);
    writer.u8(tag);
    writer.u32(length);
  };
  if (node.linkTarget !== undefined) {
    assert(node.linkTarget.length <= LINK_TARGET_BYTES_MAX, "a link target beyond its limit");
    begin(EXTRA_TAGS.linkTarget, node.linkTarget.length);
    writer.bytes(node.linkTarget);
  }
  if (node.xattrs.length > 0) encodeXattrs(writer, node.xattrs, begin);
  const content = node.content;
  if (content !== undefined && content.holes.length > 0) {
    begin(EXTRA_TAGS.holes, 16 * content.holes.length);
    for (const hole of content.holes) {
      writer.u64(hole.offset);
      writer.u64(hole.length);
    }
  }
  if (hasDeviceNumber(node)) {
    begin(EXTRA_TAGS.deviceNumber, 8);
    writer.u32(node.deviceMajor);
    writer.u32(node.deviceMinor);
  }
  if (node.atimeNs !== undefined) {
    begin(EXTRA_TAGS.atime, 12);
    const nanos = ((node.atimeNs % NANOS) + NANOS) % NANOS;
    writer.i64((node.atimeNs - nanos) / NANOS);
    writer.u32(Number(nanos));
  }
  if (content?.chunkList !== undefined) {
    begin(EXTRA_TAGS.chunkList, 1);
    writer.u8(content.chunkList.level);
  }
  if (content?.holeLists !== undefined) {
    begin(EXTRA_TAGS.holeLists, ID_BYTES * content.holeLists.length);
    const id = new Uint8Array(ID_BYTES);
    for (const list of content.holeLists) {
      writeHexId(id, 0, list);
      writer.bytes(id);
    }
  }
}

function encodeXattrs(
  writer: ByteWriter,
  xattrs: readonly Xattr[],
  begin: (tag: number, length: number) => void,
): void {
  const length = xattrsBytes(xattrs);
  if (length > XATTRS_BYTES_MAX) {
    throw new ForgeError(
      "too-large",
      `Cannot store extended attributes of ${length} bytes, at most ${XATTRS_BYTES_MAX}`,
    );
  }
  begin(EXTRA_TAGS.xattrs, length);
  let previous: Bytes | undefined;
  for (const xattr of xattrs) {
    assert(
      previous === undefined || compareBytes(previous, xattr.name) < 0,
      "xattrs that are not sorted",
    );
    previous = xattr.name;
    writer.u16(xattr.name.length);
    writer.bytes(xattr.name);
    writer.u32(xattr.value.length);
    writer.bytes(xattr.value);
  }
}

/** @throws ForgeError "corrupt" when the target is too long or contains NUL. */
export function decodeLinkTarget(value: Bytes): Bytes {
  if (value.length > LINK_TARGET_BYTES_MAX) fault(`a link target has ${value.length} bytes`);
  if (value.includes(0)) fault("a link target contains NUL");
  return value;
}

/** Names and values are views of `value`. */
export function decodeXattrs(value: Bytes): Xattr[] {
  if (value.length > XATTRS_BYTES_MAX) fault(`xattrs take ${value.length} bytes`);
  const reader = new ByteReader(value, WHAT);
  const xattrs: Xattr[] = [];
  let previous: Bytes | undefined;
  while (reader.remaining > 0) {
    const name = reader.bytes(reader.u16());
    if (name.length === 0 || name.includes(0)) fault("an xattr name is empty or contains NUL");
    if (previous !== undefined && compareBytes(previous, name) >= 0) fault("xattrs are not sorted");
    previous = name;
    xattrs.push({ name, value: reader.bytes(reader.u32()) });
  }
  if (xattrs.length === 0) fault("an xattr list is empty");
  return xattrs;
}

/** Holes sorted, not touching, inside `sizeBytes`; at least one. */
export function decodeHoles(value: Bytes, sizeBytes: number): Hole[] {
  if (value.length === 0 || value.length % 16 !== 0) fault(`holes take ${value.length} bytes`);
  const reader = new ByteReader(value, WHAT);
  const holes: Hole[] = [];
  let end = -1;
  while (reader.remaining > 0) {
    const hole: Hole = { offset: reader.u64(), length: reader.u64() };
    if (hole.offset <= end || hole.length === 0 || hole.length > sizeBytes - hole.offset) {
      fault(`a hole at ${hole.offset} of ${hole.length} bytes overlaps or leaves the file`);
    }
    end = hole.offset + hole.length;
    holes.push(hole);
  }
  return holes;
}

export function decodeDeviceNumber(value: Bytes): { major: number; minor: number } {
  const reader = new ByteReader(value, WHAT);
  const number = { major: reader.u32(), minor: reader.u32() };
  reader.end();
  return number;
}

/** Nanoseconds since 1970. */
export function decodeTime(value: Bytes): bigint {
  const reader = new ByteReader(value, WHAT);
  const seconds = reader.i64();
  const nanos = reader.u32();
  reader.end();
  if (nanos > 999_999_999) fault(`a time has ${nanos} nanoseconds`);
  return seconds * NANOS + BigInt(nanos);
}

export function decodeChunkListLevel(value: Bytes): number {
  const level = value[0];
  if (value.length !== 1 || level === undefined || level >= CHUNK_LIST_LEVELS_MAX) {
    fault("a chunk list has an impossible level");
  }
  return level;
}

export function decodeHoleLists(value: Bytes): BlobId[] {
  const count = value.length / ID_BYTES;
  if (!Number.isInteger(count) || count === 0 || count > HOLE_LISTS_MAX) {
    fault(`hole lists take ${value.length} bytes`);
  }
  return Array.from({ length: count }, (_, i) =>
    idOf<BlobId>(value.subarray(i * ID_BYTES, (i + 1) * ID_BYTES)),
  );
}

function fault(found: string): never {
  throw new ForgeError("corrupt", `Cannot decode ${WHAT}: ${found}`);
}
