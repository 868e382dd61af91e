/**
 * Restore: what a `ReadonlyFs` shows → a target. Batches of entries come from the walk; in each,
 * directories are made from the top down with mode 0700, then content is written in the order of the
 * packs, then links, and directories get their own metadata last, deepest first. One entry that
 * fails never stops the rest.
 */
import { throwIfAborted } from "../base/concurrency.ts";
import type { ForgeError } from "../base/errors.ts";
import type { FsDirectory, FsEntry } from "../read/readonly-fs.ts";
import type { PackSource } from "./pack-source.ts";
import { type RestoreEvents, RestoreLog, type RestoreReport } from "./restore-report.ts";
import { RestoreRun } from "./restore-run.ts";
import type { RestoreTarget } from "./restore-target.ts";
import {
  type OpenedDirectory,
  type Select,
  type WalkBatch,
  type WalkedDirectory,
  type WalkedEntry,
  walkForRestore,
} from "./restore-walk.ts";

/**
 * What happens to an entry where something stands already. "if-changed": a file of the same size and
 * time is right and only its metadata is looked at; all else is replaced, so an interrupted restore
 * goes on where it stopped. "always" writes everything anew. "never" leaves what is there alone.
 */
export type OverwritePolicy = "always" | "if-changed" | "never";

export interface RestoreOptions extends RestoreEvents {
  /** A directory's entries go directly into the target; anything else goes there under its name. */
  readonly root: FsEntry;
  /** Not closed here. */
  readonly target: RestoreTarget;
  /** All is taken without it. */
  readonly select?: Select | undefined;
  readonly overwrite: OverwritePolicy;
  /** Counts what would be done, and touches nothing. */
  readonly dryRun?: boolean | undefined;
  /** Reads each file back from the target and compares size and CRC-32. */
  readonly verify?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Makes large restores fast; the files must come from `openSnapshotFs` over the same index. */
  readonly packSource?: PackSource | undefined;
}

/** Batches worked on at a time: while one is written, the next is planned. */
const BATCHES_AT_A_TIME = 2;

/**
 * @throws ForgeError "aborted"; and what opening the target's own directory failed with. All other
 *   failures are in the report.
 */
export async function restore(options: RestoreOptions): Promise<RestoreReport> {
  const { root, target, signal } = options;
  throwIfAborted(signal);
  const dryRun = options.dryRun === true;
  const log = new RestoreLog(options);
  const opened = (await target.openRoot({ make: !dryRun })) ?? "absent";
  const run = new RestoreRun(options, log);
  try {
    const running: Promise<void>[] = [];
    let before: Promise<void> = Promise.resolve();
    try {
      const onFile = (sizeBytes: number): void => {
        log.found(sizeBytes);
        if (!dryRun) run.expect(sizeBytes);
      };
      for await (const batch of batchesOf(options, opened, { log, onFile })) {
        before = run.apply(batch, before);
        // Its failure is thrown where it is awaited; until then it must not count as unhandled.
        before.catch(() => undefined);
        running.push(before);
        if (running.length >= BATCHES_AT_A_TIME) await running.shift();
      }
      log.walked();
    } finally {
      await Promise.allSettled(running);
    }
    await before;
    // A directory made for a single file has no metadata of its own to take.
    if (typeof opened === "object" && opened.created && root.type !== "directory") {
      await target.finishDirectory(opened, undefined);
    }
  } finally {
    await run.close();
  }
  return log.finish(dryRun && options.packSource !== undefined);
}

async function* batchesOf(
  options: RestoreOptions,
  opened: OpenedDirectory,
  { log, onFile }: { readonly log: RestoreLog; readonly onFile: (sizeBytes: number) => void },
): AsyncGenerator<WalkBatch> {
  const { root, select, signal } = options;
  const onEntry = ({ entry, attributes }: WalkedEntry): void => {
    if (entry.type === "file") onFile(attributes.sizeBytes);
  };
  if (root.type === "directory") {
    const top: WalkedDirectory = {
      parent: undefined,
      entry: root,
      taken: true,
      opened,
    };
    const onProblem = (path: string, error: ForgeError): void => log.problem(path, error);
    yield* walkForRestore(top, { select, signal, onEntry, onProblem });
    return;
  }
  const directory: WalkedDirectory = {
    parent: undefined,
    entry: singleParent(root),
    taken: false,
    opened,
  };
  const { name, attributes } = root;
  const walked: WalkedEntry = { directory, entry: root, name, attributes };
  onEntry(walked);
  yield { entries: [walked], finished: [] };
}

/** Stands above an entry that is restored alone; nothing of it is ever used but its place. */
function singleParent(entry: Exclude<FsEntry, FsDirectory>): FsDirectory {
  return {
    type: "directory",
    name: new Uint8Array(0),
    attributes: { ...entry.attributes, hardLinkKey: undefined },
    xattrs: [],
    immutable: true,
    contentKey: undefined,
    readEntries: () => Promise.resolve([]),
    lookup: () => Promise.resolve(undefined),
  };
}
