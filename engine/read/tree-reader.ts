/**
 * TreeReader: the root blob of a directory → its entries, by name or by number, through however many
 * levels of pages it has. Decoded pages are kept, bounded in bytes; a page stays columnar.
 */
import type { Bytes } from "../base/bytes.ts";
import { compareBytes } from "../base/bytes.ts";
import { ForgeError } from "../base/errors.ts";
import type { BlobId } from "../base/ids.ts";
import type { LeafPage } from "../snapshots/leaf-page.ts";
import type { ReferencePage } from "../snapshots/reference-page.ts";
import type { TreeNode } from "../snapshots/tree-node.ts";
import { type TreePage, decodeRootPage, decodeTreePage } from "../snapshots/tree-page.ts";
import type { BlobReader } from "./blob-reader.ts";
import { ByteLru } from "./byte-lru.ts";

/** 48 MiB: the pages of about 300,000 entries. */
const PAGE_CACHE_BYTES_DEFAULT = 48 * 1024 * 1024;
/** Leaf pages loaded ahead of someone who reads a large directory from its beginning. */
const PAGES_AHEAD = 4;

/** One entry: a page and the number in it. */
export interface TreeEntry {
  readonly page: LeafPage;
  readonly index: number;
  /** Its number in the whole directory. */
  readonly ordinal: number;
}

type TreeBlobs = Pick<BlobReader, "load"> & Partial<Pick<BlobReader, "loadNow">>;

export class TreeReader {
  readonly #blobs: TreeBlobs;
  readonly #pages: ByteLru<TreePage>;

  constructor(blobs: TreeBlobs, options: { readonly pageCacheBytes?: number | undefined } = {}) {
    this.#blobs = blobs;
    this.#pages = new ByteLru<TreePage>({
      bytesMax: options.pageCacheBytes ?? PAGE_CACHE_BYTES_DEFAULT,
      weigh: (page) => page.memoryBytes,
    });
  }

  /** The root blob of a snapshot: a page whose one entry, number 0, is `/`. */
  async rootPage(id: BlobId, signal?: AbortSignal): Promise<LeafPage> {
    return decodeRootPage(await this.#blobs.load({ id, kind: "tree" }, signal));
  }

  /** @throws ForgeError "corrupt", "missing-object", "io", "unsupported-version", "aborted". */
  page(id: BlobId, signal?: AbortSignal): Promise<TreePage> {
    return this.#pages.fetch(
      id,
      async (taskSignal) =>
        decodeTreePage(await this.#blobs.load({ id, kind: "tree" }, taskSignal)),
      signal,
    );
  }

  /** `page` for someone who reads all pages once: it is not kept. */
  async scanPage(id: BlobId, signal?: AbortSignal): Promise<TreePage> {
    return (
      this.#pages.get(id) ?? decodeTreePage(await this.#blobs.load({ id, kind: "tree" }, signal))
    );
  }

  /** `scanPage` at once from what is in memory; `undefined` when it has to load something. */
  peekScan(id: BlobId): TreePage | undefined {
    const kept = this.#pages.get(id);
    if (kept !== undefined) return kept;
    const plain = this.#blobs.loadNow?.({ id, kind: "tree" });
    return plain === undefined ? undefined : decodeTreePage(plain);
  }

  /** The entry called `name`, by binary search on each level. */
  async lookup(root: BlobId, name: Bytes, signal?: AbortSignal): Promise<TreeEntry | undefined> {
    let page = await this.page(root, signal);
    let before = 0;
    while (page.kind === "references") {
      const child = page.findChild(name);
      if (child < 0) return undefined;
      before += page.firstEntry(child);
      page = await this.#child(page, child, signal);
    }
    const index = page.find(name);
    return index < 0 ? undefined : { page, index, ordinal: before + index };
  }

  /** `lookup` at once from pages in memory; "unread" when one is not. */
  peekLookup(root: BlobId, name: Bytes): TreeEntry | "absent" | "unread" {
    let page = this.#peekPage(root);
    let before = 0;
    while (page?.kind === "references") {
      const child = page.findChild(name);
      if (child < 0) return "absent";
      before += page.firstEntry(child);
      page = this.#peekChild(page, child);
    }
    if (page === undefined) return "unread";
    const index = page.find(name);
    return index < 0 ? "absent" : { page, index, ordinal: before + index };
  }

  /** `entryAt` at once; "unread" as for `peekLookup`. */
  peekEntryAt(root: BlobId, number: number): TreeEntry | "absent" | "unread" {
    let page = this.#peekPage(root);
    let index = number;
    while (page?.kind === "references") {
      const child = page.findChildOfEntry(index);
      if (child < 0) return "absent";
      index -= page.firstEntry(child);
      page = this.#peekChild(page, child);
    }
    if (page === undefined) return "unread";
    return index < page.count ? { page, index, ordinal: number } : "absent";
  }

  #peekPage(id: BlobId): TreePage | undefined {
    const kept = this.#pages.get(id);
    if (kept !== undefined) return kept;
    const plain = this.#blobs.loadNow?.({ id, kind: "tree" });
    if (plain === undefined) return undefined;
    const page = decodeTreePage(plain);
    this.#pages.set(id, page);
    return page;
  }

  #peekChild(parent: ReferencePage, child: number): TreePage | undefined {
    const page = this.#peekPage(parent.child(child));
    if (page !== undefined) checkChild(parent, child, page);
    return page;
  }

  /** Entry number `number` of the directory; `undefined` beyond the last. */
  async entryAt(
    root: BlobId,
    number: number,
    signal?: AbortSignal,
  ): Promise<TreeEntry | undefined> {
    let page = await this.page(root, signal);
    let index = number;
    while (page.kind === "references") {
      const child = page.findChildOfEntry(index);
      if (child < 0) return undefined;
      index -= page.firstEntry(child);
      page = await this.#child(page, child, signal);
    }
    return index < page.count ? { page, index, ordinal: number } : undefined;
  }

  /** All leaf pages of a directory in order, some loaded ahead. */
  async *leafPages(root: BlobId, signal?: AbortSignal): AsyncGenerator<LeafPage> {
    yield* this.#leavesOf(await this.page(root, signal), signal);
  }

  /** All leaf pages of a directory at once from what is in memory; `undefined` when one is not. */
  peekLeafPages(root: BlobId): LeafPage[] | undefined {
    const page = this.#peekPage(root);
    const leaves: LeafPage[] = [];
    return page !== undefined && this.#peekLeavesOf(page, leaves) ? leaves : undefined;
  }

  #peekLeavesOf(page: TreePage, leaves: LeafPage[]): boolean {
    if (page.kind === "leaf") {
      leaves.push(page);
      return true;
    }
    for (let child = 0; child < page.count; child++) {
      const below = this.#peekChild(page, child);
      if (below === undefined || !this.#peekLeavesOf(below, leaves)) return false;
    }
    return true;
  }

  async *#leavesOf(page: TreePage, signal: AbortSignal | undefined): AsyncGenerator<LeafPage> {
    if (page.kind === "leaf") {
      yield page;
      return;
    }
    let ahead = 1;
    for (let child = 0; child < page.count; child++) {
      for (; ahead < page.count && ahead <= child + PAGES_AHEAD; ahead++) {
        // A failure is met again when it is this page's turn.
        this.page(page.child(ahead), signal).catch(() => undefined);
      }
      yield* this.#leavesOf(await this.#child(page, child, signal), signal);
    }
  }

  async #child(
    parent: ReferencePage,
    child: number,
    signal: AbortSignal | undefined,
  ): Promise<TreePage> {
    const page = await this.page(parent.child(child), signal);
    checkChild(parent, child, page);
    return page;
  }
}

/** A child must be what its parent says; otherwise names would be lost or entries counted twice. */
function checkChild(parent: ReferencePage, child: number, page: TreePage): void {
  const level = page.kind === "leaf" ? 0 : page.level;
  const entries = page.kind === "leaf" ? page.count : page.totalEntries;
  if (
    level === parent.level - 1 &&
    entries === parent.entriesBelow(child) &&
    compareBytes(firstNameOf(page), parent.firstName(child)) === 0
  ) {
    return;
  }
  const id = parent.child(child);
  throw new ForgeError(
    "corrupt",
    `Cannot read a directory: its page ${id} (level ${level}, ${entries} entries) is not what the page above says`,
    { context: { blobId: id } },
  );
}

/** The least name of a page that has entries. */
function firstNameOf(page: TreePage): Bytes {
  return page.kind === "leaf" ? page.name(0) : page.firstName(0);
}

/** All entries of a directory in order, each with everything that is kept about it. */
export async function* readTreeEntries(
  tree: TreeReader,
  root: BlobId,
  signal?: AbortSignal,
): AsyncGenerator<TreeNode> {
  for await (const page of tree.leafPages(root, signal)) {
    for (let index = 0; index < page.count; index++) yield page.node(index);
  }
}
