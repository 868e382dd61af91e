/**
 * Walks snapshots of which something is lost: to say which paths that concerns, and to save the rest
 * as a tree of its own. Subtrees in which nothing is lost are found once, skipped after, and kept as
 * they are.
 */
import { type Bytes, concatBytes, lossyUtf8 } from "../base/bytes.ts";
import { throwIfAborted } from "../base/concurrency.ts";
import { type BlobId, idBytes } from "../base/ids.ts";
import type { ReadSide } from "../read/read-side.ts";
import type { LeafPage } from "../snapshots/leaf-page.ts";
import type { ChunkListRef, FileContent, TreeNode } from "../snapshots/tree-node.ts";
import { BlobIdSet } from "../base/blob-id-set.ts";
import type { BlobSets } from "./blob-sets.ts";
import type { AffectedPaths } from "./check-report.ts";

const PATHS_SHOWN = 20;
const SLASH = Uint8Array.of(0x2f);

/** What the rest of a damaged directory is saved with. */
export interface DirectorySaver {
  /** @param nodes In order of names. @returns the root blob of the directory. */
  saveDirectory(nodes: readonly TreeNode[]): Promise<BlobId>;
  saveRoot(root: TreeNode): Promise<BlobId>;
}

export interface Lost {
  readonly path: string;
  readonly type: "file" | "directory";
  /** Of a file. */
  readonly sizeBytes: number;
}

export interface RewrittenSnapshot {
  /** `undefined` when even the root is lost. */
  readonly root: BlobId | undefined;
  readonly files: number;
  readonly bytes: number;
  readonly directories: number;
}

/** What became of a directory: `id` is `undefined` when nothing of it can be read. */
interface Outcome {
  readonly id: BlobId | undefined;
  readonly isChanged: boolean;
}

export class DamagedTrees {
  readonly #readSide: Pick<ReadSide, "trees" | "lists">;
  readonly #lost: BlobSets;
  readonly #signal: AbortSignal | undefined;
  readonly #clean = new BlobIdSet();

  /** @param options.lost Blobs that stand nowhere; all others can be read. */
  constructor(options: {
    readonly readSide: Pick<ReadSide, "trees" | "lists">;
    readonly lost: BlobSets;
    readonly signal?: AbortSignal | undefined;
  }) {
    this.#readSide = options.readSide;
    this.#lost = options.lost;
    this.#signal = options.signal;
  }

  /** Which paths of a snapshot are affected; `undefined` when none is. */
  async affected(root: BlobId): Promise<AffectedPaths | undefined> {
    const firstPaths: string[] = [];
    let files = 0;
    let directories = 0;
    const { id } = await this.#visitRoot(root, undefined, ({ path, type }) => {
      if (type === "file") files++;
      else directories++;
      if (firstPaths.length < PATHS_SHOWN) firstPaths.push(path);
    });
    if (files + directories === 0) return undefined;
    return { files, directories, firstPaths, isWhole: id === undefined };
  }

  /** Saves what is left of a snapshot. @param onLost Told of everything that is left out. */
  async rewrite(
    root: BlobId,
    saver: DirectorySaver,
    onLost: (lost: Lost) => void,
  ): Promise<RewrittenSnapshot> {
    const sums = { files: 0, bytes: 0, directories: 0 };
    const { id } = await this.#visitRoot(root, saver, (lost) => {
      if (lost.type === "file") sums.files++;
      else sums.directories++;
      sums.bytes += lost.sizeBytes;
      onLost(lost);
    });
    return { root: id, ...sums };
  }

  async #visitRoot(
    root: BlobId,
    saver: DirectorySaver | undefined,
    onLost: (lost: Lost) => void,
  ): Promise<Outcome> {
    const gone = { id: undefined, isChanged: true };
    if (this.#lost.trees.has(idBytes(root))) {
      onLost({ path: "/", type: "directory", sizeBytes: 0 });
      return gone;
    }
    const page = await this.#readSide.trees.rootPage(root, this.#signal);
    const subtree = page.subtree(0);
    if (subtree === undefined) return gone;
    const walk: Walk = { saver, onLost };
    const { id, isChanged } = await this.#visit(subtree, EMPTY_PATH, walk);
    if (id === undefined) return gone;
    if (!isChanged || saver === undefined) return { id: root, isChanged };
    return { id: await saver.saveRoot({ ...page.node(0), subtree: id }), isChanged };
  }

  async #visit(directory: BlobId, path: Bytes, walk: Walk): Promise<Outcome> {
    throwIfAborted(this.#signal);
    if (this.#clean.has(idBytes(directory))) return { id: directory, isChanged: false };
    if (this.#lost.trees.has(idBytes(directory))) {
      walk.onLost({ path: shown(path), type: "directory", sizeBytes: 0 });
      return { id: undefined, isChanged: true };
    }
    const nodes: TreeNode[] = [];
    let isChanged = false;
    for await (const page of this.#pages(directory, path, walk)) {
      if (page === undefined) isChanged = true;
      else if (await this.#visitPage(page, path, walk, nodes)) isChanged = true;
    }
    if (!isChanged) {
      this.#clean.intern(idBytes(directory));
      return { id: directory, isChanged };
    }
    const id = walk.saver === undefined ? directory : await walk.saver.saveDirectory(nodes);
    return { id, isChanged };
  }

  /** The leaf pages that can be read; `undefined` for what is lost of a large directory. */
  async *#pages(id: BlobId, path: Bytes, walk: Walk): AsyncGenerator<LeafPage | undefined> {
    if (this.#lost.trees.has(idBytes(id))) {
      walk.onLost({ path: `${shown(path)} (in part)`, type: "directory", sizeBytes: 0 });
      yield undefined;
      return;
    }
    const page = await this.#readSide.trees.page(id, this.#signal);
    if (page.kind === "leaf") {
      yield page;
      return;
    }
    for (let i = 0; i < page.count; i++) yield* this.#pages(page.child(i), path, walk);
  }

  /** Adds what is left to `nodes`. @returns whether anything is lost. */
  async #visitPage(page: LeafPage, path: Bytes, walk: Walk, nodes: TreeNode[]): Promise<boolean> {
    let isChanged = false;
    for (let i = 0; i < page.count; i++) {
      const subtree = page.subtree(i);
      let replaced: BlobId | undefined;
      if (subtree !== undefined) {
        const below = await this.#visit(subtree, childPath(path, page.name(i)), walk);
        if (below.isChanged) isChanged = true;
        if (below.id === undefined) continue;
        replaced = below.id;
      } else if (page.type(i) === "file" && (await this.#isFileLost(page, i))) {
        isChanged = true;
        const sizeBytes = page.sizeBytes(i);
        walk.onLost({ path: shown(childPath(path, page.name(i))), type: "file", sizeBytes });
        continue;
      }
      // Whether the directory changes shows at its end, so its entries are kept from the beginning.
      if (walk.saver === undefined) continue;
      nodes.push(replaced === undefined ? page.node(i) : { ...page.node(i), subtree: replaced });
    }
    return isChanged;
  }

  async #isFileLost(page: LeafPage, i: number): Promise<boolean> {
    const { data, lists } = this.#lost;
    if (!page.hasChunkList(i)) {
      const ids = page.refBytes(i);
      for (let at = 0; at < ids.length; at += 32) if (data.has(ids, at)) return true;
      if (page.inlineHoleBytes(i) !== undefined) return false;
    }
    const content: FileContent | undefined = page.content(i);
    for (const id of content?.holeLists ?? []) if (lists.has(idBytes(id))) return true;
    return content?.chunkList !== undefined && this.#isListLost(content.chunkList);
  }

  async #isListLost(ref: ChunkListRef): Promise<boolean> {
    const { data, lists } = this.#lost;
    if (lists.has(idBytes(ref.id))) return true;
    const list = await this.#readSide.lists.chunkList(ref, this.#signal);
    for (let entry = 0; entry < list.count; entry++) {
      const id = list.idAt(entry);
      if (
        list.level === 0
          ? data.has(idBytes(id))
          : await this.#isListLost({ id, level: list.level - 1 })
      ) {
        return true;
      }
    }
    return false;
  }
}

interface Walk {
  readonly saver: DirectorySaver | undefined;
  readonly onLost: (lost: Lost) => void;
}

const EMPTY_PATH: Bytes = new Uint8Array(0);

function childPath(path: Bytes, name: Bytes): Bytes {
  return concatBytes([path, SLASH, name]);
}

function shown(path: Bytes): string {
  return path.length === 0 ? "/" : lossyUtf8(path);
}
