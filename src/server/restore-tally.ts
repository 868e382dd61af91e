/** RestoreTally: what a restore has done until now, also when it is stopped or fails. */
import { join } from "node:path";
import {
  type RestoreEvents,
  type RestoreProblem,
  type RestoreProgress,
  type RestoreReport,
  type RestoredEntry,
} from "../../engine/node.ts";
import { LOSSES } from "../run-restore.ts";
import { plural } from "../cli/format.ts";
import type { PathList, RestoreCounts, RestoreResult } from "./api.ts";

/** Paths of one kind that are kept; all are counted. */
const PATHS_MAX = 1000;

class Paths {
  readonly #paths: string[] = [];
  #count = 0;

  get full(): boolean {
    return this.#paths.length >= PATHS_MAX;
  }

  add(path: string | undefined): void {
    this.#count++;
    if (path !== undefined && !this.full) this.#paths.push(path);
  }

  list(): PathList {
    return { count: this.#count, paths: [...this.#paths] };
  }
}

export class RestoreTally {
  readonly #lists = { written: new Paths(), replaced: new Paths(), skipped: new Paths() };
  readonly #problems: { path: string; message: string }[] = [];
  readonly #notes: string[] = [];
  #problemCount = 0;
  #files = 0;
  #others = 0;
  #unchanged = 0;
  #bytes = 0;
  #directories = 0;
  #verified = 0;
  #fetch: { packs: number; bytes: number } | undefined;
  /** Of the steps that are done. */
  #before = { filesFound: 0, bytesFound: 0, filesDone: 0, bytesDone: 0 };
  #now: RestoreProgress | undefined;
  #isLastStep = false;

  /** @param directory Where the step writes to: paths are told with it. */
  events(directory: string, options: { readonly isLast: boolean }): RestoreEvents {
    this.#endStep();
    this.#isLastStep = options.isLast;
    return {
      onProgress: (progress) => (this.#now = progress),
      onEntry: (entry) => this.#count(directory, entry),
      onProblem: (problem) => this.#problem(directory, problem),
    };
  }

  /** A step came to its end. */
  finished(report: RestoreReport): void {
    this.#directories += report.directories;
    this.#verified += report.verified;
    for (const { loss, count, firstPath } of report.notes) {
      const entries = plural(count, "entry", "entries");
      this.#notes.push(`${LOSSES[loss]} for ${entries}, the first ${firstPath}.`);
    }
    if (report.fetch === undefined) return;
    this.#fetch = {
      packs: (this.#fetch?.packs ?? 0) + report.fetch.packs,
      bytes: (this.#fetch?.bytes ?? 0) + report.fetch.bytes,
    };
  }

  counts(): RestoreCounts {
    const { filesFound, bytesFound, filesDone, bytesDone } = this.#before;
    return {
      filesDone: filesDone + (this.#now?.filesDone ?? 0),
      bytesDone: bytesDone + (this.#now?.bytesDone ?? 0),
      filesTotal: filesFound + (this.#now?.filesFound ?? 0),
      bytesTotal: bytesFound + (this.#now?.bytesFound ?? 0),
      counting: !this.#isLastStep || this.#now?.walking !== false,
      problems: this.#problemCount,
    };
  }

  result(): RestoreResult {
    return {
      files: this.#files,
      directories: this.#directories,
      others: this.#others,
      bytes: this.#bytes,
      unchanged: this.#unchanged,
      verified: this.#verified,
      created: this.#lists.written.list(),
      replaced: this.#lists.replaced.list(),
      kept: this.#lists.skipped.list(),
      problems: [...this.#problems],
      problemCount: this.#problemCount,
      notes: [...this.#notes],
      fetch: this.#fetch,
    };
  }

  #count(directory: string, entry: RestoredEntry): void {
    const { outcome, type, sizeBytes } = entry;
    if (outcome === "right") {
      this.#unchanged++;
      return;
    }
    const list = this.#lists[outcome];
    list.add(list.full ? undefined : join(directory, entry.path()));
    if (outcome === "skipped") return;
    if (type === "file") {
      this.#files++;
      this.#bytes += sizeBytes;
    } else this.#others++;
  }

  #problem(directory: string, { path, error }: RestoreProblem): void {
    this.#problemCount++;
    if (this.#problems.length >= PATHS_MAX) return;
    this.#problems.push({ path: join(directory, path), message: error.message });
  }

  #endStep(): void {
    if (this.#now === undefined) return;
    const before = this.#before;
    const { filesFound, bytesFound, filesDone, bytesDone } = this.#now;
    this.#before = {
      filesFound: before.filesFound + filesFound,
      bytesFound: before.bytesFound + bytesFound,
      filesDone: before.filesDone + filesDone,
      bytesDone: before.bytesDone + bytesDone,
    };
    this.#now = undefined;
  }
}
