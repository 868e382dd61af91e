/** What a path of the API names: `{id}` and `{path...}` → a snapshot and an entry in it. */
import {
  type Bytes,
  type FsDirectory,
  type FsEntry,
  type FsFile,
  ForgeError,
  type Snapshot,
  displayName,
  findEntry,
} from "../../engine/node.ts";
import { decodePath, encodeName } from "../../webdav/index.ts";
import type { PathCrumb } from "./api.ts";
import type { Catalog, OpenedSnapshot } from "./catalog.ts";

export interface SnapshotPlace {
  readonly snapshot: Snapshot;
  readonly root: FsDirectory;
  /** From the root; none for the root itself. */
  readonly names: readonly Bytes[];
  readonly entry: FsEntry;
}

/**
 * Exactly the entry that the path names, byte by byte; symlinks on the way are not followed.
 * @param reference Of the snapshot. @param path An `EncodedPath`, as it was sent.
 * @throws ForgeError "usage", "not-found", "ambiguous" and those of reading.
 */
export async function findSnapshotPlace(
  catalog: Catalog,
  { reference, path }: { readonly reference: string; readonly path: string },
): Promise<SnapshotPlace> {
  // A path that cannot be one is told without looking for the snapshot.
  decodeEncodedPath(path);
  return placeIn(await catalog.open(reference), path);
}

/** As `findSnapshotPlace`, in a snapshot that is open. */
export async function placeIn(
  { snapshot, root }: OpenedSnapshot,
  path: string,
): Promise<SnapshotPlace> {
  const names = decodeEncodedPath(path);
  const entry = await findEntry(root, names);
  if (entry !== undefined) return { snapshot, root, names, entry };
  throw new ForgeError(
    "not-found",
    `Cannot find /${shownPath(names)} in snapshot ${snapshot.id.slice(0, 8)}: there is nothing of that name`,
  );
}

/** @throws ForgeError "usage" for what names nothing in any snapshot: `..`, NUL, broken escapes. */
export function decodeEncodedPath(path: string): readonly Bytes[] {
  const names = decodePath(path);
  if (names !== undefined) return names;
  throw new ForgeError("usage", "Cannot use this path: it cannot name a file");
}

/** @throws ForgeError "not-found" when it is something else. */
export function fileOf({ entry, names }: SnapshotPlace): FsFile {
  if (entry.type === "file") return entry;
  throw new ForgeError("not-found", `Cannot read /${shownPath(names)}: it is a ${entry.type}`);
}

/** @throws ForgeError "not-a-directory". */
export function directoryOf({ entry, names }: SnapshotPlace): FsDirectory {
  if (entry.type === "directory") return entry;
  throw new ForgeError(
    "not-a-directory",
    `Cannot list /${shownPath(names)}: it is a ${entry.type}`,
  );
}

export function encodePath(names: readonly Bytes[]): string {
  return names.map(encodeName).join("/");
}

export function crumbsOf(names: readonly Bytes[]): PathCrumb[] {
  let path = "";
  return names.map((bytes) => {
    const key = encodeName(bytes);
    path = path === "" ? key : `${path}/${key}`;
    return { name: displayName(bytes), path };
  });
}

function shownPath(names: readonly Bytes[]): string {
  return names.map(displayName).join("/");
}
