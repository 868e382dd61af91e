import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { LEASE_TTL_MS, Lease, listLeases } from "../../../engine/repository/lease.ts";
import { listPlans } from "../../../engine/repository/collection-plan.ts";
import { readTombstone } from "../../../engine/repository/tombstone.ts";
import type { Repository } from "../../../engine/repository/repository.ts";
import type { Snapshot } from "../../../engine/snapshots/snapshot.ts";
import type { Backend } from "../../../engine/storage/backend.ts";
import { MemoryBackend } from "../../../engine/storage/memory.ts";
import {
  type TreeLines,
  backUp,
  createSmallRepository,
  directoryLines,
  readSideOf,
  snapshotLines,
} from "../../helpers/backup-fixture.ts";
import { bytesOf, collectIn, deleteIn, problemsOf } from "../../helpers/collection-fixture.ts";
import { noise } from "../../helpers/expected-tree.ts";
import { RecordingBackend } from "../../helpers/recording-backend.ts";

const HOUR_MS = 3_600_000;
const holder = { purpose: "backup", hostname: "other", pid: 7, startedNs: 1n } as const;

let nowMs: number;
let folder: string;
let tree: string;
let backend: MemoryBackend;
let repository: Repository<Backend>;

beforeEach(async () => {
  nowMs = 1_700_000_000_000;
  folder = mkdtempSync(`${tmpdir()}/forge-collect-`);
  tree = `${folder}/tree`;
  mkdirSync(`${tree}/a`, { recursive: true });
  backend = new MemoryBackend({ nowMs: () => nowMs++ });
  repository = await createSmallRepository({ backend });
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

interface Saved {
  readonly snapshot: Snapshot;
  readonly lines: TreeLines;
}

async function save(): Promise<Saved> {
  const { snapshot } = await backUp(repository, tree);
  if (snapshot === undefined) throw new Error("no snapshot");
  return { snapshot, lines: directoryLines(tree) };
}

function write(first: number, count: number, seed: number): void {
  for (let i = first; i < first + count; i++)
    writeFileSync(`${tree}/a/${i}`, noise(2500, i + seed));
}

async function expectWhole(...saved: readonly Saved[]): Promise<void> {
  const readSide = await readSideOf(repository);
  for (const { snapshot, lines } of saved) {
    expect(await snapshotLines(readSide, snapshot, tree)).toEqual(lines);
  }
  expect(await problemsOf(repository)).toEqual([]);
}

async function count(kind: "packs" | "index" | "gc" | "leases"): Promise<number> {
  return (await backend.list(kind)).length;
}

describe("a collection", () => {
  it("frees what only a deleted snapshot needed, in one run when nobody else is there", async () => {
    write(0, 10, 1);
    const first = await save();
    write(0, 10, 500);
    const second = await save();
    const before = await bytesOf(backend);
    await deleteIn(repository, first.snapshot);
    const report = await collectIn(repository);
    expect(report.sweep?.waiting).toEqual([]);
    expect(await bytesOf(backend)).toBeLessThan(before * 0.6);
    expect(await count("gc")).toBe(0);
    expect(await count("leases")).toBe(0);
    await expectWhole(second);
    expect((await readTombstone(repository, first.snapshot.id)).chain).toEqual({
      writer: first.snapshot.writer,
      seq: first.snapshot.seq,
    });
    const again = await collectIn(repository);
    expect(again).toMatchObject({ condemnedPacks: 0, repackedPacks: 0 });
  });

  it("moves what is alive out of wasteful packs, without sealing it anew", async () => {
    write(0, 20, 1);
    const first = await save();
    for (let i = 0; i < 20; i += 2) rmSync(`${tree}/a/${i}`);
    const second = await save();
    await deleteIn(repository, first.snapshot);
    const report = await collectIn(repository);
    expect(report.repackedPacks).toBeGreaterThan(3);
    expect(report.sweep?.deletedPacks).toBe(report.condemnedPacks);
    await expectWhole(second);
  });

  it("says what it would do and writes nothing in a dry run", async () => {
    write(0, 10, 1);
    const first = await save();
    write(0, 10, 500);
    await save();
    await deleteIn(repository, first.snapshot);
    const before = await Promise.all(
      (["packs", "index", "gc", "leases"] as const).map((kind) => backend.list(kind)),
    );
    const dry = await collectIn(repository, { dryRun: true, nowNs: BigInt(nowMs) * 1_000_000n });
    const after = await Promise.all(
      (["packs", "index", "gc", "leases"] as const).map((kind) => backend.list(kind)),
    );
    expect(after).toEqual(before);
    const real = await collectIn(repository);
    expect({ ...dry, sweep: undefined }).toEqual({ ...real, sweep: undefined });
  });

  it("keeps condemned packs until their grace is over", async () => {
    write(0, 10, 1);
    const first = await save();
    write(0, 10, 500);
    const second = await save();
    await deleteIn(repository, first.snapshot);
    nowMs += 25 * HOUR_MS;
    const packs = await count("packs");
    const planned = await collectIn(repository, { graceMs: 24 * HOUR_MS, overridePlans: false });
    expect(planned.condemnedPacks).toBeGreaterThan(0);
    expect(planned.sweep?.waiting[0]?.untilMs).toBeGreaterThan(nowMs + 23 * HOUR_MS);
    expect(await count("packs")).toBe(packs);
    nowMs += 23 * HOUR_MS;
    const early = await collectIn(repository, { graceMs: 24 * HOUR_MS, overridePlans: false });
    expect(early).toMatchObject({ condemnedPacks: 0, sweep: { deletedPacks: 0 } });
    nowMs += 2 * HOUR_MS;
    const late = await collectIn(repository, { graceMs: 24 * HOUR_MS, overridePlans: false });
    expect(late.sweep?.deletedPacks).toBe(planned.condemnedPacks);
    expect(await count("gc")).toBe(0);
    await expectWhole(second);
  });

  it("waits for a lease that has not seen the plan, and for no other", async () => {
    write(0, 10, 1);
    const first = await save();
    write(0, 10, 500);
    const second = await save();
    await deleteIn(repository, first.snapshot);
    const older = await Lease.acquire(repository, holder);
    nowMs += 25 * HOUR_MS;
    await older.confirm().catch(() => undefined);
    const waiting = await collectIn(repository);
    expect(waiting.sweep?.waiting[0]?.leases.map(({ content }) => content?.hostname)).toEqual([
      "other",
    ]);
    const younger = await Lease.acquire(repository, holder);
    await younger.acknowledgePlans((await listPlans(repository)).plans.map(({ id }) => id));
    await older.release();
    const done = await collectIn(repository);
    expect(done.sweep?.waiting).toEqual([]);
    expect(done.sweep?.deletedPacks).toBeGreaterThan(0);
    await younger.release();
    await expectWhole(second);
  });

  it("ends a lease that has not beaten for too long, and refuses beside another collection", async () => {
    write(0, 4, 1);
    const first = await save();
    await Lease.acquire(repository, holder);
    nowMs += LEASE_TTL_MS + 1000;
    const report = await collectIn(repository);
    expect(report.sweep?.endedLeases).toBe(1);
    expect(await listLeases(repository)).toEqual([]);
    await Lease.acquire(repository, { ...holder, purpose: "collection" });
    await expect(collectIn(repository)).rejects.toMatchObject({ code: "locked" });
    await expectWhole(first);
  });

  it("deletes nothing when the index is lost, with which the trees are", async () => {
    write(0, 10, 1);
    const first = await save();
    write(0, 10, 500);
    const second = await save();
    await deleteIn(repository, first.snapshot);
    const segments = await backend.list("index");
    await backend.delete(segments.map(({ name }) => ({ kind: "index", name })));
    const before = await bytesOf(backend);
    // Trees cannot be found without an index: the walk refuses, and nothing goes.
    await expect(collectIn(repository)).rejects.toMatchObject({ code: "missing-object" });
    expect(await bytesOf(backend)).toBe(before);
    expect(second.snapshot.id).toHaveLength(64);
  });

  it("merges many index segments, and readers of the old ones find everything", async () => {
    const saved: Saved[] = [];
    for (let i = 0; i < 12; i++) {
      write(i, 1, i * 10);
      saved.push(await save());
    }
    expect(await count("index")).toBeGreaterThanOrEqual(12);
    const old = await readSideOf(repository);
    await collectIn(repository, { threshold: 1 });
    expect(await count("index")).toBeLessThan(4);
    for (const { snapshot, lines } of saved) {
      expect(await snapshotLines(old, snapshot, tree)).toEqual(lines);
    }
    await expectWhole(...saved);
  });

  it("writes anew only as much as it may", async () => {
    write(0, 40, 1);
    const first = await save();
    for (let i = 0; i < 40; i += 2) rmSync(`${tree}/a/${i}`);
    const second = await save();
    await deleteIn(repository, first.snapshot);
    const some = await collectIn(repository, { repackBytesMax: 8000 });
    expect(some.movedBytes).toBeLessThanOrEqual(8000);
    expect(some.movedBytes).toBeGreaterThan(0);
    expect(some.postponedPacks).toBeGreaterThan(0);
    await expectWhole(second);
    await collectIn(repository);
    await expectWhole(second);
  });

  it("leaves what an interrupted backup stored for its next run", async () => {
    write(0, 4, 1);
    const first = await save();
    write(4, 20, 1);
    const dying = new RecordingBackend(backend, { changesMax: 16 });
    await expect(backUp({ ...repository, backend: dying }, tree)).rejects.toMatchObject({
      code: "io",
    });
    // Its lease is there still: half an hour later nobody beats for it.
    nowMs += LEASE_TTL_MS + 1000;
    const packs = await count("packs");
    const report = await collectIn(repository);
    expect(report.sparedPacks).toBeGreaterThan(5);
    expect(await count("packs")).toBe(packs);
    nowMs += 25 * HOUR_MS;
    await collectIn(repository);
    expect(await count("packs")).toBeLessThan(packs / 2);
    await expectWhole(first);
  });

  it("deletes nothing when a snapshot cannot be read or something needed is gone", async () => {
    write(0, 10, 1);
    const first = await save();
    write(0, 10, 500);
    const second = await save();
    await deleteIn(repository, first.snapshot);
    const ref = { kind: "snapshots", name: second.snapshot.id } as const;
    const bytes = await backend.read(ref);
    await backend.delete([ref]);
    await backend.put(ref, bytes.slice(0, -1));
    const before = (await backend.list("packs")).map(({ name }) => name);
    await expect(collectIn(repository)).rejects.toMatchObject({ code: "corrupt" });
    await backend.delete([ref]);
    await backend.put(ref, bytes);
    for (const name of before) {
      const pack = await backend.read({ kind: "packs", name });
      await backend.delete([{ kind: "packs", name }]);
      const outcome = await collectIn(repository).catch(() => undefined);
      const left = (await backend.list("packs")).length;
      if (outcome === undefined) expect(left).toBe(before.length - 1);
      await backend.put({ kind: "packs", name }, pack);
      if (outcome !== undefined) break;
    }
  });
});
