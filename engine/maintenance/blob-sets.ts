/** BlobSets: some blobs of all three kinds, in memory. Ids of different kinds never agree. */
import { type BlobId, idBytes } from "../base/ids.ts";
import { BlobIdSet } from "../base/blob-id-set.ts";

export class BlobSets {
  readonly trees: BlobIdSet = new BlobIdSet();
  readonly lists: BlobIdSet = new BlobIdSet();
  /** Chunks of files. */
  readonly data: BlobIdSet = new BlobIdSet();

  get size(): number {
    return this.trees.size + this.lists.size + this.data.size;
  }

  add(kind: "tree" | "list" | "data", id: BlobId): void {
    (kind === "tree" ? this.trees : kind === "list" ? this.lists : this.data).intern(idBytes(id));
  }

  addAll(others: BlobSets): void {
    this.trees.addAll(others.trees);
    this.lists.addAll(others.lists);
    this.data.addAll(others.data);
  }
}
