/** The extended attributes of an entry, ACLs among them. */
import { type Bytes, compareBytes, lossyUtf8 } from "../../base/bytes.ts";
import { errnoCodeOf } from "../../base/errno-code.ts";
import { messageOf } from "../../base/errors.ts";
import { XATTRS_BYTES_MAX } from "../../base/limits.ts";
import { fgetxattr, flistxattr, lgetxattr, llistxattr } from "../../platform/node/libc.ts";
import type { Xattr } from "../../snapshots/tree-node.ts";

/**
 * @param at A path, whose last link is not followed, or an open descriptor.
 * @returns sorted by name. What cannot be read is left out and told to `onWarning`.
 * @throws what the system call throws when the attributes cannot be listed.
 */
export function readXattrs(
  at: Bytes | number,
  onWarning: (message: string) => void,
): readonly Xattr[] {
  const names = typeof at === "number" ? flistxattr(at) : llistxattr(at);
  if (names.length === 0) return [];
  const xattrs: Xattr[] = [];
  let totalBytes = 0;
  for (const name of names) {
    try {
      const value = typeof at === "number" ? fgetxattr(at, name) : lgetxattr(at, name);
      totalBytes += name.length + value.length;
      if (totalBytes > XATTRS_BYTES_MAX) {
        onWarning("its extended attributes are more than can be kept; the rest is left out");
        break;
      }
      xattrs.push({ name, value });
    } catch (error) {
      // Removed since they were listed.
      if (errnoCodeOf(error) === "ENODATA") continue;
      onWarning(`its attribute ${lossyUtf8(name)} cannot be read: ${messageOf(error)}`);
    }
  }
  return xattrs.sort((a, b) => compareBytes(a.name, b.name));
}
