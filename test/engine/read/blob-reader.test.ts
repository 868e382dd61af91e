import { expect, test } from "vitest";

import { type Bytes, utf8 } from "../../../engine/base/bytes.ts";
import { ForgeError } from "../../../engine/base/errors.ts";
import { type BlobId, type PackId, parseId } from "../../../engine/base/ids.ts";
import type { BlobLocation } from "../../../engine/index/blob-location.ts";
import type { RefreshableBlobFinder } from "../../../engine/read/blob-finder.ts";
import { BlobReader } from "../../../engine/read/blob-reader.ts";
import { PackReader } from "../../../engine/read/pack-reader.ts";
import { noise } from "../../helpers/expected-tree.ts";
import { MemoryRepository, recordingBackend } from "../../helpers/memory-repository.ts";

const ID = parseId<BlobId>("ab".repeat(32));

function location(pack: number, offset = 0, fields: Partial<BlobLocation> = {}): BlobLocation {
  return {
    id: ID,
    packId: parseId<PackId>(pack.toString(16).padStart(64, "0")),
    offset,
    sealedBytes: 10,
    plainBytes: 4,
    kind: "data",
    codec: "none",
    epoch: 0,
    ...fields,
  };
}

/** A reader whose packs are numbered; the decoder gives the pack's name. */
function readerOver(options: {
  readonly places: (refreshes: number) => readonly BlobLocation[];
  readonly broken: Readonly<Record<number, "corrupt" | "missing-object" | "io">>;
}): { reader: BlobReader; tried: number[]; refreshes: () => number } {
  const tried: number[] = [];
  let refreshes = 0;
  const index: RefreshableBlobFinder = {
    find: () => Promise.resolve(options.places(refreshes)),
    refresh: () => Promise.resolve(refreshes++),
  };
  const reader = new BlobReader({
    index,
    packs: {
      read: ({ packId }) => {
        const pack = Number.parseInt(packId, 16);
        tried.push(pack);
        const code = options.broken[pack];
        if (code !== undefined)
          return Promise.reject(new ForgeError(code, `pack ${pack}: ${code}`));
        return Promise.resolve(utf8(`${pack}`));
      },
    },
    decoder: { decode: (_, sealed) => Promise.resolve(sealed) },
  });
  return { reader, tried, refreshes: () => refreshes };
}

test("all places of a blob are tried in turn, those that failed last the next time", async () => {
  const { reader, tried } = readerOver({
    places: () => [location(1), location(2), location(3)],
    broken: { 1: "corrupt", 2: "io" },
  });
  expect(await reader.load({ id: ID, kind: "data" })).toEqual(utf8("3"));
  expect(tried).toEqual([1, 2, 3]);
  tried.length = 0;
  await reader.load({ id: ID, kind: "data" });
  // What failed for a reason that may pass is not set aside.
  expect(tried).toEqual([2, 3]);
});

test("a blob that stands nowhere makes the index load once more before that is an error", async () => {
  const late = readerOver({
    places: (refreshes) => (refreshes === 0 ? [] : [location(1)]),
    broken: {},
  });
  expect(await late.reader.read({ id: ID, kind: "data" })).toEqual(utf8("1"));
  expect(late.refreshes()).toBe(1);

  const never = readerOver({ places: () => [], broken: {} });
  await expect(never.reader.read({ id: ID, kind: "data" })).rejects.toMatchObject({
    code: "missing-object",
    context: { blobId: ID },
  });
  expect(never.refreshes()).toBe(1);
});

test("a pack that is gone makes the index load once more: it may have been compacted", async () => {
  const { reader, refreshes } = readerOver({
    places: (done) => (done === 0 ? [location(1)] : [location(1), location(2)]),
    broken: { 1: "missing-object" },
  });
  expect(await reader.load({ id: ID, kind: "data" })).toEqual(utf8("2"));
  expect(refreshes()).toBe(1);
});

test("when every copy fails the error says so, and what may pass outranks what never will", async () => {
  const corrupt = readerOver({ places: () => [location(1)], broken: { 1: "corrupt" } });
  await expect(corrupt.reader.load({ id: ID, kind: "data" })).rejects.toMatchObject({
    code: "corrupt",
  });
  expect(corrupt.refreshes()).toBe(0);
  const mixed = readerOver({
    places: () => [location(1), location(2)],
    broken: { 1: "corrupt", 2: "io" },
  });
  await expect(mixed.reader.load({ id: ID, kind: "data" })).rejects.toMatchObject({
    code: "io",
    message: expect.stringContaining("all 2 copies failed") as string,
  });
});

test("a blob of another kind is not taken for the wanted one", async () => {
  const { reader, tried } = readerOver({ places: () => [location(1)], broken: {} });
  await expect(reader.load({ id: ID, kind: "tree" })).rejects.toMatchObject({ code: "corrupt" });
  expect(tried).toEqual([]);
});

test("requests that arrive together for one pack become one read where the gaps are small", async () => {
  const repository = await MemoryRepository.create({ codec: "none" });
  const blobs = Array.from({ length: 20 }, (_, i) => noise(3000, i + 1));
  const ids: BlobId[] = [];
  for (const blob of blobs) ids.push(await repository.addBlob("data", blob));
  await repository.flush();
  const backend = recordingBackend(repository.backend);
  const { blobs: reader } = await repository.readSide({ backend });
  const read = await Promise.all(ids.map((id) => reader.read({ id, kind: "data" })));
  expect(read).toEqual(blobs);
  expect(backend.reads).toHaveLength(1);
  await Promise.all(ids.map((id) => reader.read({ id, kind: "data" })));
  expect(backend.reads).toHaveLength(1);
});

test("far blobs of one pack are read apart, and spans are bounded", async () => {
  const reads: { offset: number; length: number }[] = [];
  const packs = new PackReader(
    {
      read: (_, options) => {
        const span = options?.span ?? { offset: 0, length: 0 };
        reads.push(span);
        return Promise.resolve(new Uint8Array(span.length));
      },
    },
    { span: { gapBytesMax: 100, spanBytesMax: 1000 } },
  );
  const at = (offset: number): Promise<Bytes> =>
    packs.read(location(1, offset, { sealedBytes: 400 }));
  const sizes = await Promise.all([at(5000), at(0), at(450), at(900), at(450)]);
  expect(sizes.map(({ length }) => length)).toEqual([400, 400, 400, 400, 400]);
  expect(reads.map(({ offset, length }) => [offset, length])).toEqual([
    [0, 850],
    [900, 400],
    [5000, 400],
  ]);
});

test("a failed span rejects all its requests, and the next request reads again", async () => {
  let calls = 0;
  const packs = new PackReader({
    read: (_, options) =>
      ++calls === 1
        ? Promise.reject(new ForgeError("io", "broken"))
        : Promise.resolve(new Uint8Array(options?.span?.length ?? 0)),
  });
  const both = await Promise.allSettled([packs.read(location(1, 0)), packs.read(location(1, 20))]);
  expect(both.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(await packs.read(location(1, 0))).toHaveLength(10);
});

test("a location larger than any blob is refused before anything is read", async () => {
  const packs = new PackReader({ read: () => Promise.reject(new Error("must not be called")) });
  await expect(packs.read(location(1, 0, { sealedBytes: 2 ** 32 - 1 }))).rejects.toMatchObject({
    code: "corrupt",
  });
});

test("a tree pack larger than the bound is read by range", async () => {
  const reads: unknown[] = [];
  const packs = new PackReader({
    read: (_, options) => {
      reads.push(options?.span);
      return options?.span === undefined
        ? Promise.reject(new ForgeError("too-large", "too large"))
        : Promise.resolve(new Uint8Array(options.span.length));
    },
  });
  const tree = location(1, 0, { kind: "tree" });
  expect(await packs.read(tree)).toHaveLength(10);
  expect(await packs.read(tree)).toHaveLength(10);
  expect(reads).toEqual([undefined, { offset: 0, length: 10 }, { offset: 0, length: 10 }]);
});

test("a tree pack that was read whole and had to go is read by parts from then on", async () => {
  const packBytes = 4 * 1024 * 1024;
  const reads: (number | undefined)[] = [];
  const packs = new PackReader(
    {
      read: (_, options) => {
        reads.push(options?.span?.length);
        return Promise.resolve(new Uint8Array(options?.span?.length ?? packBytes));
      },
    },
    { treePackCacheBytes: 2 * packBytes },
  );
  const tree = (pack: number, offset: number): BlobLocation =>
    location(pack, offset, { kind: "tree", sealedBytes: 1000 });
  for (const pack of [1, 1, 2, 3]) expect(await packs.read(tree(pack, 0))).toHaveLength(1000);
  expect(reads).toEqual([undefined, undefined, undefined]);
  // Pack 1 had to go. Who goes on in it gets what follows as well.
  const again = tree(1, 500_000);
  expect(await packs.read(again)).toHaveLength(1000);
  expect(reads.slice(3)).toEqual([1000]);
  expect(await packs.read(tree(1, 501_000))).toHaveLength(1000);
  expect(packs.peek(tree(1, 502_000))).toHaveLength(1000);
  expect(reads.slice(4)).toEqual([512 * 1024]);
});

test("damaged bytes are an error with the blob's id, never data", async () => {
  const repository = await MemoryRepository.create();
  const id = await repository.addBlob("data", noise(5000));
  await repository.flush();
  const { blobs } = await repository.readSide({
    backend: {
      read: async (ref, options) => {
        const bytes = await repository.backend.read(ref, options);
        if (ref.kind === "packs") bytes[100] = (bytes[100] ?? 0) ^ 1;
        return bytes;
      },
    },
  });
  await expect(blobs.read({ id, kind: "data" })).rejects.toMatchObject({
    code: "corrupt",
    message: expect.stringContaining(id) as string,
  });
});

test("prefetching has a bound, shares the load with a reader and keeps its failures to itself", async () => {
  const { reader, tried } = readerOver({ places: () => [location(1)], broken: { 1: "io" } });
  reader.prefetch({ id: ID, kind: "data" }, 2 ** 40);
  expect(tried).toEqual([]);
  reader.prefetch({ id: ID, kind: "data" }, 1000);
  reader.prefetch({ id: ID, kind: "data" }, 1000);
  await expect(reader.read({ id: ID, kind: "data" })).rejects.toMatchObject({ code: "io" });
  expect(tried).toEqual([1]);
});
