/**
 * The directory of one snapshot in the view of all: known by its snapshot alone, so that a thousand
 * of them are listed without reading anything of them. What is in it is read when it is entered.
 */
import { type Bytes, utf8 } from "../base/bytes.ts";
import type { BlobId } from "../base/ids.ts";
import type { Snapshot } from "../snapshots/snapshot.ts";
import type { ReadSide } from "./read-side.ts";
import type { FsAttributes, FsDirectory, FsEntry, ReadonlyFs } from "./readonly-fs.ts";
import { openSnapshotFs } from "./snapshot-fs.ts";
import { type VirtualOwner, virtualAttributes } from "./virtual-entry.ts";

export class SnapshotRoot implements FsDirectory {
  readonly type: "directory" = "directory" as const;
  readonly name: Bytes;
  readonly xattrs: readonly [] = [];
  readonly immutable = true;
  readonly snapshot: Snapshot;
  readonly #readSide: ReadSide;
  readonly #owner: VirtualOwner;
  #fs: Promise<ReadonlyFs> | undefined;

  constructor(name: string, snapshot: Snapshot, readSide: ReadSide, owner: VirtualOwner) {
    this.name = utf8(name);
    this.snapshot = snapshot;
    this.#readSide = readSide;
    this.#owner = owner;
  }

  /** Modified when the backup began. */
  get attributes(): FsAttributes {
    return virtualAttributes(this.snapshot.timeNs, this.#owner);
  }

  /** The root blob: equal when the metadata of `/` is equal as well. */
  get contentKey(): BlobId {
    return this.snapshot.root;
  }

  async readEntries(
    from: number,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<readonly FsEntry[]> {
    return (await this.#open()).root.readEntries(from, options);
  }

  async lookup(name: Bytes): Promise<FsEntry | undefined> {
    return (await this.#open()).root.lookup(name);
  }

  #open(): Promise<ReadonlyFs> {
    if (this.#fs !== undefined) return this.#fs;
    const opening = openSnapshotFs(this.#readSide, this.snapshot);
    this.#fs = opening;
    // A failure is not remembered: the next look tries again.
    opening.catch(() => (this.#fs = undefined));
    return opening;
  }
}
