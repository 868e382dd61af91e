/** A folder of a snapshot as a tar archive: all its metadata, hard links as links, bytes as bytes. */
import { type Bytes, type FsEntry, concatBytes, utf8 } from "../../engine/node.ts";
import { type TarEntry, type TarType, encodeTarHeader, tarEnd, tarPadding } from "./tar-header.ts";
import { type ArchiveItem, fileContent, walkFolder } from "./walk-folder.ts";

export interface ArchiveOptions {
  /** Path of the folder in the archive; empty: its entries stand at the top. */
  readonly path: Bytes;
  readonly signal: AbortSignal;
  /** An entry that the archive cannot hold. */
  readonly onSkipped: (path: Bytes, reason: string) => void;
}

const NO_BYTES: Bytes = new Uint8Array(0);

/**
 * The archive, piece by piece.
 * @throws ForgeError of reading; what was given out until then is not a whole archive.
 */
export async function* tarArchive(entry: FsEntry, options: ArchiveOptions): AsyncGenerator<Bytes> {
  const firstOfLinks = new Map<string, Bytes>();
  for await (const item of walkFolder(entry, options.path, options.signal)) {
    const { path } = item;
    if (path.length === 0) continue;
    const type = tarTypeOf(item.entry);
    if (type === undefined) {
      options.onSkipped(path, "a tar archive cannot hold a socket");
      continue;
    }
    const { hardLinkKey } = item.entry.attributes;
    const first = hardLinkKey === undefined ? undefined : firstOfLinks.get(hardLinkKey);
    if (first !== undefined) {
      yield encodeTarHeader(tarEntryOf(item, "hard-link", first));
      continue;
    }
    if (hardLinkKey !== undefined) firstOfLinks.set(hardLinkKey, path);
    const target = item.entry.type === "symlink" ? item.entry.target : NO_BYTES;
    yield encodeTarHeader(tarEntryOf(item, type, target));
    if (item.entry.type === "file") {
      yield* fileContent(item.entry, options.signal);
      yield tarPadding(item.entry.attributes.sizeBytes);
    }
  }
  yield tarEnd();
}

function tarEntryOf({ entry, path }: ArchiveItem, type: TarType, linkName: Bytes): TarEntry {
  const { attributes } = entry;
  return {
    type,
    name: type === "directory" ? concatBytes([path, utf8("/")]) : path,
    mode: attributes.mode,
    uid: attributes.uid,
    gid: attributes.gid,
    user: attributes.user,
    group: attributes.group,
    mtimeNs: attributes.mtimeNs,
    sizeBytes: type === "file" ? attributes.sizeBytes : 0,
    linkName,
    deviceMajor: attributes.deviceMajor,
    deviceMinor: attributes.deviceMinor,
    xattrs: type === "hard-link" ? [] : entry.xattrs,
  };
}

function tarTypeOf(entry: FsEntry): TarType | undefined {
  return entry.type === "socket" ? undefined : entry.type;
}
