/**
 * Catalog: the snapshots that the server shows, listed again as people look, and the roots of those
 * that are open.
 */
import {
  type FsDirectory,
  type IndexedRepository,
  type ReadSide,
  type Snapshot,
  type SnapshotFilter,
  isForgeError,
  listSnapshots,
  matchesFilter,
  openSnapshotFs,
  resolveSnapshot,
} from "../../engine/node.ts";

export interface CatalogOptions {
  readonly repository: IndexedRepository;
  readonly readSide: ReadSide;
  /** Others do not exist as far as the server is concerned. */
  readonly filter: SnapshotFilter;
  /** Milliseconds of a clock that goes forward. */
  readonly now: () => number;
  /** Shown every list, before filtering. When it throws, the list is not used. */
  readonly onListed?: ((snapshots: readonly Snapshot[]) => Promise<void>) | undefined;
}

export interface CatalogList {
  /** Oldest first, as the engine lists them. */
  readonly snapshots: readonly Snapshot[];
  /** Of snapshots that are there and cannot be read. */
  readonly problems: readonly string[];
}

export interface OpenedSnapshot {
  readonly snapshot: Snapshot;
  readonly root: FsDirectory;
}

/** A listing costs a request or a readdir; a backup that ends is seen this late. */
const LIST_AGE_MS_MAX = 3000;
/** Roots that are kept: each is one decoded page, held by the page cache anyway. */
const ROOTS_MAX = 256;

export class Catalog {
  readonly #options: CatalogOptions;
  #known: ReadonlyMap<Snapshot["id"], Snapshot> = new Map();
  #list: { readonly startedMs: number; readonly listing: Promise<CatalogList> } | undefined;
  /** The one that was used longest ago first. */
  readonly #roots = new Map<string, Promise<FsDirectory>>();

  constructor(options: CatalogOptions) {
    this.#options = options;
  }

  /** As it was a few seconds ago at most. @throws ForgeError what listing throws. */
  list(): Promise<CatalogList> {
    const list = this.#list;
    const isFresh = list !== undefined && this.#options.now() - list.startedMs <= LIST_AGE_MS_MAX;
    return isFresh ? list.listing : this.#listAnew();
  }

  /**
   * @param reference An id, the beginning of one, `latest` or `latest~N`.
   * @throws ForgeError "not-found", "ambiguous", "usage".
   */
  async resolve(reference: string): Promise<Snapshot> {
    const { snapshots } = await this.list();
    try {
      return resolveSnapshot(snapshots, reference);
    } catch (error) {
      // It may have been made since.
      if (!isForgeError(error, "not-found")) throw error;
      return resolveSnapshot((await this.#listAnew()).snapshots, reference);
    }
  }

  /** The snapshot and its `/`. @throws ForgeError those of `resolve` and of reading. */
  async open(reference: string): Promise<OpenedSnapshot> {
    const snapshot = await this.resolve(reference);
    return { snapshot, root: await this.rootOf(snapshot) };
  }

  /** @throws ForgeError of reading. */
  rootOf(snapshot: Snapshot): Promise<FsDirectory> {
    const kept = this.#roots.get(snapshot.id);
    this.#roots.delete(snapshot.id);
    const root = kept ?? openSnapshotFs(this.#options.readSide, snapshot).then((fs) => fs.root);
    this.#roots.set(snapshot.id, root);
    if (kept === undefined) {
      root.catch(() => {
        if (this.#roots.get(snapshot.id) === root) this.#roots.delete(snapshot.id);
      });
    }
    if (this.#roots.size > ROOTS_MAX) {
      for (const oldest of this.#roots.keys()) {
        this.#roots.delete(oldest);
        break;
      }
    }
    return root;
  }

  #listAnew(): Promise<CatalogList> {
    const listing = this.#read();
    const list = { startedMs: this.#options.now(), listing };
    this.#list = list;
    // A failure is told to those who wait for it, and the next one tries again.
    listing.catch(() => {
      if (this.#list === list) this.#list = undefined;
    });
    return listing;
  }

  async #read(): Promise<CatalogList> {
    const { repository, filter } = this.#options;
    const problems: string[] = [];
    const all = await listSnapshots(repository, {
      known: this.#known,
      onProblem: (error) => problems.push(error.message),
    });
    await this.#options.onListed?.(all);
    this.#known = new Map(all.map((snapshot) => [snapshot.id, snapshot]));
    return { snapshots: all.filter((snapshot) => matchesFilter(snapshot, filter)), problems };
  }
}
