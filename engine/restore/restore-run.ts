/**
 * RestoreRun: what happens to one batch of a restore, entry by entry: what to do with what stands
 * there already, content, links, verification, and the directories that are complete.
 */
import { equalBytes } from "../base/bytes.ts";
import { throwIfAborted } from "../base/concurrency.ts";
import { ForgeError, isForgeError } from "../base/errors.ts";
import type { FsFile } from "../read/readonly-fs.ts";
import type { RestoreOptions } from "./restore.ts";
import { ContentWriter, type FileJob, windowsOf } from "./restore-content.ts";
import type { EntryOutcome, RestoreLog } from "./restore-report.ts";
import type {
  FileIdentity,
  Place,
  PlacedEntry,
  RestoreTarget,
  TargetStat,
} from "./restore-target.ts";
import {
  type OpenedDirectory,
  type WalkBatch,
  type WalkedDirectory,
  type WalkedEntry,
  pathOf,
} from "./restore-walk.ts";

/** The first of a group of hard links: the others are linked to it. */
interface LinkedFirst {
  readonly place: Place;
  /** Set once it is in the target. */
  identity: FileIdentity | undefined;
}

type Decision = "new" | "replace" | "right" | "skip";

const DRY_RUN_OUTCOMES: Readonly<Record<Decision, EntryOutcome>> = {
  new: "written",
  replace: "replaced",
  right: "right",
  skip: "skipped",
};

interface EntryAtPlace {
  readonly walked: WalkedEntry;
  readonly place: Place;
  readonly replace: boolean;
}

export class RestoreRun {
  readonly #options: RestoreOptions;
  readonly #target: RestoreTarget;
  readonly #log: RestoreLog;
  readonly #content: ContentWriter;
  readonly #linkedFirsts = new Map<string, LinkedFirst>();
  readonly #dryRunLinks = new Set<string>();
  /** Files of this batch that a dry run would write. */
  #dryRunFiles: { readonly walked: WalkedEntry; readonly file: FsFile }[] = [];

  constructor(options: RestoreOptions, log: RestoreLog) {
    const { target, packSource, signal } = options;
    this.#options = options;
    this.#target = target;
    this.#log = log;
    const onWritten = (bytes: number): void => log.wrote(bytes);
    this.#content = new ContentWriter({ target, packSource, signal, onWritten });
  }

  /** Tells of a file that the walk has found. */
  expect(sizeBytes: number): void {
    this.#content.expect(sizeBytes);
  }

  /** @param before The batch before this one; its directories are finished before those of this. */
  async apply(batch: WalkBatch, before: Promise<void>): Promise<void> {
    const files: EntryAtPlace[] = [];
    const links: EntryAtPlace[] = [];
    const toVerify: EntryAtPlace[] = [];
    for (const walked of batch.entries) {
      throwIfAborted(this.#options.signal);
      await this.#guard(walked, () => this.#begin(walked, { files, links, toVerify }));
    }
    if (this.#options.dryRun === true) await this.#planReads();
    await this.#writeFiles(files, toVerify);
    await before;
    for (const link of links) {
      throwIfAborted(this.#options.signal);
      await this.#guard(link.walked, () => this.#link(link, toVerify));
    }
    if (this.#options.verify === true) {
      for (const at of toVerify) await this.#guard(at.walked, () => this.#verify(at));
    }
    for (const directory of batch.finished) {
      throwIfAborted(this.#options.signal);
      await this.#finishDirectory(directory);
    }
  }

  async close(): Promise<void> {
    await this.#content.close();
  }

  /** Runs one step of an entry; what fails becomes a problem of that entry. */
  async #guard(walked: WalkedEntry, step: () => Promise<void>): Promise<void> {
    try {
      await step();
    } catch (error) {
      if (!isForgeError(error) || error.code === "aborted") throw error;
      this.#failed(walked, error);
    }
  }

  #failed(walked: WalkedEntry, error: ForgeError): void {
    this.#log.problem(pathOf(walked.directory, walked.name), error);
    if (walked.entry.type === "file") this.#log.fileDone(0);
  }

  /** Makes what is not a file at once; files and later hard links are put on their lists. */
  async #begin(
    walked: WalkedEntry,
    lists: { files: EntryAtPlace[]; links: EntryAtPlace[]; toVerify: EntryAtPlace[] },
  ): Promise<void> {
    const { entry, name, attributes } = walked;
    const directory = await this.#opened(walked.directory);
    if (directory === "failed") {
      if (entry.type === "file") this.#log.fileDone(0);
      return;
    }
    if (directory === "absent") {
      this.#countDryRun(walked, "new");
      return;
    }
    const place: Place = { directory, name };
    const key = attributes.hardLinkKey;
    if (key !== undefined && this.#options.dryRun !== true && this.#linkedFirsts.has(key)) {
      lists.links.push({ walked, place, replace: false });
      return;
    }
    const decision = await this.#decide(walked, place, lists.toVerify);
    if (this.#options.dryRun === true) {
      this.#countDryRun(walked, decision);
      return;
    }
    if (decision === "skip" || decision === "right") {
      this.#entry(walked, decision === "skip" ? "skipped" : "right");
      if (entry.type === "file") this.#log.fileDone(attributes.sizeBytes);
      return;
    }
    if (key !== undefined) this.#linkedFirsts.set(key, { place, identity: undefined });
    const at = { walked, place, replace: decision === "replace" };
    if (entry.type === "file") lists.files.push(at);
    else await this.#makeOther(at);
  }

  async #makeOther({ walked, place, replace }: EntryAtPlace): Promise<void> {
    const { entry } = walked;
    if (entry.type === "file") return;
    const placed =
      entry.type === "symlink"
        ? await this.#target.makeSymlink(place, entry, { replace })
        : await this.#target.makeSpecial(place, entry, { replace });
    this.#placed(walked, placed);
    this.#entry(walked, replace ? "replaced" : "written");
    this.#countMade(entry);
  }

  #entry({ directory, name, entry, attributes }: WalkedEntry, outcome: EntryOutcome): void {
    const { sizeBytes } = attributes;
    const path = (): string => pathOf(directory, name);
    this.#log.entry({ outcome, type: entry.type, sizeBytes, path });
  }

  #placed(walked: WalkedEntry, placed: PlacedEntry): void {
    const { directory, name, attributes } = walked;
    this.#log.lost(placed.losses, () => pathOf(directory, name));
    const key = attributes.hardLinkKey;
    const first = key === undefined ? undefined : this.#linkedFirsts.get(key);
    if (first !== undefined) first.identity = placed.identity;
  }

  /** What to do at a place; when what is there is right, its metadata is put right at once. */
  async #decide(walked: WalkedEntry, place: Place, toVerify: EntryAtPlace[]): Promise<Decision> {
    const { entry, directory, name, attributes } = walked;
    // In a directory of our own nothing can stand; if something does, making the entry says so.
    if (place.directory.created) return "new";
    const found = await this.#target.inspect(place);
    if (found === undefined) return "new";
    const { overwrite, dryRun } = this.#options;
    if (overwrite === "never") return "skip";
    if (overwrite === "always" || found.type !== entry.type) return "replace";
    if (!(await this.#isContentRight(walked, place, found))) return "replace";
    if (dryRun === true) return "right";
    const losses = await this.#target.repairMetadata(place, entry, found);
    if (losses === undefined) return "replace";
    this.#log.lost(losses, () => pathOf(directory, name));
    const key = attributes.hardLinkKey;
    if (key !== undefined) this.#linkedFirsts.set(key, { place, identity: found.identity });
    if (entry.type === "file") {
      toVerify.push({ walked, place, replace: false });
    }
    return "right";
  }

  async #isContentRight(
    { entry, attributes }: WalkedEntry,
    place: Place,
    found: TargetStat,
  ): Promise<boolean> {
    switch (entry.type) {
      case "file":
        return found.sizeBytes === attributes.sizeBytes && found.mtimeNs === attributes.mtimeNs;
      case "symlink":
        return equalBytes(await this.#target.readLink(place), entry.target);
      case "fifo":
      case "socket":
        return true;
      case "char-device":
      case "block-device":
        return (
          found.deviceMajor === attributes.deviceMajor &&
          found.deviceMinor === attributes.deviceMinor
        );
      default:
        return entry satisfies never;
    }
  }

  async #writeFiles(files: readonly EntryAtPlace[], toVerify: EntryAtPlace[]): Promise<void> {
    const byJob = new Map<FileJob, EntryAtPlace>();
    for (const at of files) {
      const { entry: file, attributes } = at.walked;
      if (file.type !== "file") continue;
      byJob.set({ place: at.place, file, attributes, replace: at.replace }, at);
    }
    await this.#content.write([...byJob.keys()], (job, outcome) => {
      const at = byJob.get(job);
      if (at === undefined) return;
      if ("error" in outcome) {
        this.#failed(at.walked, outcome.error);
        return;
      }
      this.#placed(at.walked, outcome.placed);
      this.#entry(at.walked, at.replace ? "replaced" : "written");
      this.#log.count("files");
      this.#log.fileDone(0);
      toVerify.push(at);
    });
  }

  async #link(at: EntryAtPlace, toVerify: EntryAtPlace[]): Promise<void> {
    const { walked, place } = at;
    const { entry, attributes } = walked;
    const key = attributes.hardLinkKey ?? "";
    const first = this.#linkedFirsts.get(key);
    const found = place.directory.created ? undefined : await this.#target.inspect(place);
    if (found !== undefined && this.#options.overwrite === "never") {
      this.#entry(walked, "skipped");
    } else if (first?.identity === undefined) {
      // The first of them failed: this one takes its place.
      this.#linkedFirsts.set(key, { place, identity: undefined });
      const own = { ...at, replace: found !== undefined };
      if (entry.type === "file") return this.#writeFiles([own], toVerify);
      return this.#makeOther(own);
    } else if (found !== undefined && sameIdentity(found.identity, first.identity)) {
      this.#entry(walked, "right");
    } else {
      const { identity } = first;
      const replace = found !== undefined;
      await this.#target.makeHardLink(place, first.place, { identity, replace });
      this.#entry(walked, replace ? "replaced" : "written");
      this.#log.count("hardLinks");
    }
    if (entry.type === "file") this.#log.fileDone(attributes.sizeBytes);
  }

  async #verify({ walked, place }: EntryAtPlace): Promise<void> {
    if (walked.entry.type !== "file") return;
    const { attributes } = walked;
    const { crc32 } = walked.entry;
    const { signal } = this.#options;
    const found = await this.#target.checksum(place, { signal });
    if (found.sizeBytes === attributes.sizeBytes && found.crc32 === crc32) {
      this.#log.count("verified");
      return;
    }
    throw new ForgeError(
      "corrupt",
      `Cannot confirm the restored file: it has ${found.sizeBytes} bytes with CRC-32 ${hex32(found.crc32)}, the snapshot has ${attributes.sizeBytes} bytes with ${hex32(crc32)}`,
    );
  }

  async #finishDirectory(walked: WalkedDirectory): Promise<void> {
    if (!walked.taken && walked.opened === undefined) return;
    const opened = await this.#opened(walked);
    if (opened === "failed") return;
    if (walked.parent !== undefined) this.#log.count("directories");
    if (opened === "absent" || this.#options.dryRun === true) return;
    // What stood there and was not chosen keeps its own metadata.
    const { overwrite } = this.#options;
    if (
      !opened.created &&
      (walked.parent === undefined || !walked.taken || overwrite === "never")
    ) {
      return;
    }
    try {
      const losses = await this.#target.finishDirectory(opened, walked.entry);
      this.#log.lost(losses, () => pathOf(walked));
    } catch (error) {
      if (!isForgeError(error) || error.code === "aborted") throw error;
      this.#log.problem(pathOf(walked), error);
    }
  }

  /** The directory in the target, made if need be with all above it. */
  async #opened(walked: WalkedDirectory): Promise<OpenedDirectory> {
    const missing: WalkedDirectory[] = [];
    let at = walked;
    while (at.opened === undefined && at.parent !== undefined) {
      missing.push(at);
      at = at.parent;
    }
    for (let next = missing.pop(); next !== undefined; next = missing.pop()) {
      const parent = await (next.parent?.opened ?? Promise.resolve<OpenedDirectory>("failed"));
      next.opened ??= this.#openBelow(parent, next);
    }
    return walked.opened ?? "failed";
  }

  async #openBelow(parent: OpenedDirectory, walked: WalkedDirectory): Promise<OpenedDirectory> {
    if (typeof parent === "string") return parent;
    const place: Place = { directory: parent, name: walked.entry.name };
    try {
      const make = this.#options.dryRun !== true;
      return (await this.#target.openDirectory(place, { make })) ?? "absent";
    } catch (error) {
      if (!isForgeError(error) || error.code === "aborted") throw error;
      this.#log.problem(pathOf(walked), error);
      return "failed";
    }
  }

  #countDryRun(walked: WalkedEntry, decision: Decision): void {
    const { entry, attributes } = walked;
    if (entry.type === "file") this.#log.fileDone(0);
    const key = attributes.hardLinkKey;
    this.#entry(walked, DRY_RUN_OUTCOMES[decision]);
    if (decision === "skip" || decision === "right") {
      // Nothing is written.
    } else if (key !== undefined && this.#dryRunLinks.has(key)) this.#log.count("hardLinks");
    else {
      this.#countMade(entry);
      if (entry.type === "file") {
        this.#log.wrote(attributes.sizeBytes);
        this.#dryRunFiles.push({ walked, file: entry });
      }
    }
    if (key !== undefined) this.#dryRunLinks.add(key);
  }

  /** What a restore would read for the files of this batch; what cannot be read is told. */
  async #planReads(): Promise<void> {
    const files = this.#dryRunFiles;
    this.#dryRunFiles = [];
    const { packSource, signal } = this.#options;
    if (packSource === undefined) return;
    const jobs = files.map(({ walked, file }) => ({
      walked,
      file,
      attributes: walked.attributes,
    }));
    for (const window of windowsOf(jobs)) {
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

  #countMade(entry: WalkedEntry["entry"]): void {
    switch (entry.type) {
      case "file":
        this.#log.count("files");
        break;
      case "symlink":
        this.#log.count("symlinks");
        break;
      case "fifo":
      case "socket":
      case "char-device":
      case "block-device":
        this.#log.count("specials");
        break;
      default:
        entry satisfies never;
    }
  }
}

function sameIdentity(a: FileIdentity, b: FileIdentity): boolean {
  return a.inode === b.inode && a.device === b.device;
}

function hex32(value: number): string {
  return value.toString(16).padStart(8, "0");
}
