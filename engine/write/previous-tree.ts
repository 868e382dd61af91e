/** PreviousTree: the parent snapshot's directories, opened beside the source's as the walk goes. */
import { type ForgeError, isForgeError } from "../base/errors.ts";
import { type BlobId, findId } from "../base/ids.ts";
import type { ReadSide } from "../read/read-side.ts";
import type { LeafPage } from "../snapshots/leaf-page.ts";
import type { ChunkListRef, FileContent } from "../snapshots/tree-node.ts";
import type { Dedup } from "./dedup.ts";
import { PreviousDirectory, type PreviousEntry } from "./unchanged.ts";

export class PreviousTree {
  readonly root: PreviousEntry;
  readonly #readSide: ReadSide;
  readonly #dedup: Dedup;
  readonly #onDamage: (error: ForgeError) => void;

  private constructor(
    root: PreviousEntry,
    readSide: ReadSide,
    dedup: Dedup,
    onDamage: (error: ForgeError) => void,
  ) {
    this.root = root;
    this.#readSide = readSide;
    this.#dedup = dedup;
    this.#onDamage = onDamage;
  }

  /**
   * @param onDamage Told once for each directory of the parent that cannot be read; its files are
   *   read anew, which is also what heals it.
   * @returns `undefined` when even the root cannot be read.
   */
  static async open(options: {
    readonly root: BlobId;
    readonly readSide: ReadSide;
    readonly dedup: Dedup;
    readonly onDamage: (error: ForgeError) => void;
  }): Promise<PreviousTree | undefined> {
    const { root, readSide, dedup, onDamage } = options;
    try {
      const page = await readSide.trees.rootPage(root);
      return new PreviousTree({ page, index: 0 }, readSide, dedup, onDamage);
    } catch (error) {
      if (!isForgeError(error, "corrupt", "missing-object")) throw error;
      onDamage(error);
      dedup.distrust(damagedBlob(error) ?? root);
      return undefined;
    }
  }

  /** The directory that `entry` is in the parent snapshot, if it is one there. */
  async open(entry: PreviousEntry | undefined): Promise<PreviousDirectory | undefined> {
    const subtree = entry?.page.subtree(entry.index);
    if (subtree === undefined) return undefined;
    try {
      const pages: LeafPage[] = [];
      for await (const page of this.#readSide.trees.leafPages(subtree)) pages.push(page);
      return new PreviousDirectory(pages);
    } catch (error) {
      if (!isForgeError(error, "corrupt", "missing-object")) throw error;
      this.#onDamage(error);
      this.#dedup.distrust(damagedBlob(error) ?? subtree);
      return undefined;
    }
  }

  /** Whether every list blob and every chunk of a file with lists is stored. */
  async confirmLists(content: FileContent | undefined): Promise<boolean> {
    if (content === undefined) return false;
    try {
      for (const id of content.holeLists ?? []) {
        if (!(await this.#dedup.confirm(id))) return false;
      }
      if (content.chunkList === undefined) return await this.#dedup.confirmContent(content);
      return await this.#confirmList(content.chunkList);
    } catch (error) {
      if (!isForgeError(error, "corrupt", "missing-object")) throw error;
      const damaged = damagedBlob(error);
      if (damaged !== undefined) this.#dedup.distrust(damaged);
      return false;
    }
  }

  async #confirmList(ref: ChunkListRef): Promise<boolean> {
    if (!(await this.#dedup.confirm(ref.id))) return false;
    const list = await this.#readSide.lists.chunkList(ref);
    for (let entry = 0; entry < list.count; entry++) {
      const id = list.idAt(entry);
      const isStored =
        list.level === 0
          ? await this.#dedup.confirm(id)
          : await this.#confirmList({ id, level: list.level - 1 });
      if (!isStored) return false;
    }
    return true;
  }
}

/** The blob that could not be read: without saying so, dedup would take it for stored. */
function damagedBlob(error: ForgeError): BlobId | undefined {
  const { blobId } = error.context;
  return typeof blobId === "string" ? findId<BlobId>(blobId) : undefined;
}
