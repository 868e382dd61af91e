/**
 * Inode numbers: 64 bits, the same at every mount of the same snapshots, so that incremental tools
 * recognise files. Derived from the parent's number and the place in it, or the name where the parent can
 * change; of hard links from what makes them one file.
 *
 * Neighbours have neighbouring numbers: `cp` and others read a directory's files in order of their inodes,
 * and in order of the directory they lie side by side in packs.
 */
import { type Bytes, EMPTY_BYTES, utf8 } from "../engine/base/bytes.ts";
import type { FsAttributes, FsEntry } from "../engine/read/readonly-fs.ts";

export const ROOT_INODE_NUMBER = 1n;

/** One 64-bit value seen as two 32-bit lanes and as a bigint: far cheaper than BigInt arithmetic. */
const LANES = new Uint32Array(2);
const WHOLE = new BigUint64Array(LANES.buffer);

/** @param parent Number of the directory that holds `entry`. */
export function inodeNumberOf(parent: bigint, entry: FsEntry): bigint {
  const key = hardLinkKeyOf(entry);
  if (key !== undefined) return hash(0n, utf8(key));
  const { ordinal } = entry;
  return ordinal === undefined ? hash(parent, entry.name) : hash(parent, EMPTY_BYTES, ordinal);
}

/**
 * What makes two entries the same inode, or `undefined` for an entry with one name. The content and
 * the times are part of it: two versions of a file must never be taken for one another, however a
 * repository chose its keys.
 */
export function hardLinkKeyOf(entry: FsEntry): string | undefined {
  const key = entry.attributes.hardLinkKey;
  if (key === undefined || entry.type === "directory") return undefined;
  const content = entry.type === "file" ? entry.contentKey : entry.type;
  return `${key}\0${content}\0${attributesKey(entry.attributes)}`;
}

/** Equal for equal attributes as far as stat(2) shows them, the number of links left out. */
export function attributesKey(attributes: FsAttributes): string {
  const { mode, uid, gid, mtimeNs, ctimeNs, sizeBytes } = attributes;
  return `${mode} ${uid} ${gid} ${mtimeNs} ${ctimeNs} ${sizeBytes}`;
}

/**
 * Two multiplicative lanes that are mixed at the end. Not cryptographic; the input is long.
 * @param plus Added to the result.
 */
function hash(seed: bigint, bytes: Bytes, plus = 0): bigint {
  WHOLE[0] = seed;
  let low = ((LANES[0] ?? 0) ^ 0x9e3779b9) | 0;
  let high = ((LANES[1] ?? 0) ^ 0x7f4a7c15) | 0;
  low = Math.imul(low ^ (low >>> 15), 0x85ebca6b);
  high = Math.imul(high ^ (high >>> 13), 0xc2b2ae35);
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    low = Math.imul(low ^ byte, 0x9e3779b1);
    high = Math.imul(high ^ byte, 0x5f356495);
    low ^= low >>> 15;
    high ^= high >>> 13;
  }
  low = Math.imul(low ^ (low >>> 16), 0x85ebca6b) ^ Math.imul(high ^ (high >>> 13), 0xc2b2ae35);
  high = Math.imul(high ^ (high >>> 16), 0x85ebca6b) ^ Math.imul(low ^ (low >>> 13), 0xc2b2ae35);
  const sum = (low >>> 0) + plus;
  LANES[0] = sum;
  LANES[1] = high + Math.floor(sum / 2 ** 32);
  const number = WHOLE[0];
  // 0 means "no inode" to many programs and 1 is the root.
  return number <= ROOT_INODE_NUMBER ? number + 2n : number;
}
