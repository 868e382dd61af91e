/**
 * Owner → xattrs → mode → times, in this order: chown clears set-id bits and capabilities, so both
 * come after it; an ACL changes the mode, so the mode comes after the xattrs; everything changes
 * times, so they are last and mark the entry as complete.
 */
import { fchmodSync, fchownSync, readFileSync } from "node:fs";
import { type Bytes, equalBytes, findUtf8, utf8 } from "../../base/bytes.ts";
import { errnoCodeOf } from "../../base/errno-code.ts";
import {
  fchmodat,
  fchownat,
  fgetxattr,
  flistxattr,
  fremovexattr,
  fsetxattr,
  lgetxattr,
  llistxattr,
  lremovexattr,
  lsetxattr,
  utimensat,
} from "../../platform/node/libc.ts";
import type { FsEntry, FsXattr } from "../../read/readonly-fs.ts";
import type { MetadataLoss } from "../restore-target.ts";

export interface EntryMetadata {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeNs: bigint;
  readonly atimeNs: bigint | undefined;
  readonly xattrs: readonly FsXattr[];
}

export function metadataOf(entry: FsEntry, attributes = entry.attributes): EntryMetadata {
  const { xattrs } = entry;
  const { mode, uid, gid, mtimeNs, atimeNs } = attributes;
  return { mode, uid, gid, mtimeNs, atimeNs, xattrs };
}

/** Whose rights the restore has. */
export interface Rights {
  readonly uid: number;
  readonly gid: number;
  /** Bits that the modes of new files lose. */
  readonly umask: number;
}

export function ownRights(): Rights {
  return { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0, umask: ownUmask() };
}

/** As the system tells it; to ask by setting it, as umask(2) does, would change it for other threads. */
function ownUmask(): number {
  try {
    const umask = /^Umask:\s*([0-7]+)$/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1];
    return umask === undefined ? ALL_BITS : Number.parseInt(umask, 8);
  } catch {
    // Then no mode is trusted to be what it was asked to be.
    return ALL_BITS;
  }
}

const ALL_BITS = 0o777;

/** Bits of what `applyMetadata` could not give; several at a time. */
export const LOST = { owner: 1, setid: 2, xattrs: 4 } as const satisfies Record<
  MetadataLoss,
  number
>;

const NO_LOSSES: readonly MetadataLoss[] = [];

export function lossesOf(bits: number): readonly MetadataLoss[] {
  if (bits === 0) return NO_LOSSES;
  const losses: MetadataLoss[] = [];
  if ((bits & LOST.owner) !== 0) losses.push("owner");
  if ((bits & LOST.setid) !== 0) losses.push("setid");
  if ((bits & LOST.xattrs) !== 0) losses.push("xattrs");
  return losses;
}

/** How to reach the metadata of one entry: by an open descriptor, or by a name in a directory. */
export interface MetadataDoor {
  /** An id of −1 stays as it is. */
  chown(uid: number, gid: number): void;
  chmod(mode: number): void;
  utimes(atimeNs: bigint | undefined, mtimeNs: bigint): void;
  listXattrs(): readonly Bytes[];
  getXattr(name: Bytes): Bytes;
  setXattr(name: Bytes, value: Bytes): void;
  removeXattr(name: Bytes): void;
}

/** Files and directories that are open. */
export class OpenDoor implements MetadataDoor {
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  chown(uid: number, gid: number): void {
    fchownSync(this.#fd, uid, gid);
  }
  chmod(mode: number): void {
    fchmodSync(this.#fd, mode);
  }
  utimes(atimeNs: bigint | undefined, mtimeNs: bigint): void {
    utimensat(this.#fd, null, atimeNs ?? "omit", mtimeNs);
  }
  listXattrs(): readonly Bytes[] {
    return flistxattr(this.#fd);
  }
  getXattr(name: Bytes): Bytes {
    return fgetxattr(this.#fd, name);
  }
  setXattr(name: Bytes, value: Bytes): void {
    fsetxattr(this.#fd, name, value);
  }
  removeXattr(name: Bytes): void {
    fremovexattr(this.#fd, name);
  }
}

/** Symlinks and special files, which cannot be opened; symlinks are never followed. */
export class NamedDoor implements MetadataDoor {
  readonly #dirfd: number;
  readonly #name: Bytes;
  readonly #isSymlink: boolean;

  constructor(dirfd: number, name: Bytes, isSymlink: boolean) {
    this.#dirfd = dirfd;
    this.#name = name;
    this.#isSymlink = isSymlink;
  }

  chown(uid: number, gid: number): void {
    fchownat(this.#dirfd, this.#name, uid === -1 ? KEEP_ID : uid, gid === -1 ? KEEP_ID : gid);
  }
  chmod(mode: number): void {
    // A symlink has no mode of its own on Linux.
    if (!this.#isSymlink) fchmodat(this.#dirfd, this.#name, mode);
  }
  utimes(atimeNs: bigint | undefined, mtimeNs: bigint): void {
    utimensat(this.#dirfd, this.#name, atimeNs ?? "omit", mtimeNs);
  }
  listXattrs(): readonly Bytes[] {
    return llistxattr(procPath(this.#dirfd, this.#name));
  }
  getXattr(name: Bytes): Bytes {
    return lgetxattr(procPath(this.#dirfd, this.#name), name);
  }
  setXattr(name: Bytes, value: Bytes): void {
    lsetxattr(procPath(this.#dirfd, this.#name), name, value);
  }
  removeXattr(name: Bytes): void {
    lremovexattr(procPath(this.#dirfd, this.#name), name);
  }
}

const KEEP_ID = 0xffffffff;

/** A path to a name in an open directory, for calls that have no form relative to one. */
export function procPath(dirfd: number, name: Bytes): Bytes {
  const prefix = utf8(`/proc/self/fd/${dirfd}/`);
  const path = new Uint8Array(prefix.length + name.length);
  path.set(prefix);
  path.set(name, prefix.length);
  return path;
}

const OWNER_WRITES = 0o200;
const SETUID = 0o4000;
const SETGID = 0o2000;

/**
 * @param options.strip Also removes xattrs that the entry did not have: for what was there before,
 *   and where new entries inherit an ACL.
 * @param options.isOwn The entry is new and belongs to the user and group of `rights`.
 * @param options.hasMode The entry is new and was made with its mode.
 * @returns the bits of `LOST` for what the rights or the file system do not allow.
 * @throws what the system said, when mode or times cannot be set.
 */
export function applyMetadata(
  door: MetadataDoor,
  metadata: EntryMetadata,
  options: {
    readonly rights: Rights;
    readonly strip: boolean;
    readonly isOwn?: boolean | undefined;
    readonly hasMode?: boolean | undefined;
  },
): number {
  const { uid, gid } = metadata;
  const { rights } = options;
  let { mode } = metadata;
  const isOwnerRight = options.isOwn === true && uid === rights.uid && gid === rights.gid;
  const kept = isOwnerRight ? 0 : giveOwner(door, uid, gid, rights);
  let lost = kept === 0 ? 0 : LOST.owner;
  if ((mode & kept) !== 0) {
    lost |= LOST.setid;
    mode &= ~kept;
  }
  if (options.strip || metadata.xattrs.length > 0) {
    if (!giveXattrs(door, metadata.xattrs, options.strip)) lost |= LOST.xattrs;
  }
  if (options.hasMode !== true) door.chmod(mode);
  door.utimes(metadata.atimeNs, metadata.mtimeNs);
  return lost;
}

/**
 * Whether a file may be made with its own mode, which then is not set again: in a directory that only
 * the restore itself can enter, and where nothing else decides what mode the file gets.
 */
export function isModeGivenAtOnce(
  { mode, uid, gid, xattrs }: EntryMetadata,
  directory: { readonly givesMode: boolean; readonly givesOwn: boolean },
  rights: Rights,
): boolean {
  return (
    directory.givesMode &&
    directory.givesOwn &&
    uid === rights.uid &&
    gid === rights.gid &&
    // An ACL among them would change the mode.
    xattrs.length === 0 &&
    (mode & ~0o777) === 0 &&
    (mode & rights.umask) === 0 &&
    // Some file systems ask for it when the content is written.
    (mode & OWNER_WRITES) !== 0
  );
}

/** @returns the set-id bits that must not be set, because that owner or group could not be given. */
function giveOwner(door: MetadataDoor, uid: number, gid: number, rights: Rights): number {
  if (rights.uid === 0 || uid === rights.uid) {
    if (tryChown(door, uid, gid)) return 0;
  }
  // Only the group may be given away, and only to a group one is a member of.
  const isOwnUid = uid === rights.uid;
  if (tryChown(door, -1, gid)) return isOwnUid ? 0 : SETUID;
  return isOwnUid ? SETGID : SETUID | SETGID;
}

function tryChown(door: MetadataDoor, uid: number, gid: number): boolean {
  try {
    door.chown(uid, gid);
    return true;
  } catch (error) {
    const code = errnoCodeOf(error);
    // EINVAL: an id that a user namespace does not map.
    if (code === "EPERM" || code === "EINVAL" || code === "ENOTSUP" || code === "ENOSYS") {
      return false;
    }
    throw error;
  }
}

/** @returns whether all of them are as they should be. */
function giveXattrs(door: MetadataDoor, xattrs: readonly FsXattr[], strip: boolean): boolean {
  let complete = true;
  const attempt = (step: () => void): void => {
    try {
      step();
    } catch {
      // Whatever the reason is, the content is worth more than an attribute of it.
      complete = false;
    }
  };
  if (strip) {
    attempt(() => {
      for (const name of door.listXattrs()) {
        if (isOurs(name) && !xattrs.some((xattr) => equalBytes(xattr.name, name))) {
          attempt(() => door.removeXattr(name));
        }
      }
    });
  }
  for (const { name, value } of xattrs) attempt(() => door.setXattr(name, value));
  return complete;
}

/** Attributes that belong to the entry; others (labels of a security module) are the system's. */
function isOurs(name: Bytes): boolean {
  const text = findUtf8(name) ?? "";
  return (
    text.startsWith("user.") ||
    text.startsWith("trusted.") ||
    text.startsWith("system.posix_acl_") ||
    text === "security.capability"
  );
}

/** Whether the xattrs of an entry are exactly `xattrs`, as far as they are ours to set. */
export function hasXattrs(door: MetadataDoor, xattrs: readonly FsXattr[]): boolean {
  const names = door.listXattrs().filter(isOurs);
  const wanted = xattrs.filter(({ name }) => isOurs(name));
  return (
    names.length === wanted.length &&
    wanted.every(
      ({ name, value }) =>
        names.some((found) => equalBytes(found, name)) && equalBytes(door.getXattr(name), value),
    )
  );
}
