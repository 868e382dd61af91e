/**
 * A key that is equal for files of equal content and different otherwise, without reading any of it:
 * what diff compares, what tells the versions of a file apart, and a strong ETag.
 *
 * Equal means: the same size, the same chunks in the same order, the same holes. One content cut in
 * two ways (another chunker configuration, a hole written out as zeros) has two keys; two contents
 * never share one, because chunk ids are hashes of the content.
 */
import { findHex } from "../base/bytes.ts";
import type { BlobId } from "../base/ids.ts";
import type { FileContent } from "../snapshots/tree-node.ts";

/**
 * Folds ids (outputs of a keyed hash, so already random) into 256 bits: each of eight lanes is a
 * polynomial over the words of the ids, which also tells their order. No cryptography is needed:
 * whoever can choose ids holds the keys.
 */
class IdFold {
  readonly #lanes = new Uint32Array(8);

  id(id: BlobId): void {
    const bytes = findHex(id);
    if (bytes === undefined) return;
    const view = new DataView(bytes.buffer);
    for (let lane = 0; lane < 8; lane++) this.#add(lane, view.getUint32(4 * lane, true));
  }

  /** @param value A whole number below 2^53. */
  number(value: number): void {
    const low = value >>> 0;
    const high = Math.floor(value / 0x1_0000_0000);
    for (let lane = 0; lane < 8; lane++) {
      this.#add(lane, Math.imul(low + lane, 0x85ebca6b) ^ Math.imul(high + lane, 0xc2b2ae35));
    }
  }

  hex(): string {
    let out = "";
    for (const lane of this.#lanes) {
      // The finaliser of MurmurHash3: numbers alone (holes) would stay in the upper bits.
      let h = lane;
      h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
      h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
      out += ((h ^ (h >>> 16)) >>> 0).toString(16).padStart(8, "0");
    }
    return out;
  }

  #add(lane: number, word: number): void {
    const before = this.#lanes[lane] ?? 0;
    // An odd multiplier that differs by lane.
    this.#lanes[lane] = Math.imul(before ^ (before >>> 15), 0x9e3779b1 + 2 * lane) + word;
  }
}

/** Letters and digits and `-` only, at most 100 of them. */
export function contentKeyOf(content: FileContent): string {
  const size = content.sizeBytes.toString(36);
  const { chunks, chunkList, holes, holeLists } = content;
  const sparse = holes.length > 0 || holeLists !== undefined;
  if (!sparse) {
    if (chunkList !== undefined) return `${size}-l${chunkList.level}-${chunkList.id}`;
    const only = chunks[0];
    if (only === undefined) return size;
    if (chunks.length === 1) return `${size}-${only.id}`;
  }
  const fold = new IdFold();
  fold.number(content.sizeBytes);
  fold.number(chunks.length);
  for (const chunk of chunks) fold.id(chunk.id);
  if (chunkList !== undefined) {
    fold.number(chunkList.level);
    fold.id(chunkList.id);
  }
  for (const hole of holes) {
    fold.number(hole.offset);
    fold.number(hole.length);
  }
  for (const list of holeLists ?? []) fold.id(list);
  return `${size}-f-${fold.hex()}`;
}
