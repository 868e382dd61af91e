/**
 * A small repository with every kind of object, copies of it with something damaged, and all that can
 * be read of such a copy. The one rule: what is served is what was stored, or it is an error.
 */
import { mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";

import type { Bytes } from "../../engine/base/bytes.ts";
import { type ForgeError, isForgeError } from "../../engine/base/errors.ts";
import { verifyObjects } from "../../engine/maintenance/verify-objects.ts";
import { nativePlatform } from "../../engine/platform/node/native.ts";
import type { Cipher } from "../../engine/platform/platform.ts";
import { parseId } from "../../engine/base/ids.ts";
import { writePlan } from "../../engine/repository/collection-plan.ts";
import { Lease } from "../../engine/repository/lease.ts";
import { type Repository, openRepository } from "../../engine/repository/repository.ts";
import { listSnapshots } from "../../engine/repository/snapshot-store.ts";
import { writeTombstone } from "../../engine/repository/tombstone.ts";
import { MemoryBackend } from "../../engine/storage/memory.ts";
import {
  type StoredObject,
  type TreeLines,
  PASSPHRASE,
  backUp,
  createSmallRepository,
  objectsOf,
  readSideOf,
  snapshotLines,
  snapshotsOf,
} from "../helpers/backup-fixture.ts";
import { noise } from "../helpers/expected-tree.ts";

export interface SmallRepository {
  readonly repository: Repository;
  readonly objects: readonly StoredObject[];
  /** Path that was backed up. */
  readonly tree: string;
  /** What each snapshot holds. */
  readonly contents: ReadonlyMap<string, TreeLines>;
}

/** About 10 KB in two snapshots, two packs of data and of trees each, and two leases, tombstones and plans. */
export async function buildSmallRepository(
  folder: string,
  cipher: Cipher,
): Promise<SmallRepository> {
  const tree = `${folder}/${cipher}`;
  mkdirSync(`${tree}/sub`, { recursive: true });
  writeFileSync(`${tree}/large`, noise(1500, 1));
  writeFileSync(`${tree}/text`, "all work and no play makes jack a dull boy\n".repeat(20));
  writeFileSync(`${tree}/empty`, "");
  writeFileSync(`${tree}/sub/small`, "small");
  symlinkSync("../large", `${tree}/sub/link`);
  utimesSync(`${tree}/sub/small`, 1, 2);
  const backend = new MemoryBackend({ nowMs: () => 1_700_000_000_000 });
  const repository = await createSmallRepository({ backend, cipher });
  const holder = { purpose: "backup", hostname: "host", pid: 7, startedNs: 1n } as const;
  await Lease.acquire(repository, holder);
  await backUp(repository, tree);
  writeFileSync(`${tree}/large`, noise(1600, 2));
  rmSync(`${tree}/text`);
  await backUp(repository, tree);
  await Lease.acquire(repository, holder);
  for (const digit of ["1", "2"]) {
    await writePlan(repository, {
      packs: [parseId(digit.repeat(64))],
      graceMs: 1000,
      hostname: "host",
      pid: 7,
    });
    await writeTombstone(repository, {
      id: parseId(digit.repeat(64)),
      deletedNs: 1n,
      hostname: "host",
      username: "alice",
      reason: "test",
      chain: { writer: "0".repeat(32), seq: 3 },
      timeNs: 1n,
    });
  }
  const contents = new Map<string, TreeLines>();
  const readSide = await readSideOf(repository);
  for (const snapshot of await snapshotsOf(repository)) {
    contents.set(snapshot.id, await snapshotLines(readSide, snapshot, tree));
  }
  return { repository, objects: await objectsOf(backend), tree, contents };
}

/** The objects with `replaced` in their place; `undefined` removes one. */
export async function damagedBackend(
  objects: readonly StoredObject[],
  replaced: ReadonlyMap<StoredObject, Bytes | undefined>,
): Promise<MemoryBackend> {
  const backend = new MemoryBackend({ nowMs: () => 1_700_000_000_000 });
  for (const object of objects) {
    const bytes = replaced.has(object) ? replaced.get(object) : object.bytes;
    if (bytes !== undefined) await backend.put({ kind: object.kind, name: object.name }, bytes);
  }
  return backend;
}

export interface Finding {
  /** What opening and reading everything met. */
  readonly reading: readonly ForgeError[];
  /** What verifying every object met, beside reading. */
  readonly verifying: readonly ForgeError[];
  /** Snapshots that were read completely. */
  readonly whole: number;
}

/**
 * Opens the copy and reads all of it.
 * @param reopen Whether to unlock it, which costs a key derivation; else the keys are those known.
 * @throws Error when anything served differs from what was stored, or anything but a ForgeError was
 *   thrown.
 */
export async function examine(
  { repository: intact, tree, contents }: SmallRepository,
  backend: MemoryBackend,
  reopen: boolean,
): Promise<Finding> {
  const reading: ForgeError[] = [];
  const verifying: ForgeError[] = [];
  const onProblem = (error: ForgeError): void => void reading.push(error);
  let whole = 0;
  let repository: Repository = { ...intact, backend };
  try {
    if (reopen) {
      const credentials = { passphrase: () => Promise.resolve(PASSPHRASE) };
      repository = await openRepository({ backend, platform: nativePlatform, credentials });
    }
    const readSide = await readSideOf(repository, onProblem);
    for (const snapshot of await listSnapshots(repository, { onProblem })) {
      const before = reading.length;
      const lines = await snapshotLines(readSide, snapshot, tree, onProblem);
      const wanted = contents.get(snapshot.id);
      if (wanted === undefined) throw new Error(`a snapshot ${snapshot.id} that was never made`);
      for (const [path, line] of lines) {
        if (wanted.get(path) !== line) throw new Error(`${path} was served as ${line}`);
      }
      if (reading.length > before) continue;
      if (lines.size !== wanted.size) throw new Error("entries are missing without a word");
      whole++;
    }
  } catch (error) {
    if (!isForgeError(error)) throw error;
    reading.push(error);
  }
  try {
    await verifyObjects(repository, { onProblem: (error) => verifying.push(error) });
  } catch (error) {
    if (!isForgeError(error)) throw error;
    verifying.push(error);
  }
  return { reading, verifying, whole };
}
