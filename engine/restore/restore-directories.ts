/**
 * RestoreDirectories: directories in the target, made from the top down once something in them is
 * wanted, and given their own metadata when nothing follows in them any more.
 */
import { isForgeError } from "../base/errors.ts";
import type { RestoreOptions } from "./restore.ts";
import type { RestoreLog } from "./restore-report.ts";
import type { Place } from "./restore-target.ts";
import { type OpenedDirectory, type WalkedDirectory, pathOf } from "./restore-walk.ts";

type DirectoryOptions = Pick<RestoreOptions, "target" | "overwrite" | "dryRun">;

export class RestoreDirectories {
  readonly #options: DirectoryOptions;
  readonly #log: RestoreLog;

  constructor(options: DirectoryOptions, log: RestoreLog) {
    this.#options = options;
    this.#log = log;
  }

  /** The directory in the target, made if need be with all above it. A failure is told once. */
  async open(walked: WalkedDirectory): Promise<OpenedDirectory> {
    const missing: WalkedDirectory[] = [];
    let at = walked;
    while (at.opened === undefined && at.parent !== undefined) {
      missing.push(at);
      at = at.parent;
    }
    for (let next = missing.pop(); next !== undefined; next = missing.pop()) {
      const parent = (await next.parent?.opened) ?? "failed";
      next.opened ??= this.#openBelow(parent, next);
      next.opened = await next.opened;
    }
    return walked.opened ?? "failed";
  }

  async #openBelow(parent: OpenedDirectory, walked: WalkedDirectory): Promise<OpenedDirectory> {
    if (typeof parent === "string") return parent;
    const { target, dryRun } = this.#options;
    const place: Place = { directory: parent, name: walked.entry.name };
    try {
      return (await target.openDirectory(place, { make: dryRun !== true })) ?? "absent";
    } catch (error) {
      if (!isForgeError(error) || error.code === "aborted") throw error;
      this.#log.problem(pathOf(walked), error);
      return "failed";
    }
  }

  /** Nothing follows in it. One that was chosen is made even if it is empty. */
  async finish(walked: WalkedDirectory): Promise<void> {
    if (!walked.taken && walked.opened === undefined) return;
    const opened = await this.open(walked);
    if (opened === "failed") return;
    if (walked.parent !== undefined) this.#log.count("directories");
    const { target, overwrite, dryRun } = this.#options;
    if (opened === "absent" || dryRun === true) return;
    // What stood there and was not chosen keeps its own metadata.
    if (
      !opened.created &&
      (walked.parent === undefined || !walked.taken || overwrite === "never")
    ) {
      return;
    }
    try {
      const losses = await target.finishDirectory(opened, walked.entry);
      this.#log.lost(losses, () => pathOf(walked));
    } catch (error) {
      if (!isForgeError(error) || error.code === "aborted") throw error;
      this.#log.problem(pathOf(walked), error);
    }
  }
}
