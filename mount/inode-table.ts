/**
 * Inodes that the kernel knows: node id ⇄ entry, with the kernel's lookup counts. A node id is
 * never used twice, so nothing the kernel still caches can come to mean another file.
 *
 * A node id stands for one version of an entry. When something in a directory that can change is
 * replaced (`latest` points elsewhere), the newcomer gets an id of its own, and the caches that the
 * kernel keeps for the old one do no harm.
 */
import { type Bytes, equalBytes } from "../engine/base/bytes.ts";
import { type FsDirectory, type FsEntry, displayName } from "../engine/read/readonly-fs.ts";
import { ROOT_INODE_NUMBER, attributesKey, hardLinkKeyOf, inodeNumberOf } from "./inode-number.ts";

export const ROOT_NODE_ID = 1;

export interface Inode {
  /** The kernel's handle, unique for the life of the mount. */
  readonly id: number;
  /** `st_ino`. */
  readonly number: bigint;
  /** The directory it was found in; of the root itself. */
  readonly parent: Inode | undefined;
  readonly entry: FsEntry;
}

class TableInode implements Inode {
  readonly id: number;
  readonly number: bigint;
  readonly parent: TableInode | undefined;
  entry: FsEntry;
  /** Its key in `children` of the parent, or in the table's map of hard links. */
  readonly key: string;
  lookups = 0;
  children: Map<string, TableInode> | undefined;
  /** Names of extended attributes met on children. */
  childXattrs: Set<string> | undefined;

  constructor(
    id: number,
    number: bigint,
    parent: TableInode | undefined,
    key: string,
    entry: FsEntry,
  ) {
    this.id = id;
    this.number = number;
    this.parent = parent;
    this.key = key;
    this.entry = entry;
  }
}

export class InodeTable {
  readonly #byId = new Map<number, TableInode>();
  readonly #hardLinks = new Map<string, TableInode>();
  #nextId = ROOT_NODE_ID + 1;

  constructor(root: FsDirectory) {
    const inode = new TableInode(ROOT_NODE_ID, ROOT_INODE_NUMBER, undefined, "", root);
    this.#byId.set(ROOT_NODE_ID, inode);
  }

  /** Nodes the kernel holds, the root included. */
  get size(): number {
    return this.#byId.size;
  }

  find(id: number): Inode | undefined {
    return this.#byId.get(id);
  }

  /** The node of `entry`, which was found in `parent`; counts one lookup. */
  enter(parent: Inode, entry: FsEntry): Inode {
    const inode = this.#findOrAdd(parent, entry);
    inode.lookups++;
    return inode;
  }

  /** Whether something in the directory that holds `inode`, as far as it was read, has this xattr. */
  isXattrNear(inode: Inode, name: Bytes): boolean {
    const directory = this.#byId.get((inode.parent ?? inode).id);
    return directory?.childXattrs?.has(nameKey(name)) ?? false;
  }

  /** The kernel gave back `lookups` of what `enter` counted. Unknown ids are ignored. */
  forget(id: number, lookups: number): void {
    const inode = this.#byId.get(id);
    if (inode === undefined || id === ROOT_NODE_ID) return;
    inode.lookups -= lookups;
    if (inode.lookups > 0) return;
    this.#byId.delete(id);
    const siblings = this.#siblingsOf(inode);
    // A replaced entry may already have handed its place to its successor.
    if (siblings?.get(inode.key) === inode) siblings.delete(inode.key);
  }

  #findOrAdd(parent: Inode, entry: FsEntry): TableInode {
    const linkKey = hardLinkKeyOf(entry);
    const home = this.#byId.get(parent.id);
    const key = linkKey ?? nameKey(entry.name);
    const siblings = linkKey === undefined ? childrenOf(home) : this.#hardLinks;
    const known = siblings?.get(key);
    if (known !== undefined && isSame(known.entry, entry, parent.entry.immutable)) {
      // A directory that changes is asked through its newest value.
      if (!entry.immutable) known.entry = entry;
      return known;
    }
    const number = inodeNumberOf(parent.number, entry);
    const inode = new TableInode(this.#nextId++, number, home, key, entry);
    this.#byId.set(inode.id, inode);
    siblings?.set(key, inode);
    if (home !== undefined && entry.xattrs.length > 0) {
      home.childXattrs ??= new Set();
      for (const xattr of entry.xattrs) home.childXattrs.add(nameKey(xattr.name));
    }
    return inode;
  }

  #siblingsOf(inode: TableInode): Map<string, TableInode> | undefined {
    return this.#hardLinks.get(inode.key) === inode ? this.#hardLinks : inode.parent?.children;
  }
}

/** The path of a node inside the mount, for messages. Of a hard link: the name first looked up. */
export function pathOf(inode: Inode): string {
  let path = "";
  for (let at: Inode | undefined = inode; at.parent !== undefined; at = at.parent) {
    path = `/${displayName(at.entry.name)}${path}`;
  }
  return path === "" ? "/" : path;
}

function childrenOf(directory: TableInode | undefined): Map<string, TableInode> | undefined {
  if (directory === undefined) return undefined;
  directory.children ??= new Map();
  return directory.children;
}

/** A string with one character per byte: unlike UTF-8 text it tells all names apart. */
function nameKey(name: Bytes): string {
  return Buffer.from(name.buffer, name.byteOffset, name.byteLength).toString("latin1");
}

/** Whether two entries of one name are the same thing, so that what the kernel caches stays true. */
function isSame(known: FsEntry, found: FsEntry, parentIsImmutable: boolean): boolean {
  if (known === found || parentIsImmutable) return true;
  if (known.type !== found.type || known.immutable !== found.immutable) return false;
  if (found.type === "directory" && !found.immutable) return true;
  if (attributesKey(known.attributes) !== attributesKey(found.attributes)) return false;
  if (known.type === "symlink" && found.type === "symlink") {
    return equalBytes(known.target, found.target);
  }
  if (known.type === "file" && found.type === "file") return known.contentKey === found.contentKey;
  if (known.type === "directory" && found.type === "directory") {
    return known.contentKey !== undefined && known.contentKey === found.contentKey;
  }
  return true;
}
