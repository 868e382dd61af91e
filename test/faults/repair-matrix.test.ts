/**
 * A small repository damaged in every way: the check finds it and says what it is, a repair leaves a
 * repository that is sound, everything that was not damaged is served as it was, nothing else is, and
 * the next backup makes the damaged snapshots whole.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { Bytes } from "../../engine/base/bytes.ts";
import { type ForgeError, isForgeError } from "../../engine/base/errors.ts";
import type { FindingKind } from "../../engine/maintenance/check-report.ts";
import type { Repository } from "../../engine/repository/repository.ts";
import { type Backend, type ObjectKind, objectPath } from "../../engine/storage/backend.ts";
import type { MemoryBackend } from "../../engine/storage/memory.ts";
import {
  type StoredObject,
  backUp,
  objectsOf,
  readSideOf,
  snapshotLines,
  snapshotsOf,
} from "../helpers/backup-fixture.ts";
import { checkAll, damagesOf, repairAll } from "../helpers/check-fixture.ts";
import { RecordingBackend } from "../helpers/recording-backend.ts";
import { SeededRandom, testSeed } from "../helpers/seeded-random.ts";
import {
  type SmallRepository,
  buildSmallRepository,
  damagedBackend,
} from "./damaged-repository.ts";

const seed = testSeed();
const random = new SeededRandom(seed);
/** What repair can mend: a repository without its config or key does not open. */
const KINDS = ["packs", "index", "snapshots", "leases", "tombstones", "gc"] as const;
const FINDINGS: Readonly<Record<(typeof KINDS)[number], readonly FindingKind[]>> = {
  packs: ["pack-damaged", "pack-missing", "snapshot-damaged"],
  index: ["index-damaged", "index-incomplete"],
  snapshots: ["object-damaged"],
  leases: ["object-damaged"],
  tombstones: ["object-damaged"],
  gc: ["object-damaged"],
};

let folder: string;
let small: SmallRepository;

beforeAll(async () => {
  folder = mkdtempSync(`${tmpdir()}/forge-matrix-`);
  small = await buildSmallRepository(folder, "aes-256-gcm");
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

type Damage = readonly (readonly [StoredObject, Bytes | undefined])[];

function objectsOfKind(kind: ObjectKind): readonly StoredObject[] {
  return small.objects.filter((object) => object.kind === kind);
}

async function damaged(damage: Damage): Promise<Repository<MemoryBackend>> {
  return { ...small.repository, backend: await damagedBackend(small.objects, new Map(damage)) };
}

/** Everything served is what was stored. @returns snapshots that are whole. */
async function wholeSnapshots(repository: Repository): Promise<number> {
  let whole = 0;
  const readSide = await readSideOf(repository, () => undefined);
  for (const snapshot of await snapshotsOf(repository)) {
    const wanted = small.contents.get(snapshot.original ?? snapshot.id);
    const problems: ForgeError[] = [];
    const lines = await snapshotLines(readSide, snapshot, small.tree, (error) =>
      problems.push(error),
    );
    for (const [path, line] of lines) {
      if (wanted?.get(path) !== line && !line.startsWith("directory")) {
        throw new Error(`${path} was served as ${line}`);
      }
    }
    // A repaired snapshot holds nothing that cannot be read.
    if (snapshot.original !== undefined) expect(problems).toEqual([]);
    if (problems.length === 0 && lines.size === wanted?.size) whole++;
  }
  return whole;
}

/** @returns false when the damage looks like a newer format, which is refused. */
async function mend(damage: Damage, kind: (typeof KINDS)[number], what: string): Promise<boolean> {
  const repository = await damaged(damage);
  const before = await objectsOf(repository.backend);
  let repaired;
  try {
    repaired = await repairAll(repository);
  } catch (error) {
    if (!isForgeError(error, "unsupported-version")) throw error;
    expect(await objectsOf(repository.backend), what).toEqual(before);
    return false;
  }
  const found = damagesOf(repaired.before);
  expect(found.length, what).toBeGreaterThan(0);
  expect(FINDINGS[kind], what).toEqual(expect.arrayContaining([...found]));
  expect(damagesOf(repaired.after), what).toEqual([]);
  expect(damagesOf(await checkAll(repository)), what).toEqual([]);
  await wholeSnapshots(repository);
  // No byte is gone: what was damaged stands in the quarantine.
  const after = await objectsOf(repository.backend);
  for (const [object, bytes] of damage) {
    const isKept =
      bytes === undefined ||
      after.some((one) => one.kind === "quarantine" && one.name.startsWith(object.name));
    expect(isKept || kind === "index", what).toBe(true);
  }
  return true;
}

describe(`repair, FORGE_TEST_SEED=${seed}`, () => {
  it.each(KINDS)(
    "%s: one flipped byte anywhere, sampled",
    async (kind) => {
      let mended = 0;
      for (const object of objectsOfKind(kind)) {
        const { length } = object.bytes;
        const ends = [
          0,
          4,
          5,
          6,
          8,
          length - 48,
          length - 44,
          length - 43,
          length - 33,
          length - 1,
        ];
        const inside = Array.from({ length: 6 }, () => random.below(length));
        for (const offset of new Set([...ends, ...inside].filter((at) => at >= 0 && at < length))) {
          const bytes = object.bytes.slice();
          bytes[offset] = (bytes[offset] ?? 0) ^ (1 << random.below(8));
          const what = `${objectPath(object)} at ${offset}`;
          if (await mend([[object, bytes]], kind, what)) mended++;
          // Only bytes that say which version or key this is can be taken for a newer one.
          else expect([4, 5, 6], what).toContain(offset);
        }
      }
      expect(mended).toBeGreaterThan(5);
    },
    300_000,
  );

  it("objects cut short or made longer", async () => {
    for (const kind of KINDS) {
      for (const object of objectsOfKind(kind)) {
        const { bytes } = object;
        const cut = [0, 1, 47, bytes.length >> 1, bytes.length - 1].map((n) => bytes.slice(0, n));
        for (const replacement of [...cut, new Uint8Array([...bytes, 0])]) {
          const what = `${objectPath(object)} with ${replacement.length} of ${bytes.length} bytes`;
          expect(await mend([[object, replacement]], kind, what), what).toBe(true);
        }
      }
    }
  }, 300_000);

  it("packs and segments that are gone, alone and all of a kind", async () => {
    for (const kind of ["packs", "index"] as const) {
      const objects = objectsOfKind(kind);
      for (const object of objects) {
        await mend([[object, undefined]], kind, `${objectPath(object)} gone`);
      }
      await mend(
        objects.map((object) => [object, undefined]),
        kind,
        `all ${kind} gone`,
      );
    }
  }, 300_000);

  it("two packs, and two segments, in each other's place lose nothing", async () => {
    for (const kind of ["packs", "index"] as const) {
      for (const a of objectsOfKind(kind)) {
        for (const b of objectsOfKind(kind)) {
          if (a.name >= b.name) continue;
          const damage: Damage = [
            [a, b.bytes],
            [b, a.bytes],
          ];
          const repository = await damaged(damage);
          await repairAll(repository);
          expect(damagesOf(await checkAll(repository))).toEqual([]);
          expect(await wholeSnapshots(repository)).toBe(small.contents.size);
        }
      }
    }
  }, 300_000);

  it("the next backup of the same files makes the newest snapshot whole, also before a repair", async () => {
    for (const repairsFirst of [false, true]) {
      for (const object of objectsOfKind("packs")) {
        const repository = await damaged([[object, undefined]]);
        if (repairsFirst) await repairAll(repository);
        const { snapshot } = await backUp(repository, small.tree, {
          onIndexProblem: () => undefined,
          onNotice: () => undefined,
        });
        const lines = await snapshotLines(
          await readSideOf(repository),
          snapshot ?? expect.fail("no snapshot"),
          small.tree,
        );
        const newest = [...small.contents.values()].at(-1);
        expect(new Map([...lines].sort())).toEqual(new Map([...(newest ?? [])].sort()));
        if (!repairsFirst) continue;
        // What came back came back for the damaged snapshot as well.
        expect(damagesOf(await checkAll(repository))).toEqual([]);
      }
    }
  }, 300_000);

  it("a copy brings everything back, whatever is gone or damaged", async () => {
    const copy = { ...small.repository, backend: await damagedBackend(small.objects, new Map()) };
    const flipped = (object: StoredObject): Bytes => {
      const bytes = object.bytes.slice();
      bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
      return bytes;
    };
    const packs = objectsOfKind("packs");
    const segments = objectsOfKind("index");
    const damages: Damage[] = [
      ...packs.map((object): Damage => [[object, undefined]]),
      ...packs.map((object): Damage => [[object, flipped(object)]]),
      packs.map((object) => [object, undefined] as const),
      [...packs, ...segments].map((object) => [object, undefined] as const),
      objectsOfKind("snapshots").map((object) => [object, flipped(object)] as const),
    ];
    for (const damage of damages) {
      const repository = await damaged(damage);
      await repairAll(repository, copy);
      expect(damagesOf(await checkAll(repository))).toEqual([]);
      expect(await wholeSnapshots(repository)).toBe(small.contents.size);
      expect((await snapshotsOf(repository)).length).toBe(small.contents.size);
    }
  }, 300_000);

  it("another repository is refused as a copy", async () => {
    const other = await buildSmallRepository(folder, "chacha20-poly1305");
    const [pack] = objectsOfKind("packs");
    const repository = await damaged([[pack ?? expect.fail("no pack"), undefined]]);
    await expect(repairAll(repository, other.repository)).rejects.toMatchObject({ code: "usage" });
  });

  it.each([false, true])(
    "stopped after every change, the last one having come through: %s",
    async (lastOneHappens) => {
      const [pack] = objectsOfKind("packs").filter(({ bytes }) => bytes.length > 1000);
      const [segment] = objectsOfKind("index");
      if (pack === undefined || segment === undefined) expect.fail("nothing to damage");
      const flipped = pack.bytes.slice();
      flipped[100] = (flipped[100] ?? 0) ^ 1;
      const damage: Damage = [
        [pack, flipped],
        [segment, segment.bytes.slice(0, 40)],
      ];
      const recording = new RecordingBackend(await damagedBackend(small.objects, new Map(damage)));
      await repairAll({ ...small.repository, backend: recording });
      const total = recording.changes.length;
      expect(total).toBeGreaterThan(10);
      for (let changesMax = 0; changesMax < total; changesMax++) {
        const repository = await damaged(damage);
        const backend: Backend = new RecordingBackend(repository.backend, {
          changesMax,
          lastOneHappens,
        });
        await repairAll({ ...repository, backend }).catch((error: unknown) => {
          if (!isForgeError(error, "io")) throw error;
        });
        await wholeSnapshots(repository);
        await repairAll(repository);
        expect(damagesOf(await checkAll(repository)), `after ${changesMax}`).toEqual([]);
        await wholeSnapshots(repository);
        const after = await objectsOf(repository.backend);
        expect(
          after.some(({ kind, name }) => kind === "quarantine" && name.startsWith(pack.name)),
        ).toBe(true);
      }
    },
    300_000,
  );
});
