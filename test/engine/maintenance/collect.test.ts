import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import type { Bytes } from "../../../engine/base/bytes.ts";
import { LEASE_TTL_MS, Lease, listLeases } from "../../../engine/repository/lease.ts";
import { listPlans } from "../../../engine/repository/collection-plan.ts";
import { type IndexId, type PackId, parseId } from "../../../engine/base/ids.ts";
import { type SegmentPack, encodeIndexSegment } from "../../../engine/index/index-segment.ts";
import { readPackDirectory } from "../../../engine/maintenance/rebuild-index.ts";
import { BYTES_PER_NUMBERED_ID } from "../../../engine/base/blob-id-set.ts";
import type { CollectReport } from "../../../engine/maintenance/collect.ts";
import { openScratchFile } from "../../../engine/maintenance/node/scratch-file.ts";
import { readTombstone } from "../../../engine/repository/tombstone.ts";
import type { Repository } from "../../../engine/repository/repository.ts";
import type { Snapshot } from "../../../engine/snapshots/snapshot.ts";
import type { Backend, ObjectKind, ObjectRef } from "../../../engine/storage/backend.ts";
import { MemoryBackend } from "../../../engine/storage/memory.ts";
import {
  type TreeLines,
  backUp,
  createSmallRepository,
  directoryLines,
  readSideOf,
  snapshotLines,
} from "../../helpers/backup-fixture.ts";
import {
  type CollectAsk,
  bytesOf,
  collectIn,
  deleteIn,
  problemsOf,
} from "../../helpers/collection-fixture.ts";
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

async function storedBytes(
  ...kinds: readonly ObjectKind[]
): Promise<{ readonly ref: ObjectRef; readonly bytes: Bytes }[]> {
  const stored: { ref: ObjectRef; bytes: Bytes }[] = [];
  for (const kind of kinds) {
    for (const { name } of await backend.list(kind)) {
      const ref = { kind, name };
      stored.push({ ref, bytes: await backend.read(ref) });
    }
  }
  return stored;
}

async function count(kind: "packs" | "index" | "gc" | "leases"): Promise<number> {
  return (await backend.list(kind)).length;
}

describe.each([
  ["with all ids in memory", Infinity],
  ["with 9 ids in memory", 9],
])("a collection %s", (_, room) => {
  function run(of: Repository<Backend>, ask: CollectAsk = {}): Promise<CollectReport> {
    if (room === Infinity) return collectIn(of, ask);
    const openScratch = (): ReturnType<typeof openScratchFile> => openScratchFile(folder);
    return collectIn(of, {
      ...ask,
      idMemory: { bytes: room * BYTES_PER_NUMBERED_ID, openScratch },
    });
  }

  it("frees what only a deleted snapshot needed, in one run when nobody else is there", async () => {
    write(0, 10, 1);
    const first = await save();
    write(0, 10, 500);
    const second = await save();
    const before = await bytesOf(backend);
    await deleteIn(repository, first.snapshot);
    const report = await run(repository);
    expect(report.sweep?.waiting).toEqual([]);
    expect(await bytesOf(backend)).toBeLessThan(before * 0.6);
    expect(await count("gc")).toBe(0);
    expect(await count("leases")).toBe(0);
    await expectWhole(second);
    expect((await readTombstone(repository, first.snapshot.id)).chain).toEqual({
      writer: first.snapshot.writer,
      seq: first.snapshot.seq,
    });
    const again = await run(repository);
    expect(again).toMatchObject({ condemnedPacks: 0, repackedPacks: 0 });
  });

  it("moves what is alive out of wasteful packs, without sealing it anew", async () => {
    write(0, 20, 1);
    const first = await save();
    for (let i = 0; i < 20; i += 2) rmSync(`${tree}/a/${i}`);
    const second = await save();
    await deleteIn(repository, first.snapshot);
    const report = await run(repository);
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
    const dry = await run(repository, { dryRun: true, nowNs: BigInt(nowMs) * 1_000_000n });
    const after = await Promise.all(
      (["packs", "index", "gc", "leases"] as const).map((kind) => backend.list(kind)),
    );
    expect(after).toEqual(before);
    const real = await run(repository);
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
    const planned = await run(repository, { graceMs: 24 * HOUR_MS, overridePlans: false });
    expect(planned.condemnedPacks).toBeGreaterThan(0);
    expect(planned.sweep?.waiting[0]?.untilMs).toBeGreaterThan(nowMs + 23 * HOUR_MS);
    expect(await count("packs")).toBe(packs);
    nowMs += 23 * HOUR_MS;
    const early = await run(repository, { graceMs: 24 * HOUR_MS, overridePlans: false });
    expect(early).toMatchObject({ condemnedPacks: 0, sweep: { deletedPacks: 0 } });
    nowMs += 2 * HOUR_MS;
    const late = await run(repository, { graceMs: 24 * HOUR_MS, overridePlans: false });
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
    const waiting = await run(repository);
    expect(waiting.sweep?.waiting[0]?.leases.map(({ content }) => content?.hostname)).toEqual([
      "other",
    ]);
    const younger = await Lease.acquire(repository, holder);
    await younger.acknowledgePlans((await listPlans(repository)).plans.map(({ id }) => id));
    await older.release();
    const done = await run(repository);
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
    const report = await run(repository);
    expect(report.sweep?.endedLeases).toBe(1);
    expect(await listLeases(repository)).toEqual([]);
    await Lease.acquire(repository, { ...holder, purpose: "collection" });
    await expect(run(repository)).rejects.toMatchObject({ code: "locked" });
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
    await expect(run(repository)).rejects.toMatchObject({ code: "missing-object" });
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
    await run(repository, { threshold: 1 });
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
    const some = await run(repository, { repackBytesMax: 8000 });
    expect(some.movedBytes).toBeLessThanOrEqual(8000);
    expect(some.movedBytes).toBeGreaterThan(0);
    expect(some.postponedPacks).toBeGreaterThan(0);
    await expectWhole(second);
    await run(repository);
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
    const report = await run(repository);
    expect(report.sparedPacks).toBeGreaterThan(5);
    expect(await count("packs")).toBe(packs);
    nowMs += 25 * HOUR_MS;
    await run(repository);
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
    await expect(run(repository)).rejects.toMatchObject({ code: "corrupt" });
    await backend.delete([ref]);
    await backend.put(ref, bytes);
    for (const name of before) {
      const pack = await backend.read({ kind: "packs", name });
      await backend.delete([{ kind: "packs", name }]);
      const outcome = await run(repository).catch(() => undefined);
      const left = (await backend.list("packs")).length;
      if (outcome === undefined) expect(left).toBe(before.length - 1);
      await backend.put({ kind: "packs", name }, pack);
      if (outcome !== undefined) break;
    }
  });

  /** Two copies of every blob, in packs that differ; a third snapshot needs half of them. */
  async function storeTwice(): Promise<{
    readonly firsts: readonly string[];
    readonly seconds: readonly string[];
    readonly third: Saved;
  }> {
    write(0, 12, 1);
    const first = await save();
    const firsts = (await backend.list("packs")).map(({ name }) => name);
    const hidden = await storedBytes("index");
    await backend.delete(hidden.map(({ ref }) => ref));
    // Without the index everything is stored once more, in another order.
    writeFileSync(`${tree}/a/00`, noise(1500, 99));
    const second = await save();
    for (const { ref, bytes } of hidden) await backend.put(ref, bytes);
    const both = (await backend.list("packs")).map(({ name }) => name);
    const seconds = both.filter((name) => !firsts.includes(name));
    for (let i = 1; i < 12; i += 2) rmSync(`${tree}/a/${i}`);
    rmSync(`${tree}/a/00`);
    const third = await save();
    await deleteIn(repository, first.snapshot);
    await deleteIn(repository, second.snapshot);
    return { firsts, seconds, third };
  }

  it("deletes nothing once it meets a damaged pack: another may hold the good copy", async () => {
    const { firsts, seconds, third } = await storeTwice();
    const kinds = ["packs", "index", "snapshots", "tombstones"] as const;
    const everything = await storedBytes(...kinds);
    let damaged = 0;
    for (const name of [...firsts, ...seconds]) {
      // Packs first: what is newer than the newest snapshot would be left alone.
      await backend.delete((await storedBytes(...kinds)).map(({ ref }) => ref));
      for (const { ref, bytes } of everything) {
        const stored = bytes.slice();
        if (ref.name === name) stored.fill(0, 16, stored.length / 2);
        await backend.put(ref, stored);
      }
      const problems: string[] = [];
      const options: CollectAsk = { onProblem: ({ message }) => problems.push(message) };
      const report = await run(repository, options);
      expect(report.isHeldBack).toBe(problems.length > 0);
      // One that is not written anew is not read, so nobody knows that it is damaged.
      if (problems.length === 0) continue;
      damaged++;
      expect(report).toMatchObject({ condemnedPacks: 0, sweep: { deletedPacks: 0 } });
      const lines = await snapshotLines(await readSideOf(repository), third.snapshot, tree);
      expect(lines).toEqual(third.lines);
    }
    expect(damaged).toBeGreaterThan(2);
  });

  it("empties no pack of which the index does not know all blobs", async () => {
    const { seconds, third } = await storeTwice();
    const { platform, keys } = repository;
    const packs: SegmentPack[] = [];
    for (const { name, sizeBytes } of await backend.list("packs")) {
      const pack = { packId: parseId<PackId>(name), packBytes: sizeBytes };
      const entries = await readPackDirectory(repository, pack);
      const isHalf = seconds.includes(name) && entries[0]?.kind === "data";
      packs.push({ ...pack, entries: isHalf ? entries.slice(entries.length / 2) : entries });
    }
    // Of two copies the first in the segment counts.
    packs.sort((a, b) => Number(seconds.includes(b.packId)) - Number(seconds.includes(a.packId)));
    const id = parseId<IndexId>("77".repeat(32));
    const superseded = (await backend.list("index")).map(({ name }) => parseId<IndexId>(name));
    const segment = await encodeIndexSegment(platform, keys, { id, packs, superseded });
    await backend.put({ kind: "index", name: id }, segment);
    const before = (await backend.list("packs")).map(({ name }) => name);
    const problems: string[] = [];
    const report = await run(repository, { onProblem: ({ message }) => problems.push(message) });
    expect(problems.filter((text) => text.includes("the index knows"))).not.toEqual([]);
    expect(report).toMatchObject({ isHeldBack: true, condemnedPacks: 0 });
    const after = new Set((await backend.list("packs")).map(({ name }) => name));
    expect(before.filter((name) => !after.has(name))).toEqual([]);
    const readSide = await readSideOf(repository);
    expect(await snapshotLines(readSide, third.snapshot, tree)).toEqual(third.lines);
  });
});
