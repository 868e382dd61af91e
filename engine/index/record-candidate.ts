/** Candidates: records that the fingerprints say may be of a wanted blob; its page decides. */
import type { Bytes } from "../base/bytes.ts";
import type { BlobId } from "../base/ids.ts";
import type { BlobLocation, BlobPlace } from "./blob-location.ts";
import { readRecord } from "./index-record.ts";
import type { LoadedSegment } from "./segment-set.ts";

/** Pages of one run at most. */
export const RUN_PAGES_MAX = 64;

export interface Candidate {
  readonly loaded: LoadedSegment;
  readonly page: number;
  /** Number of the record in its page. */
  readonly slot: number;
}

/** A candidate whose page has to be read. */
export interface WantedRecord extends Candidate {
  /** Of the id it may be of, in the list of who asks. */
  readonly number: number;
}

/** Sorted records → runs on pages that are the same or follow one another in one segment. */
export function* runsOf(wanted: readonly WantedRecord[]): Generator<WantedRecord[]> {
  let run: WantedRecord[] = [];
  for (const record of wanted) {
    const first = run[0];
    const last = run[run.length - 1];
    const continues =
      first !== undefined &&
      last !== undefined &&
      record.loaded === first.loaded &&
      record.page - last.page <= 1 &&
      record.page - first.page < RUN_PAGES_MAX;
    if (!continues && run.length > 0) {
      yield run;
      run = [];
    }
    run.push(record);
  }
  if (run.length > 0) yield run;
}

/** What the candidate's record says, in its page. */
export function placeOf({ loaded, slot }: Candidate, page: Bytes): BlobPlace {
  const { packNumber, offset, sealedBytes, plainBytes, kind, codec, epoch } = readRecord(
    page,
    slot,
  );
  const packId = loaded.segment.packId(packNumber);
  // Field by field, as below: a spread costs as much as all the rest of a look-up.
  return { packId, offset, sealedBytes, plainBytes, kind, codec, epoch };
}

/** `placeOf` with the id that the caller has compared. */
export function locationOf(candidate: Candidate, page: Bytes, id: BlobId): BlobLocation {
  return locatedAt(placeOf(candidate, page), id);
}

export function locatedAt(place: BlobPlace, id: BlobId): BlobLocation {
  const { packId, offset, sealedBytes, plainBytes, kind, codec, epoch } = place;
  return { id, packId, offset, sealedBytes, plainBytes, kind, codec, epoch };
}
