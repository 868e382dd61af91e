/**
 * Builds a repository of millions of blobs through the engine's own writers: blobs sealed one by one,
 * packs, index segments every eight packs, tree pages, snapshots. Only the contents are made up.
 *
 * node test/bench/scale/generate.ts DIRECTORY BLOBS [cheap]     cheap: a passphrase that costs nothing
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Bytes, toHex, utf8 } from "../../../engine/base/bytes.ts";
import { type BlobId, type SnapshotId, idOf } from "../../../engine/base/ids.ts";
import {
  type Backend,
  type KdfParameters,
  LocalBackend,
  type Repository,
  initRepository,
} from "../../../engine/node.ts";
import type { FinishedPack } from "../../../engine/packs/pack-builder.ts";
import { nativeSyncPlatform } from "../../../engine/platform/node/native.ts";
import { writeSnapshot } from "../../../engine/repository/snapshot-store.ts";
import { BlobWriter } from "../../../engine/write/blob-writer.ts";
import { Dedup } from "../../../engine/write/dedup.ts";
import { Packer } from "../../../engine/write/packer.ts";
import { TreeSaver } from "../../../engine/write/save-tree.ts";
import { SessionTable } from "../../../engine/write/session-table.ts";
import { PASSPHRASE } from "../tools/tool.ts";
import { HomeTree, type TreeStore } from "./home-tree.ts";

export const SNAPSHOTS = 50;
/** What the first snapshot has of all folders; the others add the rest in equal parts. */
const FIRST_SHARE = 0.6;
/** Of all folders, how many have a file that changed between two snapshots. */
const EDITED_SHARE = 1 / 1000;
/** Sealed bytes of a data pack: 2,000 blobs, as 16 MiB of small files make; 8 packs make a segment. */
const DATA_PACK_BYTES = 2000 * 52;
const UPLOADS_WAITING_MAX = 4;

/** Stores blobs and waits for the storage when it is behind. */
class Store implements TreeStore {
  readonly trees: TreeSaver;
  readonly #data: BlobWriter;
  readonly #treeWriter: BlobWriter;
  readonly #packer: Packer;
  readonly #uploads = new Set<Promise<void>>();

  constructor({ keys, config, ...repository }: Repository<Backend>) {
    this.#packer = new Packer({ ...repository, keys, config });
    const onPack = (pack: FinishedPack): void => {
      const upload = this.#packer.put(pack).finally(() => this.#uploads.delete(upload));
      this.#uploads.add(upload);
    };
    const common = { platform: nativeSyncPlatform, keys, onPack };
    this.#data = new BlobWriter({
      ...common,
      compression: { codec: "none", level: 0 },
      packBytes: DATA_PACK_BYTES,
    });
    this.#treeWriter = new BlobWriter({
      ...common,
      compression: { codec: "zstd", level: 3 },
      packBytes: config.treePackBytes,
    });
    const absent = (): "absent" => "absent";
    const nothing = { peek: absent, peekPacks: absent, find: () => Promise.resolve([]) };
    this.trees = new TreeSaver({
      writer: this.#treeWriter,
      session: new SessionTable(),
      dedup: new Dedup(nothing, new Set()),
      keys,
    });
  }

  get storedBytes(): number {
    return this.#packer.storedBytes;
  }

  // Arrow functions: they are handed on without this object.
  readonly chunkId = (plain: Bytes): BlobId => idOf<BlobId>(this.#data.id("data", plain));

  readonly storeChunk = (plain: Bytes): BlobId => {
    const id = this.#data.id("data", plain);
    this.#data.store("data", id, plain);
    return idOf<BlobId>(id);
  };

  async room(): Promise<void> {
    while (this.#uploads.size >= UPLOADS_WAITING_MAX) await Promise.race(this.#uploads);
  }

  /** Everything so far is durable and in the index. @returns the blobs since the last time. */
  async finish(): Promise<number> {
    this.#data.flush();
    this.#treeWriter.flush();
    await Promise.all(this.#uploads);
    await this.#packer.flush();
    return this.#data.takeTotals().blobs + this.#treeWriter.takeTotals().blobs;
  }
}

/** @returns the number of blobs stored: `blobs` within a hundredth. */
export async function generate(
  directory: string,
  { blobs, kdf }: { readonly blobs: number; readonly kdf?: KdfParameters | undefined },
): Promise<number> {
  const backend = new LocalBackend(directory);
  const repository = await initRepository({
    backend,
    passphrase: PASSPHRASE,
    cipher: "aes-256-gcm",
    keyLabel: "scale",
    kdf,
  });
  const store = new Store(repository);
  const home = new HomeTree({ blobs, store, snapshots: SNAPSHOTS, editedShare: EDITED_SHARE });
  const first = Math.ceil(home.folderCount * FIRST_SHARE);
  const writer = toHex(repository.platform.randomBytes(16));
  let stored = 0;
  let previous: SnapshotId | undefined;
  for (let number = 0; number < SNAPSHOTS; number++) {
    const until = first + Math.round(((home.folderCount - first) * number) / (SNAPSHOTS - 1));
    const before = home.fileCount;
    if (number > 0) await home.edit(number);
    await home.addFolders(until);
    const root = await store.trees.saveRoot(await home.save());
    const blobsNew = await store.finish();
    stored += blobsNew;
    const timeNs = BigInt(Date.now() - (SNAPSHOTS - number) * 86_400_000) * 1_000_000n;
    const snapshot = await writeSnapshot(repository, {
      timeNs,
      endTimeNs: timeNs + 60_000_000_000n,
      hostname: number % 5 === 4 ? "laptop" : "server",
      username: "root",
      paths: [utf8("/home")],
      tags: number % 7 === 0 ? ["weekly"] : [],
      parent: previous,
      root,
      stats: {
        files: home.fileCount,
        directories: home.directoryCount,
        others: 0,
        bytes: home.fileCount * 48,
        filesNew: home.fileCount - before,
        filesChanged: home.editsPerSnapshot,
        filesUnchanged: before,
        blobsNew,
        bytesNew: blobsNew * 24,
        bytesStored: store.storedBytes,
      },
      problems: 0,
      program: "forge scale",
      writer,
      seq: number + 1,
      previous,
    });
    previous = snapshot.id;
  }
  await backend.close();
  return stored;
}

if (import.meta.main) {
  const [directory, blobs, price] = process.argv.slice(2);
  if (directory === undefined || !(Number(blobs) >= 10_000)) {
    throw new Error("usage: generate.ts DIRECTORY BLOBS [cheap], at least 10000 blobs");
  }
  const begunMs = performance.now();
  const kdf = price === "cheap" ? { memoryKib: 64, passes: 1, lanes: 1 } : undefined;
  const stored = await generate(directory, { blobs: Number(blobs), kdf });
  const seconds = (performance.now() - begunMs) / 1000;
  writeFileSync(join(directory, "..", "generated.json"), JSON.stringify({ stored, seconds }));
}
