/** Entries and snapshots as the server would send them, for tests of the page's logic. */
import type { Entry, SnapshotInfo } from "../../src/server/api.ts";

export function sampleEntry(name: string, more: Partial<Entry> = {}): Entry {
  return {
    name,
    key: encodeURIComponent(name),
    type: "file",
    sizeBytes: 1,
    mtimeMs: 0,
    mode: 0o644,
    owner: "ada:staff",
    ...more,
  };
}

export function sampleSnapshot(id: string, more: Partial<SnapshotInfo> = {}): SnapshotInfo {
  return {
    id,
    shortId: id.slice(0, 8),
    timeMs: 0,
    endTimeMs: 0,
    hostname: "atlas",
    username: "ada",
    paths: [{ name: "/home", path: "home" }],
    tags: [],
    label: undefined,
    name: undefined,
    parentId: undefined,
    stats: {
      files: 1,
      directories: 1,
      others: 0,
      bytes: 1,
      filesNew: 1,
      filesChanged: 0,
      filesUnchanged: 0,
      bytesNew: 1,
      bytesStored: 1,
    },
    problems: 0,
    program: "forge",
    ...more,
  };
}
