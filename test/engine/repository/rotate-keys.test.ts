import { beforeEach, describe, expect, it } from "vitest";

import { ForgeError } from "../../../engine/base/errors.ts";
import { utf8 } from "../../../engine/base/bytes.ts";
import { nativePlatform } from "../../../engine/platform/node/native.ts";
import { addKeySlot, removeKeySlot } from "../../../engine/repository/key-slots.ts";
import {
  type UnlockedRepository,
  unlockRepository,
} from "../../../engine/repository/repository.ts";
import { applyRotation, planRotation } from "../../../engine/repository/rotate-keys.ts";
import { readSnapshot, writeSnapshot } from "../../../engine/repository/snapshot-store.ts";
import { readKeySlots } from "../../../engine/repository/unlock.ts";
import type { Snapshot } from "../../../engine/snapshots/snapshot.ts";
import type { Backend } from "../../../engine/storage/backend.ts";
import { MemoryBackend } from "../../../engine/storage/memory.ts";
import { CHEAP_KDF, PASSPHRASE, createSmallRepository } from "../../helpers/backup-fixture.ts";
import { RecordingBackend } from "../../helpers/recording-backend.ts";
import { snapshotFields } from "../../helpers/snapshot-fields.ts";

let backend: MemoryBackend;
let storageMs = 0;
const KEY_FILE = utf8("a key file");
const OPTIONS = {
  kdf: CHEAP_KDF,
  nowMs: 1_800_000_000_000,
  holder: { hostname: "host", pid: 1, startedNs: 0n },
};
const OWN = { password: PASSPHRASE, keyFiles: [] };
const BOB = { password: "bob", keyFiles: [KEY_FILE] };

beforeEach(async () => {
  storageMs = 0;
  backend = new MemoryBackend({ nowMs: () => storageMs });
  await createSmallRepository({ backend });
  const { repository, material } = await unlock();
  const bob = { password: "bob", keyFile: KEY_FILE, label: "bob", kdf: CHEAP_KDF, nowMs: 1 };
  await addKeySlot(repository, material, bob);
  await addKeySlot(repository, material, { ...bob, password: "eve", label: "eve" });
});

function unlock(
  from: Backend = backend,
  password = PASSPHRASE,
): Promise<UnlockedRepository<Backend>> {
  return unlockRepository({
    backend: from,
    platform: nativePlatform,
    credentials: { passphrase: () => Promise.resolve(password), keyFile: KEY_FILE },
  });
}

async function rotate(from: Backend = backend, secrets = [OWN, BOB]): Promise<void> {
  const unlocked = await unlock(from);
  await applyRotation(unlocked, await planRotation(unlocked, secrets), OPTIONS);
}

describe("a rotation", () => {
  it("makes the given keys anew, drops the others, and says so before", async () => {
    const unlocked = await unlock();
    const plan = await planRotation(unlocked, [OWN, BOB]);
    expect(plan.kept.map(({ slot }) => slot.header.label).sort()).toEqual(["bob", "test"]);
    expect(plan.lost.map(({ header }) => header.label)).toEqual(["eve"]);
    expect(plan.epoch).toBe(1);
    await applyRotation(unlocked, plan, OPTIONS);
    expect((await unlock()).material.epochKeys).toHaveLength(2);
    expect((await unlock(backend, "bob")).material).toEqual((await unlock()).material);
    await expect(unlock(backend, "eve")).rejects.toMatchObject({ code: "wrong-password" });
    expect(await backend.list("leases")).toEqual([]);
  });

  it("hides what is written from then on from whoever has the old keys", async () => {
    const thief = await unlock(backend, "eve");
    const old = await writeSnapshot(thief.repository, snapshotFields());
    await rotate();
    const { repository } = await unlock();
    const fresh = await writeSnapshot(repository, snapshotFields());
    expect(await readSnapshot(repository, old.id)).toMatchObject({ id: old.id });
    expect(await readSnapshot(thief.repository, old.id)).toMatchObject({ id: old.id });
    await expect(readSnapshot(thief.repository, fresh.id)).rejects.toMatchObject({
      code: "newer-keys",
      message: expect.stringMatching(/key epoch 1.*rotated/) as string,
    });
    // Not by putting the old key in the place of the new one either.
    const [epochZero = []] = thief.repository.keys.sealKeys;
    const forged = { ...thief.repository.keys, sealKeys: [epochZero, epochZero] };
    await expect(
      readSnapshot({ ...thief.repository, keys: forged }, fresh.id),
    ).rejects.toMatchObject({ code: "corrupt" });
  });

  it("leaves what a client with the old keys writes meanwhile readable", async () => {
    const running = await unlock();
    await rotate();
    const late: Snapshot = await writeSnapshot(running.repository, snapshotFields());
    expect(await readSnapshot((await unlock()).repository, late.id)).toMatchObject({ id: late.id });
  });

  it("is refused when a passphrase opens nothing, and changes nothing", async () => {
    const before = await backend.list("keys");
    const wrong = { password: "nobody's", keyFiles: [] };
    await expect(rotate(backend, [OWN, wrong])).rejects.toThrow(/passphrase 2 of 2 opens no key/);
    expect(await backend.list("keys")).toEqual(before);
  });

  it.each([false, true])(
    "stopped at any write leaves a repository that opens and rotates (the write happened: %s)",
    async (lastOneHappens) => {
      const objects = await snapshotOf(backend);
      let done = false;
      for (let changesMax = 0; !done; changesMax++) {
        backend = await restored(objects);
        const recording = new RecordingBackend(backend, { changesMax, lastOneHappens });
        done = await rotate(recording).then(
          () => true,
          () => false,
        );
        const { repository } = await unlock();
        const written = await writeSnapshot(repository, snapshotFields());
        // The claim of the one that was stopped dies by the storage's clock.
        storageMs += 31 * 60_000;
        const { repository: again } = await unlock();
        expect(await readSnapshot(again, written.id)).toMatchObject({ id: written.id });
        const newest = await unlock();
        await applyRotation(newest, await planRotation(newest, [OWN, BOB]), OPTIONS);
        const { repository: last } = await unlock();
        expect(await readSnapshot(last, written.id)).toMatchObject({ id: written.id });
        const { slots } = await readKeySlots(last);
        expect(slots.map(({ header }) => header.label).sort()).toEqual(["bob", "test"]);
        expect(changesMax).toBeLessThan(12);
      }
    },
  );

  it("leaves every key alone when the storage does not give one of them", async () => {
    const unlocked = await unlock();
    const [bob] = (await readKeySlots(unlocked.repository)).slots.filter(
      ({ header }) => header.label === "bob",
    );
    const read = backend.read.bind(backend);
    backend.read = (ref, options) =>
      ref.name === bob?.id
        ? Promise.reject(new ForgeError("io", "made to fail"))
        : read(ref, options);
    await expect(planRotation(unlocked, [OWN, BOB])).rejects.toMatchObject({ code: "io" });
    // Without the passphrase of the one that is missing it would be taken for a damaged one.
    await expect(planRotation(unlocked, [OWN])).rejects.toMatchObject({ code: "io" });
    await expect(
      removeKeySlot(unlocked.repository, unlocked.repository.keySlot),
    ).rejects.toMatchObject({ code: "io" });
    backend.read = read;
    expect((await readKeySlots(unlocked.repository)).slots.length).toBe(3);
  });

  it("is one at a time: two at once never make two keys of one epoch", async () => {
    const objects = await snapshotOf(backend);
    for (let round = 0; round < 10; round++) {
      backend = await restored(objects);
      const outcomes = await Promise.allSettled([rotate(), rotate()]);
      const failures = outcomes.filter((one) => one.status === "rejected");
      for (const { reason } of failures) {
        expect((reason as { code: string }).code).toMatch(/locked|newer-keys/);
      }
      const own = await unlock();
      const bob = await unlock(backend, "bob");
      expect(bob.material).toEqual(own.material);
    }
  });

  it("by a key that missed the last rotation is refused", async () => {
    const stale = await unlock();
    await rotate();
    await expect(planRotation(stale, [OWN])).rejects.toMatchObject({ code: "newer-keys" });
  });
});

async function snapshotOf(from: MemoryBackend): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const objects = new Map<string, Uint8Array<ArrayBuffer>>();
  objects.set("config ", await from.read({ kind: "config", name: "" }));
  for (const { name } of await from.list("keys")) {
    objects.set(`keys ${name}`, await from.read({ kind: "keys", name }));
  }
  return objects;
}

async function restored(
  objects: ReadonlyMap<string, Uint8Array<ArrayBuffer>>,
): Promise<MemoryBackend> {
  const made = new MemoryBackend({ nowMs: () => storageMs });
  for (const [key, bytes] of objects) {
    const [kind, name = ""] = key.split(" ");
    await made.put({ kind: kind === "keys" ? "keys" : "config", name }, bytes);
  }
  return made;
}
