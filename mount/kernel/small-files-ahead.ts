/**
 * SmallFilesAhead: recognises programs that read the small files of a folder one after another (`cp`,
 * `tar`, `grep -r`), and gives the kernel the files that follow before they are asked for. A request for
 * each costs more than their content.
 *
 * Of what is given nothing is heard again, so in the middle of each lot one file is left out: when it is
 * asked for, the program is there, and the next lot is due. A program goes from folder to folder without
 * losing its place as long as such files tell that it reads what it was given.
 *
 * The work is done a file at a time, in moments in which nobody asks for anything.
 */
import type { FsEntry, FsFile } from "../../engine/read/readonly-fs.ts";
import type { Inode, InodeTable } from "../inode-table.ts";
import type { PageStore } from "./page-store.ts";
import type { Request } from "./protocol.ts";

/** Opened on the thread that answers in 60 µs. Of larger files the content is loaded, and asked for. */
const SMALL_BYTES = 64 * 1024;
const LOADED_BYTES_MAX = 1024 * 1024;
const LOADS_MAX = 4;
/** The first lot, and the most that one grows to. */
const LOT_BYTES_MIN = 64 * 1024;
const LOT_BYTES_MAX = 1024 * 1024;
const LOT_FILES_MAX = 256;
/** What a folder holds between two files and still counts as going on: folders, links, large files. */
const GAP_ENTRIES_MAX = 16;
/** Programs remembered; the one not heard of for longest makes room. */
const WALKS_MAX = 16;
const PLACES_MAX = 16;
/** A folder that is known in part only is looked at again after so many entries. */
const RETRY_ENTRIES = 32;
const UNKNOWN_MAX = 4;
const CREDIT_MAX = 4;
/** Waiting content is handed over when it is so much: little at first, the program may be close. */
const FLUSH_BYTES_MIN = 16 * 1024;
const FLUSH_BYTES_MAX = 128 * 1024;

/** A program on its way. */
interface Walk {
  /** Where it is in the folders it lately was in, the last one last: it comes back from those below. */
  readonly places: Map<Inode, Place>;
  /** How often it lately was where it was expected; without any nothing is given. */
  credit: number;
  /** The folder in which something was given and nothing has shown yet that it was wanted. */
  unproven: Place | undefined;
}

interface Place {
  /** Number in the folder of the file that was asked for last. */
  ordinal: number;
  /** Files before it were given, or are about to be. */
  givenUntil: number;
  /** The file that was left out: asking for it, or for one behind it, makes the next lot due. */
  marker: number;
  lotBytes: number;
}

interface Given {
  readonly nodeId: number;
  readonly directory: Inode;
  readonly file: FsFile;
  readonly ordinal: number;
  readonly sizeBytes: number;
  isLoaded: boolean;
}

export class SmallFilesAhead {
  readonly #table: InodeTable;
  readonly #store: PageStore;
  /** By process, the most recent last. */
  readonly #walks = new Map<number, Walk>();
  /** Files to be given, the next one last. */
  #lot: Given[] = [];
  #flushBytes = FLUSH_BYTES_MIN;
  #loads = 0;
  /** The next file cannot be given before it is loaded. */
  #isStuck = false;

  constructor(table: InodeTable, store: PageStore) {
    this.#table = table;
    this.#store = store;
  }

  /** A program asks for content of a file: only of whole small ones, in a folder that cannot change. */
  onRead({ pid }: Pick<Request, "pid">, { entry, parent }: Inode): void {
    if (parent === undefined || entry.ordinal === undefined || entry.type !== "file") return;
    if (entry.attributes.sizeBytes > LOADED_BYTES_MAX) return;
    const walk = this.#walkOf(pid);
    const place = arriveAt(walk, parent, entry.ordinal);
    this.#passed(parent, entry.ordinal);
    if (walk.credit === 0 || entry.ordinal < place.marker) return;
    if (this.#lot.length >= LOT_FILES_MAX) return;
    const from = Math.max(entry.ordinal + 1, place.givenUntil);
    if (this.#plan(place, parent, from)) walk.unproven = place;
  }

  /** A program has read the names in a folder, and the kernel knows them now. */
  onListed({ pid }: Pick<Request, "pid">, directory: Inode): void {
    const walk = this.#walks.get(pid);
    if (walk === undefined || walk.credit === 0 || walk.places.has(directory)) return;
    if (this.#lot.length >= LOT_FILES_MAX || !directory.entry.immutable) return;
    const place = arriveAt(walk, directory, -1);
    if (walk.credit > 0 && this.#plan(place, directory, 0)) walk.unproven = place;
  }

  /** Whether something is being loaded: the event loop has to turn for it. */
  get isLoading(): boolean {
    return this.#loads > 0;
  }

  /**
   * Does a little of the work.
   * @returns false when there is nothing to do for now.
   */
  work(): boolean {
    if (this.#isStuck || this.#loads >= LOADS_MAX || !this.#store.isFree) return false;
    const next = this.#lot.at(-1);
    if (next === undefined) {
      const isWaiting = this.#store.waitingBytes > 0;
      this.#store.flush();
      return isWaiting;
    }
    if (next.sizeBytes > SMALL_BYTES) {
      this.#lot.pop();
      void this.#load(next);
      return true;
    }
    const content = next.file.readBriefly?.();
    if (content === undefined) {
      // Once only: a file with holes, or of several chunks, cannot be given so.
      if (next.isLoaded) this.#lot.pop();
      else this.#loadFirst(next);
      return next.isLoaded;
    }
    if (!this.#store.add(next.nodeId, content)) {
      this.#store.flush();
      return true;
    }
    this.#lot.pop();
    if (this.#store.waitingBytes >= this.#flushBytes) {
      this.#flushBytes = Math.min(2 * this.#flushBytes, FLUSH_BYTES_MAX);
      this.#store.flush();
    }
    return true;
  }

  #walkOf(pid: number): Walk {
    const walk: Walk = this.#walks.get(pid) ?? {
      places: new Map(),
      credit: 0,
      unproven: undefined,
    };
    keepLast(this.#walks, pid, walk, WALKS_MAX);
    return walk;
  }

  /**
   * Chooses the next lot: files from number `from` on that the kernel knows.
   * @returns Whether there is anything to give.
   */
  #plan(place: Place, directory: Inode, from: number): boolean {
    const { entry } = directory;
    const entries = entry.type === "directory" ? (entry.readEntriesNow?.(from) ?? []) : [];
    const lot: Given[] = [];
    let left = place.lotBytes;
    let unknown = 0;
    for (const [i, found] of entries.entries()) {
      const given = this.#givenOf(directory, found, from + i);
      // A program that asks for paths has not listed the folder: the kernel knows none of them.
      if (given === "unknown" && ++unknown === UNKNOWN_MAX) break;
      if (typeof given === "string") continue;
      unknown = 0;
      lot.push(given);
      left -= given.sizeBytes;
      if (left <= 0 || lot.length === LOT_FILES_MAX) break;
    }
    place.givenUntil = (lot.at(-1)?.ordinal ?? from - 1) + 1;
    const [marker] = lot.splice(lot.length >> 1, 1);
    place.marker = marker?.ordinal ?? from + RETRY_ENTRIES;
    if (lot.length === 0) return false;
    place.lotBytes = Math.min(2 * place.lotBytes, LOT_BYTES_MAX);
    if (this.#lot.length === 0) this.#flushBytes = FLUSH_BYTES_MIN;
    this.#lot.unshift(...lot.reverse());
    return true;
  }

  #givenOf(directory: Inode, entry: FsEntry, ordinal: number): Given | "unknown" | "unsuited" {
    if (entry.type !== "file" || entry.readBriefly === undefined) return "unsuited";
    const inode = this.#table.peek(directory, entry);
    if (inode === undefined) return "unknown";
    const { sizeBytes } = entry.attributes;
    if (sizeBytes === 0 || sizeBytes > LOADED_BYTES_MAX) return "unsuited";
    return { nodeId: inode.id, directory, file: entry, ordinal, sizeBytes, isLoaded: false };
  }

  /** What a program has come to is not given any more. */
  #passed(directory: Inode, ordinal: number): void {
    for (;;) {
      const next = this.#lot.at(-1);
      if (next?.directory !== directory || next.ordinal > ordinal) return;
      this.#lot.pop();
    }
  }

  /** Loads the next file of the lot, which waits for it. */
  #loadFirst(next: Given): void {
    this.#isStuck = true;
    void this.#load(next).then((isLoaded) => {
      this.#isStuck = false;
      next.isLoaded = true;
      // Whoever reads the others is told why it fails.
      if (!isLoaded) this.#lot = [];
    });
  }

  async #load({ file, sizeBytes }: Given): Promise<boolean> {
    this.#loads++;
    try {
      await file.load?.({ offset: 0, length: sizeBytes });
      return true;
    } catch {
      return false;
    } finally {
      this.#loads--;
    }
  }
}

/** The place of a program that asks for file number `ordinal` of a folder; tells whether it was expected there. */
function arriveAt(walk: Walk, directory: Inode, ordinal: number): Place {
  const known = walk.places.get(directory);
  const isExpected =
    known !== undefined &&
    ordinal > known.ordinal &&
    ordinal <= Math.max(known.ordinal, known.givenUntil) + GAP_ENTRIES_MAX;
  const isAstray = known !== undefined && !isExpected;
  if (isExpected) walk.credit = Math.min(walk.credit + 1, CREDIT_MAX);
  else if (isAstray) walk.credit = 0;
  else if (walk.unproven !== undefined) walk.credit = Math.max(0, walk.credit - 1);
  // Going on elsewhere tells once that what was given here is not wanted.
  if (walk.unproven !== known || isExpected) walk.unproven = undefined;
  const place = isExpected ? known : { ordinal, givenUntil: 0, marker: 0, lotBytes: LOT_BYTES_MIN };
  place.ordinal = ordinal;
  keepLast(walk.places, directory, place, PLACES_MAX);
  return place;
}

/** Sets a value as the most recent; the least recent makes room. */
function keepLast<Key, Value>(map: Map<Key, Value>, key: Key, value: Value, max: number): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= max) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
}
