/** What a node keeps of a stat, completed with what only a look at the entry tells. */
import type { NodeMetadata, Xattr } from "../snapshots/tree-node.ts";
import type { Source, SourceStat } from "./source.ts";

export function metadataOf(
  stat: SourceStat,
  owners: Pick<Source, "userName" | "groupName">,
  xattrs: readonly Xattr[],
): NodeMetadata {
  return {
    type: stat.type,
    mode: stat.mode,
    uid: stat.uid,
    gid: stat.gid,
    user: owners.userName(stat.uid),
    group: owners.groupName(stat.gid),
    mtimeNs: stat.mtimeNs,
    ctimeNs: stat.ctimeNs,
    device: stat.device,
    inode: stat.inode,
    linkCount: stat.linkCount,
    deviceMajor: stat.deviceMajor,
    deviceMinor: stat.deviceMinor,
    xattrs,
  };
}
