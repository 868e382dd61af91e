/** What a check found: values, for a person to be told, a script to read and repair to act on. */
import type { ForgeError } from "../base/errors.ts";
import type { BlobId, IndexId, PackId, SnapshotId } from "../base/ids.ts";
import type { ObjectRef } from "../storage/backend.ts";
import type { BlobSets } from "./blob-sets.ts";
import type { ListedPack } from "./rebuild-index.ts";

/**
 * Closed set of what can be wrong. `message` says it in words; `isNotice` marks what is worth knowing
 * and no damage.
 */
export type Finding =
  /** A pack that the index names and the storage does not have. */
  | (FindingBase & { readonly kind: "pack-missing"; readonly packId: PackId })
  /** A pack whose bytes are not those that were stored. */
  | (FindingBase & {
      readonly kind: "pack-damaged";
      readonly packId: PackId;
      readonly goodBlobs: number;
      readonly badBlobs: number;
    })
  /** An index segment, or a page of one, that does not open. Packs can replace it. */
  | (FindingBase & { readonly kind: "index-damaged" })
  /** Snapshots need blobs that no index segment names; their packs are there. */
  | (FindingBase & { readonly kind: "index-incomplete"; readonly blobs: number })
  /** The index says of a pack what its directory does not. */
  | (FindingBase & { readonly kind: "index-wrong"; readonly packId: PackId })
  /** A snapshot, key slot, lease, tombstone or collection plan that does not open. */
  | (FindingBase & { readonly kind: "object-damaged"; readonly ref: ObjectRef })
  /** Blobs that a snapshot needs and that stand nowhere, or only in damaged places. */
  | (FindingBase & {
      readonly kind: "snapshot-damaged";
      readonly snapshotId: SnapshotId;
      readonly affected: AffectedPaths;
      /** A repaired copy of it, when there is one: then this is known and no news. */
      readonly repairedBy: SnapshotId | undefined;
    })
  /** Trees or lists that contradict each other: authentic, and written wrongly. */
  | (FindingBase & { readonly kind: "tree-wrong"; readonly blobId: BlobId })
  /** The storage did not answer. That says nothing about what is stored. */
  | (FindingBase & { readonly kind: "unreadable"; readonly error: ForgeError })
  /** Written by a newer forge, or sealed with newer keys. Never repaired. */
  | (FindingBase & { readonly kind: "newer"; readonly error: ForgeError })
  /** Packs that no index segment names and no snapshot needs: left by interrupted backups. */
  | (FindingBase & { readonly kind: "pack-unindexed"; readonly packs: number })
  /** What earlier repairs set aside. */
  | (FindingBase & { readonly kind: "quarantine"; readonly objects: number });

export type FindingKind = Finding["kind"];

interface FindingBase {
  /** A sentence. */
  readonly message: string;
  readonly isNotice: boolean;
}

/** What of a snapshot cannot be read back. */
export interface AffectedPaths {
  readonly files: number;
  /** Directories of which something, or everything, cannot be listed. */
  readonly directories: number;
  /** The first of both, absolute, as raw bytes decoded for people. */
  readonly firstPaths: readonly string[];
  /** Nothing can be read: the root is lost. */
  readonly isWhole: boolean;
}

export interface CheckCounts {
  readonly snapshots: number;
  readonly trees: number;
  readonly lists: number;
  readonly chunks: number;
  readonly packs: number;
  readonly packBytes: number;
  readonly indexSegments: number;
  readonly indexRecords: number;
  /** Packs and bytes of them that were read and verified whole. */
  readonly packsRead: number;
  readonly bytesRead: number;
}

export interface CheckReport {
  readonly findings: readonly Finding[];
  /** No finding but notices. */
  readonly isSound: boolean;
  readonly counts: CheckCounts;
  readonly damage: Damage;
}

/** The same findings as repair needs them. */
export interface Damage {
  /** Damaged segments. */
  readonly brokenSegments: readonly IndexId[];
  /** Segments that say something wrong of a pack, or name one that is gone or damaged. */
  readonly staleSegments: readonly IndexId[];
  readonly missingPacks: readonly ListedPack[];
  readonly damagedPacks: readonly ListedPack[];
  /** Listed packs that no readable segment describes. */
  readonly unindexedPacks: readonly ListedPack[];
  /** Snapshots, key slots, leases and others that do not open. */
  readonly objects: readonly ObjectRef[];
  /** Blobs that are lost. */
  readonly lost: BlobSets;
  readonly snapshots: readonly {
    readonly snapshotId: SnapshotId;
    readonly affected: AffectedPaths;
  }[];
  /** Why nothing may be repaired: a newer format. */
  readonly newer: readonly ForgeError[];
  /** What could not be read, so that what depends on it is not known. */
  readonly unreadable: readonly ForgeError[];
}
