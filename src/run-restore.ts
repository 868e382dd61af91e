/** One restore into a folder of this machine, as the command line and the web do it. */
import {
  type FsEntry,
  type IndexedRepository,
  type OverwritePolicy,
  type RestoreEvents,
  type RestoreReport,
  type Select,
  createPackSource,
  openLocalTarget,
  restore,
} from "../engine/node.ts";

export interface RestoreWork extends RestoreEvents {
  /** A directory's entries go directly into the target; anything else goes there under its name. */
  readonly root: FsEntry;
  /** Where to; made when it is not there. */
  readonly directory: string;
  readonly select?: Select | undefined;
  readonly overwrite: OverwritePolicy;
  readonly dryRun: boolean;
  readonly verify: boolean;
  readonly signal: AbortSignal;
}

/**
 * @param repository Of the snapshot that `root` is of.
 * @throws ForgeError "aborted", and what opening the directory itself failed with.
 */
export async function runRestore(
  repository: IndexedRepository,
  { directory, ...work }: RestoreWork,
): Promise<{ readonly report: RestoreReport; readonly target: string }> {
  const target = openLocalTarget(directory);
  try {
    const packSource = createPackSource({
      keys: repository.keys,
      index: repository.index,
      storage: repository.backend,
    });
    const report = await restore({ ...work, target, packSource });
    return { report, target: target.description };
  } finally {
    await target.close();
  }
}

/** Metadata that could not be given, for a sentence that goes on "for 3 entries, …". */
export const LOSSES: Readonly<Record<RestoreReport["notes"][number]["loss"], string>> = {
  owner: "The owner could not be set (only root may)",
  setid: "Set-id bits were left out, because the owner is another,",
  xattrs: "Extended attributes could not be set",
};
