/** Extended attributes as getxattr(2) and listxattr(2) return them. */
import { type Bytes, concatBytes, equalBytes, utf8 } from "../engine/base/bytes.ts";
import type { FsEntry } from "../engine/read/readonly-fs.ts";

const NUL = new Uint8Array(1);

export function findXattr(entry: FsEntry, name: Bytes): Bytes | undefined {
  return entry.xattrs.find((xattr) => equalBytes(xattr.name, name))?.value;
}

/** All names, each followed by a zero byte. */
export function xattrNames(entry: FsEntry): Bytes {
  return concatBytes(entry.xattrs.flatMap((xattr) => [xattr.name, NUL]));
}

const LISTING_NAMES = [
  "security.selinux",
  "system.posix_acl_access",
  "system.posix_acl_default",
].map(utf8);

/** Whether a plain `ls -l` asks every file for this attribute. */
export function isAskedByListings(name: Bytes): boolean {
  return LISTING_NAMES.some((listed) => equalBytes(listed, name));
}
