/**
 * Dedup: one answer to "is this blob known?" in the thread that owns the index. It confirms on full
 * ids what worker threads only know by fingerprint, and remembers which packs the snapshot will need.
 */
import type { BlobId, PackId } from "../base/ids.ts";
import type { BlobIndex } from "../index/blob-index.ts";
import type { FileContent } from "../snapshots/tree-node.ts";

export class Dedup {
  readonly #index: Pick<BlobIndex, "peek" | "find">;
  readonly #neededPacks = new Set<PackId>();

  constructor(index: Pick<BlobIndex, "peek" | "find">) {
    this.#index = index;
  }

  /** Packs that hold the blobs confirmed so far; the commit checks that they exist. */
  get neededPacks(): ReadonlySet<PackId> {
    return this.#neededPacks;
  }

  /** Whether the repository stores the blob. At once when the index page is in memory. */
  confirm(id: BlobId): boolean | Promise<boolean> {
    const known = this.#index.peek(id);
    if (known === "absent") return false;
    if (known === "unread") return this.#read(id);
    for (const location of known) this.#neededPacks.add(location.packId);
    return known.length > 0;
  }

  /** Whether every chunk that a file entry holds itself is stored. Lists are the caller's to read. */
  async confirmContent(content: FileContent): Promise<boolean> {
    for (const chunk of content.chunks) {
      const answer = this.confirm(chunk.id);
      if (!(typeof answer === "boolean" ? answer : await answer)) return false;
    }
    return true;
  }

  async #read(id: BlobId): Promise<boolean> {
    const locations = await this.#index.find(id);
    for (const location of locations) this.#neededPacks.add(location.packId);
    return locations.length > 0;
  }
}
