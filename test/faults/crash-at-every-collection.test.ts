/**
 * The order in which deleting and collecting write is a promise: stopped after any change, what is not
 * deleted is whole, and the next collection needs no help.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { isForgeError } from "../../engine/base/errors.ts";
import { LEASE_TTL_MS } from "../../engine/repository/lease.ts";
import type { Repository } from "../../engine/repository/repository.ts";
import type { Snapshot } from "../../engine/snapshots/snapshot.ts";
import type { Backend } from "../../engine/storage/backend.ts";
import { MemoryBackend } from "../../engine/storage/memory.ts";
import {
  type StoredObject,
  type TreeLines,
  createSmallRepository,
  directoryLines,
  objectsOf,
  readSideOf,
  snapshotLines,
  snapshotsOf,
  storageOf,
  takeSnapshot,
} from "../helpers/backup-fixture.ts";
import { bytesOf, collectIn, deleteIn, problemsOf } from "../helpers/collection-fixture.ts";
import { noise } from "../helpers/expected-tree.ts";
import { RecordingBackend } from "../helpers/recording-backend.ts";

const DAY_MS = 24 * 3_600_000;
let nowMs = 1_700_000_000_000;
let folder: string;
let tree: string;
let repository: Repository<Backend>;
let objects: readonly StoredObject[];
let doomed: Snapshot;
let kept: Snapshot;
let lines: TreeLines;

beforeAll(async () => {
  folder = mkdtempSync(`${tmpdir()}/forge-crash-`);
  tree = `${folder}/tree`;
  mkdirSync(tree);
  const backend = new MemoryBackend({ nowMs: () => nowMs++ });
  repository = await createSmallRepository({ backend });
  for (let i = 0; i < 10; i++) writeFileSync(`${tree}/${i}`, noise(1500, i + 1));
  doomed = await takeSnapshot(repository, tree);
  for (let i = 0; i < 10; i += 2) writeFileSync(`${tree}/${i}`, noise(1500, i + 100));
  kept = await takeSnapshot(repository, tree);
  lines = directoryLines(tree);
  objects = await objectsOf(backend);
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function copy(): Promise<MemoryBackend> {
  return storageOf(objects, () => nowMs++);
}

describe.each([false, true])(
  "stopped, the last change having come through: %s",
  (lastOneHappens) => {
    it("at every change of a deletion and a collection", async () => {
      const work = async (backend: Backend): Promise<void> => {
        await deleteIn({ ...repository, backend }, doomed);
        await collectIn({ ...repository, backend });
      };
      const whole = new RecordingBackend(await copy());
      await work(whole);
      const order = whole.changes.map((change) => change.replace(/\/.*/, ""));
      expect(order.slice(0, 3)).toEqual(["put tombstones", "delete snapshots", "put leases"]);
      const at = (change: string): number => order.indexOf(change);
      expect(at("put packs")).toBeLessThan(at("put index"));
      expect(at("put index")).toBeLessThan(at("put gc"));
      expect(at("put gc")).toBeLessThan(at("delete index"));
      expect(order.lastIndexOf("delete index")).toBeLessThan(at("delete packs"));
      expect(order.lastIndexOf("delete packs")).toBeLessThan(at("delete gc"));
      const wantedBytes = await bytesOf(whole);
      for (let changesMax = 0; changesMax < order.length; changesMax++) {
        const memory = await copy();
        const dying = new RecordingBackend(memory, { changesMax, lastOneHappens });
        await work(dying).catch((error: unknown) => {
          if (!isForgeError(error, "io")) throw error;
        });
        const after = { ...repository, backend: memory };
        const readSide = await readSideOf(after);
        expect(await snapshotLines(readSide, kept, tree)).toEqual(lines);
        for (const { id } of await snapshotsOf(after)) expect([doomed.id, kept.id]).toContain(id);
        // The lease of the dead one ends, and the copies it began are no fresh work any more.
        nowMs += DAY_MS + LEASE_TTL_MS;
        if (changesMax < 2) await deleteIn(after, doomed);
        await collectIn(after);
        expect(await snapshotLines(await readSideOf(after), kept, tree)).toEqual(lines);
        expect(await problemsOf(after)).toEqual([]);
        expect(await memory.list("gc")).toEqual([]);
        expect(await memory.list("leases")).toEqual([]);
        expect(await bytesOf(memory)).toBeLessThan(wantedBytes * 1.1);
      }
    }, 300_000);
  },
);
