/**
 * Holes of the files that programs step through with SEEK_DATA and SEEK_HOLE. They ask twice for
 * every hole, so a list of 70,000 made anew each time took 46 minutes instead of seconds.
 */
import type { FsFile, FsHole } from "../engine/read/readonly-fs.ts";

/** Copied at a time; more would only be a backup program with many threads. */
const FILES_MAX = 8;
/** Of all files but the last asked for: some 20 MB. */
const HOLES_MAX = 400_000;

export class HoleCache {
  /** In order of use, the oldest first. */
  readonly #files = new Map<FsFile, readonly FsHole[]>();
  readonly #loading = new Map<FsFile, Promise<readonly FsHole[]>>();

  /** @throws whatever reading the holes throws; that is not remembered. */
  async holesOf(file: FsFile): Promise<readonly FsHole[]> {
    const known = this.#files.get(file);
    if (known !== undefined) {
      this.#files.delete(file);
      this.#files.set(file, known);
      return known;
    }
    const loading = this.#loading.get(file) ?? this.#load(file);
    return await loading;
  }

  #load(file: FsFile): Promise<readonly FsHole[]> {
    const loading = file.holes().then(
      (holes) => {
        this.#loading.delete(file);
        this.#keep(file, holes);
        return holes;
      },
      (error: unknown) => {
        this.#loading.delete(file);
        throw error;
      },
    );
    this.#loading.set(file, loading);
    return loading;
  }

  #keep(file: FsFile, holes: readonly FsHole[]): void {
    this.#files.set(file, holes);
    let count = 0;
    for (const kept of this.#files.values()) count += kept.length;
    for (const [oldest, kept] of this.#files) {
      if (oldest === file || (this.#files.size <= FILES_MAX && count <= HOLES_MAX)) break;
      this.#files.delete(oldest);
      count -= kept.length;
    }
  }
}
