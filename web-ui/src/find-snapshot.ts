/** The snapshot that an address means: a whole id, the beginning of one, or `latest`. Pure. */
import type { SnapshotInfo } from "../../src/server/api.ts";

/** @param snapshots  The newest first. */
export function findSnapshot(
  snapshots: readonly SnapshotInfo[],
  id: string,
): SnapshotInfo | undefined {
  if (id === "latest") return snapshots[0];
  return (
    snapshots.find((snapshot) => snapshot.id === id) ??
    snapshots.find((snapshot) => snapshot.id.startsWith(id))
  );
}
