import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import type { Bytes } from "../../../engine/base/bytes.ts";
import { type ForgeError, isForgeError } from "../../../engine/base/errors.ts";
import { idBytes } from "../../../engine/base/ids.ts";
import { openSync } from "../../../engine/crypto/envelope.ts";
import type { KeyRing } from "../../../engine/crypto/key-ring.ts";
import { openStandalone } from "../../../engine/crypto/standalone-object.ts";
import { type ReencryptReport, reencrypt } from "../../../engine/maintenance/reencrypt.ts";
import { nativePlatform, nativeSyncPlatform } from "../../../engine/platform/node/native.ts";
import type { Cipher } from "../../../engine/platform/platform.ts";
import { createPlatformDecoder } from "../../../engine/read/platform-decoder.ts";
import { createReadSide } from "../../../engine/read/read-side.ts";
import { NOTHING_SEEN, examineFreshness } from "../../../engine/repository/freshness.ts";
import {
  type Repository,
  loadIndex,
  unlockRepository,
} from "../../../engine/repository/repository.ts";
import { applyRotation, planRotation } from "../../../engine/repository/rotate-keys.ts";
import type { Snapshot } from "../../../engine/snapshots/snapshot.ts";
import type { Backend, ObjectRef } from "../../../engine/storage/backend.ts";
import { MemoryBackend } from "../../../engine/storage/memory.ts";
import {
  CHEAP_KDF,
  PASSPHRASE,
  type TreeLines,
  backUp,
  createSmallRepository,
  directoryLines,
  objectsOf,
  readSideOf,
  snapshotLines,
  snapshotsOf,
} from "../../helpers/backup-fixture.ts";
import { collectIn, deleteIn, problemsOf } from "../../helpers/collection-fixture.ts";
import { noise } from "../../helpers/expected-tree.ts";
import { RecordingBackend } from "../../helpers/recording-backend.ts";

let nowMs: number;
let folder: string;
let tree: string;
let backend: MemoryBackend;
/** With the keys of before the rotation: the thief's. */
let old: Repository<Backend>;
let kept: { readonly snapshot: Snapshot; readonly lines: TreeLines }[];

beforeEach(() => {
  nowMs = 1_700_000_000_000;
  folder = mkdtempSync(`${tmpdir()}/forge-reencrypt-`);
  tree = `${folder}/tree`;
  mkdirSync(tree, { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function fill(cipher: Cipher = "aes-256-gcm"): Promise<void> {
  backend = new MemoryBackend({ nowMs: () => nowMs++ });
  old = await createSmallRepository({ backend, cipher });
  kept = [];
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 4; i++) writeFileSync(`${tree}/${i}`, noise(2500, round * 10 + i + 1));
    writeFileSync(`${tree}/text`, "compressible ".repeat(50 + round));
    const { snapshot } = await backUp(old, tree);
    if (snapshot === undefined) throw new Error("no snapshot");
    kept.push({ snapshot, lines: directoryLines(tree) });
  }
  const [first] = kept.splice(0, 1);
  if (first !== undefined) await deleteIn(old, first.snapshot);
}

async function open(from: Backend = backend): Promise<Repository<Backend>> {
  return (await unlock(from)).repository;
}

function unlock(from: Backend) {
  const credentials = { passphrase: () => Promise.resolve(PASSPHRASE) };
  return unlockRepository({ backend: from, platform: nativePlatform, credentials });
}

async function rotate(): Promise<void> {
  const unlocked = await unlock(backend);
  const plan = await planRotation(unlocked, [{ password: PASSPHRASE, keyFiles: [] }]);
  const holder = { hostname: "h", pid: 1, startedNs: 0n };
  await applyRotation(unlocked, plan, { kdf: CHEAP_KDF, nowMs: 1, holder });
}

async function run(from: Backend = backend, ask = {}): Promise<ReencryptReport> {
  const repository = await open(from);
  const indexed = await loadIndex(repository, { onProblem: fail });
  return reencrypt({
    graceMs: 0,
    overridePlans: true,
    hostname: "host",
    pid: 2,
    nowNs: 0n,
    onProblem: fail,
    ...ask,
    repository: indexed,
    platform: nativeSyncPlatform,
    readSide: createReadSide({
      backend: from,
      index: indexed.index,
      decoder: createPlatformDecoder(nativePlatform, repository.keys),
    }),
  });
}

async function expectWhole(): Promise<void> {
  const repository = await open();
  const readSide = await readSideOf(repository);
  expect(await snapshotsOf(repository)).toEqual(kept.map(({ snapshot }) => snapshot));
  for (const { snapshot, lines } of kept) {
    expect(await snapshotLines(readSide, snapshot, tree)).toEqual(lines);
  }
  expect(await problemsOf(repository)).toEqual([]);
  const options = { seen: NOTHING_SEEN, nowMs: 0, onProblem: fail };
  const snapshots = await snapshotsOf(repository);
  expect((await examineFreshness(repository, snapshots, options)).faults).toEqual([]);
}

/** What a thief opens who also lies to his own program about epochs. */
async function openedBy(thief: KeyRing): Promise<string[]> {
  const [zero = []] = thief.sealKeys;
  const lying: KeyRing = { ...thief, sealKeys: [zero, zero], currentEpoch: 1 };
  const opened: string[] = [];
  const attempt = async (what: string, work: () => Promise<unknown>): Promise<void> => {
    try {
      await work();
      opened.push(what);
    } catch (error) {
      if (!isForgeError(error)) throw error;
    }
  };
  for (const { kind, name, bytes } of await objectsOf(backend)) {
    if (kind !== "snapshots" && kind !== "tombstones") continue;
    const standalone = kind === "snapshots" ? "snapshot" : "tombstone";
    const objectId = Buffer.from(name, "hex");
    const request = { kind: standalone, objectId: new Uint8Array(objectId), bytes } as const;
    for (const keys of [thief, lying]) {
      await attempt(`${kind}/${name}`, () => openStandalone(nativePlatform, keys, request));
    }
  }
  for (const keys of [thief, lying]) {
    let unreadable = 0;
    const { index } = await loadIndex({ ...old, keys }, { onProblem: () => unreadable++ });
    for await (const { id } of index.locations()) opened.push(`index record ${id}`);
    expect(unreadable).toBeGreaterThan(0);
  }
  // The owner tells where every blob is, and the thief tries all of them.
  const { index } = await loadIndex(await open(), { onProblem: fail });
  let blobs = 0;
  for await (const { id, kind, codec, plainBytes, packId, ...place } of index.locations()) {
    blobs++;
    const span = { offset: place.offset, length: place.sealedBytes };
    const sealed = await backend.read({ kind: "packs", name: packId }, { span });
    for (const epoch of [0, 1]) {
      const request = { kind, objectId: idBytes(id), codec, epoch, plainBytes };
      await attempt(`blob ${id}`, async () =>
        Promise.resolve(openSync(nativeSyncPlatform, lying, request, sealed)),
      );
    }
  }
  expect(blobs).toBeGreaterThan(5);
  return opened;
}

describe("sealing anew after a rotation", () => {
  it.each(["aes-256-gcm", "chacha20-poly1305"] as const)(
    "leaves nothing that the old keys open, and everything that was there: %s",
    async (cipher) => {
      await fill(cipher);
      await rotate();
      const before = await snapshotsOf(await open());
      const dry = await run(backend, { dryRun: true });
      expect(dry.oldPacks).toBeGreaterThan(0);
      const { resealed, oldPacks } = await run();
      expect(resealed).toEqual({ snapshots: before.length, tombstones: 1 });
      expect(oldPacks).toBe(0);
      await expectWhole();
      expect(await openedBy(old.keys)).toEqual([]);
      // Once more there is nothing left to do.
      expect((await run()).resealed).toEqual({ snapshots: 0, tombstones: 0 });
      await expectWhole();
    },
  );

  it("says how many packs still wait while their grace lasts, and ends it later", async () => {
    await fill();
    await rotate();
    nowMs += 48 * 3_600_000;
    const first = await run(backend, { graceMs: 3_600_000 });
    expect(first.oldPacks).toBeGreaterThan(0);
    nowMs += 2 * 3_600_000;
    expect((await run()).oldPacks).toBe(0);
    expect(await openedBy(old.keys)).toEqual([]);
    await expectWhole();
  });

  it.each([false, true])(
    "stopped at any write loses no snapshot, and the next run ends it (the write happened: %s)",
    async (lastOneHappens) => {
      await fill();
      await rotate();
      const objects = await objectsOf(backend);
      let done = false;
      for (let changesMax = 0; !done; changesMax++) {
        backend = new MemoryBackend({ nowMs: () => nowMs++ });
        for (const { kind, name, bytes } of objects) await backend.put({ kind, name }, bytes);
        const recording = new RecordingBackend(backend, { changesMax, lastOneHappens });
        done = await run(recording).then(
          () => true,
          () => false,
        );
        const tombstones = objects.filter(({ kind }) => kind === "tombstones").length;
        expect(await backend.list("tombstones")).toHaveLength(tombstones);
        await expectWhole();
        if (changesMax % 5 !== 0 && !done) continue;
        nowMs += 31 * 60_000;
        await run();
        await expectWhole();
      }
    },
  );
});

it("a snapshot that is deleted while it is sealed anew does not come back", async () => {
  await fill();
  await rotate();
  const [first] = kept;
  if (first === undefined) throw new Error("no snapshot");
  const { snapshot } = first;
  class DeletedMeanwhile extends RecordingBackend {
    override async replace(ref: ObjectRef, data: Bytes): Promise<void> {
      if (ref.name === snapshot.id) await deleteIn(await open(), snapshot);
      return super.replace(ref, data);
    }
  }
  await run(new DeletedMeanwhile(backend));
  kept.shift();
  await expectWhole();
});

it("a collection with the keys of before a rotation deletes nothing: it cannot see all snapshots", async () => {
  await fill();
  await rotate();
  writeFileSync(`${tree}/fresh`, noise(3000, 77));
  const { snapshot } = await backUp(await open(), tree);
  expect(snapshot).toBeDefined();
  const packs = await backend.list("packs");
  await expect(collectIn(old, { onProblem: () => undefined })).rejects.toMatchObject({
    code: "newer-keys",
  });
  expect(await backend.list("packs")).toEqual(packs);
});

function fail(error: ForgeError): never {
  throw error;
}
