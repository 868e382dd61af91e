/** Which earlier snapshot a backup compares with, and which one of this writer it continues. */
import type { Bytes } from "../base/bytes.ts";
import { toHex } from "../base/bytes.ts";
import type { Snapshot } from "../snapshots/snapshot.ts";

/** The newest snapshot of the same host and the same paths, in any order. */
export function findParent(
  snapshots: readonly Snapshot[],
  wanted: { readonly hostname: string; readonly paths: readonly Bytes[] },
): Snapshot | undefined {
  const paths = pathSet(wanted.paths);
  let newest: Snapshot | undefined;
  for (const snapshot of snapshots) {
    if (snapshot.hostname !== wanted.hostname || pathSet(snapshot.paths) !== paths) continue;
    if (newest === undefined || snapshot.timeNs >= newest.timeNs) newest = snapshot;
  }
  return newest;
}

/** What a writer's next snapshot follows. */
export type ChainEnd = Pick<Snapshot, "id" | "seq">;

/** The last snapshot of a writer's chain. */
export function findChainEnd(snapshots: readonly Snapshot[], writer: string): Snapshot | undefined {
  let last: Snapshot | undefined;
  for (const snapshot of snapshots) {
    if (snapshot.writer === writer && (last === undefined || snapshot.seq > last.seq)) {
      last = snapshot;
    }
  }
  return last;
}

function pathSet(paths: readonly Bytes[]): string {
  return [...new Set(paths.map(toHex))].sort().join("/");
}
