import { beforeEach, describe, expect, it } from "vitest";

import { ForgeError } from "../../../engine/base/errors.ts";
import type { KeyId } from "../../../engine/base/ids.ts";
import { nativePlatform } from "../../../engine/platform/node/native.ts";
import { addKeySlot, removeKeySlot, replaceKeySlot } from "../../../engine/repository/key-slots.ts";
import {
  type UnlockedRepository,
  openRepository,
  unlockRepository,
} from "../../../engine/repository/repository.ts";
import { type StoredKeySlot, readKeySlots } from "../../../engine/repository/unlock.ts";
import type { Backend } from "../../../engine/storage/backend.ts";
import { MemoryBackend } from "../../../engine/storage/memory.ts";
import { CHEAP_KDF, PASSPHRASE, createSmallRepository } from "../../helpers/backup-fixture.ts";
import { RecordingBackend } from "../../helpers/recording-backend.ts";
import { flipped } from "../../helpers/vectors.ts";

let backend: MemoryBackend;
let nowMs = 0;

beforeEach(async () => {
  nowMs = 1_800_000_000_000;
  backend = new MemoryBackend({ nowMs: () => 0 });
  await createSmallRepository({ backend });
});

const passphrase = (text: string) => ({ passphrase: () => Promise.resolve(text) });

function unlock(from: Backend = backend, text = PASSPHRASE): Promise<UnlockedRepository<Backend>> {
  return unlockRepository({
    backend: from,
    platform: nativePlatform,
    credentials: passphrase(text),
  });
}

function slot(password: string, keyFile?: Uint8Array<ArrayBuffer>) {
  return { password, keyFile, label: `of ${password}`, kdf: CHEAP_KDF, nowMs };
}

async function add(password: string): Promise<StoredKeySlot> {
  const { repository, material } = await unlock();
  return addKeySlot(repository, material, slot(password));
}

async function opens(text: string, from: Backend = backend): Promise<KeyId | undefined> {
  try {
    return (await unlock(from, text)).repository.keySlot;
  } catch (error) {
    if (error instanceof ForgeError && error.code === "wrong-password") return undefined;
    throw error;
  }
}

async function damage(id: string): Promise<void> {
  const ref = { kind: "keys", name: id } as const;
  const bytes = await backend.read(ref);
  await backend.delete([ref]);
  await backend.put(ref, flipped(bytes, 70));
}

describe("several keys", () => {
  it("each open the repository, and it is known which one did", async () => {
    const bob = await add("bob");
    expect(await opens("bob")).toBe(bob.id);
    expect(await opens(PASSPHRASE)).not.toBe(bob.id);
    expect(await opens("eve")).toBeUndefined();
  });

  it("may need a key file of their own", async () => {
    const keyFile = new Uint8Array([1, 2, 3]);
    const { repository, material } = await unlock();
    await addKeySlot(repository, material, slot("carol", keyFile));
    expect(await opens("carol")).toBeUndefined();
    const credentials = { ...passphrase("carol"), keyFile };
    await openRepository({ backend, platform: nativePlatform, credentials });
    await expect(unlock(backend, "carol")).rejects.toThrow(/1 need a key file as well/);
  });

  it("of which one is damaged: another opens, whichever it is", async () => {
    await add("bob");
    for (const { id } of (await readKeySlots({ backend, platform: nativePlatform })).slots) {
      const saved = await backend.read({ kind: "keys", name: id });
      await damage(id);
      const working = [await opens("bob"), await opens(PASSPHRASE)].filter(
        (one) => one !== undefined,
      );
      expect(working).toHaveLength(1);
      await expect(unlock(backend, "eve")).rejects.toThrow(/1 could not be read/);
      await backend.delete([{ kind: "keys", name: id }]);
      await backend.put({ kind: "keys", name: id }, saved);
    }
  });

  it("are at most 64, and the 65th is refused before it locks everybody out", async () => {
    const { repository, material } = await unlock();
    for (let i = 1; i < 64; i++) await addKeySlot(repository, material, slot(`${i}`));
    await expect(addKeySlot(repository, material, slot("64"))).rejects.toMatchObject({
      code: "too-large",
    });
    expect(await opens("63")).toBeDefined();
  });
});

describe("removing", () => {
  it("takes away what the passphrase opened", async () => {
    const bob = await add("bob");
    const { repository } = await unlock();
    await removeKeySlot(repository, bob.id);
    expect(await opens("bob")).toBeUndefined();
    await expect(removeKeySlot(repository, bob.id)).rejects.toMatchObject({ code: "not-found" });
  });

  it("the last one is refused, and so is the last one that is not damaged", async () => {
    const { repository } = await unlock();
    const own = repository.keySlot;
    await expect(removeKeySlot(repository, own)).rejects.toThrow(/only one that opens/);
    const bob = await add("bob");
    await damage(bob.id);
    await expect(removeKeySlot(repository, own)).rejects.toThrow(/other 1 are damaged/);
    await removeKeySlot(repository, bob.id);
    expect(await opens(PASSPHRASE)).toBe(own);
  });

  it("two at once by two people leaves one at least", async () => {
    for (let round = 0; round < 8; round++) {
      const bob = await add(`bob ${round}`);
      const { repository } = await unlock();
      await Promise.allSettled([
        removeKeySlot(repository, bob.id),
        removeKeySlot(repository, repository.keySlot),
      ]);
      const { slots } = await readKeySlots({ backend, platform: nativePlatform });
      expect(slots.length).toBeGreaterThan(0);
      await backend.delete(slots.map(({ id }) => ({ kind: "keys", name: id })));
      backend = new MemoryBackend({ nowMs: () => 0 });
      await createSmallRepository({ backend });
    }
  });
});

describe("changing a passphrase", () => {
  it.each([false, true])(
    "stopped at any write leaves a key that works (and the write may have happened: %s)",
    async (lastOneHappens) => {
      const states = new Set<string>();
      for (let changesMax = 0; changesMax < 4; changesMax++) {
        backend = new MemoryBackend({ nowMs: () => 0 });
        await createSmallRepository({ backend });
        const recording = new RecordingBackend(backend, { changesMax, lastOneHappens });
        const { repository, material } = await unlock(recording);
        const change = { old: repository.keySlot, slot: slot("new") };
        const done = await replaceKeySlot(repository, material, change).then(
          () => true,
          () => false,
        );
        const [before, after] = [await opens(PASSPHRASE), await opens("new")];
        expect(before !== undefined || after !== undefined).toBe(true);
        if (done) expect([before === undefined, after !== undefined]).toEqual([true, true]);
        states.add(`${before === undefined ? "" : "old"} ${after === undefined ? "" : "new"}`);
      }
      const wanted = lastOneHappens ? [" new", "old new"] : [" new", "old ", "old new"];
      expect([...states].sort()).toEqual(wanted);
    },
  );

  it("keeps the old key when the storage does not give back the new one", async () => {
    const lying: Backend = {
      ...withMethods(backend),
      read: async (ref, options) => {
        const bytes = await backend.read(ref, options);
        const isNew = ref.kind === "keys" && ref.name !== own;
        return isNew ? flipped(bytes, bytes.length - 1) : bytes;
      },
    };
    const { repository, material } = await unlock();
    const own = repository.keySlot;
    const change = { old: own, slot: slot("new") };
    await expect(
      replaceKeySlot({ ...repository, backend: lying }, material, change),
    ).rejects.toThrow(/reading it back failed/);
    expect(await opens(PASSPHRASE)).toBe(own);
    expect(await backend.list("keys")).toHaveLength(1);
  });

  it("tries the newest key first, whatever the clock of who made it said", async () => {
    nowMs = 5;
    const newer = await add(PASSPHRASE);
    expect(await opens(PASSPHRASE)).toBe(newer.id);
  });
});

function withMethods(inner: Backend): Backend {
  return {
    description: inner.description,
    read: (ref, options) => inner.read(ref, options),
    list: (kind) => inner.list(kind),
    stat: (ref) => inner.stat(ref),
    put: (ref, data) => inner.put(ref, data),
    replace: (ref, data) => inner.replace(ref, data),
    delete: (refs) => inner.delete(refs),
    create: () => inner.create(),
    close: () => inner.close(),
  };
}
