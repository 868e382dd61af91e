/**
 * What every ReadonlyFs promises, checked against a tree that is known. Run it with
 * `readonlyFsContract("snapshot-fs", async () => ({ root, expected }))`.
 */
import { crc32 } from "node:zlib";

import { describe, expect, test } from "vitest";

import { type Bytes, compareBytes, concatBytes, utf8 } from "../../engine/base/bytes.ts";
import {
  type FsDirectory,
  type FsEntry,
  type FsFile,
  displayName,
  findEntry,
  fsEntries,
  splitPath,
} from "../../engine/read/readonly-fs.ts";
import { type ExpectedEntry, expectBytes } from "../helpers/expected-tree.ts";

export interface ReadonlyFsUnderTest {
  readonly root: FsDirectory;
  /** What `root` must show; its own name and metadata are not compared. */
  readonly expected: ExpectedEntry;
}

type Pair = readonly [path: string, actual: FsEntry, expected: ExpectedEntry];

/** All pairs below the root, matched by name through listings. */
async function pairs(actual: FsDirectory, expected: ExpectedEntry, path = ""): Promise<Pair[]> {
  const found: Pair[] = [];
  const entries: FsEntry[] = [];
  for await (const entry of fsEntries(actual)) entries.push(entry);
  expect(entries.map(({ name }) => displayName(name))).toEqual(
    expected.children.map(({ name }) => displayName(name)),
  );
  for (const [i, entry] of entries.entries()) {
    const wanted = expected.children[i];
    if (wanted === undefined) continue;
    const childPath = `${path}/${displayName(entry.name)}`;
    found.push([childPath, entry, wanted]);
    if (entry.type === "directory") found.push(...(await pairs(entry, wanted, childPath)));
  }
  return found;
}

export function readonlyFsContract(name: string, open: () => Promise<ReadonlyFsUnderTest>): void {
  describe(`${name} keeps the promises of ReadonlyFs`, () => {
    const all = async (): Promise<Pair[]> => {
      const { root, expected } = await open();
      return pairs(root, expected);
    };
    const files = async (): Promise<(readonly [string, FsFile, ExpectedEntry])[]> =>
      (await all()).flatMap(([path, actual, expected]) =>
        actual.type === "file" ? [[path, actual, expected] as const] : [],
      );

    test("every directory lists exactly its entries, in order of their name bytes", async () => {
      for (const [, entry] of await all()) {
        if (entry.type !== "directory") continue;
        let last: Bytes | undefined;
        for await (const child of fsEntries(entry)) {
          if (last !== undefined) expect(compareBytes(last, child.name)).toBeLessThan(0);
          last = child.name;
        }
      }
    });

    test("types, attributes, xattrs and link targets are what was stored", async () => {
      for (const [path, actual, wanted] of await all()) {
        const { attributes } = actual;
        expect([path, actual.type]).toEqual([path, wanted.type]);
        const { mode, uid, gid, user, group, mtimeNs, ctimeNs, atimeNs } = wanted;
        const { deviceMajor, deviceMinor, linkCount } = wanted;
        expect(attributes, path).toMatchObject({
          ...{ mode, uid, gid, user, group, mtimeNs, ctimeNs, atimeNs },
          ...{ deviceMajor, deviceMinor, linkCount },
        });
        expect(actual.xattrs.map(({ name, value }) => ({ name, value }))).toEqual(wanted.xattrs);
        if (actual.type === "symlink") expect(actual.target).toEqual(wanted.target);
        const size = actual.type === "file" ? wanted.content.length : wanted.target.length;
        expect([path, attributes.sizeBytes]).toEqual([path, size]);
      }
    });

    test("every entry is found by name, and no other", async () => {
      const { root, expected } = await open();
      for (const [, actual] of await pairs(root, expected)) {
        if (actual.type !== "directory") continue;
        for await (const child of fsEntries(actual)) {
          const found = await actual.lookup(child.name);
          expect(found?.name).toEqual(child.name);
          expect(found?.type).toBe(child.type);
        }
        for (const absent of ["", "\u0001", "absent", "zzzzzzzz", "~~~"]) {
          expect(await actual.lookup(utf8(absent))).toBeUndefined();
        }
      }
      expect(await findEntry(root, splitPath(utf8("/no/such/thing")))).toBeUndefined();
    });

    test("a listing goes on from any number", async () => {
      const { root } = await open();
      const names: string[] = [];
      for await (const entry of fsEntries(root)) names.push(displayName(entry.name));
      for (let from = 0; from <= names.length; from++) {
        const rest: string[] = [];
        for (let at = from; ; at = from + rest.length) {
          const page = await root.readEntries(at);
          if (page.length === 0) break;
          rest.push(...page.map((entry) => displayName(entry.name)));
        }
        expect(rest).toEqual(names.slice(from));
      }
    });

    test("files read whole, in parts, across their end and beyond it", async () => {
      for (const [path, file, { content }] of await files()) {
        const size = content.length;
        expectBytes(await file.read({ offset: 0, length: size + 10 }), content, path);
        expect(await file.read({ offset: size, length: 10 })).toHaveLength(0);
        expect(await file.read({ offset: size + 1000, length: 10 })).toHaveLength(0);
        expect(await file.read({ offset: 0, length: 0 })).toHaveLength(0);
        const third = Math.floor(size / 3);
        const parts = await Promise.all([
          file.read({ offset: 0, length: third }),
          file.read({ offset: third, length: 1 }),
          file.read({ offset: third + 1, length: size }),
        ]);
        expectBytes(concatBytes(parts), content, path);
        expect(file.crc32).toBe(crc32(content));
      }
    });

    test("what read gives belongs to the caller", async () => {
      for (const [, file, { content }] of await files()) {
        const first = await file.read({ offset: 0, length: content.length });
        first.fill(0xff);
        expectBytes(await file.read({ offset: 0, length: content.length }), content);
      }
    });

    test("holes are told and take no blocks", async () => {
      for (const [path, file, { content, holes }] of await files()) {
        const told = await file.holes();
        expect(told, path).toEqual(holes);
        const holeBytes = holes.reduce((sum, hole) => sum + hole.length, 0);
        expect([path, file.attributes.blocks512]).toEqual([
          path,
          Math.ceil((content.length - holeBytes) / 512),
        ]);
      }
    });

    test("content keys are equal for equal content alone", async () => {
      const byKey = new Map<string, ExpectedEntry>();
      for (const [path, file, wanted] of await files()) {
        const known = byKey.get(file.contentKey);
        if (known !== undefined) {
          expectBytes(known.content, wanted.content, path);
        }
        byKey.set(file.contentKey, wanted);
        expect(file.contentKey).toMatch(/^[0-9a-zA-Z-]{1,120}$/);
      }
    });

    test("hard links share a key, others have none", async () => {
      for (const [path, actual, wanted] of await all()) {
        const shared = wanted.linkCount > 1 && wanted.type !== "directory";
        expect([path, actual.attributes.hardLinkKey !== undefined]).toEqual([path, shared]);
      }
    });

    test("prefetching never throws, whatever is asked for", async () => {
      for (const [, file] of await files()) {
        file.prefetch({ offset: 0, length: 1e12 });
        file.prefetch({ offset: 1e15, length: 1 });
        file.prefetch({ offset: -5, length: 10 });
      }
    });

    test("a read that was aborted says so", async () => {
      for (const [, file] of await files()) {
        const signal = AbortSignal.abort();
        await expect(file.read({ offset: 0, length: 1, signal })).rejects.toMatchObject({
          code: "aborted",
        });
      }
    });
  });
}
