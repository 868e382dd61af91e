/**
 * What every Backend promises (engine/storage/backend.ts), as one suite. An implementation's test
 * calls `backendContract` with a way to make an empty storage.
 */
import { describe, expect, test } from "vitest";
import type { Bytes } from "../../engine/base/bytes.ts";
import { type ErrorCode, isForgeError } from "../../engine/base/errors.ts";
import type { Backend, ObjectKind, ObjectRef } from "../../engine/storage/backend.ts";

export interface StorageUnderTest {
  readonly backend: Backend;
  /** A second client of the same storage, with a state of its own. */
  readonly another: Backend;
  /** Puts a thing beside the objects that is none: `path` relative to the storage's root. */
  readonly plantForeign?: ((path: string, data: Bytes) => Promise<void>) | undefined;
  /** Cuts an object short behind the backend's back. */
  readonly truncate?: ((ref: ObjectRef, sizeBytes: number) => Promise<void>) | undefined;
  readonly dispose: () => Promise<void>;
}

const KINDS: readonly ObjectKind[] = [
  "config",
  "keys",
  "packs",
  "index",
  "snapshots",
  "leases",
  "tombstones",
  "gc",
  "quarantine",
];

const SUFFIXES: Partial<Readonly<Record<ObjectKind, string>>> = {
  leases: ".00000001",
  gc: ".plan",
  quarantine: ".0123456789abcdef.packs",
};

/** A name of `kind` that differs for each `n`, beginning with `first` in hex. */
export function objectRef(kind: ObjectKind, n: number, first = "ab"): ObjectRef {
  if (kind === "config") return { kind, name: "" };
  const id = first + n.toString(16).padStart(62, "0");
  return { kind, name: id + (SUFFIXES[kind] ?? "") };
}

export function patternBytes(length: number, seed = 1): Bytes {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + seed * 17 + (i >> 8)) & 0xff;
  return bytes;
}

async function codeOf(promise: Promise<unknown>): Promise<ErrorCode | undefined> {
  try {
    await promise;
  } catch (error) {
    if (isForgeError(error)) return error.code;
    throw error;
  }
  return undefined;
}

export function backendContract(name: string, make: () => Promise<StorageUnderTest>): void {
  async function withStorage(use: (storage: StorageUnderTest) => Promise<void>): Promise<void> {
    const storage = await make();
    try {
      await storage.backend.create();
      await use(storage);
    } finally {
      await storage.backend.close();
      await storage.another.close();
      await storage.dispose();
    }
  }

  describe(`${name} keeps the contract of a backend`, () => {
    test.each(KINDS)(
      "%s: what replaces an object is read in its place, also where there was none",
      (kind) =>
        withStorage(async ({ backend, another }) => {
          const ref = objectRef(kind, 7);
          await backend.put(ref, patternBytes(10_000));
          expect(await another.read(ref)).toEqual(patternBytes(10_000));
          for (const [client, other, bytes] of [
            [backend, another, 5000],
            [another, backend, 20_000],
          ] as const) {
            await client.replace(ref, patternBytes(bytes, 2));
            expect(await client.read(ref)).toEqual(patternBytes(bytes, 2));
            expect((await client.list(kind)).map(({ sizeBytes }) => sizeBytes)).toEqual([bytes]);
            expect((await other.stat(ref))?.sizeBytes).toBe(bytes);
          }
          await backend.delete([ref]);
          await backend.replace(ref, patternBytes(10, 3));
          expect(await backend.read(ref)).toEqual(patternBytes(10, 3));
        }),
    );

    test.each(KINDS)("%s: what was put is read, listed and looked at", (kind) =>
      withStorage(async ({ backend, another }) => {
        const ref = objectRef(kind, 7);
        const data = patternBytes(10_000);
        expect(await backend.stat(ref)).toBeUndefined();
        expect(await backend.list(kind)).toEqual([]);
        expect(await backend.put(ref, data)).toBe("created");
        for (const reader of [backend, another]) {
          expect(await reader.read(ref)).toEqual(data);
          const info = await reader.stat(ref);
          expect(info).toMatchObject({ name: ref.name, sizeBytes: 10_000 });
          expect(Number.isInteger(info?.modifiedMs)).toBe(true);
          expect(await reader.list(kind)).toEqual([info]);
        }
      }),
    );

    test("creating a storage again changes nothing", () =>
      withStorage(async ({ backend }) => {
        const ref = objectRef("keys", 1);
        await backend.put(ref, patternBytes(3));
        await backend.create();
        expect(await backend.read(ref)).toEqual(patternBytes(3));
      }));

    test("an empty object is an object", () =>
      withStorage(async ({ backend }) => {
        expect(await backend.put(objectRef("packs", 1), new Uint8Array(0))).toBe("created");
        expect(await backend.read(objectRef("packs", 1))).toEqual(new Uint8Array(0));
      }));

    test("a name that is taken keeps its content", () =>
      withStorage(async ({ backend, another }) => {
        const ref = objectRef("snapshots", 1);
        expect(await backend.put(ref, patternBytes(100, 1))).toBe("created");
        expect(await backend.put(ref, patternBytes(200, 2))).toBe("exists");
        expect(await another.put(ref, patternBytes(300, 3))).toBe("exists");
        expect(await backend.read(ref)).toEqual(patternBytes(100, 1));
      }));

    test("of eight concurrent writers of one name exactly one is told that it made it", () =>
      withStorage(async ({ backend, another }) => {
        for (let round = 0; round < 10; round++) {
          const ref = objectRef("packs", round, round.toString(16).padStart(2, "0"));
          const writers = Array.from({ length: 8 }, (_, i) => patternBytes(50_000 + i, i));
          const outcomes = await Promise.all(
            writers.map((data, i) => (i % 2 === 0 ? backend : another).put(ref, data)),
          );
          expect(outcomes.filter((outcome) => outcome === "created")).toHaveLength(1);
          const winner = writers[outcomes.indexOf("created")];
          expect(await backend.read(ref)).toEqual(winner);
        }
      }));

    test("the bytes given to put may be changed once it returned", () =>
      withStorage(async ({ backend }) => {
        const data = patternBytes(1000);
        await backend.put(objectRef("index", 1), data);
        data.fill(0);
        expect(await backend.read(objectRef("index", 1))).toEqual(patternBytes(1000));
      }));

    test("ranges give exactly their bytes, in a buffer of their own", () =>
      withStorage(async ({ backend }) => {
        const ref = objectRef("packs", 3);
        const data = patternBytes(100_000);
        await backend.put(ref, data);
        for (const [offset, length] of [
          [0, 1],
          [0, 100_000],
          [99_999, 1],
          [12_345, 54_321],
        ] as const) {
          const bytes = await backend.read(ref, { span: { offset, length } });
          expect(bytes).toEqual(data.slice(offset, offset + length));
          expect(bytes.buffer.byteLength).toBe(length);
          bytes.fill(0xee);
        }
        expect(await backend.read(ref)).toEqual(data);
      }));

    test("many reads of many objects at once give each its own", () =>
      withStorage(async ({ backend }) => {
        const refs = Array.from({ length: 150 }, (_, i) =>
          objectRef("packs", i, (i % 5).toString(16).padStart(2, "0")),
        );
        await Promise.all(refs.map((ref, i) => backend.put(ref, patternBytes(2000, i))));
        const reads = Array.from({ length: 600 }, async (_, k) => {
          const i = (k * 7) % refs.length;
          const span = { offset: k, length: 50 };
          const bytes = await backend.read(refs[i] ?? objectRef("packs", 0), { span });
          expect(bytes).toEqual(patternBytes(2000, i).slice(k, k + 50));
        });
        await Promise.all(reads);
        expect((await backend.list("packs")).map((info) => info.name).sort()).toEqual(
          refs.map((ref) => ref.name).sort(),
        );
      }));

    test("a range beyond the end is an error, never fewer bytes", () =>
      withStorage(async ({ backend }) => {
        const ref = objectRef("packs", 3);
        await backend.put(ref, patternBytes(1000));
        for (const span of [
          { offset: 999, length: 2 },
          { offset: 1000, length: 1 },
          { offset: 5000, length: 10 },
          { offset: 0, length: 2 ** 40 },
        ]) {
          expect(await codeOf(backend.read(ref, { span }))).toBe("corrupt");
        }
        expect(await codeOf(backend.read(ref, { span: { offset: -1, length: 1 } }))).toBe("usage");
      }));

    test("an object larger than the reader takes is refused, one as large is not", () =>
      withStorage(async ({ backend }) => {
        const ref = objectRef("snapshots", 3);
        await backend.put(ref, patternBytes(1000));
        expect(await codeOf(backend.read(ref, { bytesMax: 999 }))).toBe("too-large");
        expect(await backend.read(ref, { bytesMax: 1000 })).toHaveLength(1000);
      }));

    test("an object that is not there is missing", () =>
      withStorage(async ({ backend }) => {
        for (const kind of KINDS) {
          expect(await codeOf(backend.read(objectRef(kind, 9)))).toBe("missing-object");
        }
        const span = { offset: 0, length: 1 };
        expect(await codeOf(backend.read(objectRef("packs", 9), { span }))).toBe("missing-object");
      }));

    test("deleted objects are gone, and deleting what is absent succeeds", () =>
      withStorage(async ({ backend, another }) => {
        const refs = [1, 2, 3].map((n) => objectRef("packs", n));
        for (const ref of refs) await backend.put(ref, patternBytes(10));
        const [first, second, third] = refs;
        if (first === undefined || second === undefined || third === undefined) return;
        await backend.read(first);
        await backend.delete([first, second, objectRef("packs", 99)]);
        await backend.delete([]);
        expect((await another.list("packs")).map((info) => info.name)).toEqual([third.name]);
        expect(await codeOf(backend.read(first))).toBe("missing-object");
        expect(await backend.put(first, patternBytes(20, 2))).toBe("created");
        expect(await backend.read(first)).toEqual(patternBytes(20, 2));
      }));

    test("reading and listing stop when the signal has fired", () =>
      withStorage(async ({ backend }) => {
        const signal = AbortSignal.abort();
        expect(await codeOf(backend.list("packs", { signal }))).toBe("aborted");
        expect(await codeOf(backend.read(objectRef("packs", 1), { signal }))).toBe("aborted");
      }));

    test("names that are no objects, and leftovers of a crash, are not listed", () =>
      withStorage(async ({ backend, plantForeign }) => {
        if (plantForeign === undefined) return;
        const ref = objectRef("packs", 1);
        await backend.put(ref, patternBytes(10));
        const id = ref.name;
        for (const path of [
          `packs/ab/${id}.tmp`,
          `packs/ab/${id.slice(1)}`,
          `packs/ab/${id.slice(0, 63)}G`,
          `packs/${id}`,
          `packs/zz/${id}`,
          `packs/cd/${id}`,
          `tmp/${"0".repeat(32)}.tmp`,
          `gc/${id}`,
          "snapshots/README",
          `leases/${id}`,
          `index/${id}.00000001`,
        ]) {
          await plantForeign(path, patternBytes(5));
        }
        expect((await backend.list("packs")).map((info) => info.name)).toEqual([id]);
        for (const kind of ["snapshots", "leases", "index", "keys"] as const) {
          expect(await backend.list(kind)).toEqual([]);
        }
      }));

    test("an object that was cut short is an error for what is gone alone", () =>
      withStorage(async ({ backend, another, truncate }) => {
        if (truncate === undefined) return;
        const ref = objectRef("packs", 1);
        await backend.put(ref, patternBytes(1000));
        await backend.read(ref);
        await truncate(ref, 600);
        for (const reader of [backend, another]) {
          const beyond = reader.read(ref, { span: { offset: 500, length: 200 } });
          expect(await codeOf(beyond)).toBe("corrupt");
          const before = await reader.read(ref, { span: { offset: 500, length: 100 } });
          expect(before).toEqual(patternBytes(1000).slice(500, 600));
        }
      }));
  });
}
