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
  readonly #onUnreadable: (error: ForgeError) => void;

  private constructor(
    root: PreviousEntry,
    readSide: ReadSide,
    dedup: Dedup,
    onUnreadable: (error: ForgeError) => void,
  ) {
    this.root = root;
    this.#readSide = readSide;
    this.#dedup = dedup;
    this.#onUnreadable = onUnreadable;
  }

  /**
   * @param onUnreadable Told once for each directory of the parent that cannot be read; its files are
   *   read anew, which is also what heals a damaged one.
   * @returns `undefined` when even the root cannot be read.
   */
  static async open(options: {
    readonly root: BlobId;
    readonly readSide: ReadSide;
    readonly dedup: Dedup;
    readonly onUnreadable: (error: ForgeError) => void;
  }): Promise<PreviousTree | undefined> {
    const { root, readSide, dedup, onUnreadable } = options;
    try {
      const page = await readSide.trees.rootPage(root);
      return new PreviousTree({ page, index: 0 }, readSide, dedup, onUnreadable);
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      onUnreadable(error);
      distrustDamaged(dedup, error, root);
      return undefined;
    }
  }

  /** The directory that `entry` is in the parent snapshot, if it is one there. Mostly at once. */
  open(
    entry: PreviousEntry | undefined,
  ): PreviousDirectory | undefined | Promise<PreviousDirectory | undefined> {
    const subtree = entry?.page.subtree(entry.index);
    if (subtree === undefined) return undefined;
    const pages = this.#pagesNow(subtree);
    return pages === undefined ? this.#load(subtree) : new PreviousDirectory(pages);
  }

  #pagesNow(subtree: BlobId): readonly LeafPage[] | undefined {
    try {
      return this.#readSide.trees.peekLeafPages(subtree);
    } catch (error) {
      if (!isForgeError(error)) throw error;
      // Loading meets the same and says what is to be done about it.
      return undefined;
    }
  }

  async #load(subtree: BlobId): Promise<PreviousDirectory | undefined> {
    try {
      const pages: LeafPage[] = [];
      for await (const page of this.#readSide.trees.leafPages(subtree)) pages.push(page);
      return new PreviousDirectory(pages);
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      this.#onUnreadable(error);
      distrustDamaged(this.#dedup, error, subtree);
      return undefined;
    }
  }

  /**
   * Whether every list blob and every chunk of a file with lists is stored. The lists are read, all
   * of them also after a damaged one: the file is still there to make them anew.
   */
  async confirmLists(content: FileContent | undefined): Promise<boolean> {
    if (content === undefined) return false;
    let isStored = true;
    for (const id of content.holeLists ?? []) {
      const list = await this.#readStored(id, () => this.#readSide.lists.holeList(id));
      isStored &&= list !== undefined;
    }
    const { chunkList } = content;
    const chunks =
      chunkList === undefined ? this.#dedup.confirmContent(content) : this.#confirmList(chunkList);
    return (await chunks) && isStored;
  }

  async #confirmList(ref: ChunkListRef): Promise<boolean> {
    const list = await this.#readStored(ref.id, () => this.#readSide.lists.chunkList(ref));
    if (list === undefined) return false;
    let isStored = true;
    for (let entry = 0; entry < list.count; entry++) {
      const id = list.idAt(entry);
      const one =
        list.level === 0
          ? this.#dedup.confirm(id)
          : this.#confirmList({ id, level: list.level - 1 });
      isStored = (typeof one === "boolean" ? one : await one) && isStored;
    }
    return isStored;
  }

  /** @returns `undefined` when the list is not stored, or cannot be read. */
  async #readStored<List>(id: BlobId, read: () => Promise<List>): Promise<List | undefined> {
    try {
      return (await this.#dedup.confirm(id)) ? await read() : undefined;
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      distrustDamaged(this.#dedup, error, id);
      return undefined;
    }
  }
}

/**
 * Whether the backup goes on without a part of the parent snapshot: its files are read anew then, which
 * takes longer and loses nothing.
 */
function isUnreadable(error: unknown): error is ForgeError {
  return isForgeError(error, "corrupt", "missing-object", "io", "permission", "not-found");
}

/** What is damaged must not count as stored; what the storage only failed to give still does. */
function distrustDamaged(dedup: Dedup, error: ForgeError, asked: BlobId): void {
  if (!isForgeError(error, "corrupt", "missing-object")) return;
  const { blobId } = error.context;
  const damaged = typeof blobId === "string" ? findId<BlobId>(blobId) : undefined;
  dedup.distrust(damaged ?? asked);
}
