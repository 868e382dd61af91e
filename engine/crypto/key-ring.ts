/**
 * KeyRing: every purpose key of an unlocked repository, derived once. Plain data, so that it can be
 * posted to a worker thread. Never logged, never written.
 */
import type { Bytes } from "../base/bytes.ts";
import type { Cipher } from "../platform/platform.ts";

/** What a key slot protects. */
export interface KeyMaterial {
  /** 32 bytes. */
  readonly masterKey: Bytes;
  /** 32 bytes each; the last is the current epoch. At least one. */
  readonly epochKeys: readonly Bytes[];
}

/** Kinds of sealed things; the number stands in the AAD. FORMAT.md "Envelope". */
export const SEALED_KINDS = {
  data: 1,
  tree: 2,
  list: 3,
  "pack-directory": 4,
  "index-directory": 5,
  "index-page": 6,
  snapshot: 7,
  lease: 8,
  tombstone: 9,
  plan: 10,
} as const;
export type SealedKind = keyof typeof SEALED_KINDS;

/** Kinds of blobs: chunks of files, pages of directories, chunk and hole lists. */
export type BlobKind = "data" | "tree" | "list";

export interface KeyRing {
  readonly cipher: Cipher;
  /** 32 bytes. */
  readonly repositoryId: Bytes;
  /** The epoch new objects are sealed under. */
  readonly currentEpoch: number;
  /** `sealKeys[epoch][kind number]`, 32 bytes each; index 0 is unused. */
  readonly sealKeys: readonly (readonly Bytes[])[];
  readonly blobIdKeys: Readonly<Record<BlobKind, Bytes>>;
  /** 256 × u32 for the chunker. */
  readonly gearTable: Uint32Array;
  /** 256 × u32 for cutting directory pages. */
  readonly treeCutTable: Uint32Array;
  readonly configKey: Bytes;
}
