/**
 * SourceSaver: walks a source and saves it bottom up. A directory is a frame: it is saved once all
 * its entries are known, which for files being read is some time after the walk has left it. Nothing
 * is awaited for a single file, so the walk of an unchanged tree runs at the speed of lstat.
 */
import { lossyUtf8 } from "../base/bytes.ts";
import { throwIfAborted } from "../base/concurrency.ts";
import { ForgeError, isForgeError } from "../base/errors.ts";
import { HeldWork } from "../base/held-work.ts";
import type { BlobId } from "../base/ids.ts";
import { TREE_DEPTH_MAX } from "../base/limits.ts";
import type { FileContent, NodeMetadata, TreeNode } from "../snapshots/tree-node.ts";
import type { BackupProgress } from "./backup-progress.ts";
import type { Dedup } from "./dedup.ts";
import {
  type DirectoryFrame,
  hasSameEntries,
  isSameDirectory,
  nodesOf,
} from "./directory-frame.ts";
import type { FileJob, SavedFile } from "./file-pool.ts";
import type { FileBatcher, FileDone, SavedContent } from "./file-batcher.ts";
import { LinkedFiles } from "./linked-files.ts";
import type { PreviousTree } from "./previous-tree.ts";
import type { TreeSaver } from "./save-tree.ts";
import type { Source, SourceDirectory, SourceEntry, SourceProblem, SourceStat } from "./source.ts";
import { metadataOf } from "./source-metadata.ts";
import { type PreviousDirectory, type PreviousEntry, isUnchanged } from "./unchanged.ts";

/** The event loop is let run after this many directories, so that signals are heard. */
const DIRECTORIES_PER_TURN = 256;
/** Directories whose pages are being made: the walk waits, lest it hold all that it has seen. */
const FINISHING_MAX = 8;

/** A file being read, and where it belongs. */
interface FileSaving {
  readonly frame: DirectoryFrame;
  readonly slot: number;
  readonly entry: SourceEntry;
  /** Whether the parent snapshot has another file of its name. */
  readonly isChange: boolean;
}

export interface SourceSaverOptions {
  readonly source: Source;
  readonly files: FileBatcher;
  readonly trees: TreeSaver;
  readonly dedup: Dedup;
  readonly previous: PreviousTree | undefined;
  readonly progress: BackupProgress;
  readonly recordAtime: boolean;
  readonly onProblem: (problem: SourceProblem) => void;
  /** A promise while finished directories wait for the storage: the walk pauses. */
  readonly waitForRoom: () => Promise<void> | undefined;
  readonly signal: AbortSignal | undefined;
}

export class SourceSaver {
  readonly #options: SourceSaverOptions;
  readonly #links: LinkedFiles;
  /** Directories and large files that are being saved. */
  readonly #finishing = new HeldWork(FINISHING_MAX);
  #root: TreeNode | undefined;

  constructor(options: SourceSaverOptions) {
    this.#options = options;
    this.#links = new LinkedFiles(options.files);
  }

  /** @returns the root blob of the snapshot. */
  async save(): Promise<BlobId> {
    const { source, files, trees, previous } = this.#options;
    const top = { entry: source.root, listing: this.#list(source.root, 0) };
    const root = await this.#enter({ ...top, parent: undefined, slot: 0 }, previous?.root);
    await this.#walk(root);
    this.#options.progress.walkEnded = true;
    await files.flush();
    await this.#finishing.finished();
    if (this.#root === undefined) throw new Error("forge has a defect: the root was not saved");
    return trees.saveRoot(this.#root);
  }

  async #walk(root: DirectoryFrame): Promise<void> {
    const stack = [root];
    let directories = 0;
    for (;;) {
      const frame = stack.at(-1);
      if (frame === undefined) return;
      this.#finishing.throwFailure();
      const entry = frame.listing.entries[frame.next];
      if (entry === undefined) {
        stack.pop();
        this.#settle(frame);
        continue;
      }
      const slot = frame.next++;
      if (entry.stat.type !== "directory") {
        const waiting = this.#saveEntry(frame, slot, entry);
        if (waiting !== undefined) await waiting;
        continue;
      }
      if (++directories % DIRECTORIES_PER_TURN === 0) await nextTurn();
      const turn = this.#finishing.waitForRoom();
      if (turn !== undefined) await turn;
      const room = this.#options.waitForRoom();
      if (room !== undefined) await room;
      const entering = this.#enterChild(frame, slot, entry);
      const child = entering instanceof Promise ? await entering : entering;
      if (child !== undefined) stack.push(child);
    }
  }

  /**
   * At once when the directory of the parent snapshot is in memory.
   * @returns `undefined` when the directory cannot be listed: that is reported, and it is left out.
   */
  #enterChild(
    parent: DirectoryFrame,
    slot: number,
    entry: SourceEntry,
  ): DirectoryFrame | undefined | Promise<DirectoryFrame> {
    let listing: SourceDirectory;
    try {
      listing = this.#list(entry, parent.depth + 1);
    } catch (error) {
      if (!isForgeError(error, "permission", "io", "source-changed", "not-found", "too-large"))
        throw error;
      parent.changed = true;
      this.#report(entry, error);
      return undefined;
    }
    parent.pending++;
    return this.#enter({ entry, listing, parent, slot }, parent.previous?.find(entry.name));
  }

  #list(entry: SourceEntry, depth: number): SourceDirectory {
    throwIfAborted(this.#options.signal);
    if (depth > TREE_DEPTH_MAX) {
      throw new ForgeError("too-large", `the directory is more than ${TREE_DEPTH_MAX} levels deep`);
    }
    const listing = this.#options.source.list(entry);
    for (const problem of listing.problems) this.#options.onProblem(problem);
    return listing;
  }

  #enter(
    place: Pick<DirectoryFrame, "entry" | "listing" | "parent" | "slot">,
    previousEntry: PreviousEntry | undefined,
  ): DirectoryFrame | Promise<DirectoryFrame> {
    const { entry, listing, parent, slot } = place;
    const frameWith = (previous: PreviousDirectory | undefined): DirectoryFrame => ({
      parent,
      slot,
      depth: parent === undefined ? 0 : parent.depth + 1,
      entry,
      listing,
      previousEntry,
      previous,
      nodes: new Array<TreeNode | undefined>(listing.entries.length),
      next: 0,
      pending: 1,
      changed: false,
    });
    const previous = this.#options.previous?.open(previousEntry);
    return previous instanceof Promise ? previous.then(frameWith) : frameWith(previous);
  }

  /** @returns a promise only when the walk has to wait. */
  #saveEntry(frame: DirectoryFrame, slot: number, entry: SourceEntry): Promise<void> | undefined {
    const found = frame.previous?.find(entry.name);
    const previous = found !== undefined && isUnchanged(found, entry.stat) ? found : undefined;
    if (entry.stat.type !== "file") {
      this.#options.progress.others++;
      if (previous !== undefined) this.#reuse(frame, slot, entry.stat, previous);
      else this.#describeOther(frame, slot, entry);
      return undefined;
    }
    const isChange = found !== undefined && found.page.type(found.index) === "file";
    this.#options.progress.foundFile(entry.stat.sizeBytes);
    if (previous === undefined) return this.#saveFile(frame, slot, entry, isChange);
    const known = this.#isStored(previous);
    if (known === true) {
      this.#reuse(frame, slot, entry.stat, previous);
      this.#options.progress.savedFile("unchanged", entry.stat.sizeBytes);
      return undefined;
    }
    if (known === false) return this.#saveFile(frame, slot, entry, true);
    return known.then((answer) => {
      if (!answer) return this.#saveFile(frame, slot, entry, true);
      this.#reuse(frame, slot, entry.stat, previous);
      this.#options.progress.savedFile("unchanged", entry.stat.sizeBytes);
      return undefined;
    });
  }

  /** Never trust a remembered file whose blobs the index does not know. */
  #isStored({ page, index }: PreviousEntry): boolean | Promise<boolean> {
    const { dedup, previous } = this.#options;
    if (page.hasChunkList(index) || page.inlineHoleBytes(index) === undefined) {
      return previous?.confirmLists(page.content(index)) ?? false;
    }
    const known = dedup.confirmNow(page.refBytes(index));
    if (known !== "unread") return known;
    const content = page.content(index);
    return content === undefined ? false : dedup.confirmContent(content);
  }

  /** The node itself is only made if the directory has to be saved. */
  #reuse(frame: DirectoryFrame, slot: number, stat: SourceStat, previous: PreviousEntry): void {
    const { page, index } = previous;
    if (page.device(index) === stat.device) {
      frame.nodes[slot] = previous;
    } else {
      frame.changed = true;
      frame.nodes[slot] = { ...page.node(index), device: stat.device };
    }
  }

  #describeOther(frame: DirectoryFrame, slot: number, entry: SourceEntry): void {
    frame.changed = true;
    try {
      const description = this.#options.source.describe(entry, this.#options.onProblem);
      frame.nodes[slot] = {
        ...this.#withAtime(description.metadata, entry.stat),
        name: entry.name,
        linkTarget: description.linkTarget,
      };
    } catch (error) {
      if (!isForgeError(error)) throw error;
      this.#report(entry, error);
    }
  }

  #saveFile(
    frame: DirectoryFrame,
    slot: number,
    entry: SourceEntry,
    isChange: boolean,
  ): Promise<void> | undefined {
    frame.changed = true;
    frame.pending++;
    const done: FileDone = (outcome) => {
      try {
        this.#fileDone({ frame, slot, entry, isChange }, outcome);
      } catch (error) {
        this.#finishing.fail(error);
      }
    };
    const { stat } = entry;
    const job: FileJob =
      entry.fd === undefined
        ? { input: { path: entry.openPath }, stat, trustFingerprints: true }
        : // A pipe cannot be read twice, so nothing may rest on a fingerprint.
          { input: { fd: entry.fd }, stat: undefined, trustFingerprints: false };
    return this.#links.add(job, stat, done);
  }

  /** At once, but for a file of many chunks: a promise for each would cost as much as its node. */
  #fileDone(saving: FileSaving, outcome: SavedContent | ForgeError): void {
    const { frame, entry } = saving;
    if (outcome instanceof ForgeError) {
      // A pipe is all that was to be saved: a snapshot without it would be none.
      if (entry.fd !== undefined) throw outcome;
      this.#report(entry, outcome);
      this.#options.progress.failedFile(entry.stat.sizeBytes);
      this.#settle(frame);
      return;
    }
    const { file } = outcome;
    const content = this.#options.trees.saveContent(outcome.content);
    if (content instanceof Promise) {
      this.#finishing.hold(content.then((lists) => this.#fileSaved(saving, file, lists)));
    } else {
      this.#fileSaved(saving, file, content);
    }
  }

  #fileSaved(saving: FileSaving, file: SavedFile, content: FileContent): void {
    const { source, progress, onProblem } = this.#options;
    const { frame, slot, entry, isChange } = saving;
    for (const warning of file.warnings) {
      onProblem({ path: source.displayPath(entry), error: new ForgeError("io", warning) });
    }
    if (file.changed) {
      const error = new ForgeError(
        "source-changed",
        "it changed while it was read; the copy may mix what it was before and after",
      );
      onProblem({ path: source.displayPath(entry), error });
    }
    const stat = file.stat ?? entry.stat;
    frame.nodes[slot] = {
      ...this.#withAtime(metadataOf(stat, source, file.xattrs), stat),
      name: entry.name,
      content,
    };
    progress.savedFile(isChange ? "changed" : "new", entry.stat.sizeBytes, file.sizeBytes);
    this.#settle(frame);
  }

  /** One entry of the frame is known, or the walk has left it. The last one saves the directory. */
  #settle(frame: DirectoryFrame): void {
    for (let at: DirectoryFrame | undefined = frame; at !== undefined; at = at.parent) {
      at.pending--;
      if (at.pending > 0) return;
      if (this.#finishUnchanged(at)) continue;
      this.#finishing.hold(this.#finish(at));
      return;
    }
  }

  /**
   * `#finish` of a directory that is in every way what it was, at once, but for settling the parent.
   * @returns false for all others.
   */
  #finishUnchanged(frame: DirectoryFrame): boolean {
    const { parent, slot, previousEntry } = frame;
    if (parent === undefined || previousEntry === undefined) return false;
    if (!hasSameEntries(frame) || !isSameDirectory(frame)) return false;
    const subtree = previousEntry.page.refBytes(previousEntry.index);
    if (this.#options.dedup.confirmNow(subtree) !== true) return false;
    parent.nodes[slot] = previousEntry;
    this.#left(frame);
    return true;
  }

  async #finish(frame: DirectoryFrame): Promise<void> {
    const previousSubtree = await this.#findUnchangedSubtree(frame);
    const subtree = previousSubtree ?? (await this.#options.trees.saveDirectory(nodesOf(frame)));
    const { parent } = frame;
    const isSame = previousSubtree !== undefined && isSameDirectory(frame);
    if (parent === undefined) this.#root = this.#directoryNode(frame, subtree);
    // One that is as it was is taken apart only if its parent has to be saved.
    else if (isSame) parent.nodes[frame.slot] = frame.previousEntry;
    else parent.nodes[frame.slot] = this.#directoryNode(frame, subtree);
    this.#left(frame);
    if (parent === undefined) return;
    if (!isSame) parent.changed = true;
    this.#settle(parent);
  }

  /** Nothing is done in the directory any more. */
  #left(frame: DirectoryFrame): void {
    const { progress } = this.#options;
    frame.listing.close();
    progress.directories++;
    progress.report();
  }

  /** The blob of the parent snapshot's directory when every entry in it is the same. */
  async #findUnchangedSubtree(frame: DirectoryFrame): Promise<BlobId | undefined> {
    const { previousEntry } = frame;
    if (previousEntry === undefined || !hasSameEntries(frame)) return undefined;
    const subtree = previousEntry.page.subtree(previousEntry.index);
    if (subtree === undefined || !(await this.#options.dedup.confirm(subtree))) return undefined;
    return subtree;
  }

  #directoryNode(frame: DirectoryFrame, subtree: BlobId): TreeNode {
    const { entry, previousEntry } = frame;
    if (previousEntry !== undefined && isSameDirectory(frame)) {
      return { ...previousEntry.page.node(previousEntry.index), name: entry.name, subtree };
    }
    let metadata: NodeMetadata;
    try {
      metadata = this.#options.source.describe(entry, this.#options.onProblem).metadata;
    } catch (error) {
      if (!isForgeError(error)) throw error;
      // Its entries are saved: keep them under what the walk saw of the directory.
      this.#report(entry, error);
      metadata = metadataOf(entry.stat, this.#options.source, []);
    }
    return { ...this.#withAtime(metadata, entry.stat), name: entry.name, subtree };
  }

  /** atime only when asked for: it would rewrite the pages of directories nobody changed. */
  #withAtime<T extends NodeMetadata>(metadata: T, stat: SourceStat): T {
    return { ...metadata, atimeNs: this.#options.recordAtime ? stat.atimeNs : undefined };
  }

  #report(entry: SourceEntry, error: ForgeError): void {
    const path = this.#options.source.displayPath(entry);
    this.#options.onProblem({ path: path === "" ? lossyUtf8(entry.openPath) : path, error });
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 0);
  });
}
