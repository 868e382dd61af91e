/**
 * Real backups of real directories, cheap enough for tests: a key derivation that costs nothing, and
 * chunks and packs so small that a few kilobytes make all kinds of objects.
 */
import { createHash } from "node:crypto";
import { lstatSync, readFileSync, readdirSync, readlinkSync } from "node:fs";

import type { Bytes } from "../../engine/base/bytes.ts";
import { type ForgeError, isForgeError } from "../../engine/base/errors.ts";
import type { ChunkerParameters } from "../../engine/chunking/fastcdc.ts";
import type { KdfParameters } from "../../engine/crypto/kdf.ts";
import { createDecodePool } from "../../engine/platform/node/decode-pool.ts";
import { nativePlatform } from "../../engine/platform/node/native.ts";
import type { Cipher } from "../../engine/platform/platform.ts";
import { type ReadSide, createReadSide } from "../../engine/read/read-side.ts";
import { type FsDirectory, type FsEntry, fsEntries } from "../../engine/read/readonly-fs.ts";
import { openSnapshotFs } from "../../engine/read/snapshot-fs.ts";
import { type Repository, loadIndex } from "../../engine/repository/repository.ts";
import { listSnapshots } from "../../engine/repository/snapshot-store.ts";
import type { Snapshot } from "../../engine/snapshots/snapshot.ts";
import {
  type Backend,
  OBJECT_KINDS,
  type ObjectKind,
  type ReadBackend,
} from "../../engine/storage/backend.ts";
import { MemoryBackend } from "../../engine/storage/memory.ts";
import type { BackupResult } from "../../engine/write/backup.ts";
import { initRepository } from "../../engine/write/init.ts";
import { type LocalBackupOptions, backupLocally } from "../../engine/write/node/local-backup.ts";
import { openLocalSource } from "../../engine/write/node/local-source.ts";
import type { Source, SourceEntry } from "../../engine/write/source.ts";

export const CHEAP_KDF: KdfParameters = { memoryKib: 8, passes: 1, lanes: 1 };
export const SMALL_CHUNKS: ChunkerParameters = {
  minBytes: 64,
  normalBytes: 256,
  maxBytes: 1024,
  normalization: 2,
};
export const PASSPHRASE = "correct horse";

export interface SmallRepositoryOptions {
  readonly backend: Backend;
  readonly cipher?: Cipher;
  readonly keyFile?: Bytes;
  readonly chunker?: ChunkerParameters;
  readonly dataPackBytes?: number;
  readonly treePackBytes?: number;
}

export function createSmallRepository(
  options: SmallRepositoryOptions,
): Promise<Repository<Backend>> {
  return initRepository({
    cipher: "aes-256-gcm",
    chunker: SMALL_CHUNKS,
    dataPackBytes: 4096,
    treePackBytes: 2048,
    ...options,
    platform: nativePlatform,
    passphrase: PASSPHRASE,
    kdf: CHEAP_KDF,
    keyLabel: "test",
    nowMs: 1_700_000_000_000,
  });
}

export interface BackUpOptions extends Partial<
  Omit<LocalBackupOptions, "repository" | "readSide">
> {
  readonly paths?: readonly Bytes[];
  /** What the index could not read. An error fails the backup when absent. */
  readonly onIndexProblem?: (error: ForgeError) => void;
}

/** One run of a backup as a new process would make it: index loaded anew, parent and chain found. */
export async function backUp(
  repository: Repository<Backend>,
  path: string,
  options: BackUpOptions = {},
): Promise<BackupResult> {
  const indexed = await loadIndex(repository, {
    onProblem: options.onIndexProblem ?? fail,
  });
  const snapshots = await listSnapshots(repository, { onProblem: options.onIndexProblem ?? fail });
  const last = snapshots.at(-1);
  const source = options.source ?? openStillSource(path);
  try {
    return await backupLocally({
      threads: 1,
      parent: last,
      chain: { writer: "00".repeat(16), last },
      compression: { codec: "zstd", level: 1 },
      hostname: "host",
      username: "user",
      pid: 1,
      program: "forge test",
      tags: [],
      onProblem: ({ path: where, error }) => {
        throw new Error(`${where}: ${error.message}`);
      },
      paths: [new TextEncoder().encode(path)],
      ...options,
      source,
      repository: indexed,
      readSide: createReadSide({
        backend: repository.backend,
        index: indexed.index,
        decoder: createDecodePool({ keys: repository.keys, workers: 0 }),
      }),
    });
  } finally {
    source.close();
  }
}

/** As `backUp`, of which a snapshot must come. */
export async function takeSnapshot(
  repository: Repository<Backend>,
  path: string,
  options: BackUpOptions = {},
): Promise<Snapshot> {
  return snapshotOf(await backUp(repository, path, options));
}

/** The snapshot that a backup must have made. */
export function snapshotOf({ snapshot }: Pick<BackupResult, "snapshot">): Snapshot {
  if (snapshot === undefined) throw new Error("no snapshot");
  return snapshot;
}

/**
 * A directory as source, whose parents always look the same: other tests make and remove files next
 * to it, and an unchanged backup must be one that stores nothing.
 */
export function openStillSource(path: string): Source {
  const source = openLocalSource({ paths: [path] });
  const still = (entry: SourceEntry): void => {
    if (!path.startsWith(`${source.displayPath(entry)}/`) && entry.name.length > 0) return;
    const { stat } = entry;
    // What a spread does not find is made when it is asked for.
    const { atimeNs, device, inode } = stat;
    const times = { mtimeNs: 0n, ctimeNs: 0n, atimeNs };
    Object.assign(entry, { stat: { ...stat, ...times, device, inode, linkCount: 2 } });
  };
  still(source.root);
  const list = source.list.bind(source);
  source.list = (directory) => {
    const listing = list(directory);
    for (const entry of listing.entries) {
      if (entry.stat.type === "directory") still(entry);
    }
    return listing;
  };
  return source;
}

/** A read side without threads over what is stored now. */
export async function readSideOf(
  repository: Repository,
  onProblem: (error: ForgeError) => void = fail,
): Promise<ReadSide> {
  const { index } = await loadIndex(repository, { onProblem });
  const { backend, keys } = repository;
  return createReadSide({ backend, index, decoder: createDecodePool({ keys, workers: 0 }) });
}

export async function snapshotsOf(repository: Repository): Promise<Snapshot[]> {
  return listSnapshots(repository, { onProblem: fail });
}

/** What counts of a tree: a line an entry, by raw path ("latin1") below the tree's root. */
export type TreeLines = ReadonlyMap<string, string>;

/**
 * Reads all of a snapshot's directory at `path`, contents included.
 * @param onProblem Told of what cannot be read, which is left out; when absent that is thrown.
 */
export async function snapshotLines(
  readSide: ReadSide,
  snapshot: Snapshot,
  path: string,
  onProblem?: (error: ForgeError) => void,
): Promise<TreeLines> {
  const lines = new Map<string, string>();
  await tolerating(onProblem, () => addSnapshot(readSide, snapshot, path, { lines, onProblem }));
  return lines;
}

interface Walk {
  readonly lines: Map<string, string>;
  readonly onProblem: ((error: ForgeError) => void) | undefined;
}

async function tolerating(onProblem: Walk["onProblem"], read: () => Promise<void>): Promise<void> {
  try {
    await read();
  } catch (error) {
    if (onProblem === undefined || !isForgeError(error)) throw error;
    onProblem(error);
  }
}

async function addSnapshot(
  readSide: ReadSide,
  snapshot: Snapshot,
  path: string,
  walk: Walk,
): Promise<void> {
  const { root } = await openSnapshotFs(readSide, snapshot);
  let at: FsEntry = root;
  for (const name of path.split("/").filter((part) => part !== "")) {
    const child: FsEntry | undefined =
      at.type === "directory" ? await at.lookup(new TextEncoder().encode(name)) : undefined;
    if (child === undefined) {
      // A repaired snapshot: the page that had it was lost.
      if (walk.onProblem !== undefined) return;
      throw new Error(`${path} is not in the snapshot`);
    }
    at = child;
  }
  if (at.type === "directory") await addSnapshotLines(at, "", walk);
}

async function addSnapshotLines(directory: FsDirectory, prefix: string, walk: Walk): Promise<void> {
  for await (const entry of fsEntries(directory)) {
    const path = `${prefix}/${Buffer.from(entry.name).toString("latin1")}`;
    await tolerating(walk.onProblem, async () => {
      const { mode, uid, gid, mtimeNs, ctimeNs, linkCount, sizeBytes } = entry.attributes;
      const line: (string | number | bigint)[] = [entry.type, mode, uid, gid, mtimeNs, ctimeNs];
      if (entry.type !== "directory") line.push(linkCount);
      if (entry.type === "file") line.push(sizeBytes, await snapshotContent(entry));
      if (entry.type === "symlink") line.push(Buffer.from(entry.target).toString("hex"));
      walk.lines.set(path, line.join(" "));
      if (entry.type === "directory") await addSnapshotLines(entry, path, walk);
    });
  }
}

/** The one thing that nobody can restore: number 5 of a line. */
export function withoutCtime(lines: TreeLines): TreeLines {
  const without = (line: string): string => line.split(" ").toSpliced(5, 1).join(" ");
  return new Map([...lines].map(([path, line]) => [path, without(line)]));
}

export function equalLines(a: TreeLines, b: TreeLines): boolean {
  if (a.size !== b.size) return false;
  for (const [path, line] of a) if (b.get(path) !== line) return false;
  return true;
}

/** Hash of the content, after comparing it with the CRC that the entry carries. */
async function snapshotContent(entry: FsEntry & { readonly type: "file" }): Promise<string> {
  const { sizeBytes } = entry.attributes;
  const content = await entry.read({ offset: 0, length: Math.max(1, sizeBytes) });
  if (content.length !== sizeBytes) throw new Error(`${content.length} bytes of ${sizeBytes}`);
  const crc = nativePlatform.crc32(content, 0);
  if (crc !== entry.crc32) throw new Error(`CRC ${crc} instead of ${entry.crc32}`);
  return sha256(content);
}

/** The same of a directory of this machine. */
export function directoryLines(path: string): TreeLines {
  const lines = new Map<string, string>();
  addDirectoryLines(Buffer.from(path), "", lines);
  return lines;
}

function addDirectoryLines(directory: Buffer, prefix: string, lines: Map<string, string>): void {
  for (const name of readdirSync(directory, { encoding: "buffer" })) {
    const full = Buffer.concat([directory, Buffer.from("/"), name]);
    const path = `${prefix}/${name.toString("latin1")}`;
    const stat = lstatSync(full, { bigint: true });
    const type = TYPES.get(stat.mode & 0o170000n) ?? "";
    const mode = stat.mode & 0o7777n;
    const line: (string | bigint)[] = [type, mode, stat.uid, stat.gid, stat.mtimeNs, stat.ctimeNs];
    if (type !== "directory") line.push(stat.nlink);
    if (type === "file") line.push(stat.size, sha256(readFileSync(full)));
    if (type === "symlink") line.push(readlinkSync(full, "buffer").toString("hex"));
    lines.set(path, line.join(" "));
    if (type === "directory") addDirectoryLines(full, path, lines);
  }
}

const TYPES = new Map<bigint, string>([
  [0o100000n, "file"],
  [0o040000n, "directory"],
  [0o120000n, "symlink"],
  [0o010000n, "fifo"],
  [0o140000n, "socket"],
]);

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

export interface StoredObject {
  readonly kind: ObjectKind;
  readonly name: string;
  readonly bytes: Bytes;
}

/** Every object of a repository, by kind. */
export async function objectsOf(backend: ReadBackend): Promise<StoredObject[]> {
  const objects: StoredObject[] = [];
  for (const kind of OBJECT_KINDS) {
    for (const { name } of await backend.list(kind)) {
      objects.push({ kind, name, bytes: await backend.read({ kind, name }) });
    }
  }
  return objects;
}

/** A storage in memory that has `objects`. @param nowMs Its clock, asked once for each of them. */
export async function storageOf(
  objects: readonly StoredObject[],
  nowMs: () => number,
): Promise<MemoryBackend> {
  const backend = new MemoryBackend({ nowMs });
  for (const { kind, name, bytes } of objects) await backend.put({ kind, name }, bytes);
  return backend;
}

function fail(error: ForgeError): never {
  throw error;
}
