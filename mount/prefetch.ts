/**
 * Prefetch: recognises programs that read a file from front to back and loads what they will ask
 * for next. The kernel sends no open or release, so a stream is known by its file and by the byte
 * offset where it goes on; several programs may read one file at different places.
 *
 * The window doubles from 1 MiB as long as the reader goes on, and all streams together stay within
 * one budget, so that many readers do not drive each other's data out of the cache.
 */
import type { FsFile } from "../engine/read/readonly-fs.ts";

const MIB = 1024 * 1024;
const WINDOW_BYTES_MIN = MIB;
/** Streams remembered; the one unused for longest makes room. */
const STREAMS_MAX = 32;
/**
 * The kernel's own read-ahead sends several requests in parallel, and they arrive out of order: a
 * few of them away from the expected place still counts as going on.
 */
const DISORDER_REQUESTS_MAX = 4;

interface Stream {
  readonly file: FsFile;
  /** One after the highest byte that was asked for. */
  nextOffset: number;
  /** Everything before it was asked for or prefetched. */
  loadedUntil: number;
  /** Bytes to keep loaded ahead; 0 until a second read has shown that this is a stream. */
  windowBytes: number;
}

export class Prefetcher {
  readonly #budgetBytes: number;
  /** The most recently used last. */
  #streams: Stream[] = [];

  constructor(options: { readonly budgetBytes: number }) {
    this.#budgetBytes = options.budgetBytes;
  }

  /** A program reads `range` of `file`: begins to load what follows if this looks like a stream. */
  onRead(file: FsFile, range: { readonly offset: number; readonly length: number }): void {
    const end = range.offset + range.length;
    const sizeBytes = file.attributes.sizeBytes;
    if (range.offset === 0 && end >= sizeBytes) return;
    const stream = this.#take(file, range);
    if (stream === undefined) {
      this.#add({ file, nextOffset: end, loadedUntil: end, windowBytes: 0 });
      return;
    }
    this.#add(stream);
    if (end <= stream.nextOffset) return;
    stream.nextOffset = end;
    stream.loadedUntil = Math.max(stream.loadedUntil, end);
    if (stream.loadedUntil >= sizeBytes) return;
    const aheadBytes = stream.loadedUntil - end;
    // Half a window is loaded at a time: few, large ranges coalesce better than many small ones.
    if (stream.windowBytes > 0 && aheadBytes > stream.windowBytes / 2) return;
    stream.windowBytes = this.#grow(stream.windowBytes);
    const until = Math.min(sizeBytes, end + stream.windowBytes);
    if (until <= stream.loadedUntil) return;
    const offset = stream.loadedUntil;
    stream.loadedUntil = until;
    file.prefetch({ offset, length: until - offset });
  }

  #grow(windowBytes: number): number {
    const share = Math.floor(this.#budgetBytes / Math.max(1, this.#activeCount()));
    return Math.min(Math.max(WINDOW_BYTES_MIN, windowBytes * 2), share);
  }

  #activeCount(): number {
    return this.#streams.filter(
      (stream) => stream.windowBytes > 0 && stream.nextOffset < stream.file.attributes.sizeBytes,
    ).length;
  }

  #take(
    file: FsFile,
    range: { readonly offset: number; readonly length: number },
  ): Stream | undefined {
    const slack = DISORDER_REQUESTS_MAX * range.length;
    const index = this.#streams.findLastIndex(
      (stream) => stream.file === file && Math.abs(range.offset - stream.nextOffset) <= slack,
    );
    return index < 0 ? undefined : this.#streams.splice(index, 1)[0];
  }

  #add(stream: Stream): void {
    this.#streams.push(stream);
    if (this.#streams.length > STREAMS_MAX) this.#streams.shift();
  }
}
