/**
 * Unchanged: reuse a node of the parent snapshot when stat says nothing happened to the entry since.
 * The sign is size, mtime, ctime and inode together: contents cannot change without ctime, and the
 * device number is left out because it changes with a remount.
 */
import type { Bytes } from "../base/bytes.ts";
import type { LeafPage } from "../snapshots/leaf-page.ts";
import type { SourceStat } from "./source.ts";

/** One directory of the parent snapshot, walked beside the source's in order of names. */
export class PreviousDirectory {
  readonly #pages: readonly LeafPage[];
  #page = 0;
  /** In that page: the entry after the one found last, which mostly is the next one asked for. */
  #next = 0;

  /** @param pages All leaf pages of the directory in order. */
  constructor(pages: readonly LeafPage[]) {
    this.#pages = pages;
  }

  get count(): number {
    let count = 0;
    for (const page of this.#pages) count += page.count;
    return count;
  }

  /** The entry called `name`. Names must be asked for in ascending order. */
  find(name: Bytes): PreviousEntry | undefined {
    for (;;) {
      const page = this.#pages[this.#page];
      if (page === undefined) return undefined;
      const next = this.#next;
      if (next < page.count && page.compareName(name, next) === 0) {
        this.#next = next + 1;
        return { page, index: next };
      }
      if (page.count > 0 && page.compareName(name, page.count - 1) <= 0) {
        const index = page.find(name);
        if (index < 0) return undefined;
        this.#next = index + 1;
        return { page, index };
      }
      this.#page++;
      this.#next = 0;
    }
  }
}

export interface PreviousEntry {
  readonly page: LeafPage;
  readonly index: number;
}

/** Whether the entry is what it was: same kind, and nothing touched it. */
export function isUnchanged(previous: PreviousEntry, stat: SourceStat): boolean {
  const { page, index } = previous;
  const { stamp } = stat;
  const isUntouched =
    stamp === undefined
      ? page.inode(index) === stat.inode &&
        page.ctimeNs(index) === stat.ctimeNs &&
        page.mtimeNs(index) === stat.mtimeNs
      : page.hasStamp(index, stamp);
  return (
    isUntouched &&
    page.type(index) === stat.type &&
    (stat.type !== "file" || page.sizeBytes(index) === stat.sizeBytes)
  );
}
