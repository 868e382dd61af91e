/**
 * RestoreRun: what happens to one batch of a restore, in order: entries and content, links,
 * verification, and the directories that are complete.
 */
import { throwIfAborted } from "../base/concurrency.ts";
import { ForgeError, isForgeError } from "../base/errors.ts";
import type { RestoreOptions } from "./restore.ts";
import { ContentWriter, type FileJob } from "./restore-content.ts";
import { type Decision, decide } from "./restore-decision.ts";
import { RestoreDirectories } from "./restore-directories.ts";
import { DryRun } from "./restore-dry-run.ts";
import type { RestoreLog } from "./restore-report.ts";
import {
  type FileIdentity,
  type Place,
  type PlacedEntry,
  type RestoreTarget,
  sameIdentity,
} from "./restore-target.ts";
import { type WalkBatch, type WalkedEntry, pathOf } from "./restore-walk.ts";

/** The first of a group of hard links: the others are linked to it. */
interface LinkedFirst {
  readonly place: Place;
  /** Set once it is in the target. */
  identity: FileIdentity | undefined;
}

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
  readonly #directories: RestoreDirectories;
  readonly #dryRun: DryRun | undefined;
  readonly #linkedFirsts = new Map<string, LinkedFirst>();

  constructor(options: RestoreOptions, log: RestoreLog) {
    const { target, packSource, signal } = options;
    this.#options = options;
    this.#target = target;
    this.#log = log;
    const onWritten = (bytes: number): void => log.wrote(bytes);
    this.#content = new ContentWriter({ target, packSource, signal, onWritten });
    this.#directories = new RestoreDirectories(options, log);
    this.#dryRun = options.dryRun === true ? new DryRun(options, log) : undefined;
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
      if (this.#beginNow(walked, files)) continue;
      await this.#guard(walked, () => this.#begin(walked, { files, links, toVerify }));
    }
    if (this.#dryRun !== undefined) await this.#dryRun.planReads();
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
      await this.#directories.finish(directory);
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

  /**
   * `begin` of most entries, without the promises: a file in a directory of our own, which is open.
   * @returns false for all others.
   */
  #beginNow(walked: WalkedEntry, files: EntryAtPlace[]): boolean {
    const { directory, entry, name, attributes } = walked;
    const { opened } = directory;
    if (typeof opened !== "object" || opened instanceof Promise || !opened.created) return false;
    if (entry.type !== "file" || attributes.hardLinkKey !== undefined) return false;
    if (this.#dryRun !== undefined) return false;
    files.push({ walked, place: { directory: opened, name }, replace: false });
    return true;
  }

  /** Makes what is not a file at once; files and later hard links are put on their lists. */
  async #begin(
    walked: WalkedEntry,
    lists: { files: EntryAtPlace[]; links: EntryAtPlace[]; toVerify: EntryAtPlace[] },
  ): Promise<void> {
    const { entry, name, attributes } = walked;
    const directory = await this.#directories.open(walked.directory);
    if (directory === "failed") {
      if (entry.type === "file") this.#log.fileDone(0);
      return;
    }
    if (directory === "absent") {
      this.#dryRun?.entry(walked, "new");
      return;
    }
    const place: Place = { directory, name };
    const key = attributes.hardLinkKey;
    if (key !== undefined && this.#dryRun === undefined && this.#linkedFirsts.has(key)) {
      lists.links.push({ walked, place, replace: false });
      return;
    }
    const decision = await this.#decide(walked, place, lists.toVerify);
    if (this.#dryRun !== undefined) {
      this.#dryRun.entry(walked, decision);
      return;
    }
    if (decision === "skip" || decision === "right") {
      this.#log.entry(walked, decision === "skip" ? "skipped" : "right");
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
    this.#log.entry(walked, replace ? "replaced" : "written");
    this.#log.made(entry.type);
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
    const decided = await decide(this.#target, walked, place, this.#options.overwrite);
    if (decided.decision !== "right" || this.#dryRun !== undefined) return decided.decision;
    const { found } = decided;
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
      this.#log.entry(at.walked, at.replace ? "replaced" : "written");
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
      this.#log.entry(walked, "skipped");
    } else if (first?.identity === undefined) {
      // The first of them failed: this one takes its place.
      this.#linkedFirsts.set(key, { place, identity: undefined });
      const own = { ...at, replace: found !== undefined };
      if (entry.type === "file") return this.#writeFiles([own], toVerify);
      return this.#makeOther(own);
    } else if (found !== undefined && sameIdentity(found.identity, first.identity)) {
      this.#log.entry(walked, "right");
    } else {
      const { identity } = first;
      const replace = found !== undefined;
      await this.#target.makeHardLink(place, first.place, { identity, replace });
      this.#log.entry(walked, replace ? "replaced" : "written");
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
}

function hex32(value: number): string {
  return value.toString(16).padStart(8, "0");
}
