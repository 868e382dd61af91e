/**
 * A session as a seed has it: a repository is made, backed up to, tidied, and its keys are changed.
 * It remembers what was promised when.
 */
import type { ForgeError } from "../../engine/base/errors.ts";
import type { SnapshotId } from "../../engine/base/ids.ts";
import { nativePlatform, nativeSyncPlatform } from "../../engine/platform/node/native.ts";
import { findEntry } from "../../engine/read/readonly-fs.ts";
import type { ReadSide } from "../../engine/read/read-side.ts";
import { openSnapshotFs } from "../../engine/read/snapshot-fs.ts";
import { addKeySlot, replaceKeySlot } from "../../engine/repository/key-slots.ts";
import {
  type Repository,
  type UnlockedRepository,
  loadIndex,
  unlockRepository,
} from "../../engine/repository/repository.ts";
import { applyRotation, planRotation } from "../../engine/repository/rotate-keys.ts";
import { listSnapshots } from "../../engine/repository/snapshot-store.ts";
import type { Snapshot } from "../../engine/snapshots/snapshot.ts";
import type { Backend } from "../../engine/storage/backend.ts";
import { backup } from "../../engine/write/backup.ts";
import { initRepository } from "../../engine/write/init.ts";
import { findChainEnd, findParent } from "../../engine/write/parent.ts";
import { CHEAP_KDF, SMALL_CHUNKS, readSideOf } from "../helpers/backup-fixture.ts";
import { collectIn, deleteIn } from "../helpers/collection-fixture.ts";
import { SeededRandom } from "../helpers/seeded-random.ts";
import {
  type SimulatedTree,
  contentOf,
  inlinePool,
  simulatedSource,
} from "../helpers/simulated-source.ts";
import { StorageLog } from "./storage-log.ts";

const DAY_MS = 24 * 3_600_000;
const FILES = 6;
const PATHS = [new Uint8Array([0x2f])];

export const FIRST_PASSPHRASE = "first";

/** A snapshot that was acknowledged. */
export interface PromisedSnapshot {
  readonly id: SnapshotId;
  readonly tree: SimulatedTree;
  /** Moments of the log. */
  readonly from: number;
  until: number;
}

/** A passphrase that opens the repository from one moment to another. */
export interface PromisedKey {
  readonly passphrase: string;
  readonly from: number;
  until: number;
}

export interface Session {
  readonly log: StorageLog;
  readonly snapshots: readonly PromisedSnapshot[];
  readonly keys: readonly PromisedKey[];
  /** What backups have been started, for those that nobody was told of. */
  readonly trees: readonly SimulatedTree[];
  /** From when on there is a repository. */
  readonly made: number;
  readonly operations: readonly string[];
}

/** @param steps Operations after init and the first backup. */
export async function runSession(seed: number, steps: number): Promise<Session> {
  const random = new SeededRandom(seed);
  const log = new StorageLog(random);
  const snapshots: PromisedSnapshot[] = [];
  const keys: PromisedKey[] = [];
  const trees: SimulatedTree[] = [];
  const operations: string[] = ["init"];
  await makeRepository(log, log.nowMs);
  const made = log.now;
  keys.push({ passphrase: FIRST_PASSPHRASE, from: made, until: Number.POSITIVE_INFINITY });
  let tree: SimulatedTree = Array.from({ length: FILES }, () => random.below(1000));

  const unlock = (): Promise<UnlockedRepository<Backend>> =>
    unlockWith(log, keys.findLast(({ until }) => until > log.now)?.passphrase ?? "");
  const save = async (): Promise<void> => {
    operations.push("backup");
    const { repository } = await unlock();
    tree = tree.map((number) => (random.chance(0.5) ? random.below(1000) : number));
    trees.push(tree);
    const { id } = await backUpTree(repository, tree, log.nowMs);
    snapshots.push({ id, tree, from: log.now, until: Number.POSITIVE_INFINITY });
  };
  await save();
  for (let step = 0; step < steps; step++) {
    log.nowMs += random.below(DAY_MS);
    const choice = random.below(10);
    if (choice < 4) await save();
    else if (choice < 6) {
      const present = snapshots.filter(({ until }) => until > log.now);
      const { repository } = await unlock();
      const chosen = random.pick(present);
      const stored = (await listSnapshots(repository, { onProblem: fail })).find(
        ({ id }) => id === chosen.id,
      );
      if (present.length < 2 || stored === undefined) continue;
      operations.push("delete");
      chosen.until = log.now;
      await deleteIn(repository, stored);
    } else if (choice < 8) {
      operations.push("collect");
      // Old enough for what interrupted backups have left to be collected.
      log.nowMs += 2 * DAY_MS;
      await collectIn((await unlock()).repository, { threshold: random.pick([0, 0.3]) });
    } else {
      operations.push(await changeKeys(log, { keys, random, unlock }));
    }
  }
  return { log, snapshots, keys, trees, made, operations };
}

interface KeyChange {
  readonly keys: PromisedKey[];
  readonly random: SeededRandom;
  readonly unlock: () => Promise<UnlockedRepository<Backend>>;
}

async function changeKeys(log: StorageLog, change: KeyChange): Promise<string> {
  const { keys, random } = change;
  const unlocked = await change.unlock();
  const { repository, material } = unlocked;
  const current = keys.findLast(({ until }) => until > log.now);
  if (current === undefined) throw new Error("no key");
  const slot = { label: "", kdf: CHEAP_KDF, nowMs: log.nowMs };
  const next = { passphrase: `passphrase ${keys.length}`, until: Number.POSITIVE_INFINITY };
  switch (random.below(3)) {
    case 0:
      await addKeySlot(repository, material, { ...slot, password: next.passphrase });
      keys.push({ ...next, from: log.now });
      return "key add";
    case 1: {
      const old = repository.keySlot;
      // One of both opens it at any moment: the old one is promised no more, the new one not yet.
      const begun = log.now;
      await replaceKeySlot(repository, material, {
        old,
        slot: { ...slot, password: next.passphrase },
      });
      current.until = begun;
      keys.push({ ...next, from: log.now });
      return "key passwd";
    }
    default: {
      // Of several keys only those whose passphrase is given stay: all of them are.
      const secrets = keys
        .filter(({ until }) => until > log.now)
        .map(({ passphrase }) => ({ password: passphrase, keyFiles: [] }));
      await applyRotation(unlocked, await planRotation(unlocked, secrets.reverse()), {
        kdf: CHEAP_KDF,
        nowMs: log.nowMs,
        holder: { hostname: "host", pid: 1, startedNs: 1n },
      });
      return "key rotate";
    }
  }
}

export async function makeRepository(backend: Backend, nowMs: number): Promise<void> {
  await initRepository({
    backend,
    platform: nativePlatform,
    passphrase: FIRST_PASSPHRASE,
    cipher: "aes-256-gcm",
    kdf: CHEAP_KDF,
    keyLabel: "",
    nowMs,
    chunker: SMALL_CHUNKS,
    dataPackBytes: 700,
    treePackBytes: 700,
  });
}

export function unlockWith(
  backend: Backend,
  passphrase: string,
): Promise<UnlockedRepository<Backend>> {
  const credentials = { passphrase: () => Promise.resolve(passphrase) };
  return unlockRepository({ backend, platform: nativePlatform, credentials });
}

/** One run as a new process would make it. */
export async function backUpTree(
  repository: Repository<Backend>,
  tree: SimulatedTree,
  nowMs: number,
): Promise<Snapshot> {
  const indexed = await loadIndex(repository, { onProblem: fail });
  const snapshots = await listSnapshots(repository, { onProblem: fail });
  const writer = "0".repeat(32);
  const { snapshot } = await backup({
    repository: indexed,
    readSide: await readSideOf(repository),
    source: simulatedSource(tree),
    paths: PATHS,
    parent: findParent(snapshots, { hostname: "host", paths: PATHS }),
    chain: { writer, last: findChainEnd(snapshots, writer) },
    platform: nativeSyncPlatform,
    createPool: inlinePool,
    compression: { codec: "none", level: 0 },
    hostname: "host",
    username: "user",
    pid: 1,
    program: "forge test",
    tags: [],
    now: () => BigInt(nowMs) * 1_000_000n,
    onProblem: ({ error }) => fail(error),
  });
  if (snapshot === undefined) throw new Error("no snapshot");
  return snapshot;
}

/** Reads all of a snapshot. @throws Error when it is not this tree. */
export async function expectTree(
  readSide: ReadSide,
  snapshot: Snapshot,
  trees: readonly SimulatedTree[],
): Promise<void> {
  const { root } = await openSnapshotFs(readSide, snapshot);
  const directory = await findEntry(root, [new TextEncoder().encode("d")]);
  if (directory?.type !== "directory") throw new Error("the folder is not there");
  let left = [...trees];
  const entries = await directory.readEntries(0);
  for (const [i, entry] of entries.entries()) {
    if (entry.type !== "file") throw new Error("an entry is no file");
    const content = await entry.read({ offset: 0, length: entry.attributes.sizeBytes });
    left = left.filter((tree) => Buffer.compare(contentOf(tree[i] ?? -1), content) === 0);
  }
  if (!left.some((tree) => tree.length === entries.length)) {
    throw new Error(`snapshot ${snapshot.id} has another content`);
  }
}

function fail(error: ForgeError): never {
  throw error;
}
