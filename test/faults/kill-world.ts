/**
 * What a seed has killed: a command of the program, a repository on disk to run it on, and what must
 * hold of that repository whenever the command is killed.
 */
import { mkdirSync, readFileSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { basename } from "node:path";

import { nativePlatform } from "../../engine/platform/node/native.ts";
import { addKeySlot } from "../../engine/repository/key-slots.ts";
import { type UnlockedRepository, unlockRepository } from "../../engine/repository/repository.ts";
import { applyRotation, planRotation } from "../../engine/repository/rotate-keys.ts";
import type { Snapshot } from "../../engine/snapshots/snapshot.ts";
import type { Backend } from "../../engine/storage/backend.ts";
import { LocalBackend } from "../../engine/storage/node/local.ts";
import {
  CHEAP_KDF,
  PASSPHRASE,
  type TreeLines,
  backUp,
  createSmallRepository,
  directoryLines,
} from "../helpers/backup-fixture.ts";
import { deleteIn } from "../helpers/collection-fixture.ts";
import { noise } from "../helpers/expected-tree.ts";
import { SeededRandom } from "../helpers/seeded-random.ts";

/** Seed n is for operation n modulo their number. */
export const KILLED_OPERATIONS = [
  "backup",
  "compact",
  "init",
  "prune",
  "repair",
  "delete",
  "key passwd",
  "reencrypt",
  "key rotate",
  "key add",
] as const;
export type KilledOperation = (typeof KILLED_OPERATIONS)[number];

export const NEW_PASSPHRASE = "another passphrase";
const SECOND_PASSPHRASE = "second";
const DAY_MS = 24 * 3_600_000;
const KDF_WORDS = ["--kdf-memory-kib", "64", "--kdf-passes", "1"];

export interface KillWorld {
  readonly seed: number;
  readonly operation: KilledOperation;
  /** Of the command to be killed. */
  readonly words: readonly string[];
  readonly tree: string;
  /** What the tree holds now, and a backup of it will. */
  readonly lines: TreeLines;
  /** Every snapshot that is there before, with what it holds. */
  readonly snapshots: ReadonlyMap<string, TreeLines>;
  /** Those of them that the command may delete. */
  readonly doomed: ReadonlySet<string>;
  /** Each opens the repository whenever the command is killed. */
  readonly passphrases: readonly string[];
  /** Names of packs and segments that are damaged. */
  readonly damaged: readonly string[];
}

/** @param place Folders `before` (absent for init) and `tree` are made in it. */
export async function createKillWorld(seed: number, place: string): Promise<KillWorld> {
  const random = new SeededRandom(seed);
  const operation = KILLED_OPERATIONS[seed % KILLED_OPERATIONS.length] ?? "backup";
  const tree = `${place}/tree`;
  const repository = `${place}/before`;
  for (const path of [tree, repository]) rmSync(path, { recursive: true, force: true });
  mkdirSync(`${tree}/sub`, { recursive: true });
  changeTree(tree, random);
  const snapshots = new Map<string, TreeLines>();
  const world = { seed, operation, tree, snapshots, passphrases: [PASSPHRASE], damaged: [] };
  const none: ReadonlySet<string> = new Set();
  if (operation === "init") {
    const words = ["init", ...KDF_WORDS];
    return { ...world, words, lines: directoryLines(tree), doomed: none };
  }
  const backend = new LocalBackend(repository);
  await createSmallRepository({
    backend,
    dataPackBytes: random.pick([1024, 2048, 8192]),
    treePackBytes: random.pick([1024, 4096]),
    cipher: random.pick(["aes-256-gcm", "chacha20-poly1305", "none"]),
  });
  const unlock = (): Promise<UnlockedRepository<Backend>> => unlockPlace(backend, PASSPHRASE);
  const { repository: opened } = await unlock();
  const made: Snapshot[] = [];
  for (let left = 2 + random.below(2); left > 0; left--) {
    const { snapshot } = await backUp(opened, tree);
    if (snapshot === undefined) throw new Error("no snapshot");
    made.push(snapshot);
    snapshots.set(snapshot.id, directoryLines(tree));
    changeTree(tree, random);
  }
  const lines = directoryLines(tree);
  const doomed = new Set<string>();
  const [first] = made;
  if (first === undefined) throw new Error("no snapshot");
  const damaged: string[] = [];
  const passphrases = operation === "key passwd" ? [] : [PASSPHRASE];
  switch (operation) {
    case "compact":
      snapshots.delete(first.id);
      await deleteIn(opened, first);
      break;
    case "delete":
      doomed.add(random.pick(made).id);
      break;
    case "prune":
      for (const { id } of made.slice(0, -1)) doomed.add(id);
      break;
    case "reencrypt":
      await rotate(await unlock());
      break;
    case "repair":
      damaged.push(...damage(repository, random));
      break;
    case "key passwd":
    case "key rotate":
      if (random.chance(0.5)) break;
      await addSecondKey(await unlock());
      // A rotation is told to let go of it.
      if (operation === "key passwd") passphrases.push(SECOND_PASSPHRASE);
      break;
    case "backup":
    case "key add":
      break;
    default:
      return operation satisfies never;
  }
  await backend.close();
  age(repository, 3 * DAY_MS);
  const words = wordsOf(operation, { tree, doomed, random });
  return { ...world, words, lines, doomed, passphrases, damaged };
}

export function unlockPlace(
  backend: Backend,
  passphrase: string,
): Promise<UnlockedRepository<Backend>> {
  const credentials = { passphrase: () => Promise.resolve(passphrase) };
  return unlockRepository({ backend, platform: nativePlatform, credentials });
}

export async function rotate(unlocked: UnlockedRepository<Backend>): Promise<void> {
  const plan = await planRotation(unlocked, [{ password: PASSPHRASE, keyFiles: [] }]);
  const holder = { hostname: "host", pid: 1, startedNs: 1n };
  await applyRotation(unlocked, plan, { kdf: CHEAP_KDF, nowMs: Date.now(), holder });
}

/** Time passes: all below `path` is that much older. */
export function age(path: string, byMs: number): void {
  const seconds = (Date.now() - byMs) / 1000;
  for (const name of readdirSync(path, { recursive: true, encoding: "utf8" })) {
    utimesSync(`${path}/${name}`, seconds, seconds);
  }
}

function wordsOf(
  operation: Exclude<KilledOperation, "init">,
  { tree, doomed, random }: { tree: string; doomed: ReadonlySet<string>; random: SeededRandom },
): string[] {
  switch (operation) {
    case "backup":
      // Another host has no parent: every file is read.
      return ["backup", tree, "--host", random.pick(["host", "other"])];
    case "compact":
      return ["compact", "--grace", "0", "--threshold", "0"];
    case "prune":
      return ["prune", "--keep-last", "1", "--compact", "--grace", "0", "--threshold", "0"];
    case "reencrypt":
      return ["compact", "--reencrypt", "--grace", "0"];
    case "repair":
      return ["check", "--read-data", "--repair", "--yes"];
    case "delete":
      return ["delete", ...doomed];
    case "key add":
      return ["key", "add", ...KDF_WORDS];
    case "key passwd":
      return ["key", "passwd", ...KDF_WORDS];
    case "key rotate":
      return ["key", "rotate", "--yes", ...KDF_WORDS];
    default:
      return operation satisfies never;
  }
}

/** Some files get another content; a few come, one goes. */
function changeTree(tree: string, random: SeededRandom): void {
  for (let left = 4 + random.below(5); left > 0; left--) {
    const name = `${random.chance(0.3) ? "sub/" : ""}${random.below(16)}`;
    writeFileSync(`${tree}/${name}`, noise(random.below(3000), 1 + random.u32()));
  }
  rmSync(`${tree}/${random.below(16)}`, { force: true });
}

async function addSecondKey({ repository, material }: UnlockedRepository<Backend>): Promise<void> {
  const nowMs = 1_700_000_000_000;
  await addKeySlot(repository, material, {
    ...{ label: "second", kdf: CHEAP_KDF, nowMs },
    password: SECOND_PASSPHRASE,
  });
}

/** Flips a bit of one pack; in half the worlds a segment of the index is cut short as well. */
function damage(repository: string, random: SeededRandom): string[] {
  const files = readdirSync(repository, { recursive: true, encoding: "utf8" }).sort();
  const pack = random.pick(files.filter((name) => /^packs\/..\/./.test(name)));
  rewrite(`${repository}/${pack}`, (bytes) => {
    const at = random.below(bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    return bytes;
  });
  if (random.chance(0.5)) return [basename(pack)];
  const segment = random.pick(files.filter((name) => name.startsWith("index/")));
  rewrite(`${repository}/${segment}`, (bytes) => bytes.subarray(0, 40));
  return [basename(pack), basename(segment)];
}

function rewrite(path: string, change: (bytes: Buffer) => Uint8Array): void {
  const bytes = change(readFileSync(path));
  rmSync(path);
  writeFileSync(path, bytes, { mode: 0o400 });
}
