/**
 * SmallFilesAhead: the small files that come next in an archive, asked for in batches before their
 * turn, so that those of one pack become one read of the storage.
 */
import type { FsFile } from "../../engine/node.ts";
import { ForgeError } from "../../engine/base/errors.ts";
import type { EntryReader } from "./entry-table.ts";
import type { ZipLayout } from "./zip-layout.ts";

/** A larger file loads itself ahead while it is read. */
export const SMALL_FILE_BYTES: number = 1024 * 1024;
/** Asked for at a time; the next batch when half of it is used. */
const BATCH_FILES = 256;
const BATCH_BYTES = 8 * 1024 * 1024;

export class SmallFilesAhead {
  readonly #layout: ZipLayout;
  readonly #entries: EntryReader;
  readonly #last: number;
  readonly #files = new Map<number, FsFile>();
  /** The first entry that was not looked at yet. */
  #next = 0;
  #waitingBytes = 0;

  /** @param last Entry beyond which nothing is wanted. */
  constructor(layout: ZipLayout, entries: EntryReader, last: number) {
    this.#layout = layout;
    this.#entries = entries;
    this.#last = last;
  }

  /** A small file whose content is on its way. Entries are asked for in order. */
  async file(entry: number): Promise<FsFile> {
    if (this.#waitingBytes <= BATCH_BYTES / 2 && this.#files.size <= BATCH_FILES / 2) {
      await this.#load(entry);
    }
    const file = this.#files.get(entry) ?? (await this.#find(entry));
    if (this.#files.delete(entry)) this.#waitingBytes -= this.#layout.place(entry).sizeBytes;
    return file;
  }

  async #load(from: number): Promise<void> {
    const found: FsFile[] = [];
    for (this.#next = Math.max(this.#next, from); this.#next <= this.#last; this.#next++) {
      if (this.#files.size >= BATCH_FILES || this.#waitingBytes >= BATCH_BYTES) break;
      const { type, sizeBytes } = this.#layout.place(this.#next);
      if (type !== "file" || sizeBytes === 0 || sizeBytes > SMALL_FILE_BYTES) continue;
      const file = await this.#find(this.#next);
      this.#files.set(this.#next, file);
      this.#waitingBytes += sizeBytes;
      found.push(file);
    }
    // All in one turn: requests that arrive together for one pack are joined.
    for (const file of found) file.prefetch({ offset: 0, length: file.attributes.sizeBytes });
  }

  async #find(entry: number): Promise<FsFile> {
    const found = this.#entries.entry(entry);
    const file = found instanceof Promise ? await found : found;
    if (file.type === "file") return file;
    throw new ForgeError("corrupt", "Cannot find a file again that was listed before");
  }
}
