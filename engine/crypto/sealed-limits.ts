/** Largest plaintext of each kind of sealed thing, so that no forged length makes us allocate. */
import {
  BLOB_BYTES_MAX,
  LEASE_BYTES_MAX,
  PACK_DIRECTORY_BYTES_MAX,
  PLAN_BYTES_MAX,
  SEGMENT_PACKS_MAX,
  SEGMENT_RECORDS_MAX,
  SNAPSHOT_BYTES_MAX,
  TOMBSTONE_BYTES_MAX,
} from "../base/limits.ts";
import type { SealedKind } from "./key-ring.ts";

/** Bytes. FORMAT.md "Limits" and "Index segments". */
export const SEALED_PLAIN_BYTES_MAX: Readonly<Record<SealedKind, number>> = {
  data: BLOB_BYTES_MAX,
  tree: BLOB_BYTES_MAX,
  list: BLOB_BYTES_MAX,
  "pack-directory": PACK_DIRECTORY_BYTES_MAX,
  // 16 repeated header bytes; pack id and size, a superseded id for every pack; a prefix for every
  // record and, at one record a page, a page length.
  "index-directory": 16 + SEGMENT_PACKS_MAX * (32 + 4 + 32) + SEGMENT_RECORDS_MAX * (4 + 4),
  // 65,536 records of 51 bytes.
  "index-page": 65_536 * 51,
  snapshot: SNAPSHOT_BYTES_MAX,
  lease: LEASE_BYTES_MAX,
  tombstone: TOMBSTONE_BYTES_MAX,
  plan: PLAN_BYTES_MAX,
};
