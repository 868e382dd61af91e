/**
 * ReferencePage: what a directory of many entries has above its leaf pages: for each child the
 * least name below it, the number of entries below it and its id. FORMAT.md "Trees".
 *
 * | offset | size | field |
 * |---|---|---|
 * | 0 | 4 | 2, version 1, level, 0 |
 * | 4 | 4 | n |
 * | 8 | 8 | total entries |
 * | 16 | 4 | first-name bytes |
 * | 20 | … | name ends 4n · first names · entries below 4n · ids 32n |
 */
import type { Bytes } from "../base/bytes.ts";
import { ForgeError, assert } from "../base/errors.ts";
import { type BlobId, ID_BYTES, idOf } from "../base/ids.ts";
import { TREE_LEVELS_MAX, TREE_PAGE_ENTRIES_MAX } from "../base/limits.ts";
import { type BlobHeader, checkBlobHeader } from "./blob-header.ts";
import { compareToRange, nameFault, neighboursAscend } from "./entry-name.ts";
import { writeHexId } from "./hex-id.ts";
import { REFERENCE_PAGE, TREE_PAGE_VERSION } from "./leaf-layout.ts";

const HEADER_BYTES = 20;
const HEADER: BlobHeader = {
  what: "a page of references",
  kind: REFERENCE_PAGE,
  version: TREE_PAGE_VERSION,
  headerBytes: HEADER_BYTES,
};

/** One child of a page of references. */
export interface PageRef {
  readonly id: BlobId;
  /** The least name of an entry below the child. */
  readonly firstName: Bytes;
  /** Entries of the directory below the child, at least 1. */
  readonly entries: number;
}

/**
 * @param children In order of their first names, 1 … TREE_PAGE_ENTRIES_MAX.
 * @param level 1 above leaf pages, one more above each.
 * @returns a fresh buffer.
 * @throws ForgeError "too-large" beyond TREE_LEVELS_MAX.
 */
export function encodeReferencePage(level: number, children: readonly PageRef[]): Bytes {
  const count = children.length;
  assert(count > 0 && count <= TREE_PAGE_ENTRIES_MAX, `a reference page of ${count} children`);
  assert(level >= 1, `a reference page of level ${level}`);
  if (level > TREE_LEVELS_MAX) {
    throw new ForgeError("too-large", `Cannot store a directory of ${level} levels of pages`);
  }
  let nameBytes = 0;
  let total = 0;
  for (const child of children) {
    nameBytes += child.firstName.length;
    total += child.entries;
  }
  const names = HEADER_BYTES + 4 * count;
  const entries = names + nameBytes;
  const ids = entries + 4 * count;
  const page = new Uint8Array(ids + ID_BYTES * count);
  const view = new DataView(page.buffer);
  page[0] = REFERENCE_PAGE;
  page[1] = TREE_PAGE_VERSION;
  page[2] = level;
  view.setUint32(4, count, true);
  view.setBigUint64(8, BigInt(total), true);
  view.setUint32(16, nameBytes, true);
  let nameEnd = 0;
  children.forEach((child, i) => {
    page.set(child.firstName, names + nameEnd);
    nameEnd += child.firstName.length;
    view.setUint32(HEADER_BYTES + 4 * i, nameEnd, true);
    view.setUint32(entries + 4 * i, child.entries, true);
    writeHexId(page, ids + ID_BYTES * i, child.id);
  });
  return page;
}

export class ReferencePage {
  readonly kind: "references" = "references" as const;
  /** 1: children are leaf pages; above: pages of references of one level less. */
  readonly level: number;
  readonly count: number;
  /** Entries of the directory below all children. */
  readonly totalEntries: number;
  readonly #bytes: Bytes;
  readonly #view: DataView;
  readonly #entries: number;
  readonly #ids: number;
  /** Number of the first entry below each child, and the total. */
  readonly #firstEntries: Float64Array;

  /** Use `decodeTreePage`. @throws ForgeError "corrupt", "unsupported-version". */
  constructor(bytes: Bytes) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    checkBlobHeader(bytes, HEADER);
    const level = bytes[2] ?? 0;
    if (level < 1 || level > TREE_LEVELS_MAX || bytes[3] !== 0) fault(`it is of level ${level}`);
    const count = view.getUint32(4, true);
    if (count < 1 || count > TREE_PAGE_ENTRIES_MAX) fault(`it has ${count} children`);
    const nameBytes = view.getUint32(16, true);
    this.#entries = HEADER_BYTES + 4 * count + nameBytes;
    this.#ids = this.#entries + 4 * count;
    if (this.#ids + ID_BYTES * count !== bytes.length) fault(`it has ${bytes.length} bytes`);
    this.#bytes = bytes;
    this.#view = view;
    this.level = level;
    this.count = count;
    this.#checkNames(nameBytes);
    this.#firstEntries = this.#sumEntries();
    this.totalEntries = this.#firstEntries[count] as number;
    if (view.getBigUint64(8, true) !== BigInt(this.totalEntries)) fault("its total is wrong");
  }

  get memoryBytes(): number {
    return this.#bytes.buffer.byteLength + this.#firstEntries.byteLength;
  }

  child(i: number): BlobId {
    this.#checkNumber(i);
    const at = this.#ids + ID_BYTES * i;
    return idOf<BlobId>(this.#bytes.subarray(at, at + ID_BYTES));
  }

  /** A view of the page. */
  firstName(i: number): Bytes {
    this.#checkNumber(i);
    return this.#bytes.subarray(this.#nameStart(i), this.#nameStart(i + 1));
  }

  entriesBelow(i: number): number {
    this.#checkNumber(i);
    return this.#view.getUint32(this.#entries + 4 * i, true);
  }

  /** Number in the directory (below this page) of the first entry of child `i`. */
  firstEntry(i: number): number {
    this.#checkNumber(i);
    return this.#firstEntries[i] as number;
  }

  /** The only child that can hold `name`, or −1 when it is before all. */
  findChild(name: Uint8Array): number {
    let low = 0;
    let high = this.count - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const start = this.#nameStart(middle);
      if (compareToRange(name, this.#bytes, start, this.#nameStart(middle + 1)) < 0) {
        high = middle - 1;
      } else {
        low = middle + 1;
      }
    }
    return high;
  }

  /** The child that holds entry number `entry` of those below this page, or −1 beyond the last. */
  findChildOfEntry(entry: number): number {
    if (entry >= this.totalEntries) return -1;
    let low = 0;
    let high = this.count - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#firstEntries[middle] as number) <= entry) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #checkNumber(i: number): void {
    assert(i >= 0 && i < this.count, `child ${i} of a page of ${this.count}`);
  }

  #nameStart(i: number): number {
    const names = HEADER_BYTES + 4 * this.count;
    return i === 0 ? names : names + this.#view.getUint32(HEADER_BYTES + 4 * i - 4, true);
  }

  #checkNames(nameBytes: number): void {
    const names = this.#nameStart(0);
    let before = names;
    let start = names;
    for (let i = 0; i < this.count; i++) {
      const end = this.#nameStart(i + 1);
      if (end < start || end > names + nameBytes) fault(`the end of name ${i} is out of place`);
      const found = nameFault(this.#bytes, start, end);
      if (found !== undefined) fault(found);
      if (i > 0 && !neighboursAscend(this.#bytes, before, start, end)) {
        fault("its names are not sorted");
      }
      before = start;
      start = end;
    }
    if (start !== names + nameBytes) fault("its names do not fill their column");
  }

  #sumEntries(): Float64Array {
    const firsts = new Float64Array(this.count + 1);
    for (let i = 0; i < this.count; i++) {
      const own = this.#view.getUint32(this.#entries + 4 * i, true);
      if (own === 0) fault(`child ${i} has no entries`);
      firsts[i + 1] = (firsts[i] as number) + own;
    }
    return firsts;
  }
}

function fault(found: string): never {
  throw new ForgeError("corrupt", `Cannot decode a page of references: ${found}`);
}
