/** PlacedBlobs: of each blob that snapshots need, whether it was met in a pack that counts: a bit a blob. */
import type { Bytes } from "../base/bytes.ts";
import { type IdRange, isIdIn } from "../base/id-range.ts";
import { SEALED_KINDS } from "../crypto/key-ring.ts";
import type { BlobIdSet } from "../base/blob-id-set.ts";
import type { ReachableBlobs } from "./reachable.ts";
import type { ChunkPart } from "./referred-chunks.ts";

interface Column {
  readonly set: BlobIdSet;
  readonly bits: Bytes;
}

export class PlacedBlobs {
  readonly #range: IdRange;
  readonly #data: Column;
  readonly #trees: Column;
  readonly #lists: Column;

  /** @param part The only ids it knows, of all kinds, are those of its range. */
  constructor({ trees, lists }: Pick<ReachableBlobs, "trees" | "lists">, part: ChunkPart) {
    this.#range = part;
    this.#data = columnOf(part.chunks);
    this.#trees = columnOf(trees);
    this.#lists = columnOf(lists);
  }

  /**
   * @param kind The number of the blob's kind. @param at Where the 32 bytes of its id stand.
   * @returns "garbage" when no snapshot needs it or its id is of another part, "again" when it was
   * met before.
   */
  place(kind: number, bytes: Uint8Array, at: number): "first" | "again" | "garbage" {
    const column = this.#columnOf(kind);
    const number = this.#find(column, bytes, at);
    if (number < 0) return "garbage";
    const { bits } = column;
    const mask = 1 << (number & 7);
    const byte = bits[number >>> 3] as number;
    if ((byte & mask) !== 0) return "again";
    bits[number >>> 3] = byte | mask;
    return "first";
  }

  /** Whether a snapshot needs the blob and it was not met yet. */
  isMissing(kind: number, bytes: Uint8Array, at: number): boolean {
    const column = this.#columnOf(kind);
    const number = this.#find(column, bytes, at);
    return number >= 0 && !isMet(column, number);
  }

  /** Ids of the blobs that were not met: views, valid as long as the part. */
  *missing(): Generator<Bytes> {
    const { first, end } = this.#range;
    for (const column of [this.#data, this.#trees, this.#lists]) {
      const { set } = column;
      for (let number = 0; number < set.size; number++) {
        const byte = set.firstByteAt(number);
        if (byte >= first && byte < end && !isMet(column, number)) yield set.bytesAt(number);
      }
    }
  }

  #find({ set }: Column, bytes: Uint8Array, at: number): number {
    return isIdIn(this.#range, bytes, at) ? set.find(bytes, at) : -1;
  }

  #columnOf(kind: number): Column {
    if (kind === SEALED_KINDS.data) return this.#data;
    return kind === SEALED_KINDS.tree ? this.#trees : this.#lists;
  }
}

function columnOf(set: BlobIdSet): Column {
  return { set, bits: new Uint8Array(Math.ceil(set.size / 8)) };
}

function isMet({ bits }: Column, number: number): boolean {
  return ((bits[number >>> 3] as number) & (1 << (number & 7))) !== 0;
}
