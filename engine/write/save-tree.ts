/**
 * Saves directories bottom up: entries → pages → tree blobs, and the lists of files with many chunks
 * or holes. Runs in the thread that owns the index; a blob the repository has is not sealed again.
 */
import { type Bytes, EMPTY_BYTES } from "../base/bytes.ts";
import { type BlobId, idOf } from "../base/ids.ts";
import { INLINE_CHUNKS_MAX, INLINE_HOLES_MAX } from "../base/limits.ts";
import type { KeyRing } from "../crypto/key-ring.ts";
import { buildChunkList } from "../snapshots/chunk-list.ts";
import { encodeDirectory } from "../snapshots/encode-directory.ts";
import { buildHoleLists } from "../snapshots/hole-list.ts";
import type { FileContent, TreeNode } from "../snapshots/tree-node.ts";
import type { BlobWriter } from "./blob-writer.ts";
import type { Dedup } from "./dedup.ts";
import type { SessionTable } from "./session-table.ts";

export class TreeSaver {
  readonly #writer: BlobWriter;
  readonly #session: SessionTable;
  readonly #dedup: Dedup;
  readonly #keys: KeyRing;

  constructor(options: {
    readonly writer: BlobWriter;
    readonly session: SessionTable;
    readonly dedup: Dedup;
    readonly keys: KeyRing;
  }) {
    this.#writer = options.writer;
    this.#session = options.session;
    this.#dedup = options.dedup;
    this.#keys = options.keys;
  }

  /** @param nodes Sorted by name bytes. @returns the root blob of the directory. */
  async saveDirectory(nodes: readonly TreeNode[]): Promise<BlobId> {
    return encodeDirectory(nodes, this.#keys.treeCutTable, (page) => this.#save("tree", page));
  }

  /** The root of a snapshot: one page with one entry of empty name, which is `/`. */
  async saveRoot(root: TreeNode): Promise<BlobId> {
    return this.saveDirectory([{ ...root, name: EMPTY_BYTES }]);
  }

  /**
   * Moves the chunks and holes of a file into list blobs where they are many; at once `content` itself
   * where they are few, as they nearly always are.
   */
  saveContent(content: FileContent): FileContent | Promise<FileContent> {
    const isInline =
      content.chunks.length <= INLINE_CHUNKS_MAX && content.holes.length <= INLINE_HOLES_MAX;
    return isInline ? content : this.#saveLists(content);
  }

  async #saveLists(content: FileContent): Promise<FileContent> {
    let saved = content;
    if (content.chunks.length > INLINE_CHUNKS_MAX) {
      const chunkList = await buildChunkList(content.chunks, (list) => this.#save("list", list));
      saved = { ...saved, chunks: [], chunkList };
    }
    if (content.holes.length > INLINE_HOLES_MAX) {
      const holeLists = await buildHoleLists(content.holes, (list) => this.#save("list", list));
      saved = { ...saved, holes: [], holeLists };
    }
    return saved;
  }

  async #save(kind: "tree" | "list", plain: Bytes): Promise<BlobId> {
    const bytes = this.#writer.id(kind, plain);
    const id = idOf<BlobId>(bytes);
    const known = this.#dedup.confirm(id);
    if (typeof known === "boolean" ? known : await known) return id;
    if (this.#session.claim(bytes)) this.#writer.store(kind, bytes, plain);
    return id;
  }
}
