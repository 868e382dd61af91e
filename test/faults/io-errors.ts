/**
 * Input and output errors at every call to the storage, in every operation: the error that is told is
 * the one that happened, nothing that was promised is lost, and the same operation succeeds once the
 * storage works again.
 */
import { isForgeError, messageOf } from "../../engine/base/errors.ts";
import type { SnapshotId } from "../../engine/base/ids.ts";
import { checkRepository } from "../../engine/maintenance/check.ts";
import { createPackVerifier } from "../../engine/maintenance/verify-pack.ts";
import { nativePlatform, nativeSyncPlatform } from "../../engine/platform/node/native.ts";
import { createPlatformDecoder } from "../../engine/read/platform-decoder.ts";
import { addKeySlot, replaceKeySlot } from "../../engine/repository/key-slots.ts";
import { LEASE_TTL_MS } from "../../engine/repository/lease.ts";
import { applyRotation, planRotation } from "../../engine/repository/rotate-keys.ts";
import { listSnapshots } from "../../engine/repository/snapshot-store.ts";
import type { Backend } from "../../engine/storage/backend.ts";
import { MemoryBackend } from "../../engine/storage/memory.ts";
import { EXIT, exitCodeOfError } from "../../src/cli/exit-code.ts";
import { CHEAP_KDF, type StoredObject, objectsOf, readSideOf } from "../helpers/backup-fixture.ts";
import { collectIn, deleteIn } from "../helpers/collection-fixture.ts";
import type { SimulatedTree } from "../helpers/simulated-source.ts";
import {
  FIRST_PASSPHRASE,
  type Session,
  backUpTree,
  expectTree,
  makeRepository,
  runSession,
  unlockWith,
} from "./crash-session.ts";
import { type Fault, FaultyBackend } from "./faulty-backend.ts";

const DAY_MS = 24 * 3_600_000;
const ERRNOS = ["EIO", "ENOSPC", "EACCES"] as const;
/** What the told error must be called. Never "corrupt" and never "missing-object". */
const CODES = { EIO: "io", ENOSPC: "no-space", EACCES: "permission" } as const;

export const OPERATIONS = [
  "init",
  "open",
  "read",
  "backup",
  "delete",
  "collect",
  "check",
  "key add",
  "key passwd",
  "key rotate",
] as const;
export type Operation = (typeof OPERATIONS)[number];

export interface IoCounts {
  points: number;
  /** Of them, those that the operation could do without. */
  survived: number;
  readonly byOperation: Record<string, number>;
}

export interface IoFault {
  readonly seed: number;
  readonly operation: Operation;
  readonly fault: Fault;
  readonly what: string;
}

export function noIoErrors(): IoCounts {
  return { points: 0, survived: 0, byOperation: {} };
}

/** A repository in the state that a session of one seed left. */
interface World {
  readonly session: Session;
  readonly passphrase: string;
  readonly objects: readonly StoredObject[];
  readonly promised: Session["snapshots"];
  /** A snapshot to be deleted. */
  readonly victim: SnapshotId;
}

const NEXT_TREE: SimulatedTree = [7001, 7002, 7003, 7004, 7005, 7006];

/** All points of all operations on the repository of one seed. @returns what is wrong. */
export async function ioErrorsOf(
  seed: number,
  counts: IoCounts,
  options: { readonly every?: number } = {},
): Promise<IoFault[]> {
  const world = await createWorld(seed);
  const wrong: IoFault[] = [];
  let number = 0;
  for (const operation of OPERATIONS) {
    const whole = new FaultyBackend((await storageFor(operation, world)).backend);
    await perform(operation, world, whole);
    for (const fault of faultsOf(whole)) {
      if (number++ % (options.every ?? 1) !== 0) continue;
      counts.points++;
      counts.byOperation[operation] = (counts.byOperation[operation] ?? 0) + 1;
      try {
        if (await failAt(operation, world, fault)) counts.survived++;
      } catch (error) {
        wrong.push({ seed, operation, fault, what: messageOf(error) });
      }
    }
  }
  return wrong;
}

function* faultsOf({ calls, changes }: FaultyBackend): Generator<Fault> {
  for (let call = 0; call < calls; call++) {
    for (const errno of ERRNOS) {
      for (const lasts of [false, true]) {
        yield { call, errno, lasts, afterwards: false };
        if (changes.includes(call)) yield { call, errno, lasts, afterwards: true };
      }
    }
  }
}

/** @returns whether the operation succeeded all the same. */
async function failAt(operation: Operation, world: World, fault: Fault): Promise<boolean> {
  const storage = await storageFor(operation, world);
  const memory = storage.backend;
  const faulty = new FaultyBackend(memory, fault);
  let hasSucceeded = true;
  try {
    await perform(operation, world, faulty);
  } catch (error) {
    hasSucceeded = false;
    expectTold(error, fault, faulty.hit);
  }
  if (operation === "init") {
    const isThere = (await memory.stat({ kind: "config", name: "" })) !== undefined;
    if (hasSucceeded && !isThere) throw new Error("an init succeeded without a config");
    if (!isThere) await perform("init", world, memory);
    await unlockWith(memory, FIRST_PASSPHRASE);
    return hasSucceeded;
  }
  await expectPromised(world, memory);
  await performAgain(operation, world, storage);
  await expectPromised(world, memory);
  return hasSucceeded;
}

/** At once, or when the lease has ended that the failed one could not take away. */
async function performAgain(
  operation: Operation,
  world: World,
  { backend, clock }: FaultyWorld,
): Promise<void> {
  try {
    await perform(operation, world, backend);
  } catch (error) {
    if (!isForgeError(error, "locked")) throw error;
    if ((await backend.list("leases")).length === 0) throw error;
    clock.nowMs += LEASE_TTL_MS + 1;
    await perform(operation, world, backend);
  }
}

/** The error is a sentence about what failed, under its own name, with exit status 1. */
function expectTold(error: unknown, fault: Fault, hit: string | undefined): void {
  if (!isForgeError(error)) {
    throw new Error(`no ForgeError: ${error instanceof Error ? error.stack : String(error)}`);
  }
  if (hit === undefined) throw new Error(`failed before anything did: ${error.message}`);
  const codes: readonly string[] = [CODES[fault.errno]];
  if (!codes.includes(error.code)) {
    throw new Error(`${fault.errno} at "${hit}" is told as ${error.code}: ${error.message}`);
  }
  if (exitCodeOfError(error) !== EXIT.error) throw new Error("another exit status");
  if (!error.message.startsWith("Cannot ")) throw new Error(`no sentence: ${error.message}`);
}

async function createWorld(seed: number): Promise<World> {
  const session = await runSession(seed, 4);
  const { log, keys } = session;
  const key = keys.findLast(({ until }) => until > log.now);
  if (key === undefined) throw new Error("no key");
  // Something for the collection to do.
  const { repository } = await unlockWith(log, key.passphrase);
  const tree = NEXT_TREE.map((number) => number + 1000);
  const doomed = await backUpTree(repository, tree, log.nowMs);
  await deleteIn(repository, doomed);
  const { id: victim } = await backUpTree(repository, tree.toReversed(), log.nowMs);
  const promised = session.snapshots.filter(({ until }) => until > log.now);
  return { session, passphrase: key.passphrase, objects: await objectsOf(log), promised, victim };
}

interface FaultyWorld {
  readonly backend: MemoryBackend;
  readonly clock: { nowMs: number };
}

async function storageFor(operation: Operation, world: World): Promise<FaultyWorld> {
  const clock = { nowMs: world.session.log.nowMs };
  const backend = new MemoryBackend({ nowMs: () => clock.nowMs });
  if (operation === "init") return { backend, clock };
  for (const { kind, name, bytes } of world.objects) await backend.put({ kind, name }, bytes);
  // Leases of what failed have ended, and its packs are no fresh work any more.
  clock.nowMs += 3 * DAY_MS;
  return { backend, clock };
}

async function perform(operation: Operation, world: World, backend: Backend): Promise<void> {
  const { nowMs } = world.session.log;
  if (operation === "init") return makeRepository(backend, nowMs);
  const { passphrase } = world;
  const unlocked = await unlockWith(backend, passphrase);
  const { repository, material } = unlocked;
  const slot = { label: "", kdf: CHEAP_KDF, nowMs, password: passphrase };
  switch (operation) {
    case "open":
      return;
    case "read":
      return expectPromised(world, backend);
    case "backup":
      await backUpTree(repository, NEXT_TREE, nowMs);
      return;
    case "delete": {
      const snapshots = await listSnapshots(repository, { onProblem: fail });
      const victim = snapshots.find(({ id }) => id === world.victim);
      if (victim !== undefined) await deleteIn(repository, victim);
      return;
    }
    case "collect":
      await collectIn(repository);
      return;
    case "check": {
      // What failed before, of one key slot while another opened, the check reads for itself.
      const failuresBefore = failuresOf(backend);
      const { findings, isSound } = await checkRepository({
        repository,
        decoder: createPlatformDecoder(nativePlatform, repository.keys),
        verifier: createPackVerifier(nativeSyncPlatform, repository.keys),
        readData: (packs) => packs,
      });
      const kinds = findings.filter(({ isNotice }) => !isNotice).map(({ kind }) => kind);
      const wrong = kinds.filter((kind) => kind !== "unreadable");
      if (wrong.length > 0) throw new Error(`what cannot be read is called ${wrong.join(", ")}`);
      if (isSound && failuresOf(backend) > failuresBefore) {
        throw new Error("called sound, although something of it could not be read");
      }
      return;
    }
    case "key add":
      await addKeySlot(repository, material, { ...slot, password: "another" });
      return;
    case "key passwd":
      await replaceKeySlot(repository, material, { old: repository.keySlot, slot });
      return;
    case "key rotate": {
      const plan = await planRotation(unlocked, [{ password: passphrase, keyFiles: [] }]);
      const holder = { hostname: "host", pid: 1, startedNs: 1n };
      await applyRotation(unlocked, plan, { kdf: CHEAP_KDF, nowMs, holder });
      return;
    }
    default:
      operation satisfies never;
  }
}

function failuresOf(backend: Backend): number {
  return backend instanceof FaultyBackend ? backend.failures : 0;
}

/** What was acknowledged and not deleted is there and whole. */
async function expectPromised(world: World, backend: Backend): Promise<void> {
  const { repository } = await unlockWith(backend, world.passphrase);
  const readSide = await readSideOf(repository, fail);
  const there = await listSnapshots(repository, { onProblem: fail });
  for (const { id, tree } of world.promised) {
    const snapshot = there.find((one) => one.id === id);
    if (snapshot === undefined) throw new Error(`snapshot ${id} is gone`);
    await expectTree(readSide, snapshot, [tree]);
  }
}

function fail(error: Error): never {
  throw error;
}
