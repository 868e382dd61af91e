/**
 * LeafPage: a decoded leaf page that stays columnar. Accessors read the page's bytes; only `node`
 * builds objects. Entries are numbered from 0 in order of their names. FORMAT.md "Trees".
 */
import type { Bytes } from "../base/bytes.ts";
import { assert } from "../base/errors.ts";
import { type BlobId, ID_BYTES, idOf } from "../base/ids.ts";
import { compareToRange } from "./entry-name.ts";
import type { EntryStamp } from "./entry-stamp.ts";
import { EXTRA_HEADER_BYTES, EXTRA_TAGS, type LeafColumns, TYPE_BY_NUMBER } from "./leaf-layout.ts";
import { type CheckedLeaf, checkLeafPage, readSize } from "./leaf-page-check.ts";
import {
  decodeChunkListLevel,
  decodeDeviceNumber,
  decodeHoleLists,
  decodeHoles,
  decodeTime,
  decodeXattrs,
} from "./tree-extras.ts";
import type { ChunkRef, FileContent, Hole, NodeType, TreeNode, Xattr } from "./tree-node.ts";

const NANOS = 1_000_000_000n;

export class LeafPage {
  readonly kind: "leaf" = "leaf" as const;
  readonly count: number;
  readonly #bytes: Bytes;
  readonly #view: DataView;
  readonly #at: LeafColumns;
  readonly #checked: CheckedLeaf;

  /** Use `decodeTreePage`. @param bytes Kept, not copied. */
  constructor(bytes: Bytes, checked: CheckedLeaf) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = checked.columns;
    this.#checked = checked;
    this.count = checked.columns.count;
  }

  /** Bytes this page keeps alive: its own, and the numbers the check made. */
  get memoryBytes(): number {
    const extras = this.#checked.extraStarts?.byteLength ?? 0;
    return this.#bytes.buffer.byteLength + this.#checked.firstRefs.byteLength + extras;
  }

  /** A view of the page. */
  name(i: number): Bytes {
    return this.#bytes.subarray(this.#nameStart(i), this.#nameEnd(i));
  }

  /** Number of the entry called `name`, or −1. */
  find(name: Uint8Array): number {
    let low = 0;
    let high = this.count - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const order = this.compareName(name, middle);
      if (order === 0) return middle;
      if (order < 0) high = middle - 1;
      else low = middle + 1;
    }
    return -1;
  }

  /** Order of `name` against the name of entry `i`: negative, 0 or positive. */
  compareName(name: Uint8Array, i: number): number {
    return compareToRange(name, this.#bytes, this.#nameStart(i), this.#nameEnd(i));
  }

  type(i: number): NodeType {
    return TYPE_BY_NUMBER[this.#bytes[this.#at.types + this.#checkNumber(i)] as number] as NodeType;
  }

  mode(i: number): number {
    return this.#view.getUint16(this.#at.modes + 2 * i, true);
  }

  uid(i: number): number {
    return this.#view.getUint32(this.#at.uids + 4 * i, true);
  }

  gid(i: number): number {
    return this.#view.getUint32(this.#at.gids + 4 * i, true);
  }

  user(i: number): string {
    return this.#checked.strings[this.#view.getUint16(this.#at.users + 2 * i, true)] ?? "";
  }

  group(i: number): string {
    return this.#checked.strings[this.#view.getUint16(this.#at.groups + 2 * i, true)] ?? "";
  }

  mtimeNs(i: number): bigint {
    return this.#time(this.#at.mtimeSeconds, this.#at.mtimeNanos, i);
  }

  ctimeNs(i: number): bigint {
    return this.#time(this.#at.ctimeSeconds, this.#at.ctimeNanos, i);
  }

  atimeNs(i: number): bigint | undefined {
    const value = this.#findExtra(i, EXTRA_TAGS.atime);
    return value === undefined ? undefined : decodeTime(value);
  }

  device(i: number): bigint {
    return this.#view.getBigUint64(this.#at.devices + 8 * i, true);
  }

  inode(i: number): bigint {
    return this.#view.getBigUint64(this.#at.inodes + 8 * i, true);
  }

  /** Whether inode, ctime and mtime of entry `i` are those of `stamp`. */
  hasStamp(i: number, stamp: EntryStamp): boolean {
    this.#checkNumber(i);
    const view = this.#view;
    const { inodes, ctimeSeconds, ctimeNanos, mtimeSeconds, mtimeNanos } = this.#at;
    return (
      view.getInt32(inodes + 8 * i, true) === stamp.inodeLow &&
      view.getInt32(inodes + 8 * i + 4, true) === stamp.inodeHigh &&
      view.getInt32(ctimeNanos + 4 * i, true) === stamp.ctimeNanos &&
      view.getInt32(ctimeSeconds + 8 * i, true) === stamp.ctimeLow &&
      view.getInt32(ctimeSeconds + 8 * i + 4, true) === stamp.ctimeHigh &&
      view.getInt32(mtimeNanos + 4 * i, true) === stamp.mtimeNanos &&
      view.getInt32(mtimeSeconds + 8 * i, true) === stamp.mtimeLow &&
      view.getInt32(mtimeSeconds + 8 * i + 4, true) === stamp.mtimeHigh
    );
  }

  linkCount(i: number): number {
    return this.#view.getUint32(this.#at.linkCounts + 4 * i, true);
  }

  /** Logical size of a file; 0 for all else. */
  sizeBytes(i: number): number {
    return readSize(this.#view, this.#at, i);
  }

  crc32(i: number): number {
    return this.#view.getUint32(this.#at.crcs + 4 * i, true);
  }

  deviceNumber(i: number): { readonly major: number; readonly minor: number } {
    const value = this.#findExtra(i, EXTRA_TAGS.deviceNumber);
    return value === undefined ? { major: 0, minor: 0 } : decodeDeviceNumber(value);
  }

  /** A copy; `undefined` for all but symlinks. */
  linkTarget(i: number): Bytes | undefined {
    return this.#findExtra(i, EXTRA_TAGS.linkTarget)?.slice();
  }

  hasXattrs(i: number): boolean {
    return this.#findExtra(i, EXTRA_TAGS.xattrs) !== undefined;
  }

  /** Copies of names and values. */
  xattrs(i: number): readonly Xattr[] {
    const value = this.#findExtra(i, EXTRA_TAGS.xattrs);
    return value === undefined ? [] : decodeXattrs(value.slice());
  }

  /** Root page of directory `i`; `undefined` for all else. */
  subtree(i: number): BlobId | undefined {
    return this.type(i) === "directory" ? idOf<BlobId>(this.refBytes(i)) : undefined;
  }

  /**
   * The ids of entry `i` as they stand, 32 bytes each: chunks of a file or its one chunk list, the
   * one subtree of a directory. A view of the page.
   */
  refBytes(i: number): Bytes {
    this.#checkNumber(i);
    const first = this.#checked.firstRefs[i] as number;
    const end = this.#checked.firstRefs[i + 1] as number;
    return this.#bytes.subarray(this.#at.ids + ID_BYTES * first, this.#at.ids + ID_BYTES * end);
  }

  /** Plain length of the chunk that is id number `ref` of entry `i`; 0 when it is no chunk. */
  refPlainBytes(i: number, ref: number): number {
    this.#checkNumber(i);
    const at = (this.#checked.firstRefs[i] as number) + ref;
    assert(ref >= 0 && at < (this.#checked.firstRefs[i + 1] as number), `id ${ref} of entry ${i}`);
    return this.#view.getUint32(this.#at.chunkBytes + 4 * at, true);
  }

  /** Whether file `i` has no holes, and all its chunks stand in the page. */
  isPlain(i: number): boolean {
    const starts = this.#checked.extraStarts;
    return (
      starts === undefined ||
      (this.#findExtra(i, EXTRA_TAGS.chunkList) === undefined &&
        this.#findExtra(i, EXTRA_TAGS.holes) === undefined &&
        this.#findExtra(i, EXTRA_TAGS.holeLists) === undefined)
    );
  }

  /** Whether the chunks of file `i` stand in chunk lists and not in the page. */
  hasChunkList(i: number): boolean {
    return this.#findExtra(i, EXTRA_TAGS.chunkList) !== undefined;
  }

  /**
   * Bytes of file `i` that are holes, as far as the page knows: `undefined` when they stand in hole
   * lists.
   */
  inlineHoleBytes(i: number): number | undefined {
    if (this.#findExtra(i, EXTRA_TAGS.holeLists) !== undefined) return undefined;
    let bytes = 0;
    for (const hole of this.#holes(i)) bytes += hole.length;
    return bytes;
  }

  /** Chunks and holes of a file; `undefined` for all else. */
  content(i: number): FileContent | undefined {
    if (this.type(i) !== "file") return undefined;
    const level = this.#findExtra(i, EXTRA_TAGS.chunkList);
    const lists = this.#findExtra(i, EXTRA_TAGS.holeLists);
    return {
      sizeBytes: this.sizeBytes(i),
      crc32: this.crc32(i),
      chunks: level === undefined ? this.#chunks(i) : [],
      ...(level !== undefined && {
        chunkList: { id: idOf<BlobId>(this.refBytes(i)), level: decodeChunkListLevel(level) },
      }),
      holes: this.#holes(i),
      ...(lists !== undefined && { holeLists: decodeHoleLists(lists) }),
    };
  }

  /** Everything about entry `i`. Shares no memory with the page. */
  node(i: number): TreeNode {
    const type = this.type(i);
    const isDevice = type === "char-device" || type === "block-device";
    const number = isDevice ? this.deviceNumber(i) : undefined;
    const base = {
      name: this.name(i).slice(),
      type,
      mode: this.mode(i),
      uid: this.uid(i),
      gid: this.gid(i),
      user: this.user(i),
      group: this.group(i),
      mtimeNs: this.mtimeNs(i),
      ctimeNs: this.ctimeNs(i),
      atimeNs: this.atimeNs(i),
      device: this.device(i),
      inode: this.inode(i),
      linkCount: this.linkCount(i),
      deviceMajor: number?.major ?? 0,
      deviceMinor: number?.minor ?? 0,
      xattrs: this.xattrs(i),
    };
    if (type === "file") return { ...base, content: this.content(i) };
    if (type === "directory") return { ...base, subtree: this.subtree(i) };
    if (type === "symlink") return { ...base, linkTarget: this.linkTarget(i) };
    return base;
  }

  #checkNumber(i: number): number {
    assert(i >= 0 && i < this.count, `entry ${i} of a page of ${this.count}`);
    return i;
  }

  #nameStart(i: number): number {
    const { names, nameEnds } = this.#at;
    return i === 0 ? names : names + this.#view.getUint32(nameEnds + 4 * i - 4, true);
  }

  #nameEnd(i: number): number {
    return (
      this.#at.names + this.#view.getUint32(this.#at.nameEnds + 4 * this.#checkNumber(i), true)
    );
  }

  #time(seconds: number, nanos: number, i: number): bigint {
    return (
      this.#view.getBigInt64(seconds + 8 * i, true) * NANOS +
      BigInt(this.#view.getUint32(nanos + 4 * i, true))
    );
  }

  #chunks(i: number): ChunkRef[] {
    const chunks: ChunkRef[] = [];
    const end = this.#checked.firstRefs[i + 1] as number;
    for (let ref = this.#checked.firstRefs[i] as number; ref < end; ref++) {
      const at = this.#at.ids + ID_BYTES * ref;
      chunks.push({
        id: idOf<BlobId>(this.#bytes.subarray(at, at + ID_BYTES)),
        plainBytes: this.#view.getUint32(this.#at.chunkBytes + 4 * ref, true),
      });
    }
    return chunks;
  }

  #holes(i: number): Hole[] {
    const value = this.#findExtra(i, EXTRA_TAGS.holes);
    return value === undefined ? [] : decodeHoles(value, this.sizeBytes(i));
  }

  /** The value of an extra of entry `i` as a view. */
  #findExtra(i: number, tag: number): Bytes | undefined {
    const starts = this.#checked.extraStarts;
    if (starts === undefined) return undefined;
    const end = starts[this.#checkNumber(i) + 1] as number;
    let at = starts[i] as number;
    while (at < end) {
      const valueAt = at + EXTRA_HEADER_BYTES;
      const next = valueAt + this.#view.getUint32(at + 5, true);
      if (this.#bytes[at + 4] === tag) return this.#bytes.subarray(valueAt, next);
      at = next;
    }
    return undefined;
  }
}

/** @see decodeTreePage, decodeRootPage */
export function decodeLeafPage(bytes: Bytes, options: { readonly root: boolean }): LeafPage {
  return new LeafPage(bytes, checkLeafPage(bytes, options.root));
}
