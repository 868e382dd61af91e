/**
 * ChunkMap: an offset in a file's data → the chunks that hold it, by binary search over cumulative
 * lengths. Chunk lists of large files are loaded when they are needed, and only those.
 */
import { ForgeError } from "../base/errors.ts";
import type { BlobId } from "../base/ids.ts";
import type { ChunkList } from "../snapshots/chunk-list.ts";
import type { ChunkListRef, ChunkRef } from "../snapshots/tree-node.ts";
import { countWhile } from "./hole-map.ts";

/** One chunk and where its first byte stands in the file's data. */
export interface PlacedChunk {
  readonly id: BlobId;
  readonly plainBytes: number;
  readonly dataOffset: number;
}

export type ReadChunkList = (
  ref: ChunkListRef,
  signal: AbortSignal | undefined,
) => Promise<ChunkList>;

export interface ChunkMap {
  /** Chunks that hold a part of `from … to`, in order; both inside the data. */
  between(from: number, to: number, signal?: AbortSignal): AsyncIterable<PlacedChunk>;
}

/** Chunks that the entry itself holds. */
export class InlineChunks implements ChunkMap {
  readonly #chunks: readonly ChunkRef[];
  readonly #ends: Float64Array;

  /** @throws ForgeError "corrupt" unless every chunk has bytes and all together `dataBytes`. */
  constructor(chunks: readonly ChunkRef[], dataBytes: number) {
    this.#chunks = chunks;
    this.#ends = new Float64Array(chunks.length);
    let end = 0;
    chunks.forEach((chunk, i) => {
      if (chunk.plainBytes < 1) throw notCovering(`chunk ${i} is empty`);
      end += chunk.plainBytes;
      this.#ends[i] = end;
    });
    if (end !== dataBytes) throw notCovering(`its chunks hold ${end} of ${dataBytes} bytes`);
  }

  /** As `between`, at once. */
  list(from: number, to: number): PlacedChunk[] {
    const found: PlacedChunk[] = [];
    let i = countWhile(this.#ends.length, (chunk) => (this.#ends[chunk] as number) <= from);
    for (; i < this.#chunks.length; i++) {
      const chunk = this.#chunks[i] as ChunkRef;
      const dataOffset = (this.#ends[i] as number) - chunk.plainBytes;
      if (dataOffset >= to) break;
      found.push({ id: chunk.id, plainBytes: chunk.plainBytes, dataOffset });
    }
    return found;
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- the interface is for lists that load
  async *between(from: number, to: number): AsyncGenerator<PlacedChunk> {
    yield* this.list(from, to);
  }
}

/** Chunks in a tree of chunk lists. */
export class ListedChunks implements ChunkMap {
  readonly #root: ChunkListRef;
  readonly #dataBytes: number;
  readonly #readList: ReadChunkList;

  constructor(root: ChunkListRef, dataBytes: number, readList: ReadChunkList) {
    this.#root = root;
    this.#dataBytes = dataBytes;
    this.#readList = readList;
  }

  /** @throws ForgeError "corrupt" when a list does not cover what its parent says. */
  between(from: number, to: number, signal?: AbortSignal): AsyncGenerator<PlacedChunk> {
    return this.#visit(this.#root, 0, this.#dataBytes, from, to, signal);
  }

  async *#visit(
    ref: ChunkListRef,
    base: number,
    coveredBytes: number,
    from: number,
    to: number,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<PlacedChunk> {
    const { level, ends, idAt } = await this.#readList(ref, signal);
    const total = ends[ends.length - 1] ?? 0;
    if (level !== ref.level || total !== coveredBytes) {
      throw notCovering(
        `chunk list ${ref.id} has level ${level} and covers ${total} bytes where level ${ref.level} and ${coveredBytes} are expected`,
      );
    }
    let i = countWhile(ends.length, (entry) => base + (ends[entry] as number) <= from);
    for (; i < ends.length; i++) {
      const begin = i === 0 ? 0 : (ends[i - 1] as number);
      const length = (ends[i] as number) - begin;
      const dataOffset = base + begin;
      if (dataOffset >= to) return;
      const id = idAt(i);
      if (level === 0) yield { id, plainBytes: length, dataOffset };
      else yield* this.#visit({ id, level: level - 1 }, dataOffset, length, from, to, signal);
    }
  }
}

function notCovering(found: string): ForgeError {
  return new ForgeError("corrupt", `Cannot read a file: ${found}`);
}
