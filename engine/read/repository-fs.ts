/**
 * ReadonlyFs of all snapshots of a repository, by time, host, tag and id. It lives: snapshots that
 * were made since appear, and those that were removed go, without opening it anew.
 */
import { type Bytes, findUtf8 } from "../base/bytes.ts";
import { type ForgeError, isForgeError } from "../base/errors.ts";
import type { SnapshotId } from "../base/ids.ts";
import type { Repository } from "../repository/repository.ts";
import { listSnapshots } from "../repository/snapshot-store.ts";
import type { Snapshot } from "../snapshots/snapshot.ts";
import {
  DEFAULT_PATH_TEMPLATES,
  type PathTemplate,
  SHORT_ID_DIGITS,
  expandPathTemplate,
  parsePathTemplate,
  safeName,
} from "./path-template.ts";
import type { ReadSide } from "./read-side.ts";
import type { FsEntry, ReadonlyFs } from "./readonly-fs.ts";
import { type SnapshotFilter, matchesFilter } from "./resolve-snapshot.ts";
import { SnapshotRoot } from "./snapshot-root.ts";
import { VirtualDirectory, type VirtualOwner, virtualSymlink } from "./virtual-entry.ts";

export interface RepositoryFsOptions {
  /** The name of a time: `2026-01-31_23-59-59` in the reader's zone. */
  readonly formatTime: (timeNs: bigint) => string;
  /** Milliseconds of any clock that goes forward. */
  readonly now: () => number;
  /** Default: `snapshots/%T`, `hosts/%h/%T`, `tags/%t/%T`, `ids/%i`. */
  readonly pathTemplates?: readonly string[] | undefined;
  readonly filter?: SnapshotFilter | undefined;
  /** The list of snapshots is not read again before. Default 5 s. */
  readonly refreshMs?: number | undefined;
  /** Owner of the directories that no snapshot holds. Default 0:0. */
  readonly owner?: VirtualOwner | undefined;
  /** A snapshot or a listing that cannot be read; each problem once. The rest is shown. */
  /**
   * Shown every list that differs from the one before, for comparing it with what was seen elsewhere.
   * When it throws, the list is not used.
   */
  readonly onListed?: ((snapshots: readonly Snapshot[]) => Promise<void>) | undefined;
  readonly onProblem: (error: ForgeError) => void;
}

const REFRESH_MS_DEFAULT = 5000;
const LATEST = "latest";

/**
 * Reads the list of snapshots, and of them nothing that was not asked for.
 * @throws ForgeError "usage" for a bad template, and what listing throws.
 */
export async function openRepositoryFs(
  repository: Repository,
  readSide: ReadSide,
  options: RepositoryFsOptions,
): Promise<ReadonlyFs> {
  const fs = new RepositoryFs(repository, readSide, options);
  await fs.load();
  return fs;
}

/** What is built of one directory before it is shown. */
interface Building {
  readonly children: Map<string, Building | SnapshotRoot>;
  isByTime: boolean;
  isById: boolean;
  newest: Snapshot | undefined;
  newestName: string;
}

class RepositoryFs implements ReadonlyFs {
  readonly root: VirtualDirectory;
  readonly #repository: Repository;
  readonly #readSide: ReadSide;
  readonly #options: RepositoryFsOptions;
  readonly #templates: readonly PathTemplate[];
  readonly #owner: VirtualOwner;
  readonly #reported = new Set<string>();
  /** By path, also those that are gone: an entry stays the same object. */
  #directories = new Map<string, VirtualDirectory>();
  #roots = new Map<string, SnapshotRoot>();
  #known = new Map<SnapshotId, Snapshot>();
  #shown: readonly Snapshot[] = [];
  #loadedAtMs = 0;
  #loading: Promise<void> | undefined;

  constructor(repository: Repository, readSide: ReadSide, options: RepositoryFsOptions) {
    this.#repository = repository;
    this.#readSide = readSide;
    this.#options = options;
    this.#owner = options.owner ?? { uid: 0, gid: 0 };
    this.#templates = (options.pathTemplates ?? DEFAULT_PATH_TEMPLATES).map(parsePathTemplate);
    this.root = this.#directoryAt("", "");
    this.#directories.set("", this.root);
  }

  /** Of all snapshots together, as if each stood for itself. */
  get totals(): { readonly bytes: number; readonly entries: number } {
    let bytes = 0;
    let entries = 0;
    for (const { stats } of this.#shown) {
      bytes += stats.bytes;
      entries += stats.files + stats.directories + stats.others;
    }
    return { bytes, entries };
  }

  /** Reads the list now. Callers at the same time share one reading. */
  load(): Promise<void> {
    this.#loading ??= this.#load().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  async #load(): Promise<void> {
    const snapshots = await listSnapshots(this.#repository, {
      known: this.#known,
      onProblem: (error) => this.#report(error),
    });
    this.#loadedAtMs = this.#options.now();
    const unchanged =
      this.#known.size === snapshots.length && snapshots.every(({ id }) => this.#known.has(id));
    if (unchanged && snapshots.length > 0) return;
    await this.#options.onListed?.(snapshots);
    this.#known = new Map(snapshots.map((snapshot) => [snapshot.id, snapshot]));
    const filter = this.#options.filter ?? {};
    this.#shown = snapshots.filter((snapshot) => matchesFilter(snapshot, filter));
    this.#show(this.#build());
  }

  async #refresh(): Promise<void> {
    const refreshMs = this.#options.refreshMs ?? REFRESH_MS_DEFAULT;
    if (this.#options.now() - this.#loadedAtMs < refreshMs) return;
    try {
      await this.load();
    } catch (error) {
      if (!isForgeError(error)) throw error;
      // What was listed before is still true of what it names; the storage may be back later.
      this.#loadedAtMs = this.#options.now();
      this.#report(error);
    }
  }

  #report(error: ForgeError): void {
    if (this.#reported.has(error.message)) return;
    this.#reported.add(error.message);
    this.#options.onProblem(error);
  }

  #build(): Building {
    const root = newBuilding();
    const roots = new Map<string, SnapshotRoot>();
    for (const template of this.#templates) {
      // The fixed beginning is there even when no snapshot is.
      let fixed = root;
      for (const component of template.components.slice(0, -1)) {
        if (component.includes("%")) break;
        fixed = directoryIn(fixed, safeName(component));
      }
      for (const snapshot of this.#shown) {
        for (const path of expandPathTemplate(template, snapshot, this.#options.formatTime)) {
          this.#place(root, template, snapshot, path, roots);
        }
      }
    }
    this.#roots = roots;
    return root;
  }

  /** Snapshots come oldest first, so of equal names the first keeps its own when more are made. */
  #place(
    root: Building,
    template: PathTemplate,
    snapshot: Snapshot,
    path: readonly string[],
    roots: Map<string, SnapshotRoot>,
  ): void {
    let parent = root;
    for (const component of path.slice(0, -1)) parent = directoryIn(parent, component);
    const wanted = path.at(-1) ?? "";
    let name = wanted;
    for (let n = 1; parent.children.has(name); n++) name = `${wanted}-${n}`;
    const key = `${snapshot.id}/${path.slice(0, -1).join("/")}/${name}`;
    const entry =
      this.#roots.get(key) ?? new SnapshotRoot(name, snapshot, this.#readSide, this.#owner);
    roots.set(key, entry);
    parent.children.set(name, entry);
    parent.isByTime ||= template.isByTime;
    parent.isById ||= template.isById;
    if (parent.newest === undefined || snapshot.timeNs >= parent.newest.timeNs) {
      parent.newest = snapshot;
      parent.newestName = name;
    }
  }

  #show(root: Building): void {
    const directories = new Map<string, VirtualDirectory>([["", this.root]]);
    this.#fill("", root, directories);
    for (const [path, gone] of this.#directories) {
      if (directories.has(path)) continue;
      // Kept, should it come back: who has read it compares times of one object that never go back.
      gone.fill([], 0n);
      directories.set(path, gone);
    }
    this.#directories = directories;
  }

  /** @returns the time of the newest snapshot below. */
  #fill(path: string, building: Building, directories: Map<string, VirtualDirectory>): bigint {
    const entries: FsEntry[] = [];
    let newestNs = building.newest?.timeNs ?? 0n;
    for (const [name, child] of building.children) {
      if (child instanceof SnapshotRoot) {
        entries.push(child);
        continue;
      }
      const childPath = `${path}/${name}`;
      const directory = this.#directoryAt(childPath, name);
      directories.set(childPath, directory);
      const childNs = this.#fill(childPath, child, directories);
      if (childNs > newestNs) newestNs = childNs;
      entries.push(directory);
    }
    const { newest, newestName } = building;
    if (building.isByTime && newest !== undefined && !building.children.has(LATEST)) {
      entries.push(virtualSymlink(LATEST, newestName, newest.timeNs, this.#owner));
    }
    const findAlias = building.isById
      ? (name: Bytes): FsEntry | undefined => this.#findById(name)
      : undefined;
    directories.get(path)?.fill(entries, newestNs, findAlias);
    return newestNs;
  }

  #directoryAt(path: string, name: string): VirtualDirectory {
    const known = this.#directories.get(path);
    return known ?? new VirtualDirectory(name, this.#owner, () => this.#refresh());
  }

  /** A snapshot by more digits of its id than are listed. */
  #findById(name: Bytes): FsEntry | undefined {
    const digits = findUtf8(name);
    if (digits === undefined || digits.length < SHORT_ID_DIGITS) return undefined;
    const [found, other] = this.#shown.filter(({ id }) => id.startsWith(digits));
    if (found === undefined || other !== undefined) return undefined;
    const key = `${found.id}//${digits}`;
    const root =
      this.#roots.get(key) ?? new SnapshotRoot(digits, found, this.#readSide, this.#owner);
    this.#roots.set(key, root);
    return root;
  }
}

function newBuilding(): Building {
  return {
    children: new Map(),
    isByTime: false,
    isById: false,
    newest: undefined,
    newestName: "",
  };
}

/** The directory of that name, made when it is missing; beside a snapshot of that name, another. */
function directoryIn(parent: Building, wanted: string): Building {
  let name = wanted;
  for (let n = 1; ; n++) {
    const child = parent.children.get(name);
    if (child === undefined) {
      const made = newBuilding();
      parent.children.set(name, made);
      return made;
    }
    if (!(child instanceof SnapshotRoot)) return child;
    name = `${wanted}-${n}`;
  }
}
