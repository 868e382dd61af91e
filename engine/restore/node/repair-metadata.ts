/** Metadata of an entry that stands there already with the right content, made right. */
import { closeSync, constants, fstatSync } from "node:fs";
import type { Bytes } from "../../base/bytes.ts";
import { openat } from "../../platform/node/libc.ts";
import type { FsEntry } from "../../read/readonly-fs.ts";
import type { FileIdentity, MetadataLoss, TargetStat } from "../restore-target.ts";
import {
  NamedDoor,
  OpenDoor,
  type Rights,
  applyMetadata,
  hasXattrs,
  lossesOf,
  metadataOf,
} from "./entry-metadata.ts";

/**
 * @param found What has the name `name` in the directory `dirfd`.
 * @returns `undefined` when it cannot be done safely: the entry has to be replaced.
 */
export function repairMetadata(
  dirfd: number,
  name: Bytes,
  {
    entry,
    found,
    rights,
  }: {
    readonly entry: FsEntry;
    readonly found: TargetStat;
    readonly rights: Rights;
  },
): readonly MetadataLoss[] | undefined {
  const metadata = metadataOf(entry);
  const isSymlink = entry.type === "symlink";
  const door = new NamedDoor(dirfd, name, isSymlink);
  const isRight =
    (isSymlink || found.mode === metadata.mode) &&
    found.uid === metadata.uid &&
    found.gid === metadata.gid &&
    found.mtimeNs === metadata.mtimeNs &&
    hasXattrs(door, entry.xattrs);
  if (isRight) return [];
  // Another name of the same file may belong to somebody else, outside of the target.
  if (found.linkCount > 1) return undefined;
  const options = { rights, strip: true };
  if (entry.type !== "file") return lossesOf(applyMetadata(door, metadata, options));
  const fd = openSame(dirfd, name, found.identity);
  if (fd === undefined) return undefined;
  try {
    return lossesOf(applyMetadata(new OpenDoor(fd), metadata, options));
  } finally {
    closeSync(fd);
  }
}

/** Opens a file for its metadata; `undefined` when it is another one, or may not be opened. */
function openSame(dirfd: number, name: Bytes, identity: FileIdentity): number | undefined {
  let fd: number;
  try {
    fd = openat(dirfd, name, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  const { dev, ino, nlink } = fstatSync(fd, { bigint: true });
  if (dev === identity.device && ino === identity.inode && nlink === 1n) return fd;
  closeSync(fd);
  return undefined;
}
