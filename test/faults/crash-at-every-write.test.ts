/**
 * The order in which a backup writes is a promise: stop after any change, and what was there before is
 * whole, and the next backup needs no help.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { isForgeError } from "../../engine/base/errors.ts";
import { verifyObjects } from "../../engine/maintenance/verify-objects.ts";
import { nativePlatform } from "../../engine/platform/node/native.ts";
import { type Repository, openRepository } from "../../engine/repository/repository.ts";
import type { Snapshot } from "../../engine/snapshots/snapshot.ts";
import type { Backend } from "../../engine/storage/backend.ts";
import { MemoryBackend } from "../../engine/storage/memory.ts";
import {
  type StoredObject,
  type TreeLines,
  CHEAP_KDF,
  PASSPHRASE,
  backUp,
  createSmallRepository,
  directoryLines,
  objectsOf,
  readSideOf,
  snapshotLines,
  snapshotOf,
  snapshotsOf,
  storageOf,
  takeSnapshot,
} from "../helpers/backup-fixture.ts";
import { noise } from "../helpers/expected-tree.ts";
import { RecordingBackend } from "../helpers/recording-backend.ts";
import { initRepository } from "../../engine/write/init.ts";

let folder: string;
let tree: string;
let first: Snapshot;
let firstLines: TreeLines;
let lines: TreeLines;
let repository: Repository<Backend>;
/** The repository with one snapshot, before the backup that is stopped. */
let objects: readonly StoredObject[];

beforeAll(async () => {
  folder = mkdtempSync(`${tmpdir()}/forge-crash-`);
  tree = `${folder}/tree`;
  mkdirSync(`${tree}/a/b`, { recursive: true });
  for (let i = 0; i < 10; i++) writeFileSync(`${tree}/a/${i}`, noise(2500, i + 1));
  const backend = new MemoryBackend({ nowMs: () => Date.now() });
  repository = await createSmallRepository({ backend });
  firstLines = directoryLines(tree);
  first = await takeSnapshot(repository, tree);
  for (let i = 0; i < 12; i++) writeFileSync(`${tree}/a/b/${i}`, noise(2500, i + 100));
  for (let i = 0; i < 4; i++) writeFileSync(`${tree}/a/${i}`, noise(2500, i + 200));
  lines = directoryLines(tree);
  objects = await objectsOf(backend);
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function copy(): Promise<MemoryBackend> {
  return storageOf(objects, () => Date.now());
}

async function expectWhole(
  opened: Repository,
  snapshot: Snapshot,
  wanted: TreeLines,
): Promise<void> {
  expect(await snapshotLines(await readSideOf(opened), snapshot, tree)).toEqual(wanted);
}

describe.each([false, true])(
  "stopped, the last change having come through: %s",
  (lastOneHappens) => {
    it("at every change of a backup", async () => {
      const whole = new RecordingBackend(await copy());
      const complete = await backUp({ ...repository, backend: whole }, tree);
      const total = whole.changes.length;
      expect(whole.changes[0]).toMatch(/^put leases/);
      expect(whole.changes.slice(-4).map((change) => change.replace(/\/.*/, ""))).toEqual([
        "put snapshots",
        "put leases",
        "delete leases",
        "delete leases",
      ]);
      const order = whole.changes.map((change) => change.replace(/\/.*/, ""));
      const lastPack = order.lastIndexOf("put packs");
      expect(order.lastIndexOf("put index")).toBeGreaterThan(lastPack);
      expect(order.indexOf("put snapshots")).toBeGreaterThan(order.lastIndexOf("put index"));
      let reused = 0;
      for (let changesMax = 0; changesMax < total; changesMax++) {
        const memory = await copy();
        const backend = new RecordingBackend(memory, { changesMax, lastOneHappens });
        const stopped = await backUp({ ...repository, backend }, tree).catch((error: unknown) => {
          if (!isForgeError(error, "io")) throw error;
          return undefined;
        });
        const after = { ...repository, backend: memory };
        await expectWhole(after, first, firstLines);
        const between = await snapshotsOf(after);
        // A snapshot that is there, acknowledged or not, is whole.
        for (const snapshot of between.slice(1)) await expectWhole(after, snapshot, lines);
        if (stopped !== undefined) expect(between.length).toBe(2);
        const next = await backUp(after, tree);
        await expectWhole(after, snapshotOf(next), lines);
        await expectWhole(after, first, firstLines);
        if (next.stats.bytesStored < complete.stats.bytesStored / 2) reused++;
        const problems: string[] = [];
        await verifyObjects(after, { onProblem: ({ message }) => problems.push(message) });
        expect(problems).toEqual([]);
      }
      // What index segments had made findable was not stored again.
      expect(reused).toBeGreaterThan(5);
    });

    it("at every change of an init", async () => {
      const options = {
        platform: nativePlatform,
        passphrase: PASSPHRASE,
        cipher: "aes-256-gcm",
        kdf: CHEAP_KDF,
        keyLabel: "",
        nowMs: 0,
      } as const;
      for (let changesMax = 0; changesMax < 3; changesMax++) {
        const memory = new MemoryBackend({ nowMs: () => 0 });
        const backend = new RecordingBackend(memory, { changesMax, lastOneHappens });
        await initRepository({ ...options, backend }).catch(() => undefined);
        const isThere = (await memory.stat({ kind: "config", name: "" })) !== undefined;
        if (!isThere) await initRepository({ ...options, backend: memory });
        await openRepository({
          backend: memory,
          platform: nativePlatform,
          credentials: { passphrase: () => Promise.resolve(PASSPHRASE) },
        });
      }
    });
  },
);
