/** The snapshot that the address of a folder or a file names: by its id, the beginning of one, or "latest". */
import type { SnapshotInfo } from "../../../../src/server/api.ts";
import { useSnapshot, useSnapshots } from "../../api/queries.ts";

/** Whole ids need no look at the list of snapshots. */
const WHOLE_ID = /^[0-9a-f]{64}$/;

export interface AddressSnapshot {
  /** The whole id once it is known, until then what the address says. */
  readonly id: string;
  /** Absent while the list is loading, and when no snapshot is meant. */
  readonly snapshot: SnapshotInfo | undefined;
  /** Whether `id` can be asked for. */
  readonly known: boolean;
  /** Whether the list of snapshots has come. */
  readonly listed: boolean;
}

export function useAddressSnapshot(snapshotId: string): AddressSnapshot {
  const snapshots = useSnapshots();
  const snapshot = useSnapshot(snapshotId);
  return {
    id: snapshot?.id ?? snapshotId,
    snapshot,
    known: WHOLE_ID.test(snapshotId) || !snapshots.isPending,
    listed: snapshots.isSuccess,
  };
}
