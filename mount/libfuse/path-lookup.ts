/**
 * Paths → entries, for a binding that knows no inodes. What cannot change is remembered, because
 * libfuse asks for the whole path again at every step.
 */
import { type Bytes, lossyUtf8, utf8 } from "../../engine/base/bytes.ts";
import { ForgeError } from "../../engine/base/errors.ts";
import { type FsDirectory, type FsEntry, fsEntries } from "../../engine/read/readonly-fs.ts";
import { ROOT_INODE_NUMBER, inodeNumberOf } from "../inode-number.ts";

export interface Found {
  readonly entry: FsEntry;
  readonly inodeNumber: bigint;
}

/** Paths remembered; beyond, all are forgotten and what is in use comes back. */
const PATHS_MAX = 20_000;
const REPLACEMENT_CHARACTER = "\ufffd";

export class PathLookup {
  readonly #root: Found;
  readonly #known = new Map<string, Found>();

  constructor(root: FsDirectory) {
    this.#root = { entry: root, inodeNumber: ROOT_INODE_NUMBER };
  }

  /** @throws ForgeError "not-found". */
  async get(path: string): Promise<Found> {
    if (path === "/") return this.#root;
    const known = this.#known.get(path);
    if (known !== undefined) return known;
    const slash = path.lastIndexOf("/");
    const parent = await this.get(slash <= 0 ? "/" : path.slice(0, slash));
    if (parent.entry.type !== "directory") throw new ForgeError("not-a-directory", path);
    const entry = await lookup(parent.entry, path.slice(slash + 1));
    if (entry === undefined) throw new ForgeError("not-found", path);
    const found = { entry, inodeNumber: inodeNumberOf(parent.inodeNumber, entry) };
    if (parent.entry.immutable) this.#remember(path, found);
    return found;
  }

  #remember(path: string, found: Found): void {
    if (this.#known.size >= PATHS_MAX) this.#known.clear();
    this.#known.set(path, found);
  }
}

/**
 * A name that is not UTF-8 arrives with replacement characters: then the first entry that looks the
 * same is meant. Two of them in one directory cannot be told apart.
 */
async function lookup(directory: FsDirectory, name: string): Promise<FsEntry | undefined> {
  const bytes: Bytes = utf8(name);
  const entry = await directory.lookup(bytes);
  if (entry !== undefined || !name.includes(REPLACEMENT_CHARACTER)) return entry;
  for await (const candidate of fsEntries(directory)) {
    if (lossyUtf8(candidate.name) === name) return candidate;
  }
  return undefined;
}
