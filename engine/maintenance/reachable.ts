/**
 * Reachable: every blob that a set of snapshots needs, found by walking their trees. Each distinct
 * tree and list is read once, however many snapshots share it; what was met is remembered in compact
 * sets and nothing else grows.
 *
 * Without `onProblem` the first tree or list that cannot be read ends the walk: who deletes what is
 * not reachable must not go on with half the truth. With it the walk goes on, and what stands below
 * is not in the result.
 */
import { EMPTY_BYTES, compareBytes } from "../base/bytes.ts";
import { mapBounded } from "../base/concurrency.ts";
import { ForgeError, isForgeError } from "../base/errors.ts";
import { type BlobId, idBytes } from "../base/ids.ts";
import type { ReadSide } from "../read/read-side.ts";
import { decodeChunkList } from "../snapshots/chunk-list.ts";
import { decodeHoleList } from "../snapshots/hole-list.ts";
import type { LeafPage } from "../snapshots/leaf-page.ts";
import type { ReferencePage } from "../snapshots/reference-page.ts";
import type { ChunkListRef, FileContent } from "../snapshots/tree-node.ts";
import { type TreePage, decodeRootPage, decodeTreePage } from "../snapshots/tree-page.ts";
import { BlobIdSet } from "../base/blob-id-set.ts";
import { type ChunkConflict, type ChunkPart, ReferredChunks } from "./referred-chunks.ts";
import type { IdMemory } from "./scratch.ts";

/** The blobs that were met. Ids of different kinds never agree. */
export class ReachableBlobs {
  /** Of each version of a directory, and of large files: far fewer than chunks, always in memory. */
  readonly trees: BlobIdSet = new BlobIdSet();
  readonly lists: BlobIdSet = new BlobIdSet();
  readonly chunks: ReferredChunks;

  /** @param chunkMemory For the ids of chunks; without a bound when absent. */
  constructor(chunkMemory?: IdMemory) {
    this.chunks = new ReferredChunks(chunkMemory);
  }

  /** The chunks in parts. @throws ForgeError "corrupt" when files contradict each other about one. */
  chunkParts(): Generator<ChunkPart> {
    return this.chunks.parts((conflict) => {
      throw conflictError(conflict);
    });
  }
}

/** A tree or list that cannot be read, or that does not fit what refers to it. */
export interface ReachableProblem {
  readonly kind: "tree" | "list" | "data";
  readonly id: BlobId;
  /** "missing-object", "corrupt", "unsupported-version", or what the storage failed with. */
  readonly error: ForgeError;
}

export interface WalkReachableOptions {
  readonly readSide: Pick<ReadSide, "blobs" | "index">;
  /** Roots of snapshots. */
  readonly roots: Iterable<BlobId>;
  /** Goes on with what an earlier walk found; its trees are not read again. */
  readonly into?: ReachableBlobs | undefined;
  readonly onProblem?: ((problem: ReachableProblem) => void) | undefined;
  /** After every tree. */
  readonly onProgress?: ((found: ReachableBlobs) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * @throws ForgeError "aborted"; without `onProblem` also what the first unreadable tree or list is.
 */
export async function walkReachable(options: WalkReachableOptions): Promise<ReachableBlobs> {
  const walk = new ReachableWalk(options);
  await walk.run();
  return walk.found;
}

/** Trees looked up and sorted by their place at a time: 300 bytes each. */
const BATCH_TREES = 16_384;
/** Trees loaded at once; those of one pack share one read. */
const LOADS = 8;

/** What a page of references says of a child, and the child of itself. */
interface PageFacts {
  readonly level: number;
  readonly entries: number;
  readonly firstName: Uint8Array;
}

/** What a list covers. */
type ListFacts =
  | { readonly kind: "chunks"; readonly level: number; readonly totalBytes: number }
  | {
      readonly kind: "holes";
      readonly firstOffset: number;
      readonly end: number;
      readonly totalBytes: number;
    };

class ReachableWalk {
  readonly found: ReachableBlobs;
  readonly #options: WalkReachableOptions;
  /** Directories to be read, as numbers of `found.trees`. */
  #directories: number[] = [];
  /** By number, of pages below pages of references. */
  readonly #pageFacts = new Map<number, PageFacts>();
  /** By number; a promise while the list is being read. */
  readonly #listFacts = new Map<number, Promise<ListFacts | undefined>>();

  constructor(options: WalkReachableOptions) {
    this.#options = options;
    this.found = options.into ?? new ReachableBlobs();
  }

  async run(): Promise<void> {
    const { roots, signal } = this.#options;
    const bounds = { concurrency: LOADS, signal };
    await mapBounded(roots, bounds, (root) => this.#visitRoot(root));
    while (this.#directories.length > 0) {
      const batch = this.#directories.splice(-BATCH_TREES);
      await mapBounded(await this.#inPackOrder(batch), bounds, (id) => this.#visitDirectory(id));
    }
  }

  async #visitRoot(id: BlobId): Promise<void> {
    if (!this.#isNew(this.found.trees, id)) return;
    const page = await this.#read("tree", id, decodeRootPage);
    if (page !== undefined) await this.#visitLeaf(page);
  }

  async #visitDirectory(id: BlobId): Promise<void> {
    const page = await this.#read("tree", id, decodeTreePage);
    if (page === undefined) return;
    if (page.kind === "leaf") await this.#visitLeaf(page);
    else await this.#visitReferences(page);
  }

  /** Visits the pages below at once: that is where what is said of them is at hand. */
  async #visitReferences(parent: ReferencePage): Promise<void> {
    for (let i = 0; i < parent.count; i++) {
      const id = parent.child(i);
      const isNew = this.#isNew(this.found.trees, id);
      const number = this.found.trees.find(idBytes(id));
      let facts = this.#pageFacts.get(number);
      if (facts === undefined) {
        // Met as a directory of its own before, or by a walk that is still at it: read again.
        const page = await this.#read("tree", id, decodeTreePage);
        if (page === undefined) continue;
        facts = factsOf(page);
        this.#pageFacts.set(number, facts);
        if (isNew && page.kind === "leaf") await this.#visitLeaf(page);
        else if (isNew && page.kind === "references") await this.#visitReferences(page);
      }
      if (
        facts.level !== parent.level - 1 ||
        facts.entries !== parent.entriesBelow(i) ||
        compareBytes(facts.firstName, parent.firstName(i)) !== 0
      ) {
        this.#report("tree", id, "it is not the page that the page above it says");
      }
    }
  }

  async #visitLeaf(page: LeafPage): Promise<void> {
    const { trees } = this.found;
    for (let i = 0; i < page.count; i++) {
      const type = page.type(i);
      if (type === "directory") {
        const size = trees.size;
        const number = trees.intern(page.refBytes(i));
        if (trees.size > size) this.#directories.push(number);
      } else if (type === "file") {
        // Decoding the page has compared the size of files that keep everything in it.
        if (page.hasChunkList(i) || page.inlineHoleBytes(i) === undefined) {
          const content = page.content(i);
          if (content !== undefined) await this.#visitLists(content);
        }
        if (!page.hasChunkList(i)) this.#visitChunks(page, i);
      }
    }
    this.#options.onProgress?.(this.found);
  }

  #visitChunks(page: LeafPage, i: number): void {
    const ids = page.refBytes(i);
    for (let at = 0; at < ids.length; at += 32) {
      this.#visitChunk(ids, at, page.refPlainBytes(i, at / 32));
    }
  }

  #visitChunk(bytes: Uint8Array, at: number, plainBytes: number): void {
    const conflict = this.found.chunks.add(bytes, at, plainBytes);
    if (conflict !== undefined) this.#tell("data", conflict.id, conflictError(conflict));
  }

  async #visitLists(content: FileContent): Promise<void> {
    let holeBytes = content.holes.reduce((sum, hole) => sum + hole.length, 0);
    let end = -1;
    for (const id of content.holeLists ?? []) {
      const facts = await this.#holeList(id);
      if (facts?.kind !== "holes") return;
      if (facts.firstOffset <= end || facts.end > content.sizeBytes) {
        this.#report("list", id, `its holes do not fit a file of ${content.sizeBytes} bytes`);
      }
      end = facts.end;
      holeBytes += facts.totalBytes;
    }
    let dataBytes = content.chunks.reduce((sum, chunk) => sum + chunk.plainBytes, 0);
    if (content.chunkList !== undefined) {
      const facts = await this.#chunkList(content.chunkList);
      if (facts === undefined) return;
      dataBytes = facts.totalBytes;
    }
    if (dataBytes + holeBytes === content.sizeBytes) return;
    const id = content.chunkList?.id ?? content.holeLists?.[0];
    if (id === undefined) return;
    const found = `${dataBytes} bytes of chunks and ${holeBytes} of holes`;
    this.#report("list", id, `a file of ${content.sizeBytes} bytes has ${found}`);
  }

  /** What the list covers, everything below it visited; `undefined` when it cannot be read. */
  async #chunkList(ref: ChunkListRef): Promise<ListFacts | undefined> {
    const facts = await this.#once(ref.id, async () => {
      const list = await this.#read("list", ref.id, decodeChunkList);
      if (list === undefined) return undefined;
      const totalBytes = list.ends[list.count - 1] ?? 0;
      for (let entry = 0; entry < list.count; entry++) {
        const length =
          (list.ends[entry] as number) - (entry === 0 ? 0 : (list.ends[entry - 1] ?? 0));
        const id = list.idAt(entry);
        if (list.level === 0) {
          this.#visitChunk(idBytes(id), 0, length);
          continue;
        }
        const below = await this.#chunkList({ id, level: list.level - 1 });
        if (below !== undefined && below.totalBytes !== length) {
          this.#report(
            "list",
            id,
            `it covers ${below.totalBytes} bytes where ${length} are expected`,
          );
        }
      }
      return { kind: "chunks", level: list.level, totalBytes };
    });
    if (facts === undefined || (facts.kind === "chunks" && facts.level === ref.level)) return facts;
    this.#report("list", ref.id, `it is no chunk list of level ${ref.level}`);
    return undefined;
  }

  #holeList(id: BlobId): Promise<ListFacts | undefined> {
    return this.#once(id, async () => {
      const list = await this.#read("list", id, decodeHoleList);
      if (list === undefined) return undefined;
      const last = list.count - 1;
      return {
        kind: "holes",
        firstOffset: list.offsets[0] ?? 0,
        end: (list.offsets[last] ?? 0) + (list.lengths[last] ?? 0),
        totalBytes: list.before[list.count] ?? 0,
      };
    });
  }

  #once(id: BlobId, read: () => Promise<ListFacts | undefined>): Promise<ListFacts | undefined> {
    const number = this.found.lists.intern(idBytes(id));
    let facts = this.#listFacts.get(number);
    if (facts === undefined) {
      facts = read();
      this.#listFacts.set(number, facts);
    }
    return facts;
  }

  /** @returns `undefined` when it cannot be read, which was told. */
  async #read<Value>(
    kind: "tree" | "list",
    id: BlobId,
    decode: (bytes: Parameters<typeof decodeTreePage>[0]) => Value,
  ): Promise<Value | undefined> {
    const { readSide, signal, onProblem } = this.#options;
    try {
      const ref = { id, kind };
      return decode(readSide.blobs.loadNow(ref) ?? (await readSide.blobs.load(ref, signal)));
    } catch (error) {
      if (!isForgeError(error) || error.code === "aborted" || onProblem === undefined) throw error;
      onProblem({ kind, id, error });
      return undefined;
    }
  }

  #report(kind: ReachableProblem["kind"], id: BlobId, found: string): void {
    this.#tell(kind, id, unusable(kind, id, found));
  }

  #tell(kind: ReachableProblem["kind"], id: BlobId, error: ForgeError): void {
    if (this.#options.onProblem === undefined) throw error;
    this.#options.onProblem({ kind, id, error });
  }

  #isNew(set: BlobIdSet, id: BlobId): boolean {
    const size = set.size;
    set.intern(idBytes(id));
    return set.size > size;
  }

  /** Their ids, so that neighbours in a pack are read together and each pack once. */
  async #inPackOrder(numbers: readonly number[]): Promise<readonly BlobId[]> {
    const { trees } = this.found;
    const ids = numbers.map((number) => trees.idAt(number));
    const places = await this.#options.readSide.index.findMany?.(ids);
    if (places === undefined) return ids;
    const keyed = ids.map((id) => {
      const place = places.get(id)?.[0];
      return { id, packId: place?.packId ?? "", offset: place?.offset ?? 0 };
    });
    keyed.sort((a, b) =>
      a.packId < b.packId ? -1 : a.packId > b.packId ? 1 : a.offset - b.offset,
    );
    return keyed.map(({ id }) => id);
  }
}

export function conflictError({ id, plainBytes: [one, other] }: ChunkConflict): ForgeError {
  return unusable("data", id, `files say it has ${one} and ${other} bytes`);
}

function unusable(kind: ReachableProblem["kind"], id: BlobId, found: string): ForgeError {
  return new ForgeError("corrupt", `Cannot use ${kind} blob ${id}: ${found}`, {
    context: { blobId: id },
  });
}

function factsOf(page: TreePage): PageFacts {
  if (page.kind === "leaf") {
    const firstName = page.count === 0 ? EMPTY_BYTES : page.name(0).slice();
    return { level: 0, entries: page.count, firstName };
  }
  const { level, totalEntries } = page;
  return { level, entries: totalEntries, firstName: page.firstName(0).slice() };
}
