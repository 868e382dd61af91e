import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, expect, it } from "vitest";

import { toHex } from "../../../engine/base/bytes.ts";
import { type ForgeError } from "../../../engine/base/errors.ts";
import {
  type ReachableBlobs,
  type ReachableProblem,
  walkReachable,
} from "../../../engine/maintenance/reachable.ts";
import { openPackDirectorySync } from "../../../engine/packs/pack-format.ts";
import { nativeSyncPlatform } from "../../../engine/platform/node/native.ts";
import type { Repository } from "../../../engine/repository/repository.ts";
import type { Backend } from "../../../engine/storage/backend.ts";
import { MemoryBackend } from "../../../engine/storage/memory.ts";
import {
  backUp,
  createSmallRepository,
  readSideOf,
  snapshotsOf,
} from "../../helpers/backup-fixture.ts";
import { noise } from "../../helpers/expected-tree.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(`${tmpdir()}/forge-reachable-`);
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Two backups: folders that are shared, a folder of 3000 files, a file of more chunks than one list holds. */
async function filled(): Promise<Repository<Backend>> {
  const backend = new MemoryBackend({ nowMs: () => 0 });
  const repository = await createSmallRepository({ backend });
  mkdirSync(`${folder}/many`);
  mkdirSync(`${folder}/few/deep`, { recursive: true });
  for (let i = 0; i < 3000; i++) writeFileSync(`${folder}/many/${i}`, i % 10 === 0 ? `${i}` : "");
  writeFileSync(`${folder}/large`, noise(1_500_000, 1));
  writeFileSync(`${folder}/few/deep/a`, noise(5000, 2));
  symlinkSync("a", `${folder}/few/deep/b`);
  await backUp(repository, folder);
  writeFileSync(`${folder}/many/1500`, "changed");
  writeFileSync(`${folder}/few/c`, noise(3000, 3));
  await backUp(repository, folder);
  return repository;
}

/** Every blob in the packs: without interrupted backups all of them are needed. */
async function storedIds({ backend, keys }: Repository): Promise<string[]> {
  const ids = new Set<string>();
  for (const { name } of await backend.list("packs")) {
    const pack = await backend.read({ kind: "packs", name });
    for (const { id } of openPackDirectorySync(nativeSyncPlatform, keys, pack)) ids.add(toHex(id));
  }
  return [...ids].sort();
}

function idsOf(found: ReachableBlobs): string[] {
  const ids: string[] = [];
  const parts = Array.from(found.chunkParts(), ({ chunks }) => chunks);
  for (const set of [found.trees, found.lists, ...parts]) {
    for (let number = 0; number < set.size; number++) ids.push(set.idAt(number));
  }
  return ids.sort();
}

it("meets every blob of all snapshots, and each tree once", async () => {
  const repository = await filled();
  const readSide = await readSideOf(repository);
  const roots = (await snapshotsOf(repository)).map(({ root }) => root);
  const problems: ReachableProblem[] = [];
  const found = await walkReachable({
    readSide,
    roots,
    onProblem: (problem) => problems.push(problem),
  });
  expect(problems).toEqual([]);
  expect(idsOf(found)).toEqual(await storedIds(repository));
  expect(found.lists.size).toBeGreaterThan(2);
  const first = await walkReachable({ readSide, roots: roots.slice(0, 1) });
  expect(idsOf(first).length).toBeLessThan(idsOf(found).length);
  const both = await walkReachable({ readSide, roots: roots.slice(1), into: first });
  expect(idsOf(both)).toEqual(idsOf(found));
});

it("goes on past a tree that is gone when it is told to, and stops when not", async () => {
  const repository = await filled();
  const { backend } = repository;
  for (const { name } of await backend.list("packs")) {
    const pack = await backend.read({ kind: "packs", name });
    const [entry] = openPackDirectorySync(nativeSyncPlatform, repository.keys, pack);
    if (entry?.kind !== "tree") continue;
    await backend.delete([{ kind: "packs", name }]);
    break;
  }
  const readSide = await readSideOf(repository);
  const roots = (await snapshotsOf(repository)).map(({ root }) => root);
  const errors: ForgeError[] = [];
  const found = await walkReachable({
    readSide,
    roots,
    onProblem: ({ error }) => errors.push(error),
  });
  expect(errors.length).toBeGreaterThan(0);
  expect(errors.every(({ code }) => code === "missing-object")).toBe(true);
  expect(idsOf(found).length).toBeGreaterThan(0);
  await expect(walkReachable({ readSide, roots })).rejects.toMatchObject({
    code: "missing-object",
  });
});
