/** BlobLocation: where one blob stands, and all that is needed to open it. */
import type { BlobId, PackId } from "../base/ids.ts";
import type { BlobKind } from "../crypto/key-ring.ts";
import type { Codec } from "../platform/platform.ts";

export interface BlobLocation {
  readonly id: BlobId;
  readonly packId: PackId;
  /** Bytes from the beginning of the pack. */
  readonly offset: number;
  readonly sealedBytes: number;
  readonly plainBytes: number;
  readonly kind: BlobKind;
  readonly codec: Codec;
  readonly epoch: number;
}

/** A location for who knows already which blob it is of. */
export type BlobPlace = Omit<BlobLocation, "id">;
