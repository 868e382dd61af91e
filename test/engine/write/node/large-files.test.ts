/** Large files, which several threads seal together. */
import { createCipheriv } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, expect, test } from "vitest";

import { ForgeError } from "../../../../engine/base/errors.ts";
import type { Repository } from "../../../../engine/repository/repository.ts";
import type { Backend } from "../../../../engine/storage/backend.ts";
import { MemoryBackend } from "../../../../engine/storage/memory.ts";
import {
  backUp,
  createSmallRepository,
  objectsOf,
  readSideOf,
  snapshotLines,
  snapshotOf,
  directoryLines,
} from "../../../helpers/backup-fixture.ts";
import { checkAll } from "../../../helpers/check-fixture.ts";
import { RecordingBackend } from "../../../helpers/recording-backend.ts";

const MIB = 1024 * 1024;
const CHUNKS = { minBytes: 16_384, normalBytes: 65_536, maxBytes: 262_144, normalization: 2 };

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(`${tmpdir()}/forge-large-`);
  mkdirSync(`${folder}/tree`);
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Bytes that do not compress, the same for the same key. */
function stream(bytes: number, key: number): Buffer {
  const cipher = createCipheriv("aes-128-ctr", Buffer.alloc(16, key), Buffer.alloc(16));
  return cipher.update(Buffer.alloc(bytes));
}

function newRepository(): Promise<Repository<Backend>> {
  const backend = new MemoryBackend({ nowMs: () => 0 });
  return createSmallRepository({ backend, chunker: CHUNKS, dataPackBytes: MIB });
}

/** The same repository in a storage of its own. */
async function copyOf(repository: Repository<Backend>): Promise<Repository<Backend>> {
  const backend = new MemoryBackend({ nowMs: () => 0 });
  for (const object of await objectsOf(repository.backend)) await backend.put(object, object.bytes);
  return { ...repository, backend };
}

test("whoever helps, the snapshot is the same, whole and stored once", async () => {
  // The second file repeats much of the first; others keep threads busy and free them again.
  writeFileSync(`${folder}/tree/a`, stream(70 * MIB, 1));
  writeFileSync(
    `${folder}/tree/b`,
    Buffer.concat([stream(30 * MIB, 1), Buffer.alloc(9 * MIB), stream(11 * MIB, 2)]),
  );
  for (let i = 0; i < 300; i++) writeFileSync(`${folder}/tree/c${i}`, stream(3000 + 997 * i, 9));
  const empty = await newRepository();
  const results: { root: string; blobs: number; bytes: number }[] = [];
  for (const threads of [1, 2, 4]) {
    const repository = await copyOf(empty);
    const result = await backUp(repository, `${folder}/tree`, { threads });
    const snapshot = snapshotOf(result);
    const { blobsNew, bytesNew } = snapshot.stats;
    results.push({ root: snapshot.root, blobs: blobsNew, bytes: bytesNew });
    const found = await snapshotLines(await readSideOf(repository), snapshot, `${folder}/tree`);
    expect(found).toEqual(directoryLines(`${folder}/tree`));
    expect((await checkAll(repository)).isSound).toBe(true);
    const again = snapshotOf(await backUp(repository, `${folder}/tree`, { threads }));
    expect(again).toMatchObject({ root: snapshot.root, stats: { blobsNew: 0 } });
  }
  expect(results[1]).toEqual(results[0]);
  expect(results[2]).toEqual(results[0]);
});

test("a storage that fails in the middle ends the backup, whoever helps", async () => {
  writeFileSync(`${folder}/tree/a`, stream(200 * MIB, 3));
  const empty = await newRepository();
  for (const changesMax of [3, 60, 130]) {
    const repository = await copyOf(empty);
    const backend = new RecordingBackend(repository.backend, { changesMax });
    const attempt = backUp({ ...repository, backend }, `${folder}/tree`, { threads: 3 });
    await expect(attempt).rejects.toMatchObject({ code: "io" });
  }
});

test("one pack that cannot be stored ends it at once, whoever made it", async () => {
  writeFileSync(`${folder}/tree/a`, stream(300 * MIB, 4));
  const repository = await newRepository();
  for (const failing of [60, 61, 62, 63]) {
    let puts = 0;
    const { backend } = await copyOf(repository);
    const put: Backend["put"] = (ref, bytes) => {
      if (ref.kind === "packs" && ++puts === failing) {
        return Promise.reject(new ForgeError("no-space", "the disk is full, for once"));
      }
      return backend.put(ref, bytes);
    };
    const failingOnce = new Proxy(backend, {
      get: (target, name) => {
        const value: unknown = name === "put" ? put : Reflect.get(target, name);
        return typeof value === "function" ? (value.bind(target) as unknown) : value;
      },
    });
    const attempt = backUp({ ...repository, backend: failingOnce }, `${folder}/tree`, {
      threads: 3,
    });
    await expect(attempt).rejects.toMatchObject({ code: "no-space" });
    // What was under way; 300 would be all.
    expect(puts - failing).toBeLessThan(60);
  }
});
