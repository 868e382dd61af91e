/**
 * Entries of a snapshot as the surface shows them: a reference to a decoded page and a number in it.
 * Attributes are computed at each access, so that a listing of 100,000 entries costs little.
 */
import type { Bytes } from "../base/bytes.ts";
import { ForgeError, assert } from "../base/errors.ts";
import { type BlobId, ID_BYTES, type SnapshotId } from "../base/ids.ts";
import type { LeafPage } from "../snapshots/leaf-page.ts";
import type { FileContent, NodeType } from "../snapshots/tree-node.ts";
import { contentKeyOf } from "./content-key.ts";
import { FileReader } from "./file-reader.ts";
import type { ReadSide } from "./read-side.ts";
import type {
  FsAttributes,
  FsDirectory,
  FsEntry,
  FsFile,
  FsHole,
  FsRange,
  FsSpecial,
  FsSymlink,
  FsXattr,
} from "./readonly-fs.ts";
import type { TreeEntry } from "./tree-reader.ts";

/** What all entries of one snapshot share. */
export interface SnapshotSources {
  readonly snapshotId: SnapshotId;
  readonly readSide: ReadSide;
}

/** A file of more chunks than this keeps its reader between reads; below, making one is cheap. */
const KEEP_READER_CHUNKS = 4;
const BLOCK_BYTES = 512;

abstract class SnapshotEntry<Type extends NodeType> {
  readonly type: Type;
  readonly page: LeafPage;
  readonly index: number;
  readonly ordinal: number;
  readonly sources: SnapshotSources;

  constructor(type: Type, at: TreeEntry, sources: SnapshotSources) {
    this.type = type;
    this.page = at.page;
    this.index = at.index;
    this.ordinal = at.ordinal;
    this.sources = sources;
  }

  get immutable(): boolean {
    return true;
  }

  /** A view of the page. */
  get name(): Bytes {
    return this.page.name(this.index);
  }

  get xattrs(): readonly FsXattr[] {
    return this.page.xattrs(this.index);
  }

  get attributes(): FsAttributes {
    const { page, index } = this;
    const linkCount = page.linkCount(index);
    const isDevice = this.type === "char-device" || this.type === "block-device";
    const device = isDevice ? page.deviceNumber(index) : undefined;
    const shared = linkCount > 1 && this.type !== "directory";
    return {
      mode: page.mode(index),
      uid: page.uid(index),
      gid: page.gid(index),
      user: page.user(index),
      group: page.group(index),
      mtimeNs: page.mtimeNs(index),
      ctimeNs: page.ctimeNs(index),
      atimeNs: page.atimeNs(index),
      sizeBytes: this.sizeBytes(),
      blocks512: Math.ceil(this.storedBytes() / BLOCK_BYTES),
      linkCount,
      deviceMajor: device?.major ?? 0,
      deviceMinor: device?.minor ?? 0,
      hardLinkKey: shared
        ? `${this.sources.snapshotId}:${page.device(index)}:${page.inode(index)}`
        : undefined,
    };
  }

  protected sizeBytes(): number {
    return 0;
  }

  /** Without holes. */
  protected storedBytes(): number {
    return 0;
  }
}

/** A file; `content` and `reader` are for the engine and not part of the surface. */
export class SnapshotFile extends SnapshotEntry<"file"> implements FsFile {
  readonly #dataBytes: number | undefined;
  #reader: FileReader | undefined;

  /** @param dataBytes The size without holes, when the page alone does not tell. */
  constructor(at: TreeEntry, sources: SnapshotSources, dataBytes?: number) {
    super("file", at, sources);
    this.#dataBytes = dataBytes;
  }

  get content(): FileContent {
    const content = this.page.content(this.index);
    assert(content !== undefined, "a file entry without content");
    return content;
  }

  get reader(): FileReader {
    if (this.#reader !== undefined) return this.#reader;
    const content = this.content;
    const { blobs, lists } = this.sources.readSide;
    const reader = new FileReader(content, { blobs, lists });
    const small =
      content.chunks.length <= KEEP_READER_CHUNKS &&
      content.chunkList === undefined &&
      content.holes.length === 0 &&
      content.holeLists === undefined;
    if (!small) this.#reader = reader;
    return reader;
  }

  get contentKey(): string {
    return contentKeyOf(this.content);
  }

  get crc32(): number {
    return this.page.crc32(this.index);
  }

  read(range: FsRange): Promise<Bytes> {
    return this.reader.read(range.offset, range.length, range.signal);
  }

  readNow(range: {
    readonly offset: number;
    readonly length: number;
    readonly once?: boolean;
  }): Bytes[] | undefined {
    return this.reader.readNow(range.offset, range.length, range.once);
  }

  load(range: FsRange): Promise<void> {
    return this.reader.load(range.offset, range.length, range.signal);
  }

  prefetch(range: { readonly offset: number; readonly length: number }): void {
    this.reader.prefetch(range.offset, range.length);
  }

  holes(): Promise<readonly FsHole[]> {
    return this.reader.holes();
  }

  protected override sizeBytes(): number {
    return this.page.sizeBytes(this.index);
  }

  protected override storedBytes(): number {
    if (this.#dataBytes !== undefined) return this.#dataBytes;
    const size = this.page.sizeBytes(this.index);
    const holeBytes = this.page.inlineHoleBytes(this.index);
    if (holeBytes !== undefined) return Math.max(0, size - holeBytes);
    // The holes stand in lists, but the chunks tell as well.
    const { chunks, chunkList } = this.content;
    if (chunkList !== undefined) return size;
    return chunks.reduce((sum, chunk) => sum + chunk.plainBytes, 0);
  }
}

export class SnapshotDirectory extends SnapshotEntry<"directory"> implements FsDirectory {
  constructor(at: TreeEntry, sources: SnapshotSources) {
    super("directory", at, sources);
  }

  /** Root page of the entries below: equal for equal content. */
  get contentKey(): BlobId {
    const subtree = this.page.subtree(this.index);
    assert(subtree !== undefined, "a directory entry without a subtree");
    return subtree;
  }

  async readEntries(
    from: number,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<readonly FsEntry[]> {
    const { trees } = this.sources.readSide;
    const found = await trees.entryAt(this.contentKey, from, options.signal);
    if (found === undefined) return [];
    const entries: FsEntry[] = [];
    for (const at of restOfPage(found)) {
      const entry = entryOf(at, this.sources);
      entries.push(entry instanceof Promise ? await entry : entry);
    }
    return entries;
  }

  readEntriesNow(from: number): readonly FsEntry[] | undefined {
    const found = this.sources.readSide.trees.peekEntryAt(this.contentKey, from);
    if (found === "unread") return undefined;
    if (found === "absent") return [];
    const entries: FsEntry[] = [];
    for (const at of restOfPage(found)) {
      const entry = entryOf(at, this.sources);
      if (entry instanceof Promise) return undefined;
      entries.push(entry);
    }
    return entries;
  }

  async lookup(name: Bytes): Promise<FsEntry | undefined> {
    const found = await this.sources.readSide.trees.lookup(this.contentKey, name);
    return found === undefined ? undefined : entryOf(found, this.sources);
  }

  lookupNow(name: Bytes): FsEntry | "absent" | "unread" {
    const found = this.sources.readSide.trees.peekLookup(this.contentKey, name);
    if (typeof found === "string") return found;
    const entry = entryOf(found, this.sources);
    return entry instanceof Promise ? "unread" : entry;
  }
}

export class SnapshotSymlink extends SnapshotEntry<"symlink"> implements FsSymlink {
  constructor(at: TreeEntry, sources: SnapshotSources) {
    super("symlink", at, sources);
  }

  get target(): Bytes {
    const target = this.page.linkTarget(this.index);
    if (target === undefined) {
      throw new ForgeError("corrupt", "Cannot read a symlink: its entry has no target");
    }
    return target;
  }

  protected override sizeBytes(): number {
    return this.target.length;
  }
}

export class SnapshotSpecial extends SnapshotEntry<FsSpecial["type"]> implements FsSpecial {}

/** `first` and the entries behind it in its page. */
function* restOfPage(first: TreeEntry): Generator<TreeEntry> {
  const { page } = first;
  const before = first.ordinal - first.index;
  for (let index = first.index; index < page.count; index++) {
    yield { page, index, ordinal: before + index };
  }
}

/** At once, except for a sparse file so large that its size without holes stands in a list blob. */
function entryOf(found: TreeEntry, sources: SnapshotSources): FsEntry | Promise<FsEntry> {
  const { page, index } = found;
  const type = page.type(index);
  switch (type) {
    case "file":
      return page.inlineHoleBytes(index) === undefined && page.hasChunkList(index)
        ? sparseFile(found, sources)
        : new SnapshotFile(found, sources);
    case "directory":
      return new SnapshotDirectory(found, sources);
    case "symlink":
      return new SnapshotSymlink(found, sources);
    case "fifo":
    case "socket":
    case "char-device":
    case "block-device":
      return new SnapshotSpecial(type, found, sources);
    default:
      return type satisfies never;
  }
}

async function sparseFile(found: TreeEntry, sources: SnapshotSources): Promise<FsEntry> {
  const file = new SnapshotFile(found, sources);
  const list = file.content.chunkList;
  if (list === undefined) return file;
  try {
    const { ends } = await sources.readSide.lists.chunkList(list);
    return new SnapshotFile(found, sources, ends[ends.length - 1] ?? 0);
  } catch {
    // A listing does not fail for a number of blocks; reading the file tells what is wrong.
    return file;
  }
}

/** What the engine knows about a file of a snapshot; `undefined` for files of anything else. */
export function contentOf(file: FsFile): FileReader | undefined {
  return file instanceof SnapshotFile ? file.reader : undefined;
}

/** Chunks of a file, in order: ids of 32 bytes and plain lengths as they stand in its page. */
export interface PageChunks {
  readonly ids: Bytes;
  /** Of all of them. */
  readonly sizeBytes: number;
  plainBytesAt(chunk: number): number;
}

/**
 * The chunks of most files, without an object for each. `undefined` for a file with holes or chunk
 * lists, for one whose chunks do not make up its size, and for files of anything else: `contentOf`
 * tells more.
 */
export function pageChunksOf(file: FsFile): PageChunks | undefined {
  if (!(file instanceof SnapshotFile)) return undefined;
  const { page, index } = file;
  if (!page.isPlain(index)) return undefined;
  const ids = page.refBytes(index);
  const plainBytesAt = (chunk: number): number => page.refPlainBytes(index, chunk);
  let sizeBytes = 0;
  for (let chunk = 0; chunk * ID_BYTES < ids.length; chunk++) {
    if (plainBytesAt(chunk) < 1) return undefined;
    sizeBytes += plainBytesAt(chunk);
  }
  return sizeBytes === page.sizeBytes(index) ? { ids, sizeBytes, plainBytesAt } : undefined;
}
