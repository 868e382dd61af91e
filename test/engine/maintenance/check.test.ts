import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, expect, it } from "vitest";

import type { Bytes } from "../../../engine/base/bytes.ts";
import { ForgeError } from "../../../engine/base/errors.ts";
import { type IndexId, type PackId, parseId } from "../../../engine/base/ids.ts";
import { type SegmentPack, encodeIndexSegment } from "../../../engine/index/index-segment.ts";
import { createVerifyPool } from "../../../engine/maintenance/node/verify-pool.ts";
import { planRepair } from "../../../engine/maintenance/repair-plan.ts";
import { readPackDirectory } from "../../../engine/maintenance/rebuild-index.ts";
import type { Repository } from "../../../engine/repository/repository.ts";
import { type Backend, type ObjectRef, objectPath } from "../../../engine/storage/backend.ts";
import { MemoryBackend } from "../../../engine/storage/memory.ts";
import {
  backUp,
  createSmallRepository,
  objectsOf,
  snapshotsOf,
} from "../../helpers/backup-fixture.ts";
import { checkAll, damagesOf, repairAll } from "../../helpers/check-fixture.ts";
import { noise } from "../../helpers/expected-tree.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(`${tmpdir()}/forge-check-`);
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Two snapshots of which the second has a file more. */
async function filled(): Promise<Repository<Backend>> {
  const backend = new MemoryBackend({ nowMs: () => 0 });
  const repository = await createSmallRepository({ backend });
  mkdirSync(`${folder}/sub`);
  writeFileSync(`${folder}/sub/a`, noise(20_000, 1));
  writeFileSync(`${folder}/sub/b`, noise(3000, 2));
  await backUp(repository, folder);
  writeFileSync(`${folder}/c`, noise(9000, 3));
  await backUp(repository, folder);
  return repository;
}

/** A storage that fails to read some objects. */
function failing(
  backend: Backend,
  fails: (ref: ObjectRef) => boolean,
  code: "io" | "permission" = "io",
): Backend {
  const read: Backend["read"] = (ref, options) =>
    fails(ref)
      ? Promise.reject(new ForgeError(code, `Cannot read ${objectPath(ref)}: I/O error`))
      : backend.read(ref, options);
  return new Proxy(backend, {
    get: (target, name) => {
      if (name === "read") return read;
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}

async function replace(backend: Backend, ref: ObjectRef, bytes: Bytes): Promise<void> {
  await backend.delete([ref]);
  await backend.put(ref, bytes);
}

it("finds nothing in a healthy repository, by threads as well", async () => {
  const repository = await filled();
  const verifier = createVerifyPool({ keys: repository.keys, workers: 2 });
  try {
    const report = await checkAll(repository, { verifier });
    expect(report.findings).toEqual([]);
    expect(report.isSound).toBe(true);
    const packs = await repository.backend.list("packs");
    expect(report.counts).toMatchObject({ snapshots: 2, packs: packs.length, lists: 0 });
    expect(report.counts.packsRead).toBe(packs.length);
  } finally {
    await verifier.close();
  }
});

it("threads find the same in a damaged pack that is neither encrypted nor compressed", async () => {
  const backend = new MemoryBackend({ nowMs: () => 0 });
  const repository = await createSmallRepository({ backend, cipher: "none" });
  writeFileSync(`${folder}/a`, noise(20_000, 1));
  await backUp(repository, folder, { compression: { codec: "none", level: 1 } });
  for (const { name } of await backend.list("packs")) {
    const pack = await backend.read({ kind: "packs", name });
    // In its first blob.
    pack[40] = (pack[40] ?? 0) ^ 1;
    await replace(backend, { kind: "packs", name }, pack);
  }
  const alone = await checkAll(repository);
  const verifier = createVerifyPool({ keys: repository.keys, workers: 2 });
  try {
    const byThreads = await checkAll(repository, { verifier });
    const packsOf = ({ damage }: typeof alone): string[] =>
      damage.damagedPacks.map((pack) => JSON.stringify(pack)).sort();
    expect(packsOf(byThreads)).toEqual(packsOf(alone));
    expect(damagesOf(byThreads)).toEqual(damagesOf(alone));
    expect(packsOf(alone).length).toBeGreaterThan(1);
    await repairAll(repository);
    expect((await checkAll(repository, { verifier })).damage.damagedPacks).toEqual([]);
  } finally {
    await verifier.close();
  }
});

it.each(["packs", "index", "snapshots"] as const)(
  "a storage that cannot read %s is not damage, and repair leaves everything as it is",
  async (kind) => {
    const repository = await filled();
    const { backend } = repository;
    const dark = { ...repository, backend: failing(backend, (ref) => ref.kind === kind) };
    const report = await checkAll(dark);
    expect(damagesOf(report)).toEqual(["unreadable"]);
    expect(report.damage.damagedPacks).toEqual([]);
    expect(report.damage.brokenSegments).toEqual([]);
    expect(planRepair(report).steps.filter(({ action }) => action !== "rebuild-index")).toEqual([]);
    expect((await checkAll(repository)).isSound).toBe(true);
  },
);

it("a pack of a newer format is named as such and nothing is repaired", async () => {
  const repository = await filled();
  const { backend, platform } = repository;
  const [info] = await backend.list("packs");
  const ref = { kind: "packs", name: info?.name ?? "" } as const;
  const bytes = await backend.read(ref);
  // A trailer of version 2 in a pack whose name is the hash of its bytes.
  bytes[bytes.length - 48 + 4] = 2;
  const name = Buffer.from(await platform.hash(bytes)).toString("hex");
  await backend.put({ kind: "packs", name }, bytes);
  const report = await checkAll(repository);
  expect(damagesOf(report)).toEqual(["newer"]);
  expect(() => planRepair(report)).toThrow(/newer forge/);
  // The same bytes under another name are only damaged.
  await backend.delete([{ kind: "packs", name }]);
  await replace(backend, ref, bytes);
  expect(damagesOf(await checkAll(repository))).toEqual(["pack-damaged"]);
});

it("the check of one snapshot looks at what that one needs", async () => {
  const repository = await filled();
  const { backend } = repository;
  const [first, second] = await snapshotsOf(repository);
  const needed = async (id: typeof first): Promise<Set<string>> => {
    const names = new Set<string>();
    await checkAll(repository, {
      snapshot: id?.id,
      readData: (packs) => {
        for (const { packId } of packs) names.add(packId);
        return packs;
      },
    });
    return names;
  };
  const firstPacks = await needed(first);
  const extra = [...(await needed(second))].find((name) => !firstPacks.has(name));
  const ref = { kind: "packs", name: extra ?? expect.fail("no pack of the second alone") } as const;
  const bytes = await backend.read(ref);
  bytes[40] = (bytes[40] ?? 0) ^ 1;
  await replace(backend, ref, bytes);
  expect((await checkAll(repository, { snapshot: first?.id })).isSound).toBe(true);
  expect((await checkAll(repository, { snapshot: second?.id })).isSound).toBe(false);
});

it("says which snapshots and paths are concerned", async () => {
  const repository = await filled();
  const { backend } = repository;
  const whole = await checkAll(repository, { readData: undefined });
  expect(whole.isSound).toBe(true);
  for (const { name } of await backend.list("packs"))
    await backend.delete([{ kind: "packs", name }]);
  const report = await checkAll(repository);
  expect(damagesOf(report)).toEqual(["pack-missing", "snapshot-damaged"]);
  for (const finding of report.findings) {
    if (finding.kind !== "snapshot-damaged") continue;
    expect(finding.affected).toMatchObject({ isWhole: true, firstPaths: ["/"] });
  }
});

it("a repaired snapshot names the damaged one, which stays and is no news any more", async () => {
  const repository = await filled();
  const { backend } = repository;
  const [, original] = await snapshotsOf(repository);
  const [info] = await backend.list("packs");
  await backend.delete([{ kind: "packs", name: info?.name ?? "" }]);
  const { events } = await repairAll(repository);
  const lost = events.flatMap((event) => (event.done === "left-out" ? [event.lost.path] : []));
  expect(lost).toContain(`${folder}/sub/a`);
  const repaired = (await snapshotsOf(repository)).filter(({ tags }) => tags.includes("repaired"));
  expect(repaired.map(({ original: id }) => id)).toContain(original?.id);
  const known = (await checkAll(repository)).findings.filter(
    ({ kind }) => kind === "snapshot-damaged",
  );
  expect(known).toHaveLength(2);
  expect(known.every(({ isNotice }) => isNotice)).toBe(true);
});

it("an index that is authentic and wrong about a pack is found, and replaced", async () => {
  const repository = await filled();
  const { backend, platform, keys } = repository;
  const packs: SegmentPack[] = [];
  const old: IndexId[] = [];
  for (const { name, sizeBytes } of await backend.list("packs")) {
    const pack = { packId: parseId<PackId>(name), packBytes: sizeBytes };
    packs.push({ ...pack, entries: await readPackDirectory(repository, pack) });
  }
  for (const { name } of await backend.list("index")) old.push(parseId<IndexId>(name));
  const id = parseId<IndexId>("77".repeat(32));
  const [first, ...rest] = packs;
  const [entry, ...others] = first?.entries ?? [];
  if (first === undefined || entry === undefined) expect.fail("no pack");
  for (const entries of [
    [{ ...entry, offset: entry.offset + 1 }, ...others],
    others,
    [{ ...entry, id: entry.id.map((byte) => byte ^ 1) }, ...others],
  ]) {
    const content = { id, packs: [{ ...first, entries }, ...rest], superseded: old };
    const wrong = await encodeIndexSegment(platform, keys, content);
    const copy = new MemoryBackend({ nowMs: () => 0 });
    for (const one of await objectsOf(backend)) await copy.put(one, one.bytes);
    await copy.put({ kind: "index", name: id }, wrong);
    const damaged = { ...repository, backend: copy };
    const { before } = await repairAll(damaged);
    expect(damagesOf(before)).toContain("index-wrong");
    expect((await checkAll(damaged)).isSound).toBe(true);
  }
});
