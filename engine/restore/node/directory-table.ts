/**
 * DirectoryTable: the target's directories as open descriptors. A directory is opened by one name in
 * its parent's descriptor and never through a symlink; descriptors that were not used for a while
 * are closed, and opened again component by component, when they must turn out to be the same
 * directory. No path string is ever resolved, so the depth of a tree does not matter either.
 */
import { closeSync, constants, fchmodSync, fstatSync, readFileSync } from "node:fs";
import { type Bytes, equalBytes, utf8 } from "../../base/bytes.ts";
import { ForgeError, assert } from "../../base/errors.ts";
import { errnoCodeOf } from "../../base/errno-code.ts";
import {
  fchmodat,
  flistxattr,
  mkdirat,
  openat,
  reserveDescriptors,
} from "../../platform/node/libc.ts";
import { nameFault } from "../../snapshots/entry-name.ts";
import { type FileIdentity, type TargetDirectory, sameIdentity } from "../restore-target.ts";
import type { Rights } from "./entry-metadata.ts";
import { identityOf } from "./inspect-entry.ts";
import { targetError } from "./target-error.ts";

const OPEN_FLAGS = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
/** Only restore itself may enter a directory until it gets its own mode. */
export const UNFINISHED_MODE = 0o700;
const OPEN_MAX = 4096;
/** As many fit beside the program's own descriptors into the first table of the kernel (64). */
const FEW_DIRECTORIES = 24;
const SETGID = 0o2000n;
const DEFAULT_ACL = utf8("system.posix_acl_default");

/** One directory. Only the table touches `fd` and `pins`. */
export class LocalDirectory implements TargetDirectory {
  readonly parent: LocalDirectory | undefined;
  readonly name: Bytes;
  readonly created: boolean;
  readonly identity: FileIdentity;
  /** What is made in it gets an ACL that no snapshot knows of. */
  readonly inheritsAcl: boolean;
  /** What is made in it belongs to the user and group of the restore, so chown may be left out. */
  readonly givesOwn: boolean;
  /** What is made in it has the mode that it is made with, less the umask, and nobody else gets at it. */
  readonly givesMode: boolean;
  fd: number;
  pins = 0;

  constructor(options: {
    readonly parent: LocalDirectory | undefined;
    readonly name: Bytes;
    readonly created: boolean;
    readonly fd: number;
    readonly rights: Rights;
  }) {
    this.parent = options.parent;
    this.name = options.name;
    this.created = options.created;
    this.fd = options.fd;
    const { dev, ino, uid, gid, mode } = fstatSync(options.fd, { bigint: true });
    this.identity = { device: dev, inode: ino };
    // The directory was made here itself: its own owner shows what the file system does, whether it
    // maps users (NFS) or hands down the group.
    this.givesOwn =
      options.created &&
      Number(uid) === options.rights.uid &&
      Number(gid) === options.rights.gid &&
      (mode & SETGID) === 0n;
    // A directory made by restore can only have inherited one.
    this.inheritsAcl =
      options.created && options.parent !== undefined
        ? options.parent.inheritsAcl
        : flistxattr(options.fd).some((name) => equalBytes(name, DEFAULT_ACL));
    // Again its own mode shows what the file system does.
    this.givesMode =
      options.created && !this.inheritsAcl && (Number(mode) & 0o7777) === UNFINISHED_MODE;
  }
}

export class DirectoryTable {
  readonly #rights: Rights;
  readonly #openMax: number;
  /** Open directories that may be closed, the least recently used first. */
  readonly #idle = new Set<LocalDirectory>();
  #pinned = 0;
  #isRoomy = false;

  /** @param openMax Descriptors held open, beyond those that are pinned. */
  constructor(rights: Rights, openMax: number = defaultOpenMax()) {
    this.#rights = rights;
    this.#openMax = openMax;
  }

  /** How many more directories may be pinned at a time. */
  get room(): number {
    return this.#openMax - this.#pinned;
  }

  /** @param fd Of the directory that everything goes into; owned by the table from now on. */
  addRoot(fd: number, created: boolean): LocalDirectory {
    const name = new Uint8Array(0);
    const rights = this.#rights;
    const root = new LocalDirectory({ parent: undefined, name, created, fd, rights });
    // The root cannot be opened again by a name, so it is never closed before the end.
    root.pins = 1;
    return root;
  }

  /** A descriptor that is valid until the next call of this table. */
  fdOf(directory: LocalDirectory): number {
    if (directory.fd < 0) this.#reopen(directory);
    else if (directory.pins === 0) {
      this.#idle.delete(directory);
      this.#idle.add(directory);
    }
    return directory.fd;
  }

  /** A descriptor that stays valid until `unpin`, in other threads too. */
  pin(directory: LocalDirectory): number {
    const fd = this.fdOf(directory);
    if (directory.pins++ === 0) {
      this.#idle.delete(directory);
      this.#pinned++;
    }
    return fd;
  }

  unpin(directory: LocalDirectory): void {
    assert(directory.pins > 0, "a directory unpinned more often than pinned");
    if (--directory.pins === 0) {
      this.#pinned--;
      this.#hold(directory);
    }
  }

  /**
   * Opens the directory `name` below `parent`, made first when it is absent.
   * @returns `undefined` when it is absent and not to be made.
   */
  openBelow(parent: LocalDirectory, name: Bytes, make: boolean): LocalDirectory | undefined {
    const fault = nameFault(name, 0, name.length);
    if (fault !== undefined) throw new ForgeError("corrupt", `Cannot use a directory: ${fault}`);
    const dirfd = this.fdOf(parent);
    try {
      const created = make && this.#make(dirfd, name, parent.created);
      const fd = this.#open(dirfd, name);
      if (fd === undefined) return undefined;
      const directory = new LocalDirectory({ parent, name, created, fd, rights: this.#rights });
      this.#hold(directory);
      this.#reserveDescriptors();
      return directory;
    } catch (error) {
      throw targetError(error, make ? "make the directory" : "open the directory");
    }
  }

  /** Forgets a directory nothing more will be done in. */
  drop(directory: LocalDirectory): void {
    if (directory.pins > 0 || directory.fd < 0) return;
    this.#idle.delete(directory);
    closeSync(directory.fd);
    directory.fd = -1;
  }

  close(root: LocalDirectory): void {
    for (const directory of this.#idle) closeSync(directory.fd);
    for (const directory of this.#idle) directory.fd = -1;
    this.#idle.clear();
    if (root.fd >= 0) closeSync(root.fd);
    root.fd = -1;
  }

  /**
   * Once there are more than a few directories: has the kernel make room for as many descriptors as
   * will be open. Left to itself it doubles its table whenever that is full, and a program of several
   * threads waits some 10 ms for it each time.
   */
  #reserveDescriptors(): void {
    if (this.#isRoomy || this.#idle.size < FEW_DIRECTORIES) return;
    this.#isRoomy = true;
    reserveDescriptors(this.#openMax);
  }

  /** @returns whether it was made; false when it is there already. */
  #make(dirfd: number, name: Bytes, parentCreated: boolean): boolean {
    try {
      mkdirat(dirfd, name, UNFINISHED_MODE);
      return true;
    } catch (error) {
      if (errnoCodeOf(error) !== "EEXIST") throw error;
      if (!parentCreated) return false;
      throw new ForgeError(
        "exists",
        "Cannot make the directory: in a directory made by this restore something has its name already, for the file system may take two names of the snapshot for one",
        { cause: error },
      );
    }
  }

  #open(dirfd: number, name: Bytes): number | undefined {
    try {
      return this.#accessible(openat(dirfd, name, OPEN_FLAGS));
    } catch (error) {
      const code = errnoCodeOf(error);
      if (code === "ENOENT") return undefined;
      if (code !== "EACCES" || this.#rights.uid === 0) throw error;
      // One's own directory without rights for oneself; it gets its mode back when it is finished.
      fchmodat(dirfd, name, UNFINISHED_MODE);
      return openat(dirfd, name, OPEN_FLAGS);
    }
  }

  /** Makes a directory of one's own writable while the restore works in it. */
  #accessible(fd: number): number {
    if (this.#rights.uid === 0) return fd;
    const { mode, uid } = fstatSync(fd);
    if (uid === this.#rights.uid && (mode & UNFINISHED_MODE) !== UNFINISHED_MODE) {
      fchmodSync(fd, (mode & 0o7777) | UNFINISHED_MODE);
    }
    return fd;
  }

  #reopen(directory: LocalDirectory): void {
    const missing: LocalDirectory[] = [];
    let at: LocalDirectory | undefined = directory;
    for (; at !== undefined && at.fd < 0; at = at.parent) missing.push(at);
    for (let next = missing.pop(); next !== undefined; next = missing.pop()) {
      const parentFd = next.parent?.fd;
      assert(parentFd !== undefined && parentFd >= 0, "a directory without an open parent");
      next.fd = this.#openSame(parentFd, next);
      this.#hold(next);
    }
  }

  #openSame(parentFd: number, directory: LocalDirectory): number {
    try {
      const fd = openat(parentFd, directory.name, OPEN_FLAGS);
      if (sameIdentity(identityOf(fd), directory.identity)) return fd;
      closeSync(fd);
    } catch (error) {
      throw targetError(error, "open the directory again");
    }
    throw new ForgeError("io", "Cannot open the directory again: another one stands in its place");
  }

  /** Keeps an open directory as the one used last, and closes the one that was not used longest. */
  #hold(directory: LocalDirectory): void {
    this.#idle.add(directory);
    if (this.#idle.size <= this.#openMax) return;
    for (const oldest of this.#idle) {
      this.#idle.delete(oldest);
      closeSync(oldest.fd);
      oldest.fd = -1;
      return;
    }
  }
}

/** A part of what the system lets this process open; files, threads and the storage need some too. */
function defaultOpenMax(): number {
  try {
    const limits = readFileSync("/proc/self/limits", "latin1");
    const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
    if (soft !== undefined) return Math.max(16, Math.min(OPEN_MAX, Math.floor(Number(soft) / 4)));
  } catch {
    // Without /proc the smallest usual limit (1024) is assumed.
  }
  return 256;
}
