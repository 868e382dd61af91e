/**
 * WantedChunks: the chunks that files ask for, each once, and what part of it belongs where. In
 * columns: objects for each chunk and each use of it were most of the work of planning a restore.
 */
import { BlobIdSet } from "../base/blob-id-set.ts";
import type { Bytes } from "../base/bytes.ts";
import { ForgeError } from "../base/errors.ts";
import { ID_BYTES } from "../base/ids.ts";

/** Where parts of blobs belong, a number each: `plain[chunkOffset … + length)` at `fileOffset`. */
export interface BlobUses {
  /** Numbers of files in the list that was planned. */
  readonly fileIndexes: Uint32Array;
  /** Bytes from the beginning of the file, holes counted. */
  readonly fileOffsets: Float64Array;
  readonly chunkOffsets: Uint32Array;
  readonly lengths: Uint32Array;
}

/** The part of a chunk that a file has at one place. */
export interface ChunkPart {
  readonly fileOffset: number;
  readonly chunkOffset: number;
  readonly length: number;
}

export class WantedChunks {
  /** Of the chunks, which have the numbers that it gives. */
  readonly ids: BlobIdSet = new BlobIdSet();
  readonly #plainBytes: number[] = [];
  /** Of each use: the number of its chunk, and what `BlobUses` has. */
  readonly #chunks: number[] = [];
  readonly #fileIndexes: number[] = [];
  readonly #fileOffsets: number[] = [];
  readonly #chunkOffsets: number[] = [];
  readonly #lengths: number[] = [];

  /** Chunks so far. */
  get count(): number {
    return this.ids.size;
  }

  plainBytesAt(chunk: number): number {
    return this.#plainBytes[chunk] ?? 0;
  }

  /**
   * All uses of one file are added before those of the next.
   * @param id Of a chunk of `plainBytes`, 32 bytes from `at` on; copied.
   * @throws ForgeError "corrupt" when the chunk was added with another length.
   */
  add(fileIndex: number, id: Bytes, at: number, plainBytes: number, part: ChunkPart): void {
    const chunk = this.ids.intern(id, at);
    const known = (this.#plainBytes[chunk] ??= plainBytes);
    if (known !== plainBytes) {
      const blobId = this.ids.idAt(chunk);
      throw new ForgeError(
        "corrupt",
        `Cannot use chunk ${blobId}: one file has it with ${known} bytes, another with ${plainBytes}`,
        { context: { blobId } },
      );
    }
    this.#chunks.push(chunk);
    this.#fileIndexes.push(fileIndex);
    this.#fileOffsets.push(part.fileOffset);
    this.#chunkOffsets.push(part.chunkOffset);
    this.#lengths.push(part.length);
  }

  /** Calls `visit` for each use of a chunk. */
  visitUses(visit: (chunk: number, fileIndex: number) => void): void {
    for (let use = 0; use < this.#chunks.length; use++) {
      visit(this.#chunks[use] as number, this.#fileIndexes[use] as number);
    }
  }

  /**
   * The uses of some of the chunks, chunk after chunk; of one chunk, those of a file are neighbours.
   * @param chunks Each once.
   * @returns the uses; those of `chunks[i]` end before number `ends[i]`.
   */
  usesOf(chunks: readonly number[]): { readonly uses: BlobUses; readonly ends: Uint32Array } {
    // A counting sort: how many each has, where they begin, and then each use to its place.
    const counts = new Uint32Array(this.count);
    for (const chunk of this.#chunks) counts[chunk] = (counts[chunk] as number) + 1;
    const next = new Int32Array(this.count).fill(-1);
    const ends = new Uint32Array(chunks.length);
    let end = 0;
    for (let i = 0; i < chunks.length; i++) {
      const chunk = chunks[i] as number;
      next[chunk] = end;
      end += counts[chunk] as number;
      ends[i] = end;
    }
    const uses = {
      fileIndexes: new Uint32Array(end),
      fileOffsets: new Float64Array(end),
      chunkOffsets: new Uint32Array(end),
      lengths: new Uint32Array(end),
    };
    for (let use = 0; use < this.#chunks.length; use++) {
      const chunk = this.#chunks[use] as number;
      const to = next[chunk] as number;
      if (to < 0) continue;
      next[chunk] = to + 1;
      uses.fileIndexes[to] = this.#fileIndexes[use] as number;
      uses.fileOffsets[to] = this.#fileOffsets[use] as number;
      uses.chunkOffsets[to] = this.#chunkOffsets[use] as number;
      uses.lengths[to] = this.#lengths[use] as number;
    }
    return { uses, ends };
  }

  /** The ids of some of the chunks, one after another. */
  idsOf(chunks: readonly number[]): Bytes {
    const ids = new Uint8Array(ID_BYTES * chunks.length);
    for (let i = 0; i < chunks.length; i++) {
      ids.set(this.ids.bytesAt(chunks[i] as number), ID_BYTES * i);
    }
    return ids;
  }

  /** Gives the memory of the ids back at once. */
  free(): void {
    this.ids.free();
  }
}
