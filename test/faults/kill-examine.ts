/** What must hold of a repository after a command was killed, looked at from inside this process. */
import { isForgeError } from "../../engine/base/errors.ts";
import { addKeySlot } from "../../engine/repository/key-slots.ts";
import { LEASE_TTL_MS } from "../../engine/repository/lease.ts";
import type { Repository, UnlockedRepository } from "../../engine/repository/repository.ts";
import type { Backend } from "../../engine/storage/backend.ts";
import { LocalBackend } from "../../engine/storage/node/local.ts";
import {
  CHEAP_KDF,
  PASSPHRASE,
  type TreeLines,
  createSmallRepository,
  readSideOf,
  snapshotLines,
  snapshotsOf,
} from "../helpers/backup-fixture.ts";
import { checkAll, damagesOf, repairAll } from "../helpers/check-fixture.ts";
import { collectIn, problemsOf } from "../helpers/collection-fixture.ts";
import type { SimulatedTree } from "../helpers/simulated-source.ts";
import { backUpTree, expectTree } from "./crash-session.ts";
import { type ProgramPlace, examineByProgram, initByProgram } from "./kill-program.ts";
import { type KillWorld, NEW_PASSPHRASE, age, rotate, unlockPlace } from "./kill-world.ts";

const NEXT_TREE: SimulatedTree = [7001, 7002, 7003];

export interface ExamineOptions {
  /** Gets what is wrong. */
  readonly wrong: string[];
  /** Goes on with the repository as well, once what is left was compared. */
  readonly program?: ProgramPlace | undefined;
}

/**
 * It opens; what was promised is whole, and so is what is there beside it; the next backup succeeds and
 * so does the command itself, with nothing done to help; then all objects are sound.
 */
export async function examineKilled(
  world: KillWorld,
  path: string,
  { wrong, program }: ExamineOptions,
): Promise<void> {
  const backend = new LocalBackend(path);
  try {
    if (world.operation === "init" && (await isWithoutConfig(backend))) {
      if (program === undefined) await createSmallRepository({ backend });
      else await initByProgram(world, program);
    }
    let before = await open(world, backend);
    const left = await compare(world, before.repository, wrong);
    if (program !== undefined) {
      await examineByProgram(world, program);
      // It may have rotated the keys.
      before = await open(world, backend);
    }
    // Before anything was mended a backup cannot rely on what is there: the repair comes first.
    if (world.operation !== "repair") await expectNextBackup(before.repository);
    await again(world, path, before);
    if (world.operation === "repair") await expectNextBackup(before.repository);
    const after = await open(world, backend);
    const inTheEnd = await compare(world, after.repository, wrong);
    for (const id of inTheEnd) {
      if (world.doomed.has(id) && !left.has(id)) wrong.push(`snapshot ${id} came back`);
    }
    wrong.push(...(await problemsAfter(world, after.repository)));
  } finally {
    await backend.close();
  }
}

async function isWithoutConfig(backend: Backend): Promise<boolean> {
  return (await backend.stat({ kind: "config", name: "" })) === undefined;
}

/** With each passphrase that was promised; while one is changed, with either. */
async function open(
  { passphrases, operation }: KillWorld,
  backend: Backend,
): Promise<UnlockedRepository<Backend>> {
  let opened: UnlockedRepository<Backend> | undefined;
  for (const passphrase of passphrases) opened = await unlockPlace(backend, passphrase);
  if (operation !== "key passwd" && opened !== undefined) return opened;
  try {
    return await unlockPlace(backend, PASSPHRASE);
  } catch (error) {
    if (!isForgeError(error, "wrong-password")) throw error;
    return unlockPlace(backend, NEW_PASSPHRASE);
  }
}

/** @returns the ids of the snapshots there are. */
async function compare(
  world: KillWorld,
  repository: Repository<Backend>,
  wrong: string[],
): Promise<ReadonlySet<string>> {
  const isDamaged = world.operation === "repair";
  const onProblem = isDamaged ? (): void => undefined : undefined;
  const readSide = await readSideOf(repository, onProblem);
  const there = new Set<string>();
  for (const snapshot of await snapshotsOf(repository)) {
    there.add(snapshot.id);
    // Made by whoever looked at it.
    if (snapshot.program === "forge test" && !world.snapshots.has(snapshot.id)) continue;
    const wanted = world.snapshots.get(snapshot.original ?? snapshot.id) ?? world.lines;
    const lines = await snapshotLines(readSide, snapshot, world.tree, onProblem);
    const fault = differenceOf(lines, wanted, isDamaged);
    if (fault !== undefined) wrong.push(`snapshot ${snapshot.id}: ${fault}`);
  }
  for (const id of world.snapshots.keys()) {
    if (!there.has(id) && !world.doomed.has(id)) wrong.push(`snapshot ${id} is gone`);
  }
  return there;
}

/** Of a damaged one something may be missing, but nothing may be another. */
function differenceOf(lines: TreeLines, wanted: TreeLines, isDamaged: boolean): string | undefined {
  for (const [path, line] of lines) {
    if (isDamaged && line.startsWith("directory")) continue;
    if (wanted.get(path) !== line) return `${path} is ${line}`;
  }
  return isDamaged || lines.size === wanted.size ? undefined : `${lines.size} entries`;
}

async function expectNextBackup(repository: Repository<Backend>): Promise<void> {
  const { id } = await backUpTree(repository, NEXT_TREE, Date.now());
  const made = (await snapshotsOf(repository)).find((snapshot) => snapshot.id === id);
  if (made === undefined) throw new Error("the next snapshot is not there");
  await expectTree(await readSideOf(repository), made, [NEXT_TREE]);
}

/** The same command, half an hour later when the killed one still counts as being at work. */
async function again(
  world: KillWorld,
  path: string,
  unlocked: UnlockedRepository<Backend>,
): Promise<void> {
  const { repository, material } = unlocked;
  switch (world.operation) {
    case "init":
    case "backup":
      return;
    case "delete":
    case "compact":
    case "prune":
    case "reencrypt":
      age(`${path}/leases`, LEASE_TTL_MS + 1000);
      await collectIn(repository, { threshold: 0 });
      return;
    case "repair": {
      age(`${path}/leases`, LEASE_TTL_MS + 1000);
      await repairAll(repository);
      const damages = damagesOf(await checkAll(repository));
      if (damages.length > 0) throw new Error(`after a second repair: ${damages.join(", ")}`);
      await expectQuarantined(world, repository.backend);
      return;
    }
    case "key add":
    case "key passwd": {
      const slot = { label: "", kdf: CHEAP_KDF, nowMs: Date.now() };
      await addKeySlot(repository, material, { ...slot, password: "the next" });
      await unlockPlace(repository.backend, "the next");
      return;
    }
    case "key rotate":
      age(`${path}/leases`, LEASE_TTL_MS + 1000);
      await rotate(await unlockPlace(repository.backend, PASSPHRASE));
      return;
    default:
      world.operation satisfies never;
  }
}

/** A snapshot that a repair could not save stays there, beside what it could: the check knows. */
async function problemsAfter(
  { operation }: KillWorld,
  repository: Repository<Backend>,
): Promise<readonly string[]> {
  return operation === "repair" ? damagesOf(await checkAll(repository)) : problemsOf(repository);
}

/** No byte of a damaged pack is thrown away. */
async function expectQuarantined({ damaged }: KillWorld, backend: Backend): Promise<void> {
  const set = (await backend.list("quarantine")).map(({ name }) => name);
  const packs = new Set((await backend.list("packs")).map(({ name }) => name));
  const [pack = ""] = damaged;
  if (!packs.has(pack) && !set.some((name) => name.startsWith(pack))) {
    throw new Error(`the damaged pack ${pack} is not in the quarantine`);
  }
}
