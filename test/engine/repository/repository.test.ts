import { beforeEach, describe, expect, it } from "vitest";

import { type ErrorCode, ForgeError } from "../../../engine/base/errors.ts";
import { nativePlatform } from "../../../engine/platform/node/native.ts";
import { openRepository } from "../../../engine/repository/repository.ts";
import { initRepository } from "../../../engine/write/init.ts";
import type { Backend } from "../../../engine/storage/backend.ts";
import { MemoryBackend } from "../../../engine/storage/memory.ts";
import { CHEAP_KDF, PASSPHRASE, createSmallRepository } from "../../helpers/backup-fixture.ts";
import { flipped } from "../../helpers/vectors.ts";

let backend: MemoryBackend;

beforeEach(() => {
  backend = new MemoryBackend({ nowMs: () => 0 });
});

function open(from: Backend = backend, passphrase = PASSPHRASE): ReturnType<typeof openRepository> {
  const credentials = { passphrase: () => Promise.resolve(passphrase) };
  return openRepository({ backend: from, platform: nativePlatform, credentials });
}

/** The backend with one call that fails. */
function failing(call: "list" | "read", kind: string, code: ErrorCode): Backend {
  const fail = (): never => {
    throw new ForgeError(code, `made to fail: ${call} ${kind}`);
  };
  return {
    description: "failing",
    read: async (ref, options) =>
      call === "read" && ref.kind === kind ? fail() : backend.read(ref, options),
    list: async (of) => (call === "list" && of === kind ? fail() : backend.list(of)),
    stat: (ref) => backend.stat(ref),
    put: (ref, data) => backend.put(ref, data),
    replace: (ref, data) => backend.replace(ref, data),
    delete: (refs) => backend.delete(refs),
    create: () => backend.create(),
    close: () => backend.close(),
  };
}

describe("opening", () => {
  it("does not ask for a passphrase where there is no repository", async () => {
    const credentials = { passphrase: () => Promise.reject(new Error("asked")) };
    await expect(
      openRepository({ backend, platform: nativePlatform, credentials }),
    ).rejects.toMatchObject({ code: "no-repository" });
  });

  it("tells a wrong passphrase from damage", async () => {
    await createSmallRepository({ backend });
    await expect(open(backend, "wrong")).rejects.toMatchObject({ code: "wrong-password" });
    const [slot] = await backend.list("keys");
    const ref = { kind: "keys", name: slot?.name ?? "" } as const;
    const bytes = await backend.read(ref);
    await backend.delete([ref]);
    await backend.put(ref, flipped(bytes, 70));
    await expect(open()).rejects.toMatchObject({ code: "corrupt" });
  });

  it("takes a passphrase in any normal form of Unicode", async () => {
    await initRepository({
      backend,
      platform: nativePlatform,
      passphrase: "caf\u00e9",
      cipher: "aes-256-gcm",
      kdf: CHEAP_KDF,
      keyLabel: "",
      nowMs: 0,
    });
    await open(backend, "cafe\u0301");
  });

  it("needs the key file that the repository was made with", async () => {
    const keyFile = new Uint8Array([1, 2, 3]);
    await createSmallRepository({ backend, keyFile });
    await expect(open()).rejects.toMatchObject({ code: "wrong-password" });
    const credentials = { passphrase: () => Promise.resolve(PASSPHRASE) };
    const given = { backend, platform: nativePlatform, credentials };
    await openRepository({ ...given, credentials: { ...credentials, keyFile } });
    const other = { ...credentials, keyFile: new Uint8Array([1, 2, 4]) };
    await expect(openRepository({ ...given, credentials: other })).rejects.toMatchObject({
      code: "wrong-password",
    });
  });

  it("says so when the keys are gone", async () => {
    await createSmallRepository({ backend });
    const slots = await backend.list("keys");
    await backend.delete(slots.map(({ name }) => ({ kind: "keys", name })));
    await expect(open()).rejects.toMatchObject({ code: "corrupt" });
  });

  it.each(["corrupt", "io", "permission", "missing-object"] as const)(
    "tries the other key slots when one cannot be read: %s",
    async (code) => {
      await createSmallRepository({ backend });
      const bad = "00".repeat(32);
      await backend.put({ kind: "keys", name: bad }, new Uint8Array(4));
      const one: Backend = {
        ...failing("list", "nothing", "io"),
        list: async (kind) => (await backend.list(kind)).sort((a, b) => (a.name < b.name ? -1 : 1)),
        read: async (ref, options) => {
          if (ref.name === bad) throw new ForgeError(code, "made to fail");
          return backend.read(ref, options);
        },
      };
      await open(one);
      // What was not seen may be the slot that opens: nobody is to doubt their passphrase for it.
      const isSeen = code === "corrupt" || code === "missing-object";
      const told = isSeen ? "wrong-password" : code;
      await expect(open(one, "wrong")).rejects.toMatchObject({ code: told });
    },
  );
});

describe("init", () => {
  it("refuses a place that has a repository, and changes nothing", async () => {
    await createSmallRepository({ backend });
    const before = (await backend.list("keys")).map(({ name }) => name);
    await expect(createSmallRepository({ backend })).rejects.toMatchObject({
      code: "repository-exists",
    });
    expect((await backend.list("keys")).map(({ name }) => name)).toEqual(before);
    await open();
  });

  it("goes on where an init was stopped before the config", async () => {
    await backend.put({ kind: "keys", name: "11".repeat(32) }, new Uint8Array(4));
    await createSmallRepository({ backend });
    expect((await backend.list("keys")).length).toBe(1);
    await open();
  });

  it("keeps the keys of a repository whose config was lost", async () => {
    await backend.put({ kind: "keys", name: "11".repeat(32) }, new Uint8Array(4));
    await backend.put({ kind: "packs", name: "22".repeat(32) }, new Uint8Array(4));
    const kept = expect.objectContaining({ name: "11".repeat(32) }) as unknown;
    await expect(createSmallRepository({ backend })).rejects.toMatchObject({
      code: "repository-exists",
    });
    expect(await backend.list("keys")).toEqual([kept]);
    // A listing that fails does not say that there is nothing.
    for (const kind of ["packs", "keys"]) {
      const broken = failing("list", kind, "io");
      await expect(createSmallRepository({ backend: broken })).rejects.toMatchObject({
        code: "io",
      });
      expect(await backend.list("keys")).toEqual([kept]);
    }
  });

  it("leaves the winner's repository alone when two begin at once, however they interleave", async () => {
    for (let steps = 0; steps < 12; steps++) {
      backend = new MemoryBackend({ nowMs: () => 0 });
      // The first one is overtaken by a whole second init before its call number `steps`.
      let left = steps;
      let second: Promise<unknown> | undefined;
      const pause = async (): Promise<void> => {
        if (left-- === 0)
          await (second = createSmallRepository({ backend }).catch(() => undefined));
      };
      const slow: Backend = {
        ...failing("list", "nothing", "io"),
        list: async (kind) => pause().then(() => backend.list(kind)),
        stat: async (ref) => pause().then(() => backend.stat(ref)),
        put: async (ref, data) => pause().then(() => backend.put(ref, data)),
        delete: async (refs) => pause().then(() => backend.delete(refs)),
      };
      const first = await createSmallRepository({ backend: slow }).catch(() => undefined);
      expect([first, await second].filter((made) => made !== undefined).length).toBe(1);
      expect((await backend.list("keys")).length).toBe(1);
      await open();
    }
  });
});
