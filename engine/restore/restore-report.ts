/** What a restore did, and what it could not do. Collected while it runs. */
import type { ForgeError } from "../base/errors.ts";
import type { PackId } from "../base/ids.ts";
import type { FsEntryType } from "../read/readonly-fs.ts";
import type { MetadataLoss } from "./restore-target.ts";
import { type WalkedEntry, pathOf } from "./restore-walk.ts";

/** Something that is not restored, or not as it was. Everything below a directory goes with it. */
export interface RestoreProblem {
  /** For people; below what was restored. "." is the root. */
  readonly path: string;
  readonly error: ForgeError;
}

/** Metadata that could not be given to entries that are restored all the same. */
export interface RestoreNote {
  readonly loss: MetadataLoss;
  readonly count: number;
  readonly firstPath: string;
}

/** What became of an entry other than a directory; in a dry run, what would. */
export type EntryOutcome = "written" | "replaced" | "right" | "skipped";

export interface RestoredEntry {
  readonly outcome: EntryOutcome;
  readonly type: Exclude<FsEntryType, "directory">;
  readonly sizeBytes: number;
  /** For people; below what is restored. Made when it is called. */
  path(): string;
}

/** Told while a restore runs, so that it is known also of one that is stopped. */
export interface RestoreEvents {
  readonly onProgress?: ((progress: RestoreProgress) => void) | undefined;
  readonly onEntry?: ((entry: RestoredEntry) => void) | undefined;
  /** Each of them, also those that the report no longer lists. */
  readonly onProblem?: ((problem: RestoreProblem) => void) | undefined;
}

export interface RestoreReport {
  /** Files whose content was written. */
  readonly files: number;
  /** Made, or there already. */
  readonly directories: number;
  readonly symlinks: number;
  readonly hardLinks: number;
  /** Fifos, sockets and devices. */
  readonly specials: number;
  readonly bytesWritten: number;
  /** Entries that took the place of what stood there; counted above as well. */
  readonly replaced: number;
  /** Entries other than directories that were there and right already. */
  readonly alreadyRight: number;
  /** Entries that were left alone because something stands there and the policy is "never". */
  readonly skipped: number;
  /** Files that were read back and are right. */
  readonly verified: number;
  /** The first `PROBLEMS_KEPT_MAX` of them. */
  readonly problems: readonly RestoreProblem[];
  readonly problemCount: number;
  readonly notes: readonly RestoreNote[];
  /** Of a dry run with a `packSource`: what would be read from the repository. */
  readonly fetch?: { readonly packs: number; readonly bytes: number } | undefined;
}

export interface RestoreProgress {
  /** What the walk has found so far; final once `walking` is false. */
  readonly filesFound: number;
  readonly bytesFound: number;
  readonly walking: boolean;
  /** Files that are dealt with, in whatever way. */
  readonly filesDone: number;
  readonly bytesDone: number;
  readonly problems: number;
}

/** A disk that is full makes a problem of every file; the count goes on, the list does not. */
export const PROBLEMS_KEPT_MAX = 10_000;
/** Steps between two progress reports: a callback a file would cost more than the file. */
const PROGRESS_EVERY = 64;

type Counter =
  | "files"
  | "directories"
  | "symlinks"
  | "hardLinks"
  | "specials"
  | "replaced"
  | "alreadyRight"
  | "skipped"
  | "verified";

export class RestoreLog {
  readonly #events: RestoreEvents;
  readonly #counts: Record<Counter, number> = {
    files: 0,
    directories: 0,
    symlinks: 0,
    hardLinks: 0,
    specials: 0,
    replaced: 0,
    alreadyRight: 0,
    skipped: 0,
    verified: 0,
  };
  readonly #problems: RestoreProblem[] = [];
  readonly #notes = new Map<MetadataLoss, { count: number; firstPath: string }>();
  #problemCount = 0;
  #bytesWritten = 0;
  #filesFound = 0;
  #bytesFound = 0;
  #filesDone = 0;
  #bytesDone = 0;
  #walking = true;
  #steps = 0;
  readonly #fetchPacks = new Set<PackId>();
  #fetchBytes = 0;

  constructor(events: RestoreEvents) {
    this.#events = events;
  }

  count(counter: Counter): void {
    this.#counts[counter]++;
  }

  /** An entry is dealt with. What was written is counted by its type as well. */
  entry({ directory, name, entry, attributes }: WalkedEntry, outcome: EntryOutcome): void {
    if (outcome === "right") this.count("alreadyRight");
    else if (outcome !== "written") this.count(outcome);
    const { sizeBytes } = attributes;
    const path = (): string => pathOf(directory, name);
    this.#events.onEntry?.({ outcome, type: entry.type, sizeBytes, path });
  }

  /** Counts something that was written, by its type. */
  made(entryType: RestoredEntry["type"]): void {
    switch (entryType) {
      case "file":
        this.count("files");
        break;
      case "symlink":
        this.count("symlinks");
        break;
      case "fifo":
      case "socket":
      case "char-device":
      case "block-device":
        this.count("specials");
        break;
      default:
        entryType satisfies never;
    }
  }

  /** A read that a dry run would make. */
  fetches(packId: PackId, bytes: number): void {
    this.#fetchPacks.add(packId);
    this.#fetchBytes += bytes;
  }

  found(sizeBytes: number): void {
    this.#filesFound++;
    this.#bytesFound += sizeBytes;
    this.#step();
  }

  walked(): void {
    this.#walking = false;
    this.#report();
  }

  /** Content that reached the target. */
  wrote(bytes: number): void {
    this.#bytesWritten += bytes;
    this.#bytesDone += bytes;
    this.#step();
  }

  /** A file is dealt with. @param bytes Of it that no `wrote` told of. */
  fileDone(bytes: number): void {
    this.#filesDone++;
    this.#bytesDone += bytes;
    this.#step();
  }

  problem(path: string, error: ForgeError): void {
    this.#problemCount++;
    if (this.#problems.length < PROBLEMS_KEPT_MAX) this.#problems.push({ path, error });
    this.#events.onProblem?.({ path, error });
    this.#step();
  }

  lost(losses: readonly MetadataLoss[], path: () => string): void {
    for (const loss of losses) {
      const note = this.#notes.get(loss);
      if (note === undefined) this.#notes.set(loss, { count: 1, firstPath: path() });
      else note.count++;
    }
  }

  /** @param withFetch Whether what would be read was counted. */
  finish(withFetch: boolean): RestoreReport {
    this.#report();
    const fetch = { packs: this.#fetchPacks.size, bytes: this.#fetchBytes };
    return {
      ...this.#counts,
      bytesWritten: this.#bytesWritten,
      problems: this.#problems,
      problemCount: this.#problemCount,
      notes: [...this.#notes].map(([loss, note]) => ({ loss, ...note })),
      ...(withFetch ? { fetch } : {}),
    };
  }

  #step(): void {
    if (++this.#steps % PROGRESS_EVERY === 0) this.#report();
  }

  #report(): void {
    this.#events.onProgress?.({
      filesFound: this.#filesFound,
      bytesFound: this.#bytesFound,
      walking: this.#walking,
      filesDone: this.#filesDone,
      bytesDone: this.#bytesDone,
      problems: this.#problemCount,
    });
  }
}
