/** ReadonlyFs of one snapshot: its root is `/` of what was backed up. */
import type { SnapshotId } from "../base/ids.ts";
import type { Snapshot } from "../snapshots/snapshot.ts";
import type { ReadSide } from "./read-side.ts";
import type { ReadonlyFs } from "./readonly-fs.ts";
import { SnapshotDirectory } from "./snapshot-entry.ts";

/** What of a snapshot is needed to show it. */
export type SnapshotView = Pick<Snapshot, "root" | "stats"> & { readonly id: SnapshotId };

/**
 * Reads the snapshot's root page and nothing else; all below loads when it is asked for.
 * @throws ForgeError "missing-object", "corrupt", "io", "unsupported-version".
 */
export async function openSnapshotFs(
  readSide: ReadSide,
  snapshot: SnapshotView,
  signal?: AbortSignal,
): Promise<ReadonlyFs> {
  const page = await readSide.trees.rootPage(snapshot.root, signal);
  const { bytes, files, directories, others } = snapshot.stats;
  return {
    root: new SnapshotDirectory(
      { page, index: 0, ordinal: 0 },
      { snapshotId: snapshot.id, readSide },
    ),
    totals: { bytes, entries: files + directories + others },
  };
}
