/** A folder as a stream of entries for an archive: parents first, the content of files loaded ahead. */
import { type Bytes, concatBytes, utf8 } from "../../engine/base/bytes.ts";
import { throwIfAborted } from "../../engine/base/concurrency.ts";
import { ForgeError } from "../../engine/base/errors.ts";
import { TREE_DEPTH_MAX } from "../../engine/base/limits.ts";
import { type FsEntry, type FsFile, streamFile } from "../../engine/node.ts";

export interface ArchiveItem {
  /** Path in the archive, components joined by `/`; empty for the folder itself when it has none. */
  readonly path: Bytes;
  readonly entry: FsEntry;
}

const SLASH = utf8("/");
/** A larger file loads itself ahead while it is read. */
const SMALL_BYTES_MAX = 4 * 1024 * 1024;
/** What is asked for ahead of the place that is read. */
const AHEAD_BYTES = 32 * 1024 * 1024;
const AHEAD_FILES = 64;

/**
 * `entry` and everything below it, in order of names.
 * @param options.prefetch Whether the content of small files is loaded before they come; default true.
 * @throws ForgeError of reading.
 */
export async function* walkFolder(
  entry: FsEntry,
  path: Bytes,
  signal: AbortSignal,
  options: { readonly prefetch?: boolean; readonly depth?: number } = {},
): AsyncGenerator<ArchiveItem> {
  const { prefetch = true, depth = 0 } = options;
  yield { path, entry };
  if (entry.type !== "directory") return;
  if (depth > TREE_DEPTH_MAX) {
    throw new ForgeError("too-large", `Cannot archive a folder ${depth} levels deep`);
  }
  for (let from = 0; ;) {
    throwIfAborted(signal);
    const page = await entry.readEntries(from, { signal });
    if (page.length === 0) return;
    const ahead = new FilesAhead(page);
    for (const [i, child] of page.entries()) {
      if (prefetch) ahead.load(i);
      const below = path.length === 0 ? child.name : concatBytes([path, SLASH, child.name]);
      yield* walkFolder(child, below, signal, { prefetch, depth: depth + 1 });
    }
    from += page.length;
  }
}

/** The whole content of a file, piece by piece, with what follows being loaded meanwhile. */
export function fileContent(file: FsFile, signal: AbortSignal): AsyncGenerator<Bytes> {
  return streamFile(file, { offset: 0, length: file.attributes.sizeBytes }, signal);
}

/** Asks for the content of the small files that come next, so that their reads overlap. */
class FilesAhead {
  readonly #entries: readonly FsEntry[];
  #next = 0;

  constructor(entries: readonly FsEntry[]) {
    this.#entries = entries;
  }

  load(current: number): void {
    // In batches: several files of one pack become one read.
    if (this.#next > current + AHEAD_FILES / 2) return;
    this.#next = Math.max(this.#next, current);
    for (let bytes = 0; this.#next < current + AHEAD_FILES; this.#next++) {
      const entry = this.#entries[this.#next];
      if (entry === undefined) return;
      if (entry.type !== "file") continue;
      const { sizeBytes } = entry.attributes;
      if (sizeBytes === 0 || sizeBytes > SMALL_BYTES_MAX) continue;
      bytes += sizeBytes;
      if (bytes > AHEAD_BYTES) return;
      entry.prefetch({ offset: 0, length: sizeBytes });
    }
  }
}
