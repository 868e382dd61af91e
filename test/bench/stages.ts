/** The engine's stages alone, on one core: what each could do if it were all there is. */
import { execFileSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { type Bytes, utf8 } from "../../engine/base/bytes.ts";
import { type BlobId, type IndexId, type PackId, idOf } from "../../engine/base/ids.ts";
import { findCut } from "../../engine/chunking/fastcdc.ts";
import { blobIdSync } from "../../engine/crypto/blob-id.ts";
import { type SealedObject, openSync, sealSync } from "../../engine/crypto/envelope.ts";
import { createKeyMaterial, deriveKeyRing } from "../../engine/crypto/master-key.ts";
import { BlobIndex } from "../../engine/index/blob-index.ts";
import { encodeIndexSegment } from "../../engine/index/index-segment.ts";
import { PackBuilder } from "../../engine/packs/pack-builder.ts";
import { nativePlatform, nativeSyncPlatform } from "../../engine/platform/node/native.ts";
import { DEFAULT_CHUNKER, DEFAULT_DATA_PACK_BYTES } from "../../engine/repository/config.ts";
import { encodeLeafPage } from "../../engine/snapshots/leaf-page-encode.ts";
import type { TreeNode } from "../../engine/snapshots/tree-node.ts";
import { decodeTreePage } from "../../engine/snapshots/tree-page.ts";
import { MemoryBackend } from "../../engine/storage/memory.ts";
import { processorName } from "./options.ts";

const DATA_BYTES = 64 * 1024 * 1024;
const INDEX_BLOBS = 200_000;
const PAGE_ENTRIES = 1000;
/** Each stage runs for at least this long, after one run that only warms up. */
const STAGE_MS = 700;

const platform = nativeSyncPlatform;
const repositoryId = platform.randomBytes(32);
const cipher = "aes-256-gcm";
const material = createKeyMaterial(nativePlatform);
const keys = await deriveKeyRing(nativePlatform, material, { repositoryId, cipher });
const compression = { codec: "zstd", level: 3 } as const;
const plainly = { codec: "none", level: 0 } as const;

const data = sampleData();
const chunks = cutAll(data);
const ids = chunks.map((plain) => blobIdSync(platform, keys, "data", plain));

process.stdout.write(
  `${processorName()}, ${availableParallelism()} usable, Node ${process.versions.node}\n` +
    `${mb(data.length)} MB of /usr/lib in ${chunks.length} chunks\n\n`,
);

rate("chunk", data.length, () => cutAll(data));
rate("hash (keyed BLAKE3)", data.length, () => {
  for (const plain of chunks) blobIdSync(platform, keys, "data", plain);
});
rate("compress zstd:3", data.length, () => {
  for (const plain of chunks) platform.compress("zstd", 3, plain);
});
rate("compress lz4", data.length, () => {
  for (const plain of chunks) platform.compress("lz4", 0, plain);
});
rate("seal, AES-256-GCM alone", data.length, () => sealAll(plainly));
const sealed = sealAll(compression);
const sealedBytes = sealed.reduce((sum, { sealed: bytes }) => sum + bytes.length, 0);
rate("pack (sealed bytes)", sealedBytes, () => packAll(sealed));
rate("open and decompress", data.length, () => {
  sealed.forEach((object, at) => openAt(object, at));
});
rate("open, decompress and verify", data.length, () => {
  sealed.forEach((object, at) => blobIdSync(platform, keys, "data", openAt(object, at)));
});
await indexLookups();
treePages();

function sealAll(how: typeof compression | typeof plainly): SealedObject[] {
  return chunks.map((plain, at) =>
    sealSync(platform, keys, { kind: "data", objectId: idAt(at), plain, compression: how }),
  );
}

function openAt({ sealed: bytes, codec, epoch }: SealedObject, at: number): Bytes {
  const plainBytes = chunks[at]?.length ?? 0;
  const request = { kind: "data", objectId: idAt(at), codec, epoch, plainBytes } as const;
  return openSync(platform, keys, request, bytes);
}

function packAll(objects: readonly SealedObject[]): void {
  const builder = new PackBuilder({ targetBytes: DEFAULT_DATA_PACK_BYTES });
  objects.forEach((object, at) => {
    const plainBytes = chunks[at]?.length ?? 0;
    builder.add({ ...object, id: idAt(at), kind: "data", plainBytes });
    if (builder.isFull) builder.finish(platform, keys);
  });
  if (builder.blobCount > 0) builder.finish(platform, keys);
}

async function indexLookups(): Promise<void> {
  const backend = new MemoryBackend({ nowMs: () => Date.now() });
  const entries = Array.from({ length: INDEX_BLOBS }, (_, number) => ({
    id: platform.randomBytes(32),
    kind: "data" as const,
    codec: "zstd" as const,
    epoch: 0,
    offset: number * 100,
    sealedBytes: 100,
    plainBytes: 200,
  }));
  const segmentId = idOf<IndexId>(platform.randomBytes(32));
  const packId = idOf<PackId>(platform.randomBytes(32));
  const packBytes = INDEX_BLOBS * 100 + 1000;
  const content = { id: segmentId, packs: [{ packId, packBytes, entries }], superseded: [] };
  const bytes = await encodeIndexSegment(nativePlatform, keys, content);
  await backend.put({ kind: "index", name: segmentId }, bytes);
  const onProblem = (error: Error): never => {
    throw error;
  };
  const index = await BlobIndex.open({ backend, platform: nativePlatform, keys, onProblem });
  const known = entries.map(({ id }) => idOf<BlobId>(id));
  const unknown = known.map(() => idOf<BlobId>(platform.randomBytes(32)));
  for (const id of known) await index.find(id);
  operations(`index lookup, known, of ${INDEX_BLOBS}`, known.length, () => {
    for (const id of known) index.peek(id);
  });
  operations("index lookup, unknown", unknown.length, () => {
    for (const id of unknown) index.peek(id);
  });
}

function treePages(): void {
  const nodes = Array.from({ length: PAGE_ENTRIES }, (_, number) => fileNode(number));
  const page = encodeLeafPage(nodes);
  operations("tree encode, entries", PAGE_ENTRIES, () => encodeLeafPage(nodes));
  operations("tree decode, entries (page only)", PAGE_ENTRIES, () => decodeTreePage(page));
  operations("tree decode, entries with all fields", PAGE_ENTRIES, () => {
    const decoded = decodeTreePage(page);
    if (decoded.kind !== "leaf") throw new Error("a leaf page was encoded");
    for (let number = 0; number < decoded.count; number++) decoded.node(number);
  });
}

function fileNode(number: number): TreeNode {
  return {
    name: utf8(`file-${String(number).padStart(6, "0")}.txt`),
    type: "file",
    mode: 0o644,
    uid: 1000,
    gid: 1000,
    user: "anna",
    group: "anna",
    mtimeNs: 1_700_000_000_123_456_789n,
    ctimeNs: 1_700_000_000_123_456_789n,
    device: 1n,
    inode: BigInt(number),
    linkCount: 1,
    deviceMajor: 0,
    deviceMinor: 0,
    xattrs: [],
    content: {
      sizeBytes: 1000,
      crc32: number,
      chunks: [{ id: idOf<BlobId>(platform.randomBytes(32)), plainBytes: 1000 }],
      holes: [],
    },
  };
}

function cutAll(all: Bytes): Bytes[] {
  const found: Bytes[] = [];
  for (let start = 0; start < all.length;) {
    const end = findCut(all, start, all.length, DEFAULT_CHUNKER, keys.gearTable);
    found.push(all.subarray(start, end));
    start = end;
  }
  return found;
}

function idAt(at: number): Bytes {
  const id = ids[at];
  if (id === undefined) throw new Error(`there is no chunk ${at}`);
  return id;
}

/** The beginning of a tar of this machine's programs. */
function sampleData(): Bytes {
  const command = `tar --create --sort=name /usr/lib /usr/bin 2>/dev/null | head -c ${DATA_BYTES}`;
  return new Uint8Array(execFileSync("sh", ["-c", command], { maxBuffer: 2 * DATA_BYTES }));
}

function rate(stage: string, bytes: number, work: () => void): void {
  print(stage, `${((bytes * perSecond(work)) / 1e6).toFixed(0)} MB/s`);
}

function operations(stage: string, count: number, work: () => void): void {
  const each = 1e9 / (count * perSecond(work));
  print(stage, `${each.toFixed(0)} ns each, ${((1e9 / each) * 1e-6).toFixed(2)} million/s`);
}

function perSecond(work: () => void): number {
  work();
  let runs = 0;
  const begun = performance.now();
  do {
    work();
    runs++;
  } while (performance.now() - begun < STAGE_MS);
  return (runs * 1000) / (performance.now() - begun);
}

function print(stage: string, value: string): void {
  process.stdout.write(`${stage.padEnd(40)} ${value}\n`);
}

function mb(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}
