import { beforeEach, describe, expect, it } from "vitest";

import { nativePlatform } from "../../../engine/platform/node/native.ts";
import { addKeySlot, removeKeySlot } from "../../../engine/repository/key-slots.ts";
import {
  type RecoverySheet,
  createRecoverySheet,
  openWithSheet,
} from "../../../engine/repository/recovery.ts";
import {
  type UnlockedRepository,
  unlockRepository,
} from "../../../engine/repository/repository.ts";
import type { Backend } from "../../../engine/storage/backend.ts";
import { MemoryBackend } from "../../../engine/storage/memory.ts";
import { CHEAP_KDF, PASSPHRASE, createSmallRepository } from "../../helpers/backup-fixture.ts";
import { flipped } from "../../helpers/vectors.ts";

let backend: MemoryBackend;
let sheet: RecoverySheet;
let before: UnlockedRepository<Backend>;
const CONFIG = { kind: "config", name: "" } as const;

beforeEach(async () => {
  backend = new MemoryBackend({ nowMs: () => 0 });
  await createSmallRepository({ backend });
  before = await unlock(PASSPHRASE);
  sheet = await createRecoverySheet(before, { label: "sheet", nowMs: 5, kdf: CHEAP_KDF });
});

function unlock(password: string): Promise<UnlockedRepository<Backend>> {
  const credentials = { passphrase: () => Promise.resolve(password) };
  return unlockRepository({ backend, platform: nativePlatform, credentials });
}

const open = (lines: readonly string[]) => openWithSheet(backend, nativePlatform, lines.join("\n"));
const whole = (): string[] => [...sheet.partA, ...sheet.partB];

describe("a recovery sheet", () => {
  it("opens the repository with three lines, and a new passphrase can be set", async () => {
    expect(sheet.partA).toHaveLength(3);
    const { repository, material, restored } = await open(sheet.partA);
    expect(material).toEqual(before.material);
    expect(restored).toEqual([]);
    const slot = { password: "new", label: "", kdf: CHEAP_KDF, nowMs: 6 };
    await addKeySlot(repository, material, slot);
    expect((await unlock("new")).material).toEqual(before.material);
  });

  it("is void once its key was removed, unless part B is typed, which is the copy of it", async () => {
    await removeKeySlot(before.repository, sheet.slot.id);
    await expect(open(sheet.partA)).rejects.toThrow(
      /it was removed, lost or damaged; type the lines/,
    );
    expect((await open(whole())).restored).toEqual(["key slot"]);
  });

  it("brings back all keys and the config when the storage lost them", async () => {
    const configBytes = await backend.read(CONFIG);
    const keys = (await backend.list("keys")).map(({ name }) => ({ kind: "keys", name }) as const);
    await backend.delete([CONFIG, ...keys]);
    await expect(open(sheet.partA)).rejects.toThrow(/config is missing or damaged/);
    const { material, restored } = await open(whole());
    expect(restored).toEqual(["config", "key slot"]);
    expect(material).toEqual(before.material);
    expect(await backend.read(CONFIG)).toEqual(configBytes);
    expect((await open(sheet.partA)).restored).toEqual([]);
  });

  it("replaces a damaged config and a damaged key of its own by the genuine ones", async () => {
    for (const ref of [CONFIG, { kind: "keys", name: sheet.slot.id } as const]) {
      const bytes = await backend.read(ref);
      await backend.delete([ref]);
      await backend.put(ref, flipped(bytes, 50));
      expect((await open(whole())).restored).toHaveLength(1);
      expect(await backend.read(ref)).toEqual(bytes);
    }
  });

  it("of another repository is told so", async () => {
    backend = new MemoryBackend({ nowMs: () => 0 });
    await createSmallRepository({ backend });
    await expect(open(sheet.partA)).rejects.toThrow(/it is of repository [0-9a-f]{16}/);
    expect(await backend.list("keys")).toHaveLength(1);
  });

  it("with a wrong secret in right lines opens nothing and stores nothing", async () => {
    const other = await createRecoverySheet(before, { label: "", nowMs: 7, kdf: CHEAP_KDF });
    const [a1 = "", a2 = ""] = other.partA;
    const keys = await backend.list("keys");
    // The secret of one sheet with the key of another.
    await expect(open([a1, a2, sheet.partA[2] ?? "", ...sheet.partB])).rejects.toMatchObject({
      code: "wrong-password",
    });
    expect(await backend.list("keys")).toEqual(keys);
  });
});
