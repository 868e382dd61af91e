/**
 * SmallFilesAhead: recognises programs that read the small files of a folder one after another (`cp`,
 * `tar`, `grep -r`) and opens those that follow, into the cache, in moments in which nobody asks for
 * anything: while the program is at work with what it has.
 */
import type { FsDirectory, FsEntry, FsFile } from "../engine/read/readonly-fs.ts";
import type { Inode } from "./inode-table.ts";

/** Opened on the thread that answers in 60 µs. Larger ones are left to other threads. */
const SMALL_BYTES = 64 * 1024;
const LARGE_BYTES_MAX = 1024 * 1024;
/** What is ahead of a program at most. */
const AHEAD_FILES = 8;
/** What a folder holds between two files and still counts as going on: folders, links, large files. */
const GAP_ENTRIES = 16;
/** Folders remembered; the one begun first makes room. */
const FOLDERS_MAX = 8;

/** A program on its way through a folder. */
interface Walk {
  readonly directory: FsDirectory;
  /** Number in the folder of the file that was asked for last. */
  last: number;
  /** Number of the first entry that was not looked at. */
  next: number;
  /** Entries of the folder from number `from` on, as far as they were looked up. */
  from: number;
  entries: readonly FsEntry[];
}

export class SmallFilesAhead {
  /** By node id, the one begun last at the end. */
  readonly #walks = new Map<number, Walk>();
  /** The one that goes on, until there is nothing more to do for it. */
  #current: Walk | undefined;
  #isLoading = false;

  /** A program asks for content of a file. */
  onRead({ entry, parent }: Inode): void {
    const { ordinal } = entry;
    if (ordinal === undefined || entry.type !== "file") return;
    if (entry.attributes.sizeBytes > LARGE_BYTES_MAX) return;
    if (parent?.entry.type !== "directory" || !parent.entry.immutable) return;
    const known = this.#walks.get(parent.id);
    if (known === undefined || Math.abs(ordinal - known.last) > GAP_ENTRIES) {
      this.#begin(parent.id, parent.entry, ordinal);
    } else if (ordinal > known.last) {
      known.last = ordinal;
      known.next = Math.max(known.next, ordinal + 1);
      this.#current = known;
    }
    // Else the rest of a file, or another program a little behind the first.
  }

  /**
   * Opens a file, some 60 µs. Never throws: whoever reads what cannot be read is told then.
   * @returns "loading" when the event loop has to turn before more can be done, "nothing" when there is
   * nothing to do.
   */
  work(): "done" | "loading" | "nothing" {
    if (this.#isLoading) return "loading";
    const walk = this.#current;
    if (walk === undefined) return "nothing";
    try {
      const file = nextSmallFile(walk);
      if (file !== undefined) {
        const range = { offset: 0, length: file.attributes.sizeBytes };
        if (file.readNow?.(range) !== undefined) return "done";
        void this.#load(file, range);
        return "loading";
      }
    } catch {
      // As below.
    }
    this.#current = undefined;
    return "nothing";
  }

  #begin(nodeId: number, directory: FsDirectory, ordinal: number): void {
    const walk = { directory, last: ordinal, next: ordinal + 1, from: 0, entries: [] };
    this.#walks.delete(nodeId);
    this.#walks.set(nodeId, walk);
    for (const oldest of this.#walks.keys()) {
      if (this.#walks.size <= FOLDERS_MAX) break;
      this.#walks.delete(oldest);
    }
  }

  async #load(file: FsFile, range: { offset: number; length: number }): Promise<void> {
    this.#isLoading = true;
    try {
      await file.load?.(range);
    } catch {
      this.#current = undefined;
    } finally {
      this.#isLoading = false;
    }
  }
}

/** Goes on to the next file, if the program is close. */
function nextSmallFile(walk: Walk): FsFile | undefined {
  while (walk.next - walk.last <= AHEAD_FILES) {
    if (walk.next - walk.from >= walk.entries.length) {
      walk.from = walk.next;
      walk.entries = walk.directory.readEntriesNow?.(walk.next) ?? [];
      if (walk.entries.length === 0) return undefined;
    }
    const entry = walk.entries[walk.next - walk.from];
    walk.next++;
    if (entry?.type !== "file") continue;
    const { sizeBytes } = entry.attributes;
    if (sizeBytes === 0 || sizeBytes > LARGE_BYTES_MAX) continue;
    if (sizeBytes <= SMALL_BYTES) return entry;
    entry.prefetch({ offset: 0, length: sizeBytes });
  }
  return undefined;
}
