/**
 * NameIndex: the names of all directories that were searched, kept from one search to the next by the
 * ids of their pages. Snapshots share most pages, so that twenty of them cost little more than one,
 * and a second search reads memory alone.
 */
import { throwIfAborted } from "../base/concurrency.ts";
import { ForgeError } from "../base/errors.ts";
import type { BlobId } from "../base/ids.ts";
import type { ReferencePage } from "../snapshots/reference-page.ts";
import type { TreePage } from "../snapshots/tree-page.ts";
import { NamePage } from "./name-page.ts";
import type { TreeReader } from "./tree-reader.ts";

/** 96 MiB: the names of about two million entries. */
const BYTES_MAX_DEFAULT = 96 * 1024 * 1024;
/** Pages that are loaded at a time. */
const LOADS_MAX = 8;
/** An id as hex in a string, with what an object costs. */
const ID_STRING_BYTES = 96;

/** A page of references: only which pages come next. */
interface NameRefs {
  readonly kind: "references";
  readonly level: number;
  readonly children: readonly BlobId[];
  readonly memoryBytes: number;
}

type IndexedPage = NamePage | NameRefs;

interface Kept {
  readonly page: IndexedPage;
  /** The search that needed it last. */
  lastUse: number;
}

export interface NameIndexOptions {
  /** Bound of the memory of names. Beyond it a search reads the rest of the pages each time. */
  readonly bytesMax?: number | undefined;
}

export interface LoadOptions {
  readonly signal?: AbortSignal | undefined;
  /** Asked often; a promise means: let others have a turn now. */
  readonly pause?: (() => Promise<void> | undefined) | undefined;
}

export class NameIndex {
  readonly #trees: Pick<TreeReader, "scanPage" | "peekScan">;
  readonly #bytesMax: number;
  readonly #pages = new Map<BlobId, Kept>();
  /** Directories all of whose pages, and of what is below, are here. */
  readonly #complete = new Set<BlobId>();
  #usedBytes = 0;
  #search = 0;
  #sweptIn = 0;
  #full = false;

  constructor(trees: Pick<TreeReader, "scanPage" | "peekScan">, options: NameIndexOptions = {}) {
    this.#trees = trees;
    this.#bytesMax = options.bytesMax ?? BYTES_MAX_DEFAULT;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** A new search begins: what neither it nor the one before needs may make room. */
  begin(): void {
    this.#search++;
    this.#full = false;
  }

  /** The pages of a directory's names, in order, when all are at hand. */
  peekLeaves(id: BlobId): readonly NamePage[] | undefined {
    const page = this.#peek(id);
    if (page === undefined) return undefined;
    if (page.kind === "leaf") return [page];
    const leaves: NamePage[] = [];
    return this.#peekBelow(page, leaves) ? leaves : undefined;
  }

  /** @throws ForgeError what reading a directory throws. */
  async leaves(id: BlobId, signal?: AbortSignal): Promise<readonly NamePage[]> {
    const page = await this.#load(id, signal);
    if (page.kind === "leaf") return [page];
    const leaves: NamePage[] = [];
    await this.#loadBelow(page, leaves, signal);
    return leaves;
  }

  #peekBelow(refs: NameRefs, leaves: NamePage[]): boolean {
    return refs.children.every((id) => {
      const page = this.#peek(id);
      if (page === undefined) return false;
      checkLevel(refs, page);
      if (page.kind === "references") return this.#peekBelow(page, leaves);
      leaves.push(page);
      return true;
    });
  }

  async #loadBelow(refs: NameRefs, leaves: NamePage[], signal?: AbortSignal): Promise<void> {
    for (const id of refs.children) {
      const page = await this.#load(id, signal);
      checkLevel(refs, page);
      if (page.kind === "references") await this.#loadBelow(page, leaves, signal);
      else leaves.push(page);
    }
  }

  /**
   * Loads the names of a directory and of all below it, until there is no more room.
   * @param seen Pages that this search has filled already; added to.
   * @throws ForgeError what reading a directory throws.
   */
  async fill(root: BlobId, seen: Set<BlobId>, options: LoadOptions = {}): Promise<void> {
    if (this.#complete.has(root) || seen.has(root)) return;
    const waiting = [root];
    seen.add(root);
    const loading = new Set<Promise<void>>();
    let failure: { readonly error: unknown } | undefined;
    const take = (page: IndexedPage): void => {
      const next = page.kind === "leaf" ? page.subtrees : page.children;
      for (let i = next.length - 1; i >= 0; i--) {
        const id = next[i] as BlobId;
        if (seen.has(id) || this.#complete.has(id)) continue;
        seen.add(id);
        waiting.push(id);
      }
    };
    while ((waiting.length > 0 || loading.size > 0) && !this.#full) {
      throwIfAborted(options.signal);
      await options.pause?.();
      const id = waiting.pop();
      const page = id === undefined ? undefined : this.#peek(id);
      if (page !== undefined) {
        take(page);
      } else if (id !== undefined) {
        const load = this.#load(id, options.signal)
          .then(take, (error: unknown) => (failure ??= { error }))
          .then(() => void loading.delete(load));
        loading.add(load);
      }
      if (loading.size >= LOADS_MAX || (waiting.length === 0 && loading.size > 0)) {
        await Promise.race(loading);
      }
      if (failure !== undefined) break;
    }
    await Promise.all(loading);
    if (failure !== undefined) throw failure.error;
    if (!this.#full) this.#complete.add(root);
  }

  #peek(id: BlobId): IndexedPage | undefined {
    const kept = this.#pages.get(id);
    if (kept !== undefined) {
      kept.lastUse = this.#search;
      return kept.page;
    }
    const page = this.#trees.peekScan(id);
    return page === undefined ? undefined : this.#keep(id, page);
  }

  async #load(id: BlobId, signal: AbortSignal | undefined): Promise<IndexedPage> {
    return this.#peek(id) ?? this.#keep(id, await this.#trees.scanPage(id, signal));
  }

  #keep(id: BlobId, tree: TreePage): IndexedPage {
    const page = tree.kind === "leaf" ? new NamePage(tree) : refsOf(tree);
    const bytes = page.memoryBytes + ID_STRING_BYTES;
    if (this.#usedBytes + bytes > this.#bytesMax) this.#makeRoom();
    if (this.#usedBytes + bytes > this.#bytesMax) {
      this.#full = true;
    } else if (!this.#pages.has(id)) {
      this.#pages.set(id, { page, lastUse: this.#search });
      this.#usedBytes += bytes;
    }
    return page;
  }

  /**
   * Forgets what no search needs any more. What does not fit even so is not kept: pushing out pages
   * that the same search comes by again would keep none of use.
   */
  #makeRoom(): void {
    if (this.#sweptIn === this.#search) return;
    this.#sweptIn = this.#search;
    this.#complete.clear();
    for (const [id, { page, lastUse }] of this.#pages) {
      if (lastUse >= this.#search - 1) continue;
      this.#pages.delete(id);
      this.#usedBytes -= page.memoryBytes + ID_STRING_BYTES;
    }
  }
}

function refsOf(page: ReferencePage): NameRefs {
  const children = Array.from({ length: page.count }, (_, i) => page.child(i));
  return {
    kind: "references",
    level: page.level,
    children,
    memoryBytes: 100 + ID_STRING_BYTES * children.length,
  };
}

/** Levels go down, so however a directory was made its pages come to an end. */
function checkLevel(parent: NameRefs, child: IndexedPage): void {
  const level = child.kind === "leaf" ? 0 : child.level;
  if (level === parent.level - 1) return;
  throw new ForgeError(
    "corrupt",
    `Cannot read a directory: a page of level ${level} stands below one of level ${parent.level}`,
  );
}
