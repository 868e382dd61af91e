/** DryRun: counts what a restore would do, entry by entry, and what it would read for that. */
import { throwIfAborted } from "../base/concurrency.ts";
import type { FsAttributes, FsFile } from "../read/readonly-fs.ts";
import type { RestoreOptions } from "./restore.ts";
import { windowsOf } from "./restore-content.ts";
import type { Decision } from "./restore-decision.ts";
import type { EntryOutcome, RestoreLog } from "./restore-report.ts";
import { type WalkedEntry, pathOf } from "./restore-walk.ts";

const OUTCOMES: Readonly<Record<Decision, EntryOutcome>> = {
  new: "written",
  replace: "replaced",
  right: "right",
  skip: "skipped",
};

interface PlannedFile {
  readonly walked: WalkedEntry;
  readonly file: FsFile;
  readonly attributes: FsAttributes;
}

export class DryRun {
  readonly #options: Pick<RestoreOptions, "packSource" | "signal">;
  readonly #log: RestoreLog;
  readonly #links = new Set<string>();
  /** Would be written, and their reads are not planned yet. */
  #files: PlannedFile[] = [];

  constructor(options: Pick<RestoreOptions, "packSource" | "signal">, log: RestoreLog) {
    this.#options = options;
    this.#log = log;
  }

  /** Counts one entry. */
  entry(walked: WalkedEntry, decision: Decision): void {
    const { entry, attributes } = walked;
    if (entry.type === "file") this.#log.fileDone(0);
    const key = attributes.hardLinkKey;
    this.#log.entry(walked, OUTCOMES[decision]);
    if (decision === "skip" || decision === "right") {
      // Nothing is written.
    } else if (key !== undefined && this.#links.has(key)) this.#log.count("hardLinks");
    else {
      this.#log.made(entry.type);
      if (entry.type === "file") {
        this.#log.wrote(attributes.sizeBytes);
        this.#files.push({ walked, file: entry, attributes });
      }
    }
    if (key !== undefined) this.#links.add(key);
  }

  /**
   * What a restore would read for the files counted since the last call; what cannot be read is told.
   * @throws ForgeError "aborted".
   */
  async planReads(): Promise<void> {
    const files = this.#files;
    this.#files = [];
    const { packSource, signal } = this.#options;
    if (packSource === undefined) return;
    for (const window of windowsOf(files)) {
      throwIfAborted(signal);
      const plan = await packSource.plan(window, { signal });
      for (const { packId, span } of plan.reads) this.#log.fetches(packId, span.length);
      for (const { fileIndex, error } of plan.unreadable) {
        const part = window[fileIndex];
        if (part === undefined) continue;
        this.#log.problem(pathOf(part.job.walked.directory, part.job.walked.name), error);
      }
    }
  }
}
