/** PackMoves: which blobs have to move out of one pack; eight bytes a blob. */

/** Of an id beside the offset, so that a record that is wrong about the offset moves nothing else. */
const ID_RANGE = 2 ** 20;
const MARKS_MIN = 16;

export class PackMoves {
  /** The first `#count` are used; ascending once closed. */
  #marks = new Float64Array(MARKS_MIN);
  #count = 0;
  #taken = new Uint8Array(0);
  #left = 0;
  readonly #records = new Map<string, number>();

  /** Blobs that were not taken yet. */
  get left(): number {
    return this.#left;
  }

  /** Blobs of the pack that the index knows: of the segment with the most of them. */
  get records(): number {
    return Math.max(0, ...this.#records.values());
  }

  /** A segment has a record of the pack. */
  countRecord(segmentId: string): void {
    this.#records.set(segmentId, (this.#records.get(segmentId) ?? 0) + 1);
  }

  /** The blob at `offset` of the pack has to move. @param id 32 bytes from `at`. */
  add(offset: number, id: Uint8Array, at: number): void {
    if (this.#count === this.#marks.length) {
      const grown = new Float64Array(2 * this.#count);
      grown.set(this.#marks);
      this.#marks = grown;
    }
    this.#marks[this.#count++] = markOf(offset, id, at);
  }

  /** All were added. */
  close(): void {
    this.#marks = this.#marks.slice(0, this.#count).sort();
    this.#taken = new Uint8Array(this.#count);
    this.#left = this.#count;
  }

  /** Whether the blob has to move; true once. */
  take(offset: number, id: Uint8Array): boolean {
    const mark = markOf(offset, id, 0);
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#marks[middle] as number) < mark) low = middle + 1;
      else high = middle;
    }
    if (this.#marks[low] !== mark || this.#taken[low] === 1) return false;
    this.#taken[low] = 1;
    this.#left--;
    return true;
  }
}

/** 52 bits, which a number holds exactly. */
function markOf(offset: number, id: Uint8Array, at: number): number {
  const [a = 0, b = 0, c = 0] = id.subarray(at, at + 3);
  return offset * ID_RANGE + (((a << 16) | (b << 8) | c) >>> 4);
}
