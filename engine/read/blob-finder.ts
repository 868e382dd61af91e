/**
 * What the read side asks of the index: where a blob stands. `BlobIndex` is one; tests and a reader
 * of a single pack can be others.
 */
import type { BlobId } from "../base/ids.ts";
import type { NumberedIds } from "../index/blob-index.ts";
import type { BlobLocation, BlobPlace } from "../index/blob-location.ts";

export interface BlobFinder {
  /** All places where the blob is stored; empty when none is known. */
  find(id: BlobId): Promise<readonly BlobLocation[]>;
  /** `find` for many at once; unknown ids are not in the result. */
  findMany?(ids: Iterable<BlobId>): Promise<ReadonlyMap<BlobId, readonly BlobLocation[]>>;
  /** `findMany` by the bytes of ids: tells `visit` every place of those that are known. */
  visitPlaces?(ids: NumberedIds, visit: (number: number, place: BlobPlace) => void): Promise<void>;
  /**
   * `find` at once from what is in memory: some of the places, "absent" when the blob is certainly
   * not known, "unread" when only `find` can tell.
   */
  peek?(id: BlobId): readonly BlobLocation[] | "absent" | "unread";
  /** Loads what was added since. */
  refresh?(): Promise<unknown>;
}

export type RefreshableBlobFinder = BlobFinder & Required<Pick<BlobFinder, "refresh">>;
