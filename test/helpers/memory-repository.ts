/**
 * A repository in memory and the least writer that can fill it: real keys, envelopes, packs, index
 * segments and snapshots, made by the nouns alone. Tests of the read side use it.
 */
import { type Bytes, concatBytes, toHex } from "../../engine/base/bytes.ts";
import { type BlobId, type IndexId, type PackId, idOf, parseId } from "../../engine/base/ids.ts";
import { blobIdSync } from "../../engine/crypto/blob-id.ts";
import { sealSync } from "../../engine/crypto/envelope.ts";
import type { BlobKind, KeyRing } from "../../engine/crypto/key-ring.ts";
import { createKeyMaterial, deriveKeyRing } from "../../engine/crypto/master-key.ts";
import { encodeIndexSegment } from "../../engine/index/index-segment.ts";
import { PackBuilder } from "../../engine/packs/pack-builder.ts";
import { nativePlatform, nativeSyncPlatform } from "../../engine/platform/node/native.ts";
import type { Cipher, Codec } from "../../engine/platform/platform.ts";
import { createPlatformDecoder } from "../../engine/read/platform-decoder.ts";
import {
  type ReadSide,
  type ReadSideOptions,
  createReadSide,
} from "../../engine/read/read-side.ts";
import {
  DEFAULT_CHUNKER,
  DEFAULT_DATA_PACK_BYTES,
  DEFAULT_TREE_PACK_BYTES,
} from "../../engine/repository/config.ts";
import {
  type IndexedRepository,
  type Repository,
  loadIndex,
} from "../../engine/repository/repository.ts";
import { writeSnapshot } from "../../engine/repository/snapshot-store.ts";
import { buildChunkList } from "../../engine/snapshots/chunk-list.ts";
import { encodeDirectory } from "../../engine/snapshots/encode-directory.ts";
import { buildHoleLists } from "../../engine/snapshots/hole-list.ts";
import { encodeLeafPage } from "../../engine/snapshots/leaf-page-encode.ts";
import type { Snapshot, SnapshotData } from "../../engine/snapshots/snapshot.ts";
import type { ChunkRef, FileContent, TreeNode } from "../../engine/snapshots/tree-node.ts";
import type { ReadBackend } from "../../engine/storage/backend.ts";
import { MemoryBackend } from "../../engine/storage/memory.ts";
import type { ExpectedEntry } from "./expected-tree.ts";
import { snapshotFields } from "./snapshot-fields.ts";

export interface MemoryRepositoryOptions {
  readonly cipher?: Cipher;
  readonly codec?: Codec;
  /** Files of more chunks or holes than this get list blobs. */
  readonly inlineMax?: number;
}

export class MemoryRepository {
  readonly backend: MemoryBackend;
  readonly repository: Repository<MemoryBackend>;
  readonly #options: Required<MemoryRepositoryOptions>;
  readonly #known = new Set<BlobId>();
  readonly #builders = {
    data: new PackBuilder({ targetBytes: 1024 * 1024 }),
    tree: new PackBuilder({ targetBytes: 256 * 1024 }),
  };
  #packs: {
    packId: PackId;
    packBytes: number;
    entries: ReturnType<PackBuilder["finish"]>["entries"];
  }[] = [];

  private constructor(
    repository: Repository<MemoryBackend>,
    options: Required<MemoryRepositoryOptions>,
  ) {
    this.repository = repository;
    this.backend = repository.backend;
    this.#options = options;
  }

  static async create(options: MemoryRepositoryOptions = {}): Promise<MemoryRepository> {
    const filled = { cipher: "aes-256-gcm", codec: "zstd", inlineMax: 256, ...options } as const;
    const repositoryId = nativePlatform.randomBytes(32);
    const keys = await deriveKeyRing(nativePlatform, createKeyMaterial(nativePlatform), {
      repositoryId,
      cipher: filled.cipher,
    });
    const config = {
      id: idOf<Repository["config"]["id"]>(repositoryId),
      cipher: filled.cipher,
      chunker: DEFAULT_CHUNKER,
      dataPackBytes: DEFAULT_DATA_PACK_BYTES,
      treePackBytes: DEFAULT_TREE_PACK_BYTES,
      createdMs: 0,
    };
    let nowMs = 0;
    const backend = new MemoryBackend({ nowMs: () => nowMs++ });
    return new MemoryRepository({ backend, platform: nativePlatform, keys, config }, filled);
  }

  get keys(): KeyRing {
    return this.repository.keys;
  }

  /** Stores a blob unless it is there. */
  async addBlob(kind: BlobKind, plain: Bytes, again = false): Promise<BlobId> {
    const objectId = blobIdSync(nativeSyncPlatform, this.keys, kind, plain);
    const id = idOf<BlobId>(objectId);
    if (this.#known.has(id) && !again) return id;
    this.#known.add(id);
    const compression = { codec: this.#options.codec, level: 1 };
    const sealed = sealSync(nativeSyncPlatform, this.keys, { kind, objectId, plain, compression });
    const builder = this.#builders[kind === "data" ? "data" : "tree"];
    builder.add({ id: objectId, kind, ...sealed });
    if (builder.isFull) await this.#finishPack(builder);
    return id;
  }

  /** Stores packs and an index segment for all blobs so far. */
  async flush(): Promise<void> {
    for (const builder of [this.#builders.data, this.#builders.tree]) {
      if (builder.blobCount > 0) await this.#finishPack(builder);
    }
    if (this.#packs.length === 0) return;
    const id = parseId<IndexId>(toHex(nativePlatform.randomBytes(32)));
    const content = { id, packs: this.#packs, superseded: [] };
    const bytes = await encodeIndexSegment(nativePlatform, this.keys, content);
    await this.backend.put({ kind: "index", name: id }, bytes);
    this.#packs = [];
  }

  /** Stores a tree; `root` is a directory whose name does not matter. */
  async addSnapshot(root: ExpectedEntry, fields: Partial<SnapshotData> = {}): Promise<Snapshot> {
    const node = await this.#node(root);
    const page = encodeLeafPage([{ ...node, name: new Uint8Array(0) }]);
    const rootId = await this.addBlob("tree", page);
    await this.flush();
    return writeSnapshot(this.repository, snapshotFields({ root: rootId, ...fields }));
  }

  indexed(): Promise<IndexedRepository<MemoryBackend>> {
    return loadIndex(this.repository);
  }

  /** A read side as a browser has it. @param options Replace parts of it. */
  async readSide(options: Partial<ReadSideOptions> = {}): Promise<ReadSide> {
    const { index } = await this.indexed();
    return createReadSide({
      backend: this.backend,
      index,
      decoder: createPlatformDecoder(nativePlatform, this.keys),
      ...options,
    });
  }

  async #finishPack(builder: PackBuilder): Promise<void> {
    const { id, bytes, entries } = builder.finish(nativeSyncPlatform, this.keys);
    await this.backend.put({ kind: "packs", name: id }, bytes);
    this.#packs.push({ packId: id, packBytes: bytes.length, entries });
  }

  async #node(entry: ExpectedEntry): Promise<TreeNode> {
    if (entry.type === "symlink") return { ...metadataOf(entry), linkTarget: entry.target };
    if (entry.type === "file") {
      return { ...metadataOf(entry), content: await this.#content(entry) };
    }
    if (entry.type !== "directory") return metadataOf(entry);
    const nodes: TreeNode[] = [];
    for (const child of entry.children) nodes.push(await this.#node(child));
    const subtree = await encodeDirectory(nodes, this.keys.treeCutTable, (page) =>
      this.addBlob("tree", page),
    );
    return { ...metadataOf(entry), subtree };
  }

  async #content({ content, holes, chunkBytes }: ExpectedEntry): Promise<FileContent> {
    const data = dataOf(content, holes);
    const chunks: ChunkRef[] = [];
    for (let at = 0; at < data.length; at += chunkBytes) {
      const plain = data.slice(at, at + chunkBytes);
      chunks.push({ id: await this.addBlob("data", plain), plainBytes: plain.length });
    }
    const { inlineMax } = this.#options;
    const emit = (list: Bytes): Promise<BlobId> => this.addBlob("list", list);
    const manyChunks = chunks.length > inlineMax;
    const manyHoles = holes.length > inlineMax;
    return {
      sizeBytes: content.length,
      crc32: nativePlatform.crc32(content, 0),
      chunks: manyChunks ? [] : chunks,
      ...(manyChunks && { chunkList: await buildChunkList(chunks, emit) }),
      holes: manyHoles ? [] : holes,
      ...(manyHoles && { holeLists: await buildHoleLists(holes, emit) }),
    };
  }
}

/** The fields that every type has. */
function metadataOf(entry: ExpectedEntry): Omit<TreeNode, "content"> {
  const { name, type, mode, uid, gid, user, group, mtimeNs, ctimeNs, atimeNs, xattrs } = entry;
  const { device, inode, linkCount, deviceMajor, deviceMinor } = entry;
  return {
    ...{ name, type, mode, uid, gid, user, group, mtimeNs, ctimeNs, atimeNs, xattrs },
    ...{ device, inode, linkCount, deviceMajor, deviceMinor },
  };
}

/** The content with its holes left out. */
function dataOf(content: Bytes, holes: ExpectedEntry["holes"]): Bytes {
  const parts: Bytes[] = [];
  let at = 0;
  for (const hole of holes) {
    parts.push(content.subarray(at, hole.offset));
    at = hole.offset + hole.length;
  }
  return concatBytes([...parts, content.subarray(at)]);
}

/** One call of a backend. */
export interface RecordedRead {
  readonly kind: string;
  readonly name: string;
  readonly offset: number | undefined;
  readonly length: number | undefined;
}

/** Remembers every read of `backend`. */
export function recordingBackend(backend: Pick<ReadBackend, "read">): {
  readonly reads: RecordedRead[];
  readonly read: ReadBackend["read"];
} {
  const reads: RecordedRead[] = [];
  return {
    reads,
    read: (ref, options) => {
      const { offset, length } = options?.span ?? {};
      reads.push({ kind: ref.kind, name: ref.name, offset, length });
      return backend.read(ref, options);
    },
  };
}
