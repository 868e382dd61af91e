/** The made-up home directory as it grows and changes from snapshot to snapshot, saved bottom up. */
import { type Bytes, compareBytes } from "../../../engine/base/bytes.ts";
import type { BlobId } from "../../../engine/base/ids.ts";
import type { TreeNode } from "../../../engine/snapshots/tree-node.ts";
import {
  FILES_PER_FOLDER,
  FOLDERS_PER_PROJECT,
  LARGE_FOLDER_ENTRIES,
  USERS,
  directoryNode,
  folderName,
  folderNodes,
  largeFolderNodes,
  projectName,
} from "./synthetic-tree.ts";

/** What of the repository the tree is stored into. */
export interface TreeStore {
  readonly trees: { saveDirectory(nodes: readonly TreeNode[]): Promise<BlobId> };
  /** The id of a chunk, without storing it. */
  readonly chunkId: (plain: Bytes) => BlobId;
  /** Stores a chunk that was never stored before. */
  readonly storeChunk: (plain: Bytes) => BlobId;
  /** Waits while too much is on its way to the storage. */
  room(): Promise<void>;
}

export class HomeTree {
  readonly folderCount: number;
  readonly editsPerSnapshot: number;
  readonly #store: TreeStore;
  readonly #secondChunkShare: number;
  readonly #projectsInTheEnd: number;
  /** Root page of every folder so far. */
  readonly #folders: BlobId[] = [];
  readonly #edits = new Map<number, Map<number, number>>();
  /** Root page of every project; absent when a folder of it changed since. */
  readonly #projects: (BlobId | undefined)[] = [];
  #largeFolder: BlobId | undefined;

  constructor(options: {
    /** How many blobs the repository is to have in the end. */
    readonly blobs: number;
    readonly snapshots: number;
    /** Of all folders, those with a file that changes from one snapshot to the next. */
    readonly editedShare: number;
    readonly store: TreeStore;
  }) {
    const { blobs, snapshots } = options;
    this.#store = options.store;
    const files = blobs / 2;
    this.folderCount = Math.round(files / FILES_PER_FOLDER);
    this.editsPerSnapshot = Math.max(2, Math.round(this.folderCount * options.editedShare));
    const projects = Math.ceil(this.folderCount / FOLDERS_PER_PROJECT);
    this.#projectsInTheEnd = projects;
    const aSnapshot = 2 * this.editsPerSnapshot + Math.min(projects, this.editsPerSnapshot) + 12;
    const otherBlobs = this.folderCount + projects + snapshots * aSnapshot + 300;
    this.#secondChunkShare = (blobs - otherBlobs) / files - 1;
  }

  get fileCount(): number {
    return this.#folders.length * FILES_PER_FOLDER + LARGE_FOLDER_ENTRIES;
  }

  get directoryCount(): number {
    return this.#folders.length + this.#projects.length + USERS.length + 4;
  }

  /** Adds folders until there are `count`. */
  async addFolders(count: number): Promise<void> {
    const { storeChunk } = this.#store;
    for (let folder = this.#folders.length; folder < count; folder++) {
      const nodes = folderNodes(
        { folder, secondChunkShare: this.#secondChunkShare, edits: undefined },
        storeChunk,
      );
      this.#folders.push(await this.#store.trees.saveDirectory(nodes));
      this.#projects[Math.floor(folder / FOLDERS_PER_PROJECT)] = undefined;
      await this.#store.room();
    }
  }

  /** Changes one file in as many folders as a snapshot changes; `snapshot` picks which. */
  async edit(snapshot: number): Promise<void> {
    const { chunkId, storeChunk } = this.#store;
    for (let i = 0; i < this.editsPerSnapshot; i++) {
      // A prime step: the folders lie all over the tree, and hardly one twice.
      const folder = ((snapshot * this.editsPerSnapshot + i) * 7919) % this.#folders.length;
      const file = (snapshot + i) % FILES_PER_FOLDER;
      const edits = this.#edits.get(folder) ?? new Map<number, number>();
      edits.set(file, snapshot);
      this.#edits.set(folder, edits);
      // Only what the edit made is new: the last chunk of the file.
      const nodes = folderNodes(
        { folder, secondChunkShare: this.#secondChunkShare, edits },
        (plain) => (isOf(plain, { file, version: snapshot }) ? storeChunk : chunkId)(plain),
      );
      this.#folders[folder] = await this.#store.trees.saveDirectory(nodes);
      this.#projects[Math.floor(folder / FOLDERS_PER_PROJECT)] = undefined;
      await this.#store.room();
    }
  }

  /** Saves what changed above the folders. @returns the entry of `/`. */
  async save(): Promise<TreeNode> {
    const { trees } = this.#store;
    this.#largeFolder ??= await this.#saveLargeFolder();
    const byUser: TreeNode[][] = USERS.map(() => []);
    for (let project = 0; project < this.#projects.length; project++) {
      const known = this.#projects[project] ?? (await this.#saveProject(project));
      this.#projects[project] = known;
      const user = Math.floor((project * USERS.length) / this.#projectsInTheEnd);
      byUser[user]?.push(directoryNode(projectName(project), known, project));
    }
    const archive = await trees.saveDirectory([directoryNode("camera", this.#largeFolder, 1)]);
    const home = [directoryNode("archive", archive, 2)];
    for (const [number, user] of USERS.entries()) {
      const subtree = await trees.saveDirectory(sorted(byUser[number] ?? []));
      home.push(directoryNode(user, subtree, 10 + number));
    }
    const top = await trees.saveDirectory(sorted(home));
    return directoryNode("", await trees.saveDirectory([directoryNode("home", top, 3)]), 4);
  }

  async #saveProject(project: number): Promise<BlobId> {
    const first = project * FOLDERS_PER_PROJECT;
    const folders = this.#folders.slice(first, first + FOLDERS_PER_PROJECT);
    const nodes = folders.map((id, i) => directoryNode(folderName(first + i), id, first + i));
    return this.#store.trees.saveDirectory(sorted(nodes));
  }

  /** Its files share a few contents: each is stored when it is first met. */
  async #saveLargeFolder(): Promise<BlobId> {
    const { chunkId, storeChunk, trees } = this.#store;
    const seen = new Set<BlobId>();
    const nodes = largeFolderNodes((plain) => {
      const id = chunkId(plain);
      if (!seen.has(id)) storeChunk(plain);
      seen.add(id);
      return id;
    });
    return trees.saveDirectory(nodes);
  }
}

function sorted(nodes: readonly TreeNode[]): TreeNode[] {
  return nodes.toSorted((a, b) => compareBytes(a.name, b.name));
}

/** Whether a chunk was made by the change number `version` of file `file`. */
function isOf(plain: Bytes, { file, version }: { file: number; version: number }): boolean {
  const view = new DataView(plain.buffer, plain.byteOffset, plain.byteLength);
  return view.getUint32(4, true) === file && view.getUint32(12, true) === version;
}
