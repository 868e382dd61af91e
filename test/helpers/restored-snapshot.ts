/** A real backup of a directory in a repository in memory, ready to be restored. */
import type { Bytes } from "../../engine/base/bytes.ts";
import { utf8 } from "../../engine/base/bytes.ts";
import type { Cipher } from "../../engine/platform/platform.ts";
import { type FsDirectory, findEntry, splitPath } from "../../engine/read/readonly-fs.ts";
import { openSnapshotFs } from "../../engine/read/snapshot-fs.ts";
import { openLocalTarget } from "../../engine/restore/node/local-target.ts";
import { type PackSource, createPackSource } from "../../engine/restore/pack-source.ts";
import { type RestoreOptions, restore } from "../../engine/restore/restore.ts";
import type { RestoreReport } from "../../engine/restore/restore-report.ts";
import { MemoryBackend } from "../../engine/storage/memory.ts";
import { openLocalSource } from "../../engine/write/node/local-source.ts";
import { backUp, createSmallRepository, readSideOf, snapshotsOf } from "./backup-fixture.ts";

export interface StoredTree {
  /** The directory that was backed up. */
  readonly root: FsDirectory;
  readonly packSource: PackSource;
  readonly backend: MemoryBackend;
}

const KIB = 1024;

/** Backs a directory up; chunks of some 64 KiB, so that files of one and of many chunks are cheap. */
export async function storeTree(
  path: string,
  options: { readonly cipher?: Cipher } = {},
): Promise<StoredTree> {
  const backend = new MemoryBackend({ nowMs: () => 0 });
  const repository = await createSmallRepository({
    backend,
    ...options,
    chunker: { minBytes: 16 * KIB, normalBytes: 64 * KIB, maxBytes: 256 * KIB, normalization: 2 },
    dataPackBytes: 1024 * KIB,
    treePackBytes: 256 * KIB,
  });
  await backUp(repository, path, { source: openLocalSource({ paths: [path] }) });
  const readSide = await readSideOf(repository);
  const [snapshot] = await snapshotsOf(repository);
  if (snapshot === undefined) throw new Error("the backup made no snapshot");
  const { root } = await openSnapshotFs(readSide, snapshot);
  const found = await findEntry(root, splitPath(utf8(path)));
  if (found?.type !== "directory") throw new Error(`${path} is not in the snapshot`);
  const { keys } = repository;
  const packSource = createPackSource({ keys, index: readSide.index, storage: backend });
  return { root: found, packSource, backend };
}

/** `restore` into a directory of this machine; "if-changed" unless it says otherwise. */
export async function restoreInto(
  directory: string,
  options: Omit<RestoreOptions, "target" | "overwrite"> &
    Partial<Pick<RestoreOptions, "overwrite">> & { readonly openDirectoriesMax?: number },
): Promise<RestoreReport> {
  const { openDirectoriesMax, ...rest } = options;
  const target = openLocalTarget(directory, { openDirectoriesMax });
  try {
    return await restore({ overwrite: "if-changed", ...rest, target });
  } finally {
    await target.close();
  }
}

/** A selection by path as text: what is listed, with all below and the directories above. */
export function only(...paths: readonly string[]): NonNullable<RestoreOptions["select"]> {
  return (parts: readonly Bytes[]) => {
    const path = parts.map((part) => Buffer.from(part).toString("utf8")).join("/");
    if (paths.some((wanted) => path === wanted || path.startsWith(`${wanted}/`))) return "take";
    return paths.some((wanted) => wanted.startsWith(`${path}/`)) ? "look-inside" : "skip";
  };
}
