/** Snapshots with nothing in them that matters. */
import { type SnapshotId, parseId } from "../../engine/base/ids.ts";
import type { Snapshot, SnapshotData } from "../../engine/snapshots/snapshot.ts";

export function snapshotFields(fields: Partial<SnapshotData> = {}): SnapshotData {
  return {
    timeNs: 1_700_000_000_000_000_000n,
    endTimeNs: 1_700_000_001_000_000_000n,
    hostname: "host",
    username: "alice",
    paths: [new Uint8Array([0x2f])],
    tags: [],
    root: parseId("11".repeat(32)),
    stats: {
      files: 1,
      directories: 1,
      others: 0,
      bytes: 100,
      filesNew: 1,
      filesChanged: 0,
      filesUnchanged: 0,
      blobsNew: 1,
      bytesNew: 100,
      bytesStored: 100,
    },
    problems: 0,
    program: "forge test",
    writer: "0".repeat(32),
    seq: 1,
    ...fields,
  };
}

/** One that has its id. @param id The beginning of it; zeros follow. */
export function snapshotRecord(id: string, fields: Partial<SnapshotData> = {}): Snapshot {
  return { id: parseId<SnapshotId>(id.padEnd(64, "0")), ...snapshotFields(fields) };
}
