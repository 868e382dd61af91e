import { expect, test } from "vitest";

import { type Bytes, concatBytes } from "../../../engine/base/bytes.ts";
import { type BlobId, idOf, parseId } from "../../../engine/base/ids.ts";
import { SEALED_BLOB_BYTES_MAX } from "../../../engine/base/limits.ts";
import { contentKeyOf } from "../../../engine/read/content-key.ts";
import { FileReader } from "../../../engine/read/file-reader.ts";
import { type FsFile, fsEntries } from "../../../engine/read/readonly-fs.ts";
import {
  type PlannedFile,
  type ReadPlan,
  firstUseOf,
  planPackReads,
} from "../../../engine/read/read-plan.ts";
import { openSnapshotFs } from "../../../engine/read/snapshot-fs.ts";
import type { FileContent } from "../../../engine/snapshots/tree-node.ts";
import {
  type ExpectedEntry,
  directory,
  expectBytes,
  file,
  noise,
  sparseNoise,
} from "../../helpers/expected-tree.ts";
import { MemoryRepository, recordingBackend } from "../../helpers/memory-repository.ts";

/** A number generator that is the same in every run. */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function randomHoles(
  random: (below: number) => number,
  size: number,
): { offset: number; length: number }[] {
  const holes: { offset: number; length: number }[] = [];
  for (let at = random(50); at < size;) {
    const length = Math.min(1 + random(300), size - at);
    holes.push({ offset: at, length });
    at += length + 1 + random(300);
  }
  return holes;
}

function randomFiles(random: (below: number) => number): ExpectedEntry[] {
  return Array.from({ length: 24 }, (_, i) => {
    const size = random(20_000);
    const holes = i % 3 === 0 ? [] : randomHoles(random, size);
    return file(`file-${i}`, sparseNoise(size, holes, i + 1), {
      holes,
      chunkBytes: 1 + random(900),
    });
  });
}

async function filesOf(
  repository: MemoryRepository,
  entries: readonly ExpectedEntry[],
): Promise<{ files: FsFile[]; contents: Bytes[]; expected: readonly ExpectedEntry[] }> {
  const root = directory("", entries);
  const fs = await openSnapshotFs(await repository.readSide(), await repository.addSnapshot(root));
  const files: FsFile[] = [];
  for await (const entry of fsEntries(fs.root)) if (entry.type === "file") files.push(entry);
  return { files, contents: root.children.map(({ content }) => content), expected: root.children };
}

test("any range of any file is what a slice of its content is", async () => {
  const seed = 20_240_607;
  const random = seeded(seed);
  const repository = await MemoryRepository.create({ inlineMax: 8 });
  const { files, contents } = await filesOf(repository, randomFiles(random));
  for (const [i, one] of files.entries()) {
    const content = contents[i] ?? new Uint8Array(0);
    for (let round = 0; round < 30; round++) {
      const offset = random(content.length + 10);
      const length = random(round < 15 ? 100 : content.length + 10);
      const got = await one.read({ offset, length });
      expectBytes(
        got,
        content.slice(offset, offset + length),
        `seed ${seed}, file ${i}, ${offset}+${length}`,
      );
    }
  }
});

/** Applies a plan as restore does: holes stay zeros. */
async function apply(
  repository: MemoryRepository,
  plan: ReadPlan,
  targets: readonly Bytes[],
): Promise<void> {
  const { blobs } = await repository.readSide();
  const { index } = await repository.indexed();
  for (const read of plan.reads) {
    const span = await repository.backend.read(
      { kind: "packs", name: read.packId },
      { span: read.span },
    );
    for (let blob = read.firstBlob; blob < read.endBlob; blob++) {
      const id = idOfBlob(plan, blob);
      const [place] = await index.find(id);
      const start = plan.blobs.starts[blob] ?? 0;
      const sealedBytes = plan.blobs.sealedBytes[blob] ?? 0;
      const whole = await repository.backend.read({ kind: "packs", name: read.packId });
      expectBytes(
        span.subarray(start, start + sealedBytes),
        whole.subarray(place?.offset, (place?.offset ?? 0) + (place?.sealedBytes ?? 0)),
      );
      const plain = await blobs.read({ id, kind: "data" });
      expect(plain.length).toBe(plan.blobs.plainBytes[blob]);
      const { fileIndexes, fileOffsets, chunkOffsets, lengths } = plan.uses;
      for (let use = firstUseOf(plan.blobs, blob); use < firstUseOf(plan.blobs, blob + 1); use++) {
        const from = chunkOffsets[use] ?? 0;
        const part = plain.subarray(from, from + (lengths[use] ?? 0));
        targets[fileIndexes[use] ?? -1]?.set(part, fileOffsets[use]);
      }
    }
  }
}

function idOfBlob({ blobs }: ReadPlan, blob: number): BlobId {
  return idOf<BlobId>(blobs.ids.subarray(32 * blob, 32 * (blob + 1)));
}

/** All of each file, in pieces of a length that fits no chunk, so that chunks are cut. */
function piecesOf(files: readonly FsFile[], pieceBytes: number): PlannedFile[][] {
  return files.map((one) => {
    const { sizeBytes } = one.attributes;
    const count = Math.max(1, Math.ceil(sizeBytes / pieceBytes));
    return Array.from({ length: count }, (_, i) => ({
      file: one,
      offset: i * pieceBytes,
      length: Math.min(pieceBytes, sizeBytes - i * pieceBytes),
    }));
  });
}

test("a plan, carried out, makes every file, and reads every pack from front to back", async () => {
  const repository = await MemoryRepository.create({ inlineMax: 8 });
  const entries = [
    ...randomFiles(seeded(99)),
    file("copy", noise(5000)),
    file("copy2", noise(5000)),
  ];
  const { files, contents } = await filesOf(repository, entries);
  const { index } = await repository.indexed();
  const whole = piecesOf(files, Number.MAX_SAFE_INTEGER).flat();
  const plan = await planPackReads(index, whole, {
    span: { gapBytesMax: 100, spanBytesMax: 20_000 },
  });
  expect(plan.unreadable).toEqual([]);
  const targets = contents.map(({ length }) => new Uint8Array(length));
  await apply(repository, plan, targets);
  targets.forEach((target, i) => expectBytes(target, contents[i] ?? target));
  const ids = Array.from(plan.blobs.starts, (_, blob) => idOfBlob(plan, blob));
  expect(new Set(ids).size).toBe(ids.length);
  expect(plan.reads.at(-1)?.endBlob).toBe(ids.length);
  const ends = new Map<string, number>();
  for (const { packId, span } of plan.reads) {
    expect(span.offset).toBeGreaterThanOrEqual(ends.get(packId) ?? 0);
    expect(span.length).toBeLessThanOrEqual(20_000);
    ends.set(packId, span.offset + span.length);
  }
});

test("plans of pieces of files cover every byte once, also where a chunk is cut", async () => {
  const repository = await MemoryRepository.create({ inlineMax: 8 });
  const { files, contents } = await filesOf(repository, randomFiles(seeded(5)));
  const { index } = await repository.indexed();
  const targets = contents.map(({ length }) => new Uint8Array(length));
  const pieces = piecesOf(files, 777);
  for (const [i, target] of targets.entries()) {
    for (const piece of pieces[i] ?? []) {
      const plan = await planPackReads(index, [piece]);
      const planned = plan.uses.lengths.reduce((sum, length) => sum + length, 0);
      expect(planned).toBeLessThanOrEqual(piece.length);
      await apply(repository, plan, [target]);
    }
  }
  targets.forEach((target, i) => expectBytes(target, contents[i] ?? target));
});

test("a file with a blob that stands nowhere is unreadable, the others are planned", async () => {
  const repository = await MemoryRepository.create();
  const { files } = await filesOf(repository, [
    file("a", noise(500, 1)),
    file("b", noise(500, 2)),
    file("c", noise(500, 2)),
  ]);
  const { index } = await repository.indexed();
  const [a] = files;
  const lost = (a === undefined ? "" : a.contentKey).split("-")[1] ?? "";
  let refreshes = 0;
  const plan = await planPackReads(
    {
      find: (id) => (id === lost ? Promise.resolve([]) : index.find(id)),
      refresh: () => Promise.resolve(refreshes++),
    },
    piecesOf(files, Number.MAX_SAFE_INTEGER).flat(),
  );
  expect(plan.unreadable).toMatchObject([{ fileIndex: 0, error: { code: "missing-object" } }]);
  // The two files with one content use one blob.
  expect(plan.blobs.useEnds).toEqual(Uint32Array.of(2));
  expect(plan.uses.fileIndexes).toEqual(Uint32Array.of(1, 2));
  expect(refreshes).toBe(1);
});

test("a place that is longer than any blob may be is not planned, whatever the index says", async () => {
  const repository = await MemoryRepository.create();
  const { files } = await filesOf(repository, [file("a", noise(500, 1)), file("b", noise(500, 2))]);
  const { index } = await repository.indexed();
  const [a] = files;
  const stretched = (a === undefined ? "" : a.contentKey).split("-")[1] ?? "";
  const plan = await planPackReads(
    {
      find: async (id) =>
        (await index.find(id)).map((place) =>
          id === stretched ? { ...place, sealedBytes: SEALED_BLOB_BYTES_MAX + 1 } : place,
        ),
    },
    piecesOf(files, Number.MAX_SAFE_INTEGER).flat(),
  );
  expect(plan.unreadable).toMatchObject([
    {
      fileIndex: 0,
      error: {
        code: "corrupt",
        message: expect.stringContaining("more than a blob may have") as unknown,
      },
    },
  ]);
  expect(plan.reads.map(({ span }) => span.length < SEALED_BLOB_BYTES_MAX)).toEqual([true]);
  expect(plan.uses.fileIndexes).toEqual(Uint32Array.of(1));
});

test("a random read in a file of many chunk lists loads only the lists on the way", async () => {
  const repository = await MemoryRepository.create({ inlineMax: 8, codec: "none" });
  const content = noise(60_000);
  const snapshot = await repository.addSnapshot(
    directory("", [file("large", content, { chunkBytes: 4 })]),
  );
  const backend = recordingBackend(repository.backend);
  const readSide = await repository.readSide({
    backend,
    treePackCacheBytes: 0,
    span: { gapBytesMax: 0, spanBytesMax: 1 },
  });
  const fs = await openSnapshotFs(readSide, snapshot);
  const [large] = await fs.root.readEntries(0);
  backend.reads.length = 0;
  const got = large?.type === "file" ? await large.read({ offset: 30_000, length: 4 }) : undefined;
  expect(got).toEqual(content.slice(30_000, 30_004));
  // Two lists at most on the way down (15,000 chunks), and one chunk.
  expect(backend.reads.length).toBeLessThanOrEqual(4);
});

test.each([
  ["in its entry", 64],
  ["in lists", 2],
])("what was loaded is there at once, also of a file with its chunks %s", async (_, inlineMax) => {
  const content = noise(300_000, 5);
  const { files } = await filesOf(await MemoryRepository.create({ inlineMax }), [
    file("plain", content, { chunkBytes: 90_000 }),
  ]);
  const [plain] = files;
  const range = { offset: 80_000, length: 150_000 };
  expect(plain?.readNow?.(range)).toBeUndefined();
  await plain?.load?.(range);
  const parts = plain?.readNow?.(range);
  expect(parts?.map((part) => part.length)).toEqual([10_000, 90_000, 50_000]);
  expectBytes(concatBytes(parts ?? []), content.subarray(80_000, 230_000));
});

test("what is read once is whole, and is kept no longer", async () => {
  const content = noise(50_000, 6);
  const { files } = await filesOf(await MemoryRepository.create(), [
    file("plain", content, { chunkBytes: 20_000 }),
  ]);
  const [plain] = files;
  const range = { offset: 0, length: 50_000 };
  await plain?.load?.(range);
  const parts = plain?.readNow?.({ ...range, once: true }) ?? [];
  expectBytes(concatBytes(parts), content);
  expect(plain?.readNow?.(range)).toBeUndefined();
  await new Promise((resolve) => setTimeout(resolve, 5));
  // Whoever wants it has copied it by now.
  expect(parts.map(({ length }) => length)).toEqual([0, 0, 0]);
  await plain?.load?.(range);
  expectBytes(concatBytes(plain?.readNow?.(range) ?? []), content);
});

test("load of a range beyond the end loads nothing, and tells what read would tell", async () => {
  const { files } = await filesOf(await MemoryRepository.create(), [file("small", noise(10, 1))]);
  await expect(files[0]?.load?.({ offset: 10, length: 5 })).resolves.toBeUndefined();
  const stopped = { offset: 0, length: 10, signal: AbortSignal.abort() };
  await expect(files[0]?.load?.(stopped)).rejects.toMatchObject({ code: "aborted" });
});

test("a chunk shorter than its entry says is an error, not zeros", async () => {
  const content: FileContent = {
    sizeBytes: 10,
    crc32: 0,
    chunks: [{ id: parseId<BlobId>("1".repeat(64)), plainBytes: 10 }],
    holes: [],
  };
  const reader = new FileReader(content, {
    blobs: {
      read: () => Promise.resolve(new Uint8Array(9)),
      readNow: () => undefined,
      takeNow: () => undefined,
      prefetch: () => undefined,
    },
    lists: (await (await MemoryRepository.create()).readSide()).lists,
  });
  await expect(reader.read(0, 10)).rejects.toMatchObject({ code: "corrupt" });
});

test("chunks that do not add up to the size are an error", async () => {
  const { blobs, lists } = await (await MemoryRepository.create()).readSide();
  const chunk = { id: parseId<BlobId>("1".repeat(64)), plainBytes: 10 };
  for (const wrong of [
    { sizeBytes: 11, chunks: [chunk], holes: [] },
    { sizeBytes: 10, chunks: [chunk], holes: [{ offset: 0, length: 1 }] },
    { sizeBytes: 10, chunks: [chunk, { ...chunk, plainBytes: 0 }], holes: [] },
    { sizeBytes: 20, chunks: [chunk], holes: [{ offset: 15, length: 10 }] },
    {
      sizeBytes: 20,
      chunks: [chunk],
      holes: [
        { offset: 5, length: 5 },
        { offset: 9, length: 5 },
      ],
    },
  ]) {
    const reader = new FileReader({ crc32: 0, ...wrong }, { blobs, lists });
    await expect(reader.read(0, 5)).rejects.toMatchObject({ code: "corrupt" });
  }
});

test("content keys differ by chunks, their order, holes and size", () => {
  const ids = ["1", "2", "3"].map((digit) => parseId<BlobId>(digit.repeat(64)));
  const of = (order: readonly number[], fields: Partial<FileContent> = {}): string =>
    contentKeyOf({
      sizeBytes: 30,
      crc32: 0,
      chunks: order.map((i) => ({ id: ids[i] ?? parseId<BlobId>(""), plainBytes: 10 })),
      holes: [],
      ...fields,
    });
  const [id = parseId<BlobId>("")] = ids;
  const keys = [
    of([]),
    of([], { sizeBytes: 31 }),
    of([0]),
    of([1]),
    of([0, 1]),
    of([1, 0]),
    of([0, 0]),
    of([0, 1, 2]),
    of([0, 2, 1]),
    of([0], { holes: [{ offset: 0, length: 1 }] }),
    of([0], { holes: [{ offset: 1, length: 1 }] }),
    of([0], { holes: [{ offset: 0, length: 2 }] }),
    of([0], { holeLists: [id] }),
    of([], { chunkList: { id, level: 0 } }),
    of([], { chunkList: { id, level: 1 } }),
    of([], { chunkList: { id, level: 1 }, holes: [{ offset: 0, length: 1 }] }),
  ];
  expect(new Set(keys).size).toBe(keys.length);
  expect(of([0, 1])).toBe(of([0, 1]));
});
