/** LinkedFiles: a file with several names is read once; its other names wait for that. */
import type { FileBatcher, FileDone } from "./file-batcher.ts";
import type { FileJob } from "./file-pool.ts";
import type { SourceStat } from "./source.ts";

interface Linked {
  outcome?: Parameters<FileDone>[0];
  waiting: FileDone[];
  /** Names not met yet; at 0 nobody will ask again. */
  left: number;
}

export class LinkedFiles {
  readonly #files: Pick<FileBatcher, "add">;
  readonly #byInode = new Map<string, Linked>();

  constructor(files: Pick<FileBatcher, "add">) {
    this.#files = files;
  }

  /** As `FileBatcher.add`; for a name of a file that was met before, nothing is read. */
  add(job: FileJob, stat: SourceStat, done: FileDone): Promise<void> | undefined {
    if (stat.linkCount < 2) return this.#files.add(job, done);
    const key = `${stat.device}:${stat.inode}`;
    const known = this.#byInode.get(key);
    if (known === undefined) return this.#addFirst(key, job, stat, done);
    if (--known.left <= 0) this.#byInode.delete(key);
    if (known.outcome === undefined) known.waiting.push(done);
    else done(known.outcome);
    return undefined;
  }

  #addFirst(key: string, job: FileJob, stat: SourceStat, done: FileDone): Promise<void> {
    const linked: Linked = { waiting: [], left: stat.linkCount - 1 };
    this.#byInode.set(key, linked);
    return this.#files.add(job, (outcome) => {
      linked.outcome = outcome;
      done(outcome);
      for (const waiting of linked.waiting) waiting(outcome);
      linked.waiting = [];
    });
  }
}
