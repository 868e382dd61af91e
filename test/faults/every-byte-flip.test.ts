import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { Bytes } from "../../engine/base/bytes.ts";
import { OBJECT_KINDS, objectPath } from "../../engine/storage/backend.ts";
import type { StoredObject } from "../helpers/backup-fixture.ts";
import { SeededRandom, testSeed } from "../helpers/seeded-random.ts";
import {
  type Finding,
  type SmallRepository,
  buildSmallRepository,
  damagedBackend,
  examine,
} from "./damaged-repository.ts";

const seed = testSeed();
const random = new SeededRandom(seed);
let folder: string;
let small: SmallRepository;

beforeAll(async () => {
  folder = mkdtempSync(`${tmpdir()}/forge-flip-`);
  small = await buildSmallRepository(folder, "aes-256-gcm");
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function examineWith(
  from: SmallRepository,
  replaced: readonly (readonly [StoredObject, Bytes | undefined])[],
): Promise<Finding> {
  const reopen = replaced.some(([{ kind }]) => kind === "config" || kind === "keys");
  return examine(from, await damagedBackend(from.objects, new Map(replaced)), reopen);
}

function flipBit(bytes: Bytes, offset: number): Bytes {
  const copy = bytes.slice();
  copy[offset] = (copy[offset] ?? 0) ^ (1 << random.below(8));
  return copy;
}

/** @returns the places of flips that nothing noticed. */
async function flipEach(
  from: SmallRepository,
  object: StoredObject,
  offsets: Iterable<number>,
): Promise<string[]> {
  const missed: string[] = [];
  for (const offset of offsets) {
    const damaged = flipBit(object.bytes, offset);
    const { verifying } = await examineWith(from, [[object, damaged]]);
    if (verifying.length === 0) missed.push(`${objectPath(object)} at ${offset}`);
  }
  return missed;
}

function objectsOfKind(kind: StoredObject["kind"]): readonly StoredObject[] {
  return small.objects.filter((object) => object.kind === kind);
}

describe(`a small repository, FORGE_TEST_SEED=${seed}`, () => {
  it("is whole when nothing is damaged, and has every kind of object", async () => {
    const { reading, verifying, whole } = await examineWith(small, []);
    expect({ reading, verifying, whole }).toEqual({ reading: [], verifying: [], whole: 2 });
    const kinds = new Set(small.objects.map(({ kind }) => kind));
    // What was set aside is damaged and nobody reads it.
    expect([...kinds, "quarantine"].sort()).toEqual([...OBJECT_KINDS].sort());
    for (const kind of ["packs", "index", "snapshots", "leases"] as const) {
      expect(objectsOfKind(kind).length, kind).toBeGreaterThanOrEqual(2);
    }
  });

  it.each(OBJECT_KINDS)(
    "%s: every flip of one byte is detected, and no wrong byte is served",
    async (kind) => {
      for (const object of objectsOfKind(kind)) {
        expect(await flipEach(small, object, object.bytes.keys())).toEqual([]);
      }
    },
    300_000,
  );

  it.each(["chacha20-poly1305", "none"] as const)(
    "cipher %s: flips anywhere are detected as well",
    async (cipher) => {
      const other = await buildSmallRepository(folder, cipher);
      for (const object of other.objects) {
        const offsets = Array.from({ length: 60 }, () => random.below(object.bytes.length));
        expect(await flipEach(other, object, new Set(offsets))).toEqual([]);
      }
    },
    300_000,
  );

  it("an object cut short, or longer than it was, is detected", async () => {
    for (const object of small.objects) {
      const { bytes } = object;
      const lengths = [0, 1, 4, 12, 47, 48, bytes.length >> 1, bytes.length - 1];
      const changed = lengths.filter((n) => n < bytes.length).map((n) => bytes.slice(0, n));
      for (const replacement of [...changed, new Uint8Array([...bytes, 0])]) {
        const { verifying } = await examineWith(small, [[object, replacement]]);
        const what = `${objectPath(object)} with ${replacement.length} of ${bytes.length} bytes`;
        expect(verifying.length, what).toBeGreaterThan(0);
      }
    }
  });

  it("two objects of one kind in each other's place are detected", async () => {
    for (const a of small.objects) {
      for (const b of small.objects) {
        if (a.kind !== b.kind || a.name >= b.name) continue;
        const { verifying } = await examineWith(small, [
          [a, b.bytes],
          [b, a.bytes],
        ]);
        expect(verifying.length, `${objectPath(a)} and ${objectPath(b)}`).toBeGreaterThan(0);
      }
    }
  });

  it("a lost object is an error for who needs it, and a lost lease or snapshot harms no other", async () => {
    for (const object of small.objects) {
      const { reading, whole } = await examineWith(small, [[object, undefined]]);
      const codes = [...new Set(reading.map(({ code }) => code))];
      switch (object.kind) {
        case "config":
          expect(codes).toEqual(["no-repository"]);
          break;
        case "keys":
          expect(codes).toEqual(["corrupt"]);
          break;
        case "packs":
        case "index":
          expect(codes).toEqual(["missing-object"]);
          break;
        case "snapshots":
          expect({ codes, whole }).toEqual({ codes: [], whole: 1 });
          break;
        case "leases":
        case "tombstones":
        case "gc":
        case "quarantine":
          expect({ codes, whole }).toEqual({ codes: [], whole: 2 });
          break;
        default:
          object.kind satisfies never;
      }
    }
  });
});
