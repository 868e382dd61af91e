/**
 * The order of reading that suits the storage: many files → their blobs grouped by pack, in order of
 * offset, each blob once with all the places where its bytes belong. Restore and check walk it, so
 * that every pack is read once and from its beginning to its end.
 */
import type { ForgeError } from "../base/errors.ts";
import type { PackId } from "../base/ids.ts";
import type { BlobLocation } from "../index/blob-location.ts";
import type { ByteSpan } from "../storage/backend.ts";

/** Where a part of a blob belongs: `plain[chunkOffset … chunkOffset + length)` at `fileOffset`. */
export interface BlobUse {
  /** Number of the file in the list that was planned. */
  readonly fileIndex: number;
  /** Bytes from the beginning of the file, holes counted. */
  readonly fileOffset: number;
  readonly chunkOffset: number;
  readonly length: number;
}

export interface PlannedBlob {
  readonly location: BlobLocation;
  /** Where its sealed bytes begin inside the span. */
  readonly start: number;
  readonly uses: readonly BlobUse[];
}

/** One ranged read. */
export interface PackRead {
  readonly packId: PackId;
  readonly span: ByteSpan;
  /** In order of `start`. */
  readonly blobs: readonly PlannedBlob[];
}

export interface ReadPlan {
  /** Packs in the order they were met, the reads of a pack together and in order of offset. */
  readonly reads: readonly PackRead[];
  /** Files whose list of chunks cannot be read, or with a blob that stands nowhere. */
  readonly unreadable: readonly { readonly fileIndex: number; readonly error: ForgeError }[];
}
