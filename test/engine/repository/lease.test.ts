import { beforeEach, describe, expect, it } from "vitest";

import { ForgeError } from "../../../engine/base/errors.ts";
import {
  LEASE_BEAT_MS,
  LEASE_TTL_MS,
  Lease,
  listLeases,
  readLease,
} from "../../../engine/repository/lease.ts";
import type { Repository } from "../../../engine/repository/repository.ts";
import type { Backend, ObjectInfo } from "../../../engine/storage/backend.ts";
import { MemoryBackend } from "../../../engine/storage/memory.ts";
import { createSmallRepository } from "../../helpers/backup-fixture.ts";

const holder = { purpose: "backup", hostname: "host", pid: 7, startedNs: 1n } as const;
let nowMs: number;
let backend: MemoryBackend;
let repository: Repository<Backend>;

beforeEach(async () => {
  nowMs = 1_700_000_000_000;
  backend = new MemoryBackend({ nowMs: () => nowMs });
  repository = await createSmallRepository({ backend });
});

async function names(): Promise<string[]> {
  return (await backend.list("leases")).map(({ name }) => name);
}

describe("a lease", () => {
  it("is one object that names its holder, and is gone once released", async () => {
    const lease = await Lease.acquire(repository, holder);
    const [found] = await listLeases(repository);
    if (found === undefined) throw new Error("no lease");
    expect(found.newest.name).toMatch(/\.00000000$/);
    expect(await readLease(repository, found.newest)).toEqual({
      ...holder,
      plans: [],
    });
    await lease.release();
    expect(await names()).toEqual([]);
  });

  it("beats by a new object, after which the old one goes", async () => {
    const lease = await Lease.acquire(repository, holder);
    const [before] = await names();
    nowMs += LEASE_BEAT_MS;
    await lease.confirm();
    expect(await names()).toEqual([before?.replace(/\.00000000$/, ".00000001")]);
    await Promise.all([lease.confirm(), lease.confirm(), lease.confirm()]);
    expect(await names()).toEqual([before?.replace(/\.00000000$/, ".00000004")]);
  });

  it("lives as long as its beats are not further apart than its time to live", async () => {
    const lease = await Lease.acquire(repository, holder);
    for (let i = 0; i < 3; i++) {
      nowMs += LEASE_TTL_MS;
      await lease.confirm();
    }
    nowMs += LEASE_TTL_MS + 1;
    await expect(lease.confirm()).rejects.toMatchObject({ code: "lease-lost" });
    await lease.release();
    expect(await names()).toEqual([]);
  });

  it("is lost when somebody removed its beat", async () => {
    const lease = await Lease.acquire(repository, holder);
    await backend.delete((await names()).map((name) => ({ kind: "leases", name })));
    await expect(lease.confirm()).rejects.toMatchObject({ code: "lease-lost" });
    await lease.release();
  });

  it("cannot be made to look younger by showing an old beat as a new one", async () => {
    await Lease.acquire(repository, holder);
    const [name = ""] = await names();
    const bytes = await backend.read({ kind: "leases", name });
    const forged = name.replace(/\.00000000$/, ".00000009");
    await backend.put({ kind: "leases", name: forged }, bytes);
    const info: ObjectInfo = { name: forged, sizeBytes: bytes.length, modifiedMs: nowMs };
    await expect(readLease(repository, info)).rejects.toMatchObject({ code: "corrupt" });
  });
});

describe("a beat that fails", () => {
  /** Fails the next `failures` puts, after storing the object when `comesThrough`. */
  function flaky(comesThrough: boolean, calls: { put: number; delete: number }): Backend {
    const io = (): ForgeError => new ForgeError("io", "the network is down");
    return {
      description: "flaky",
      read: (ref, options) => backend.read(ref, options),
      list: (kind) => backend.list(kind),
      stat: (ref) => backend.stat(ref),
      create: () => backend.create(),
      close: () => backend.close(),
      replace: (ref, data) => backend.replace(ref, data),
      put: async (ref, data) => {
        const fails = calls.put-- === 0;
        if (!fails || comesThrough) await backend.put(ref, data);
        if (fails) throw io();
        return "created";
      },
      delete: async (refs) => {
        if (calls.delete-- === 0) throw io();
        await backend.delete(refs);
      },
    };
  }

  it.each([false, true])(
    "does not cost the lease; it had come through: %s",
    async (comesThrough) => {
      const calls = { put: 1, delete: -1 };
      const lease = await Lease.acquire(
        { ...repository, backend: flaky(comesThrough, calls) },
        holder,
      );
      await expect(lease.confirm()).rejects.toMatchObject({ code: "io" });
      nowMs += LEASE_BEAT_MS;
      await lease.confirm();
      expect((await names()).length).toBe(1);
      await lease.release();
      expect(await names()).toEqual([]);
    },
  );

  it("leaves a beat that could not be deleted to the release", async () => {
    const calls = { put: -1, delete: 0 };
    const lease = await Lease.acquire({ ...repository, backend: flaky(false, calls) }, holder);
    await lease.confirm();
    expect((await names()).length).toBe(2);
    expect((await listLeases(repository)).map(({ newest }) => newest.name)).toEqual([
      expect.stringMatching(/\.00000001$/),
    ]);
    await lease.release();
    expect(await names()).toEqual([]);
  });
});
