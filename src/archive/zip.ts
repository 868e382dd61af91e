/**
 * A folder of a snapshot as a ZIP archive, for people without tar. It keeps names, modes, times to
 * two seconds, and symlinks the way Info-ZIP does; not owners, xattrs and hard links. The only file
 * that imports `yazl`.
 */
import { Readable } from "node:stream";
import { ZipFile } from "yazl";
import { type Bytes, type FsEntry, displayName, findUtf8 } from "../../engine/node.ts";
import type { ArchiveOptions } from "./tar.ts";
import { type ArchiveItem, fileContent, walkFolder } from "./walk-folder.ts";

const S_IFREG = 0o100000;
const S_IFLNK = 0o120000;
const S_IFDIR = 0o040000;

/**
 * The archive, piece by piece.
 * @throws ForgeError of reading; what was given out until then is not a whole archive.
 */
export async function* zipArchive(entry: FsEntry, options: ArchiveOptions): AsyncGenerator<Bytes> {
  const zip = new ZipFile();
  // A failure ends the stream, which is where it is met.
  const stop = (error: unknown): void => {
    if (zip.outputStream instanceof Readable) zip.outputStream.destroy(asError(error));
  };
  zip.on("error", stop);
  const filling = fill(zip, entry, options);
  filling.catch(stop);
  for await (const piece of zip.outputStream) {
    if (typeof piece !== "string") yield new Uint8Array(piece);
  }
  await filling;
}

/** Hands over one file at a time: the library keeps all it was given in memory. */
async function fill(zip: ZipFile, entry: FsEntry, options: ArchiveOptions): Promise<void> {
  for await (const item of walkFolder(entry, options.path, options.signal)) {
    if (item.path.length > 0) await add(zip, item, options);
  }
  zip.end();
}

async function add(
  zip: ZipFile,
  { entry, path }: ArchiveItem,
  options: ArchiveOptions,
): Promise<void> {
  const { attributes } = entry;
  const name = zipNameOf(path);
  const common = { mtime: zipTime(attributes.mtimeNs), forceDosTimestamp: false };
  switch (entry.type) {
    case "directory":
      zip.addEmptyDirectory(name, { ...common, mode: S_IFDIR | attributes.mode });
      return;
    case "symlink":
      zip.addBuffer(Buffer.from(entry.target), name, {
        ...common,
        mode: S_IFLNK | 0o777,
        compress: false,
      });
      return;
    case "file": {
      const content = Readable.from(fileContent(entry, options.signal), { objectMode: false });
      zip.addReadStream(content, name, {
        ...common,
        mode: S_IFREG | attributes.mode,
        size: attributes.sizeBytes,
        compress: true,
      });
      await ended(content);
      return;
    }
    case "fifo":
    case "socket":
    case "char-device":
    case "block-device":
      options.onSkipped(path, `a ZIP archive cannot hold a ${entry.type}`);
      return;
    default:
      entry satisfies never;
  }
}

function ended(stream: Readable): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.once("end", resolve);
    stream.once("error", reject);
  });
}

/** ZIP names are text; a backslash means a folder to some readers. */
function zipNameOf(path: Bytes): string {
  const text = findUtf8(path) ?? displayName(path);
  return text.replaceAll("\\", "_");
}

/** ZIP knows the years 1980 to 2107. */
function zipTime(mtimeNs: bigint): Date {
  const ms = Number(mtimeNs / 1_000_000n);
  return new Date(Math.min(Math.max(ms, Date.UTC(1980, 0, 2)), Date.UTC(2107, 11, 30)));
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
