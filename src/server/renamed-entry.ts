/** An entry of a snapshot under another name, where two of one name come into one folder. */
import type { Bytes, FsDirectory, FsEntry, FsFile } from "../../engine/node.ts";

export function renamedEntry(entry: FsEntry, name: Bytes): FsEntry {
  const { attributes, xattrs, immutable } = entry;
  const common = { name, attributes, xattrs, immutable };
  switch (entry.type) {
    case "file":
      return renamedFile(entry, common);
    case "directory":
      return renamedDirectory(entry, common);
    case "symlink":
      return { ...common, type: "symlink", target: entry.target };
    case "fifo":
    case "socket":
    case "char-device":
    case "block-device":
      return { ...common, type: entry.type };
    default:
      return entry satisfies never;
  }
}

type Common = Pick<FsFile, "name" | "attributes" | "xattrs" | "immutable">;

function renamedFile(file: FsFile, common: Common): FsFile {
  return {
    ...common,
    type: "file",
    contentKey: file.contentKey,
    crc32: file.crc32,
    read: (range) => file.read(range),
    readNow: (range) => file.readNow?.(range),
    prefetch: (range) => file.prefetch(range),
    holes: () => file.holes(),
  };
}

function renamedDirectory(directory: FsDirectory, common: Common): FsDirectory {
  return {
    ...common,
    type: "directory",
    contentKey: directory.contentKey,
    readEntries: (from, options) => directory.readEntries(from, options),
    lookup: (name) => directory.lookup(name),
  };
}
