import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { Compression } from "../../engine/crypto/envelope.ts";
import type { Cipher } from "../../engine/platform/platform.ts";
import type { Repository } from "../../engine/repository/repository.ts";
import type { Snapshot } from "../../engine/snapshots/snapshot.ts";
import type { Backend } from "../../engine/storage/backend.ts";
import { MemoryBackend } from "../../engine/storage/memory.ts";
import {
  type TreeLines,
  SMALL_CHUNKS,
  backUp,
  createSmallRepository,
  directoryLines,
  readSideOf,
  snapshotLines,
  snapshotsOf,
} from "../helpers/backup-fixture.ts";
import { SeededRandom, testSeed } from "../helpers/seeded-random.ts";
import { buildRandomTree, changeRandomTree } from "./random-tree.ts";

const seed = testSeed();
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(`${tmpdir()}/forge-roundtrip-`);
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const VARIANTS: readonly { cipher: Cipher; compression: Compression; threads: number }[] = [
  { cipher: "aes-256-gcm", compression: { codec: "zstd", level: 3 }, threads: 2 },
  { cipher: "aes-256-gcm", compression: { codec: "none", level: 0 }, threads: 1 },
  { cipher: "chacha20-poly1305", compression: { codec: "lz4", level: 0 }, threads: 2 },
  { cipher: "none", compression: { codec: "zstd", level: 19 }, threads: 1 },
];

async function expectStored(
  repository: Repository<Backend>,
  snapshot: Snapshot,
  tree: string,
  wanted: TreeLines,
): Promise<void> {
  const lines = await snapshotLines(await readSideOf(repository), snapshot, tree);
  expect(lines).toEqual(wanted);
}

async function countOf(backend: Backend): Promise<Record<string, number>> {
  const count: Record<string, number> = {};
  for (const kind of ["packs", "index", "snapshots", "leases"] as const) {
    count[kind] = (await backend.list(kind)).length;
  }
  return count;
}

describe(`random trees, FORGE_TEST_SEED=${seed}`, () => {
  it.each(VARIANTS.map((variant, number) => ({ ...variant, number })))(
    "come back from $cipher, $compression.codec, after any changes",
    async ({ cipher, compression, threads, number }) => {
      const random = new SeededRandom(seed + number);
      const backend = new MemoryBackend({ nowMs: () => Date.now() });
      const repository = await createSmallRepository({ backend, cipher });
      const tree = `${folder}/${number}`;
      mkdirSync(tree);
      buildRandomTree(tree, random, { entries: 120, chunker: SMALL_CHUNKS });
      const states: TreeLines[] = [];
      for (let round = 0; round < 4; round++) {
        if (round > 0) changeRandomTree(tree, random, { entries: 12, chunker: SMALL_CHUNKS });
        const wanted = directoryLines(tree);
        const { snapshot, problems } = await backUp(repository, tree, { compression, threads });
        expect(problems).toBe(0);
        if (snapshot === undefined) throw new Error("no snapshot");
        await expectStored(repository, snapshot, tree, wanted);
        states.push(wanted);
      }
      const snapshots = await snapshotsOf(repository);
      expect(snapshots.map(({ seq }) => seq)).toEqual([1, 2, 3, 4]);
      for (const [round, snapshot] of snapshots.entries()) {
        await expectStored(repository, snapshot, tree, states[round] ?? new Map());
      }
      const before = await countOf(backend);
      const { stats } = await backUp(repository, tree, { compression, threads });
      expect(stats.blobsNew).toBe(0);
      expect(stats.bytesStored).toBe(0);
      expect(await countOf(backend)).toEqual({ ...before, snapshots: 5 });
      // Without a parent every file is read again, and every blob found.
      const anew = await backUp(repository, tree, { compression, threads, parent: undefined });
      expect(anew.stats.blobsNew).toBe(0);
      expect(await countOf(backend)).toEqual({ ...before, snapshots: 6 });
    },
  );
});
