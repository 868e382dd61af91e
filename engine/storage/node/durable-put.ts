/**
 * Writing an object so that it is there whole or not at all: temporary file → write → fsync → link
 * (exclusive: link(2) fails where the name is taken) → fsync of the directory. A failed fsync is
 * never tried again on the same file: the kernel may have dropped the pages and report success.
 */
import { constants } from "node:fs";
import { type FileHandle, link, mkdir, open, rename, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import type { Bytes } from "../../base/bytes.ts";
import { errnoCodeOf } from "../../base/errno-code.ts";
import { ForgeError } from "../../base/errors.ts";

export const DIRECTORY_MODE = 0o700;
/** Objects are never changed: readable by their owner alone, and not writable by mistake. */
const OBJECT_MODE = 0o400;
const WRITING_MODE = 0o600;

export interface PutPlaces {
  readonly temporaryPath: string;
  readonly path: string;
  /** Renames unless the new name is taken (EEXIST); for file systems without hard links. */
  readonly renameExclusive: (from: string, to: string) => void;
}

/**
 * Both directories exist. When this returns, the object and its name are durable, also when another
 * writer was first. The temporary file is gone, whatever happened.
 * @throws what the file system throws; ForgeError "not-supported".
 */
export async function durablePut(places: PutPlaces, data: Bytes): Promise<"created" | "exists"> {
  const { temporaryPath, path } = places;
  let renamed = false;
  try {
    await writeDurably(temporaryPath, data);
    const outcome = await commit(places);
    renamed = outcome === "renamed";
    await syncDirectory(dirname(path));
    return outcome === "exists" ? "exists" : "created";
  } finally {
    if (!renamed) await unlink(temporaryPath).catch(() => undefined);
  }
}

/** As `durablePut`, in the place of what has the name: rename(2) is atomic. */
export async function durableReplace(
  { temporaryPath, path }: Pick<PutPlaces, "temporaryPath" | "path">,
  data: Bytes,
): Promise<void> {
  try {
    await writeDurably(temporaryPath, data);
    await rename(temporaryPath, path);
  } catch (error) {
    await unlink(temporaryPath).catch(() => undefined);
    throw error;
  }
  await syncDirectory(dirname(path));
}

async function writeDurably(path: string, data: Bytes): Promise<void> {
  const file = await open(
    path,
    constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL,
    WRITING_MODE,
  );
  try {
    await file.writeFile(data);
    // Some network file systems have no modes; the object is no worse for it.
    await file.chmod(OBJECT_MODE).catch(() => undefined);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function commit(places: PutPlaces): Promise<"linked" | "renamed" | "exists"> {
  const { temporaryPath, path, renameExclusive } = places;
  try {
    await link(temporaryPath, path);
    return "linked";
  } catch (error) {
    const code = errnoCodeOf(error);
    if (code === "EEXIST") return "exists";
    if (!isWithoutLinks(code)) throw error;
  }
  try {
    renameExclusive(temporaryPath, path);
    return "renamed";
  } catch (error) {
    const code = errnoCodeOf(error);
    if (code === "EEXIST") return "exists";
    if (code === "EINVAL" || code === "ENOSYS") throw noExclusiveName(path);
    throw error;
  }
}

function isWithoutLinks(code: string | undefined): boolean {
  return (
    code === "EPERM" ||
    code === "ENOTSUP" ||
    code === "EOPNOTSUPP" ||
    code === "ENOSYS" ||
    code === "EMLINK"
  );
}

function noExclusiveName(path: string): ForgeError {
  return new ForgeError(
    "not-supported",
    `Cannot write ${path}: its file system has neither hard links nor exclusive renames; use another one for the repository`,
  );
}

/** Makes directory entries durable. A file system that cannot (some FUSE and SMB) is left alone. */
export async function syncDirectory(path: string): Promise<void> {
  let directory: FileHandle | undefined;
  try {
    directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
    await directory.sync();
  } catch (error) {
    const code = errnoCodeOf(error);
    if (code !== "EINVAL" && code !== "ENOTSUP" && code !== "ENOSYS") throw error;
  } finally {
    await directory?.close();
  }
}

/** Makes the directory if it is not there (its parent is), and its name durable in any case. */
export async function durableDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, DIRECTORY_MODE);
  } catch (error) {
    if (errnoCodeOf(error) !== "EEXIST") throw error;
  }
  // Also when it was there: another writer may have made it a moment ago and not come this far.
  await syncDirectory(dirname(path));
}
