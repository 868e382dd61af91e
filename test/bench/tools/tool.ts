/** What the rows need of a backup program; one file per program beside this one. */
import { join } from "node:path";
import { type Command, run } from "../process.ts";

export const PASSPHRASE = "correct horse battery staple";

export interface Tool {
  readonly name: string;
  readonly version: string;
  /** @param repository A path that does not exist yet. */
  init(repository: string): Command;
  /** @param number 1 for a repository's first snapshot of `path`, then 2 … */
  backup(repository: string, path: string, number: number): Command;
  /** Restores the newest snapshot, which has `number`, into the empty folder `target`. */
  restore(repository: string, number: number, target: string): Command;
  /** Where `restore` puts what was backed up from `path`. */
  restoredAt(target: string, path: string): string;
  /** Absent, as all below: the program has nothing of the kind that can be compared. */
  list?(repository: string, number: number): Command;
  dump?(repository: string, number: number, path: string): Command;
  /** Structure alone: everything that snapshots need has a place. */
  readonly check?: (repository: string) => Command;
  /** Every byte read and verified. */
  readonly checkData?: (repository: string) => Command;
  readonly mounting?: Mounting;
}

export interface Mounting {
  /** Stays in the foreground until it is unmounted. */
  mount(repository: string, mountPoint: string): Command;
  /** `mount` without extended attributes, for a tool that can leave them out. */
  readonly mountWithoutXattrs?: (repository: string, mountPoint: string) => Command;
  /** Where the snapshot's `/` is in the mount. */
  mountedRoot(mountPoint: string, number: number): string;
}

/** Of the programs that keep absolute paths. */
export function belowTarget(target: string, path: string): string {
  return join(target, path);
}

/** The first line a program says about itself; undefined when it is not installed. */
export function versionOf(words: readonly string[]): string | undefined {
  try {
    return run({ words, environment: {} }).split("\n")[0]?.trim();
  } catch {
    return undefined;
  }
}
