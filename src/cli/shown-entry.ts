/** Entries and snapshots as JSON, the same in every command. */
import {
  type Bytes,
  type FsEntry,
  type Snapshot,
  displayName,
  findUtf8,
} from "../../engine/node.ts";
import { formatIsoTime } from "./format.ts";

/** Bytes that are not UTF-8 get a second field with all of them: JSON has no bytes. */
export function jsonPath(path: Bytes): object {
  const text = findUtf8(path);
  if (text !== undefined) return { path: text };
  return { path: displayName(path), pathBase64: Buffer.from(path).toString("base64") };
}

export function jsonEntry(entry: FsEntry): object {
  const { attributes } = entry;
  return {
    type: entry.type,
    mode: attributes.mode.toString(8).padStart(4, "0"),
    uid: attributes.uid,
    gid: attributes.gid,
    user: attributes.user,
    group: attributes.group,
    size: entry.type === "file" ? attributes.sizeBytes : undefined,
    mtime: formatIsoTime(attributes.mtimeNs),
    links: attributes.linkCount,
    target: entry.type === "symlink" ? displayName(entry.target) : undefined,
    xattrs:
      entry.xattrs.length === 0 ? undefined : entry.xattrs.map(({ name }) => displayName(name)),
  };
}

export function jsonSnapshot(snapshot: Snapshot): object {
  return {
    id: snapshot.id,
    time: formatIsoTime(snapshot.timeNs),
    endTime: formatIsoTime(snapshot.endTimeNs),
    hostname: snapshot.hostname,
    username: snapshot.username,
    paths: snapshot.paths.map((path) => displayName(path)),
    tags: snapshot.tags,
    label: snapshot.label,
    name: snapshot.name,
    parent: snapshot.parent,
    stats: snapshot.stats,
    problems: snapshot.problems,
    program: snapshot.program,
  };
}
