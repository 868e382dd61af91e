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

/** Where chunk lists come from; `ListReader` is one. */
export interface ChunkLists {
  chunkList(ref: ChunkListRef, signal?: AbortSignal): Promise<ChunkList>;
  /** The list when it is in memory. */
  peekChunkList(ref: ChunkListRef): ChunkList | undefined;
}

export interface ChunkMap {
  /** Chunks that hold a part of `from … to`, in order; both inside the data. */
  between(from: number, to: number, signal?: AbortSignal): AsyncIterable<PlacedChunk>;
  /** As `between`, at once; `undefined` when a list has to be loaded. */
  list(from: number, to: number): PlacedChunk[] | undefined;
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

/** What a list of chunks is for: its place in the tree, and the data that its parent says it covers. */
interface Covered {
  readonly ref: ChunkListRef;
  readonly base: number;
  readonly bytes: number;
}

/** Chunks in a tree of chunk lists. */
export class ListedChunks implements ChunkMap {
  readonly #root: Covered;
  readonly #lists: ChunkLists;

  constructor(ref: ChunkListRef, dataBytes: number, lists: ChunkLists) {
    this.#root = { ref, base: 0, bytes: dataBytes };
    this.#lists = lists;
  }

  /** @throws ForgeError "corrupt" when a list does not cover what its parent says. */
  between(from: number, to: number, signal?: AbortSignal): AsyncGenerator<PlacedChunk> {
    return this.#visit(this.#root, from, to, signal);
  }

  list(from: number, to: number): PlacedChunk[] | undefined {
    const found: PlacedChunk[] = [];
    return this.#gather(this.#root, from, to, found) ? found : undefined;
  }

  async *#visit(
    covered: Covered,
    from: number,
    to: number,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<PlacedChunk> {
    const list = await this.#lists.chunkList(covered.ref, signal);
    for (const entry of entriesOf(list, covered, from, to)) {
      if (list.level === 0) yield entry;
      else yield* this.#visit(coveredBy(entry, list), from, to, signal);
    }
  }

  /** @returns false when a list is not at hand. */
  #gather(covered: Covered, from: number, to: number, found: PlacedChunk[]): boolean {
    const list = this.#lists.peekChunkList(covered.ref);
    if (list === undefined) return false;
    for (const entry of entriesOf(list, covered, from, to)) {
      if (list.level === 0) found.push(entry);
      else if (!this.#gather(coveredBy(entry, list), from, to, found)) return false;
    }
    return true;
  }
}

/** The entries of a list that hold a part of `from … to`. */
function* entriesOf(
  { level, ends, idAt }: ChunkList,
  { ref, base, bytes }: Covered,
  from: number,
  to: number,
): Generator<PlacedChunk> {
  const total = ends[ends.length - 1] ?? 0;
  if (level !== ref.level || total !== bytes) {
    throw notCovering(
      `chunk list ${ref.id} has level ${level} and covers ${total} bytes where level ${ref.level} and ${bytes} are expected`,
    );
  }
  let i = countWhile(ends.length, (entry) => base + (ends[entry] as number) <= from);
  for (; i < ends.length; i++) {
    const begin = i === 0 ? 0 : (ends[i - 1] as number);
    const dataOffset = base + begin;
    if (dataOffset >= to) return;
    yield { id: idAt(i), plainBytes: (ends[i] as number) - begin, dataOffset };
  }
}

/** An entry of a list above the lowest: a list itself. */
function coveredBy({ id, plainBytes, dataOffset }: PlacedChunk, { level }: ChunkList): Covered {
  return { ref: { id, level: level - 1 }, base: dataOffset, bytes: plainBytes };
}

function notCovering(found: string): ForgeError {
  return new ForgeError("corrupt", `Cannot read a file: ${found}`);
}
