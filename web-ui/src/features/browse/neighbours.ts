/** The snapshots before and after one, as seen from a path: those of its host that may hold it. Pure. */
import type { EncodedPath, SnapshotInfo } from "../../../../src/server/api.ts";

/**
 * Snapshots of the same host whose backed-up paths lie above or below `path`, the newest first;
 * `snapshot` itself is always among them.
 */
export function seriesOf(
  snapshots: readonly SnapshotInfo[],
  snapshot: SnapshotInfo,
  path: EncodedPath,
): readonly SnapshotInfo[] {
  return snapshots.filter(
    (one) =>
      one.id === snapshot.id ||
      (one.hostname === snapshot.hostname &&
        one.paths.some((source) => isWithin(path, source.path) || isWithin(source.path, path))),
  );
}

/** Whether `path` is `folder` or below it. */
export function isWithin(path: EncodedPath, folder: EncodedPath): boolean {
  return folder === "" || path === folder || path.startsWith(`${folder}/`);
}
