/**
 * RestoreTarget: where a restore puts things, with the operating system hidden. Everything is done
 * relative to a directory the target handed out, by one name component, so that no path string can
 * lead outside. `node/local-target.ts` is the directory on disk.
 */
import type { Bytes } from "../base/bytes.ts";
import type { ForgeError } from "../base/errors.ts";
import type { KeyRing } from "../crypto/key-ring.ts";
import type {
  FsAttributes,
  FsDirectory,
  FsEntry,
  FsFile,
  FsSpecial,
  FsSymlink,
} from "../read/readonly-fs.ts";
import type { PackRead, ReadPlan } from "../read/read-plan.ts";

/** A directory of the target that is open for restore. */
export interface TargetDirectory {
  /** Restore made it: nothing but restore's own work is expected in it. */
  readonly created: boolean;
}

/** One name in a directory of the target. */
export interface Place {
  readonly directory: TargetDirectory;
  /** One path component; the target refuses all else. */
  readonly name: Bytes;
}

/** Tells one file from all others, as long as it exists. */
export interface FileIdentity {
  readonly device: bigint;
  readonly inode: bigint;
}

export function sameIdentity(a: FileIdentity, b: FileIdentity): boolean {
  return a.inode === b.inode && a.device === b.device;
}

/** What stands at a place already. */
export interface TargetStat {
  readonly type: FsEntry["type"];
  readonly sizeBytes: number;
  readonly mtimeNs: bigint;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly linkCount: number;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  readonly identity: FileIdentity;
}

/**
 * Metadata that could not be given: "owner" because only root may, "setid" because a set-id bit
 * without its owner would be somebody else's, "xattrs" because the file system or the rights do not
 * allow them.
 */
export type MetadataLoss = "owner" | "setid" | "xattrs";

/** An entry that was made, whole and with its metadata. */
export interface PlacedEntry {
  readonly losses: readonly MetadataLoss[];
  /** Present when it was asked for. */
  readonly identity?: FileIdentity | undefined;
}

/** A file that is being written. Until `finish`, nothing there looks like the finished file. */
export interface TargetFile {
  write(offset: number, bytes: Bytes): Promise<void>;
  /** Gives it its metadata and, when it replaces something, its name. */
  finish(file: FsFile): Promise<PlacedEntry>;
  /** Removes what was written. Never throws. */
  discard(): Promise<void>;
}

export interface BeginFileOptions {
  readonly sizeBytes: number;
  /** Not all of the file will be written: the rest are holes. */
  readonly sparse: boolean;
  /** Something stands there. It stays until the new file is finished. */
  readonly replace: boolean;
}

/**
 * All failures are `ForgeError`: "exists", "not-a-directory" (a symlink or file where a directory is
 * wanted; it is never followed), "is-a-directory", "no-space", "permission", "not-supported", "io".
 * Messages do not name the path, which the caller knows in full.
 */
export interface RestoreTarget {
  /** For messages. */
  readonly description: string;
  /** The directory everything goes into. @returns `undefined` when it is absent and not to be made. */
  openRoot(options: { readonly make: boolean }): Promise<TargetDirectory | undefined>;
  /** A directory below; made with mode 0700 when it is absent and `make` is set. */
  openDirectory(
    place: Place,
    options: { readonly make: boolean },
  ): Promise<TargetDirectory | undefined>;
  /** Never follows a symlink. `undefined` when nothing stands there. */
  inspect(place: Place): Promise<TargetStat | undefined>;
  readLink(place: Place): Promise<Bytes>;
  beginFile(place: Place, options: BeginFileOptions): Promise<TargetFile>;
  makeSymlink(
    place: Place,
    symlink: FsSymlink,
    options: { readonly replace: boolean },
  ): Promise<PlacedEntry>;
  makeSpecial(
    place: Place,
    special: FsSpecial,
    options: { readonly replace: boolean },
  ): Promise<PlacedEntry>;
  /** @throws ForgeError "io" when `from` is no longer the file with `identity`. */
  makeHardLink(
    place: Place,
    from: Place,
    options: { readonly identity: FileIdentity; readonly replace: boolean },
  ): Promise<void>;
  /**
   * Makes the metadata of what stands there that of `entry`, where it differs.
   * @returns `undefined` when that cannot be done safely: the entry has to be replaced.
   */
  repairMetadata(
    place: Place,
    entry: FsEntry,
    found: TargetStat,
  ): Promise<readonly MetadataLoss[] | undefined>;
  /** Gives a directory its metadata, after all that is in it; default rights without `entry`. */
  finishDirectory(
    directory: TargetDirectory,
    entry: FsDirectory | undefined,
  ): Promise<readonly MetadataLoss[]>;
  /** Reads a file back. */
  checksum(
    place: Place,
    options: { readonly signal?: AbortSignal | undefined },
  ): Promise<{ readonly sizeBytes: number; readonly crc32: number }>;
  /** The fast way to write many files, where there is one. */
  openPackedWriter?(keys: KeyRing): PackedWriter;
  close(): Promise<void>;
}

/** One file of a `PackedWindow`. The same object stands for it in every window that covers it. */
export interface PackedFile {
  readonly place: Place;
  readonly file: FsFile;
  /** Of `file`, got once. */
  readonly attributes: FsAttributes;
  readonly replace: boolean;
}

/** What a window covers of one file. */
export interface PackedPart {
  readonly packed: PackedFile;
  /** Bytes of data, holes left out, that the reads of this window have for it. */
  readonly dataBytes: number;
  readonly isFirst: boolean;
  readonly isLast: boolean;
}

/** Files, or parts of large files, and the plan of the reads that hold all their blobs. */
export interface PackedWindow {
  /** By the plan's `fileIndex`; uses of a number without a part are passed over. */
  readonly parts: readonly (PackedPart | undefined)[];
  readonly plan: ReadPlan;
  /** The bytes of a span in a buffer of their own. */
  readonly read: (read: PackRead) => Promise<Bytes>;
  readonly signal: AbortSignal | undefined;
  readonly onWritten: (bytes: number) => void;
  readonly onDone: (packed: PackedFile, placed: PlacedEntry) => void;
  /** `again`: the fault is not the target's, so another way to read the content may do. */
  readonly onFailure: (packed: PackedFile, error: ForgeError, again: boolean) => void;
}

/** Writes files from spans of packs, decoding where it is cheapest. */
export interface PackedWriter {
  /**
   * Each file that ends in this window, or fails, is reported once. Windows of different files may
   * be written at the same time.
   * @throws ForgeError "aborted".
   */
  write(window: PackedWindow): Promise<void>;
  /** Removes what was written of a file that will not be finished. */
  discard(packed: PackedFile): void;
  /** Discards all that was begun and not finished, and frees the threads. */
  close(): Promise<void>;
}
