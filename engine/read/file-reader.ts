/**
 * FileReader: (offset, length) in a file → the blobs that hold it, fetched in parallel; holes read as
 * zeros without touching the storage. Nothing is loaded before the first read.
 */
import type { Bytes } from "../base/bytes.ts";
import { mapBounded, throwIfAborted } from "../base/concurrency.ts";
import { ForgeError } from "../base/errors.ts";
import type { BlobId } from "../base/ids.ts";
import type { FileContent, Hole } from "../snapshots/tree-node.ts";
import type { BlobReader } from "./blob-reader.ts";
import { type ChunkMap, InlineChunks, ListedChunks, type PlacedChunk } from "./chunk-map.ts";
import { HoleMap, type HoleRun, holeRunOf } from "./hole-map.ts";
import type { ListReader } from "./list-reader.ts";

/** A part of one chunk and where it belongs in the file. */
export interface DataSegment {
  readonly id: BlobId;
  /** Of the whole chunk. */
  readonly plainBytes: number;
  readonly chunkOffset: number;
  /** Bytes from the beginning of the file, holes counted. */
  readonly fileOffset: number;
  readonly length: number;
}

export interface FileReaderSources {
  readonly blobs: Pick<BlobReader, "prefetch" | "read" | "readNow" | "takeNow">;
  readonly lists: ListReader;
}

/** Chunks of one read under way at a time: as many as keep a remote storage and a few cores busy. */
const READ_CONCURRENCY = 16;
/** Chunks that one call of `prefetch` may begin to load. */
const PREFETCH_CHUNKS_MAX = 64;
/** One read gives one buffer; a caller that wants more reads in steps. */
const READ_BYTES_MAX: number = 1024 * 1024 * 1024;

interface Layout {
  readonly chunks: ChunkMap;
  /** `undefined` for a file without holes. */
  readonly holes: HoleMap | undefined;
}

export class FileReader {
  readonly content: FileContent;
  readonly #sources: FileReaderSources;
  #layout: Layout | Promise<Layout> | undefined;

  constructor(content: FileContent, sources: FileReaderSources) {
    this.content = content;
    this.#sources = sources;
  }

  /** @see FsFile.read */
  async read(offset: number, length: number, signal?: AbortSignal): Promise<Bytes> {
    throwIfAborted(signal);
    const end = Math.min(this.content.sizeBytes, offset + length);
    if (!(offset >= 0) || offset >= end) return new Uint8Array(0);
    if (end - offset > READ_BYTES_MAX) {
      throw new ForgeError(
        "too-large",
        `Cannot read ${end - offset} bytes of a file at once, at most ${READ_BYTES_MAX}`,
      );
    }
    const segments = await this.#segmentsSoon(offset, end - offset, signal);
    const out = new Uint8Array(end - offset);
    await mapBounded(
      segments,
      { concurrency: Math.min(READ_CONCURRENCY, segments.length), signal },
      async (segment) => {
        const { chunkOffset } = segment;
        const ref = { id: segment.id, kind: "data" } as const;
        const blobs = this.#sources.blobs;
        const plain = blobs.readNow(ref) ?? (await blobs.read(ref, signal));
        checkLength(segment, plain);
        out.set(
          plain.subarray(chunkOffset, chunkOffset + segment.length),
          segment.fileOffset - offset,
        );
      },
    );
    return out;
  }

  /** @see FsFile.readNow */
  readNow(offset: number, length: number, once = false): Bytes[] | undefined {
    if (!(offset >= 0)) return undefined;
    const { blobs } = this.#sources;
    const parts: Bytes[] = [];
    for (const segment of this.segmentsNow(offset, length) ?? [undefined]) {
      if (segment === undefined) return undefined;
      const { id, chunkOffset } = segment;
      const ref = { id, kind: "data" } as const;
      const plain = once ? blobs.takeNow(ref) : blobs.readNow(ref);
      if (plain === undefined) return undefined;
      checkLength(segment, plain);
      parts.push(plain.subarray(chunkOffset, chunkOffset + segment.length));
    }
    return parts;
  }

  /** @see FsFile.load */
  async load(offset: number, length: number, signal?: AbortSignal): Promise<void> {
    throwIfAborted(signal);
    const segments = offset >= 0 ? await this.#segmentsSoon(offset, length, signal) : [];
    await mapBounded(segments, { concurrency: READ_CONCURRENCY, signal }, async ({ id }) => {
      await this.#sources.blobs.read({ id, kind: "data" }, signal);
    });
  }

  /** @see FsFile.prefetch */
  prefetch(offset: number, length: number): void {
    // Whoever reads the range meets the failure itself.
    this.#prefetch(offset, length).catch(() => undefined);
  }

  /**
   * `segments` at once; `undefined` for a file with holes, and when chunk lists have to be loaded. Most
   * files have neither, and a promise for each chunk would cost more than all the rest of a small read.
   */
  segmentsNow(offset: number, length: number): DataSegment[] | undefined {
    const end = Math.min(this.content.sizeBytes, offset + length);
    if (offset >= end) return [];
    const layout = (this.#layout ??= this.#open());
    if (layout instanceof Promise || layout.holes !== undefined) return undefined;
    const run = { dataOffset: offset, fileOffset: offset, length: end - offset };
    return layout.chunks.list(offset, end)?.map((chunk) => segmentOf(chunk, run));
  }

  async #segmentsSoon(
    offset: number,
    length: number,
    signal: AbortSignal | undefined,
  ): Promise<readonly DataSegment[]> {
    const now = this.segmentsNow(offset, length);
    if (now !== undefined) return now;
    const segments: DataSegment[] = [];
    for await (const segment of this.segments(offset, length, signal)) segments.push(segment);
    return segments;
  }

  /** The parts of chunks that make up a range, in order, holes left out. Loads lists as it goes. */
  async *segments(
    offset: number,
    length: number,
    signal?: AbortSignal,
  ): AsyncGenerator<DataSegment> {
    const end = Math.min(this.content.sizeBytes, offset + length);
    if (offset >= end) return;
    const pending = (this.#layout ??= this.#open());
    const layout = pending instanceof Promise ? await pending : pending;
    const { chunks, holes } = layout;
    if (holes === undefined) {
      for await (const chunk of chunks.between(offset, end, signal)) {
        yield segmentOf(chunk, { dataOffset: offset, fileOffset: offset, length: end - offset });
      }
      return;
    }
    const from = await holes.dataBefore(offset, signal);
    const to = await holes.dataBefore(end, signal);
    if (from >= to) return;
    for await (const chunk of chunks.between(from, to, signal)) {
      const begin = Math.max(from, chunk.dataOffset);
      const stop = Math.min(to, chunk.dataOffset + chunk.plainBytes);
      for (const run of await holes.place(begin, stop, signal)) yield segmentOf(chunk, run);
    }
  }

  /** @see FsFile.holes */
  async holes(signal?: AbortSignal): Promise<readonly Hole[]> {
    const { holes, holeLists } = this.content;
    if (holeLists === undefined) return holes;
    const all: Hole[] = [];
    for (const id of holeLists) {
      const { offsets, lengths } = await this.#sources.lists.holeList(id, signal);
      offsets.forEach((offset, i) => all.push({ offset, length: lengths[i] as number }));
    }
    return all;
  }

  async #prefetch(offset: number, length: number): Promise<void> {
    let started = 0;
    for await (const { id, plainBytes } of this.segments(Math.max(0, offset), length)) {
      this.#sources.blobs.prefetch({ id, kind: "data" }, plainBytes);
      if (++started === PREFETCH_CHUNKS_MAX) return;
    }
  }

  /**
   * At once for most files; a promise when there are holes. Shared by all who read the file, so no
   * single reader can abort it.
   */
  #open(): Layout | Promise<Layout> {
    const { sizeBytes, holes, holeLists } = this.content;
    if (holes.length === 0 && holeLists === undefined) {
      return { chunks: this.#chunkMap(sizeBytes), holes: undefined };
    }
    const inline = holeRunOf(holes);
    const loadRun = (run: number, runSignal: AbortSignal | undefined): Promise<HoleRun> => {
      const list = holeLists?.[run];
      return list === undefined
        ? Promise.resolve(inline)
        : this.#sources.lists.holeList(list, runSignal);
    };
    const opening = HoleMap.open(sizeBytes, holeLists?.length ?? 1, loadRun, undefined).then(
      (map) => {
        const layout = { chunks: this.#chunkMap(sizeBytes - map.holeBytes), holes: map };
        this.#layout = layout;
        return layout;
      },
    );
    // A failure is not remembered: the next read tries again.
    opening.catch(() => (this.#layout = undefined));
    return opening;
  }

  #chunkMap(dataBytes: number): ChunkMap {
    const { chunks, chunkList } = this.content;
    if (chunkList === undefined) return new InlineChunks(chunks, dataBytes);
    return new ListedChunks(chunkList, dataBytes, this.#sources.lists);
  }
}

/** The part of `chunk` that lies in a run of data. */
function segmentOf(
  chunk: PlacedChunk,
  run: { readonly dataOffset: number; readonly fileOffset: number; readonly length: number },
): DataSegment {
  const begin = Math.max(chunk.dataOffset, run.dataOffset);
  const end = Math.min(chunk.dataOffset + chunk.plainBytes, run.dataOffset + run.length);
  return {
    id: chunk.id,
    plainBytes: chunk.plainBytes,
    chunkOffset: begin - chunk.dataOffset,
    fileOffset: run.fileOffset + (begin - run.dataOffset),
    length: end - begin,
  };
}

/** Without this a chunk shorter than its entry says would read as zeros. */
function checkLength(segment: DataSegment, plain: Bytes): void {
  if (plain.length === segment.plainBytes) return;
  throw new ForgeError(
    "corrupt",
    `Cannot read a file: its chunk ${segment.id} has ${plain.length} bytes where ${segment.plainBytes} are expected`,
    { context: { blobId: segment.id } },
  );
}
