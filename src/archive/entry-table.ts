/**
 * EntryTable: entries of a folder and all below it by number, without holding them: each is found
 * again through the folder it is in, 8 bytes an entry. Holding the entries would keep every page of
 * metadata in memory, past all caches.
 */
import { ForgeError } from "../../engine/base/errors.ts";
import type { FsDirectory, FsEntry } from "../../engine/node.ts";

/** Folders whose page is at hand. What is read in order meets few at a time. */
const PAGES_MAX = 64;
const FIRST_CAPACITY = 256;

interface Page {
  readonly from: number;
  readonly entries: readonly FsEntry[];
}

export class EntryTable {
  readonly #root: FsDirectory;
  /** Per entry: the number of the folder (an entry of this table), and which entry of that it is. */
  #folders: Uint32Array = new Uint32Array(FIRST_CAPACITY);
  #ordinals: Uint32Array = new Uint32Array(FIRST_CAPACITY);
  #count = 0;

  constructor(root: FsDirectory) {
    this.#root = root;
  }

  /** Memory taken. */
  get heldBytes(): number {
    return this.#folders.byteLength + this.#ordinals.byteLength;
  }

  /**
   * @param folder Number of the folder, or `TOP` for the root itself.
   * @param ordinal Which of the folder's entries, as `readEntries` counts them.
   * @returns the number of the entry.
   */
  add(folder: number, ordinal: number): number {
    if (this.#count === this.#folders.length) {
      this.#folders = grown(this.#folders);
      this.#ordinals = grown(this.#ordinals);
    }
    this.#folders[this.#count] = folder;
    this.#ordinals[this.#count] = ordinal;
    return this.#count++;
  }

  /** For one reader: what it has looked at is at hand as long as it goes on. */
  reader(): EntryReader {
    return new EntryReader(this.#root, (number) => ({
      folder: this.#folders[number] ?? TOP,
      ordinal: this.#ordinals[number] ?? 0,
    }));
  }
}

export class EntryReader {
  readonly #root: FsDirectory;
  readonly #placeOf: (number: number) => { readonly folder: number; readonly ordinal: number };
  /** By folder, the one that was used longest ago first. */
  readonly #pages = new Map<number, Page>();

  constructor(
    root: FsDirectory,
    placeOf: (number: number) => { readonly folder: number; readonly ordinal: number },
  ) {
    this.#root = root;
    this.#placeOf = placeOf;
  }

  /** At once when its folder's page is at hand. @throws ForgeError of reading. */
  entry(number: number): FsEntry | Promise<FsEntry> {
    const { folder, ordinal } = this.#placeOf(number);
    const page = this.#pages.get(folder);
    const found = page?.entries[ordinal - page.from];
    return found ?? this.#load(folder, ordinal);
  }

  async #load(folder: number, ordinal: number): Promise<FsEntry> {
    const directory = folder === TOP ? this.#root : await this.entry(folder);
    if (directory.type !== "directory") throw changed();
    const entries = await directory.readEntries(ordinal);
    const [found] = entries;
    if (found === undefined) throw changed();
    this.#pages.delete(folder);
    this.#pages.set(folder, { from: ordinal, entries });
    if (this.#pages.size > PAGES_MAX) {
      for (const oldest of this.#pages.keys()) {
        this.#pages.delete(oldest);
        break;
      }
    }
    return found;
  }
}

/** The folder of the entries at the top. */
export const TOP = 0xffff_ffff;

function grown(values: Uint32Array): Uint32Array {
  const wider = new Uint32Array(values.length * 2);
  wider.set(values);
  return wider;
}

function changed(): ForgeError {
  return new ForgeError("corrupt", "Cannot find a file again that was listed before");
}
