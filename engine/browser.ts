/**
 * PUBLIC DOOR, browser: open a repository over any `ReadBackend` and read its snapshots, with web
 * standards and WebAssembly alone. The passphrase and the keys stay where this runs.
 */
import { createPlatformDecoder } from "./read/platform-decoder.ts";
import { type ReadSide, createReadSide } from "./read/read-side.ts";
import { createWebPlatform } from "./platform/web.ts";
import {
  type Credentials,
  type IndexedRepository,
  type Repository,
  openRepository as openWith,
} from "./repository/repository.ts";
import type { ReadBackend } from "./storage/backend.ts";

export type { Bytes } from "./base/bytes.ts";
export { type ErrorCode, ForgeError, isForgeError } from "./base/errors.ts";
export {
  type FsDirectory,
  type FsEntry,
  type FsFile,
  type FsSymlink,
  type ReadonlyFs,
  displayName,
  findEntry,
  fsEntries,
  splitPath,
} from "./read/readonly-fs.ts";
export { openSnapshotFs } from "./read/snapshot-fs.ts";
export { resolveSnapshot } from "./read/resolve-snapshot.ts";
export { type Credentials, type Repository, loadIndex } from "./repository/repository.ts";
export { listSnapshots } from "./repository/snapshot-store.ts";
export type { Snapshot } from "./snapshots/snapshot.ts";
export type { ObjectInfo, ObjectRef, ReadBackend, ReadOptions } from "./storage/backend.ts";

/** @throws ForgeError "no-repository", "wrong-password", "corrupt", "unsupported-version" and others. */
export async function openRepository(options: {
  readonly backend: ReadBackend;
  readonly credentials: Credentials;
  readonly signal?: AbortSignal | undefined;
}): Promise<Repository> {
  return openWith({ ...options, platform: await createWebPlatform() });
}

/** The read side on the calling thread. */
export function openReadSide(repository: IndexedRepository): ReadSide {
  return createReadSide({
    backend: repository.backend,
    index: repository.index,
    decoder: createPlatformDecoder(repository.platform, repository.keys),
  });
}
