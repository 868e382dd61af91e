import { expect, test } from "vitest";

import { utf8 } from "../../../engine/base/bytes.ts";
import { createDecodePool } from "../../../engine/platform/node/decode-pool.ts";
import { fsEntries } from "../../../engine/read/readonly-fs.ts";
import { openSnapshotFs } from "../../../engine/read/snapshot-fs.ts";
import { readonlyFsContract } from "../../contracts/readonly-fs.ts";
import {
  type ExpectedEntry,
  directory,
  file,
  noise,
  sparseNoise,
  special,
  symlink,
} from "../../helpers/expected-tree.ts";
import { MemoryRepository, recordingBackend } from "../../helpers/memory-repository.ts";

const holes = [
  { offset: 0, length: 4096 },
  { offset: 5000, length: 1 },
  { offset: 20_000, length: 10_000 },
];
const manyHoles = Array.from({ length: 300 }, (_, i) => ({ offset: 100 * i + 10, length: 50 }));

function sampleTree(): ExpectedEntry {
  const linked = { linkCount: 2, inode: 77n };
  return directory("", [
    file("empty", ""),
    file("hello.txt", "hello, world\n"),
    file("chunks", noise(10_500)),
    file("same", noise(10_500)),
    file("many-chunks", noise(40_000, 7), { chunkBytes: 64 }),
    file("sparse", sparseNoise(40_000, holes), { holes }),
    file("all-hole", new Uint8Array(5000), { holes: [{ offset: 0, length: 5000 }] }),
    file("many-holes", sparseNoise(30_100, manyHoles), { holes: manyHoles, chunkBytes: 700 }),
    file("many-of-both", sparseNoise(30_100, manyHoles, 3), { holes: manyHoles, chunkBytes: 10 }),
    file("link-a", "linked", linked),
    file("link-b", "linked", linked),
    file(new Uint8Array([0xff, 0xfe, 0x20]), "a name that is no text"),
    file("old", "before 1970", { mtimeNs: -1_500_000_000n, atimeNs: 5n, mode: 0o4755 }),
    directory("empty-dir", []),
    directory("dir", [
      directory("deeper", [file("leaf", "leaf")]),
      symlink("link", "../target"),
      special("pipe", "fifo"),
      special("socket", "socket"),
      special("null", "char-device", { deviceMajor: 1, deviceMinor: 3 }),
      special("disk", "block-device", { deviceMajor: 8, deviceMinor: 0 }),
      file("tagged", "x", {
        xattrs: [
          { name: utf8("security.x"), value: new Uint8Array([0, 1, 255]) },
          { name: utf8("user.comment"), value: utf8("yes") },
        ],
      }),
    ]),
    directory(
      "many",
      Array.from({ length: 3000 }, (_, i) => file(`entry-${i}`, i % 500 === 0 ? `${i}` : "")),
    ),
  ]);
}

const expected = sampleTree();
const repository = await MemoryRepository.create({ inlineMax: 64 });
const snapshot = await repository.addSnapshot(expected);

readonlyFsContract("snapshot-fs", async () => {
  const fs = await openSnapshotFs(await repository.readSide(), snapshot);
  return { root: fs.root, expected };
});

readonlyFsContract("snapshot-fs without caches", async () => {
  const readSide = await repository.readSide({
    chunkCacheBytes: 0,
    pageCacheBytes: 0,
    treePackCacheBytes: 0,
  });
  return { root: (await openSnapshotFs(readSide, snapshot)).root, expected };
});

readonlyFsContract("snapshot-fs with decoding threads", async () => {
  const decoder = createDecodePool({ keys: repository.keys, workers: 2, inlineBytesMax: 500 });
  const readSide = await repository.readSide({ decoder });
  return { root: (await openSnapshotFs(readSide, snapshot)).root, expected };
});

for (const cipher of ["chacha20-poly1305", "none"] as const) {
  test(`a snapshot under cipher ${cipher} and no compression reads the same`, async () => {
    const other = await MemoryRepository.create({ cipher, codec: "none" });
    const small = directory("", [file("a", noise(5000)), directory("d", [file("b", "b")])]);
    const fs = await openSnapshotFs(await other.readSide(), await other.addSnapshot(small));
    const [a, d] = await fs.root.readEntries(0);
    expect(a?.type === "file" && (await a.read({ offset: 0, length: 9999 }))).toEqual(noise(5000));
    expect(d?.type).toBe("directory");
  });
}

test("walking all metadata costs one read a tree pack, and no data is read", async () => {
  const backend = recordingBackend(repository.backend);
  const fs = await openSnapshotFs(await repository.readSide({ backend }), snapshot);
  const walk = async (dir: typeof fs.root): Promise<number> => {
    let count = 0;
    for await (const entry of fsEntries(dir)) {
      count += 1 + (entry.type === "directory" ? await walk(entry) : 0);
    }
    return count;
  };
  expect(await walk(fs.root)).toBeGreaterThan(3000);
  const names = backend.reads.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(names.length).toBeLessThan(6);
});

test("opening a snapshot reads its root page and nothing below", async () => {
  const backend = recordingBackend(repository.backend);
  const readSide = await repository.readSide({ backend, treePackCacheBytes: 0 });
  await openSnapshotFs(readSide, snapshot);
  expect(backend.reads).toHaveLength(1);
});

test("a directory of 100,000 entries lists in well under a second", async () => {
  const large = await MemoryRepository.create();
  const entries = Array.from({ length: 100_000 }, (_, i) => file(`file-${i}.txt`, ""));
  const fs = await openSnapshotFs(
    await large.readSide(),
    await large.addSnapshot(directory("", entries)),
  );
  const start = performance.now();
  let count = 0;
  let links = 0;
  for await (const entry of fsEntries(fs.root)) {
    count++;
    links += entry.name.length > 0 ? entry.attributes.linkCount : 0;
  }
  const elapsedMs = performance.now() - start;
  expect([count, links]).toEqual([100_000, 100_000]);
  expect(elapsedMs).toBeLessThan(2000);
});
