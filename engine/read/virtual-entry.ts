/** Directories and links that no snapshot holds: the view of all snapshots is made of them. */
import { type Bytes, compareBytes, toHex, utf8 } from "../base/bytes.ts";
import type { FsAttributes, FsDirectory, FsEntry, FsSymlink } from "./readonly-fs.ts";

/** Who owns what no snapshot holds. */
export interface VirtualOwner {
  readonly uid: number;
  readonly gid: number;
}

/** Attributes of a virtual entry. One link: tools that count links of directories must not. */
export function virtualAttributes(
  mtimeNs: bigint,
  owner: VirtualOwner,
  sizeBytes = 0,
): FsAttributes {
  return {
    mode: 0o555,
    uid: owner.uid,
    gid: owner.gid,
    user: "",
    group: "",
    mtimeNs,
    ctimeNs: mtimeNs,
    atimeNs: undefined,
    sizeBytes,
    blocks512: 0,
    linkCount: 1,
    deviceMajor: 0,
    deviceMinor: 0,
    hardLinkKey: undefined,
  };
}

/** A key of a Map for a name of bytes. */
function keyOf(name: Bytes): string {
  return toHex(name);
}

/**
 * A directory whose entries change. The object stays the same while they do, so whoever holds it
 * sees the new ones.
 */
export class VirtualDirectory implements FsDirectory {
  readonly type: "directory" = "directory" as const;
  readonly name: Bytes;
  readonly xattrs: readonly [] = [];
  readonly immutable = false;
  readonly contentKey: undefined = undefined;
  readonly #beforeLook: () => Promise<void>;
  readonly #owner: VirtualOwner;
  #sorted: readonly FsEntry[] = [];
  #byName = new Map<string, FsEntry>();
  #findAlias: ((name: Bytes) => FsEntry | undefined) | undefined;
  #mtimeNs = 0n;

  /** @param beforeLook Awaited before entries are looked at: brings them up to date. */
  constructor(name: string, owner: VirtualOwner, beforeLook: () => Promise<void>) {
    this.name = utf8(name);
    this.#owner = owner;
    this.#beforeLook = beforeLook;
  }

  get attributes(): FsAttributes {
    return virtualAttributes(this.#mtimeNs, this.#owner);
  }

  refresh(): Promise<void> {
    return this.#beforeLook();
  }

  /**
   * Replaces all entries.
   * @param mtimeNs The directory's, unless it has to be later to tell this listing from the one before.
   * @param findAlias Answers for names that are not listed.
   */
  fill(
    entries: readonly FsEntry[],
    mtimeNs: bigint,
    findAlias?: (name: Bytes) => FsEntry | undefined,
  ): void {
    const sorted = [...entries].sort((a, b) => compareBytes(a.name, b.name));
    const isNew = !isSameListing(sorted, this.#sorted);
    this.#sorted = sorted;
    this.#byName = new Map(entries.map((entry) => [keyOf(entry.name), entry]));
    // Never back: whoever keeps an older listing compares times, and takes any other for a change.
    if (mtimeNs > this.#mtimeNs) this.#mtimeNs = mtimeNs;
    else if (isNew) this.#mtimeNs++;
    this.#findAlias = findAlias;
  }

  async readEntries(from: number): Promise<readonly FsEntry[]> {
    // Only at the beginning: a listing that goes on shifts under its reader only when another begins.
    if (from === 0) await this.#beforeLook();
    return this.#sorted.slice(from);
  }

  async lookup(name: Bytes): Promise<FsEntry | undefined> {
    await this.#beforeLook();
    return this.#byName.get(keyOf(name)) ?? this.#findAlias?.(name);
  }
}

/** Whether two sorted listings show the same names and types. */
function isSameListing(a: readonly FsEntry[], b: readonly FsEntry[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ name, type }, i) => {
      const other = b[i] as FsEntry;
      return type === other.type && compareBytes(name, other.name) === 0;
    })
  );
}

/** A link to a neighbour, which may point elsewhere later. */
export function virtualSymlink(
  name: string,
  target: string,
  mtimeNs: bigint,
  owner: VirtualOwner,
): FsSymlink {
  const targetBytes = utf8(target);
  return {
    type: "symlink",
    name: utf8(name),
    target: targetBytes,
    attributes: { ...virtualAttributes(mtimeNs, owner, targetBytes.length), mode: 0o777 },
    xattrs: [],
    immutable: false,
  };
}
