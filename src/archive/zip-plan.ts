/** Folder → the plan of a ZIP archive of all that is in it. Reads metadata alone. */
import { crc32 } from "node:zlib";
import { type Bytes, concatBytes, utf8 } from "../../engine/base/bytes.ts";
import { throwIfAborted } from "../../engine/base/concurrency.ts";
import { ForgeError } from "../../engine/base/errors.ts";
import { TREE_DEPTH_MAX } from "../../engine/base/limits.ts";
import type { FsDirectory, FsEntry } from "../../engine/node.ts";
import { EntryTable, TOP } from "./entry-table.ts";
import type { ArchiveOptions } from "./tar.ts";
import { type ZipEntry, type ZipLayout, ZipLayoutBuilder } from "./zip-layout.ts";
import { UniqueNames, zipNameOf } from "./zip-name.ts";

export interface ZipPlan {
  readonly layout: ZipLayout;
  /** The entries of the snapshot by their numbers in the layout. */
  readonly entries: EntryTable;
  readonly files: number;
  readonly directories: number;
  readonly others: number;
}

export interface ZipPlanOptions extends ArchiveOptions {
  /** Memory that the plan may take; 50 bytes an entry and its path. */
  readonly heldBytesMax?: number | undefined;
}

/** Enough for some five million files. */
const HELD_BYTES_MAX_DEFAULT = 768 * 1024 * 1024;
const SLASH = utf8("/");

/**
 * Plans an archive of what is in `root`; with `options.path` everything stands below that folder,
 * which is an entry as well. Links of one file become files of equal content.
 *
 * @throws ForgeError of reading; "too-large"; "aborted".
 */
export async function planZip(root: FsDirectory, options: ZipPlanOptions): Promise<ZipPlan> {
  return new Planner(root, options).run();
}

class Planner {
  readonly #root: FsDirectory;
  readonly #options: ZipPlanOptions;
  readonly #builder = new ZipLayoutBuilder();
  readonly #entries: EntryTable;
  readonly #counts = { files: 0, directories: 0, others: 0 };

  constructor(root: FsDirectory, options: ZipPlanOptions) {
    const { path } = options;
    this.#options = options;
    this.#root = path.length === 0 ? root : folderOf(root);
    this.#entries = new EntryTable(this.#root);
  }

  async run(): Promise<ZipPlan> {
    await this.#addFolder(this.#root, { path: "", number: TOP, bytes: new Uint8Array(0) }, 0);
    return { layout: this.#builder.finish(), entries: this.#entries, ...this.#counts };
  }

  async #addFolder(
    folder: FsDirectory,
    at: { readonly path: string; readonly number: number; readonly bytes: Bytes },
    depth: number,
  ): Promise<void> {
    if (depth > TREE_DEPTH_MAX) {
      throw new ForgeError("too-large", `Cannot archive a folder ${depth} levels deep`);
    }
    const { signal } = this.#options;
    const names = new UniqueNames(async (name) => (await folder.lookup(name)) !== undefined);
    for (let from = 0; ;) {
      throwIfAborted(signal);
      const page = await folder.readEntries(from, { signal });
      if (page.length === 0) return;
      for (const [i, entry] of page.entries()) {
        const { text, isExact } = zipNameOf(entry.name, at.path === "");
        const name = isExact ? text : await names.nameFor(text);
        const path = at.path === "" ? name : `${at.path}/${name}`;
        const bytes =
          at.bytes.length === 0 ? entry.name : concatBytes([at.bytes, SLASH, entry.name]);
        const number = this.#add(entry, { path, bytes, folder: at.number, ordinal: from + i });
        if (number === undefined || entry.type !== "directory") continue;
        await this.#addFolder(entry, { path, number, bytes }, depth + 1);
      }
      from += page.length;
    }
  }

  /** @returns its number; `undefined` for what the archive cannot hold, which was told. */
  #add(
    entry: FsEntry,
    at: {
      readonly path: string;
      readonly bytes: Bytes;
      readonly folder: number;
      readonly ordinal: number;
    },
  ): number | undefined {
    const fields = fieldsOf(entry, at.path);
    if (fields === undefined) {
      this.#options.onSkipped(at.bytes, `a ZIP archive cannot hold a ${entry.type}`);
      return undefined;
    }
    if (!this.#builder.add(fields)) {
      this.#options.onSkipped(at.bytes, "its path is too long for a ZIP archive");
      return undefined;
    }
    const heldBytes = this.#builder.heldBytes + this.#entries.heldBytes;
    const max = this.#options.heldBytesMax ?? HELD_BYTES_MAX_DEFAULT;
    if (heldBytes > max) {
      throw new ForgeError(
        "too-large",
        `Cannot make a ZIP archive of more than ${this.#builder.count} files: choose fewer folders, or take a tar archive`,
      );
    }
    if (entry.type === "file") this.#counts.files++;
    else if (entry.type === "directory") this.#counts.directories++;
    else this.#counts.others++;
    return this.#entries.add(at.folder, at.ordinal);
  }
}

function fieldsOf(entry: FsEntry, path: string): ZipEntry | undefined {
  const { mode, mtimeNs, sizeBytes } = entry.attributes;
  const common = { path, mode, mtimeNs };
  switch (entry.type) {
    case "file":
      return { ...common, type: "file", sizeBytes, crc32: entry.crc32 };
    case "directory":
      return { ...common, type: "directory", sizeBytes: 0, crc32: 0 };
    case "symlink": {
      const { target } = entry;
      const link = { mode: 0o777, sizeBytes: target.length, crc32: crc32(target) };
      return { ...common, type: "symlink", ...link };
    }
    case "fifo":
    case "socket":
    case "char-device":
    case "block-device":
      return undefined;
    default:
      return entry satisfies never;
  }
}

/** A folder that holds `entry` alone. */
function folderOf(entry: FsDirectory): FsDirectory {
  return {
    type: "directory",
    name: new Uint8Array(0),
    attributes: entry.attributes,
    xattrs: [],
    immutable: entry.immutable,
    contentKey: undefined,
    readEntries: (from) => Promise.resolve(from === 0 ? [entry] : []),
    lookup: () => Promise.resolve(undefined),
  };
}
