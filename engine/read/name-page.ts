/**
 * NamePage: of a leaf page what a search by name needs, and nothing else: a tenth of the page, kept
 * in columns. All names stand in one text, so that looking for a part is one pass over memory.
 *
 * Both forms of the names are `/name/name/…/`: a slash is in no name, and so no match can reach from
 * one name into the next, while `/part` is found at beginnings and `/part/` as whole names only.
 */
import { type Bytes, lossyUtf8, utf8 } from "../base/bytes.ts";
import { type BlobId, ID_BYTES } from "../base/ids.ts";
import { TYPE_BY_NUMBER } from "../snapshots/leaf-layout.ts";
import type { LeafPage } from "../snapshots/leaf-page.ts";
import { NODE_TYPES, type NodeType } from "../snapshots/tree-node.ts";
import { contentKeyOf } from "./content-key.ts";
import { composeName, foldName } from "./name-fold.ts";

const SLASH = 0x2f;
/** An id as hex in a string, with what an object costs. */
const ID_STRING_BYTES = 96;
const OBJECT_BYTES = 400;

export class NamePage {
  readonly kind: "leaf" = "leaf" as const;
  readonly count: number;
  /** `foldName` of each name, between slashes. */
  readonly folded: string;
  readonly memoryBytes: number;
  /** Numbers of the entries that are directories, and the root pages of what is below each. */
  readonly directories: Uint16Array;
  readonly subtrees: readonly BlobId[];
  readonly #raw: Bytes;
  /** Where each name begins in `#raw`, and one more: the next begins behind a slash. */
  readonly #starts: Uint32Array;
  /** The same in `folded`; the same array where both are ASCII. */
  readonly #foldedStarts: Uint32Array;
  readonly #types: Uint8Array;
  readonly #mtimes: Float64Array;
  readonly #versions: Uint32Array;

  constructor(page: LeafPage) {
    const { count } = page;
    this.count = count;
    const starts = new Uint32Array(count + 1);
    let at = 1;
    for (let i = 0; i < count; i++) {
      starts[i] = at;
      at += page.name(i).length + 1;
    }
    starts[count] = at;
    const raw = new Uint8Array(at).fill(SLASH);
    const types = new Uint8Array(count);
    const mtimes = new Float64Array(count);
    const versions = new Uint32Array(count);
    const directories: number[] = [];
    const subtrees: BlobId[] = [];
    for (let i = 0; i < count; i++) {
      raw.set(page.name(i), starts[i]);
      const subtree = page.subtree(i);
      if (subtree !== undefined) {
        directories.push(i);
        subtrees.push(subtree);
      }
      types[i] = NODE_TYPES[page.type(i)];
      mtimes[i] = Number(page.mtimeNs(i) / 1_000_000n);
      versions[i] = versionOf(page, i);
    }
    this.#raw = raw;
    this.#starts = starts;
    this.#types = types;
    this.#mtimes = mtimes;
    this.#versions = versions;
    this.directories = Uint16Array.from(directories);
    this.subtrees = subtrees;
    if (raw.every((byte) => byte < 0x80)) {
      this.folded = foldName(lossyUtf8(raw));
      this.#foldedStarts = starts;
    } else {
      const names = Array.from({ length: count }, (_, i) => foldName(lossyUtf8(this.name(i))));
      this.folded = count === 0 ? "/" : `/${names.join("/")}/`;
      const foldedStarts = new Uint32Array(count + 1);
      foldedStarts[0] = 1;
      names.forEach((name, i) => (foldedStarts[i + 1] = (foldedStarts[i] ?? 0) + name.length + 1));
      this.#foldedStarts = foldedStarts;
    }
    // Text beyond ASCII takes two bytes a character.
    const textBytes = this.folded.length * (this.#foldedStarts === starts ? 1 : 2);
    this.memoryBytes =
      OBJECT_BYTES + raw.length + textBytes + 25 * count + (2 + ID_STRING_BYTES) * subtrees.length;
  }

  /** A view. */
  name(i: number): Bytes {
    return this.#raw.subarray(this.#starts[i], (this.#starts[i + 1] as number) - 1);
  }

  /** Order of name `i` against name `j` of `other`, by bytes: negative, 0 or positive. */
  compareName(i: number, other: NamePage, j: number): number {
    const a = this.#raw;
    const b = other.#raw;
    let x = this.#starts[i] as number;
    let y = other.#starts[j] as number;
    const end =
      Math.min(this.#starts[i + 1] as number, x + (other.#starts[j + 1] as number) - y) - 1;
    for (; x < end; x++, y++) {
      const difference = (a[x] as number) - (b[y] as number);
      if (difference !== 0) return difference;
    }
    return (
      (this.#starts[i + 1] as number) -
      (this.#starts[i] as number) -
      ((other.#starts[j + 1] as number) - (other.#starts[j] as number))
    );
  }

  foldedName(i: number): string {
    return this.folded.slice(this.#foldedStarts[i], (this.#foldedStarts[i + 1] as number) - 1);
  }

  /** The name with its case; bytes that are not UTF-8 as U+FFFD. */
  composedName(i: number): string {
    return composeName(lossyUtf8(this.name(i)));
  }

  /** Number of the entry whose folded name position `at` of `folded` is in, or is the slash before. */
  entryAt(at: number): number {
    const starts = this.#foldedStarts;
    let low = 0;
    let high = this.count - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((starts[middle] as number) - 1 <= at) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Where the folded name of entry `i` begins in `folded`; of `count`: behind the last slash. */
  foldedStart(i: number): number {
    return this.#foldedStarts[i] as number;
  }

  type(i: number): NodeType {
    return TYPE_BY_NUMBER[this.#types[i] as number] as NodeType;
  }

  mtimeMs(i: number): number {
    return this.#mtimes[i] as number;
  }

  /** Equal for equal content; different content is told apart but for one chance in 2^32. */
  version(i: number): number {
    return this.#versions[i] as number;
  }
}

function versionOf(page: LeafPage, i: number): number {
  const type = page.type(i);
  if (type === "symlink") return hashOf(page.linkTarget(i) ?? new Uint8Array(0), 1, 0);
  if (type === "char-device" || type === "block-device") {
    const { major, minor } = page.deviceNumber(i);
    return hashOf(utf8(`${type}:${major}:${minor}`), 1, 0);
  }
  if (type === "file" && page.inlineHoleBytes(i) !== 0) {
    const content = page.content(i);
    if (content !== undefined) return hashOf(utf8(contentKeyOf(content)), 1, 0);
  }
  return hashOf(page.refBytes(i), ID_BYTES, page.sizeBytes(i));
}

/**
 * MurmurHash3's mixing over the first bytes of each part of `stride` bytes. Ids are outputs of a keyed
 * hash: of each, four bytes tell as much as four bytes can.
 */
function hashOf(bytes: Uint8Array, stride: number, seed: number): number {
  let h = seed | 0;
  for (let at = 0; at < bytes.length; at += stride) {
    for (let i = at; i < at + Math.min(stride, 4); i++) {
      h = Math.imul(h ^ (bytes[i] as number), 0x5bd1e995);
      h ^= h >>> 15;
    }
  }
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  return (h ^ (h >>> 13)) >>> 0;
}
