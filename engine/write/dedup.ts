/**
 * Dedup: one answer to "is this blob known?" in the thread that owns the index. It confirms on full
 * ids what worker threads only know by fingerprint, and remembers which packs the snapshot will need.
 */
import type { Bytes } from "../base/bytes.ts";
import { type BlobId, ID_BYTES, type PackId, idOf } from "../base/ids.ts";
import type { BlobIndex } from "../index/blob-index.ts";
import type { BlobLocation } from "../index/blob-location.ts";
import type { FileContent } from "../snapshots/tree-node.ts";

/** What of an index it asks. */
export type DedupIndex = Pick<BlobIndex, "peek" | "peekPacks" | "find">;

export class Dedup {
  readonly #index: DedupIndex;
  readonly #storedPacks: ReadonlySet<string>;
  readonly #neededPacks = new Set<PackId>();
  readonly #distrusted = new Set<BlobId>();
  /** Blobs met by `confirmNow` in packs that are there; counts up. */
  #storedCount = 0;
  /** The pack it needed last; it is there. */
  #lastPack: PackId | undefined;

  /**
   * @param storedPacks Names of the packs that are there, listed after the index was loaded. What the
   *   index places in a pack that is gone is not stored: the backup stores it again.
   */
  constructor(index: DedupIndex, storedPacks: ReadonlySet<string>) {
    this.#index = index;
    this.#storedPacks = storedPacks;
  }

  /** Packs that hold the blobs confirmed so far; the commit checks that they exist. */
  get neededPacks(): ReadonlySet<PackId> {
    return this.#neededPacks;
  }

  /** A blob that was found damaged: it counts as not stored, so that this backup stores it again. */
  distrust(id: BlobId): void {
    this.#distrusted.add(id);
  }

  /** Whether the repository stores the blob. At once when the index page is in memory. */
  confirm(id: BlobId): boolean | Promise<boolean> {
    const known = this.#index.peek(id);
    if (known === "absent") return false;
    if (known === "unread") return this.#read(id);
    return this.#isStored(id, known);
  }

  /**
   * `confirm` for all of several ids, 32 bytes each, at once; "unread" when `confirm` has to be asked
   * for one of them. The packs of those before it are needed either way.
   */
  confirmNow(ids: Bytes): boolean | "unread" {
    for (let at = 0; at < ids.length; at += ID_BYTES) {
      if (this.#distrusted.size > 0) {
        const id = idOf<BlobId>(ids.subarray(at, at + ID_BYTES));
        if (this.#distrusted.has(id)) return false;
      }
      const before = this.#storedCount;
      const known = this.#index.peekPacks(ids, at, this.#need);
      if (known === "unread") return "unread";
      if (this.#storedCount === before) return false;
    }
    return true;
  }

  /** A pack that has the blob: needed, when it is there. */
  readonly #need = (packId: PackId): void => {
    // Neighbours mostly stand in one pack.
    if (packId !== this.#lastPack) {
      if (!this.#storedPacks.has(packId)) return;
      this.#neededPacks.add(packId);
      this.#lastPack = packId;
    }
    this.#storedCount++;
  };

  /** Whether every chunk that a file entry holds itself is stored. Lists are the caller's to read. */
  async confirmContent(content: FileContent): Promise<boolean> {
    for (const chunk of content.chunks) {
      const answer = this.confirm(chunk.id);
      if (!(typeof answer === "boolean" ? answer : await answer)) return false;
    }
    return true;
  }

  async #read(id: BlobId): Promise<boolean> {
    return this.#isStored(id, await this.#index.find(id));
  }

  #isStored(id: BlobId, locations: readonly BlobLocation[]): boolean {
    if (this.#distrusted.has(id)) return false;
    let isStored = false;
    for (const { packId } of locations) {
      if (!this.#storedPacks.has(packId)) continue;
      this.#neededPacks.add(packId);
      isStored = true;
    }
    return isStored;
  }
}
