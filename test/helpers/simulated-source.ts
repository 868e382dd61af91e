/** A small tree in memory as the source of a backup, and a pool that saves its files in this thread. */
import type { Bytes } from "../../engine/base/bytes.ts";
import { utf8 } from "../../engine/base/bytes.ts";
import { nativeSyncPlatform } from "../../engine/platform/node/native.ts";
import type { FilePoolContext } from "../../engine/write/backup.ts";
import { BlobWriter } from "../../engine/write/blob-writer.ts";
import { CHUNK_ORIGIN, type FileJob, type FilePool } from "../../engine/write/file-pool.ts";
import type { Source, SourceEntry, SourceStat } from "../../engine/write/source.ts";
import type { FinishedPack } from "../../engine/packs/pack-builder.ts";
import { noise } from "./expected-tree.ts";

/** Number of a content for each file. */
export type SimulatedTree = readonly number[];

const CONTENT_BYTES = 300;
const contents = new Map<number, Bytes>();

export function contentOf(number: number): Bytes {
  let content = contents.get(number);
  if (content === undefined) {
    content = new Uint8Array(noise(CONTENT_BYTES, number + 1));
    contents.set(number, content);
  }
  return content;
}

/** `/d/0`, `/d/1` … with these contents. */
export function simulatedSource(tree: SimulatedTree): Source {
  const directory = entry("d", statOf("directory", 1, 1, 0));
  const files = tree.map((number, i) =>
    entry(String(i), statOf("file", 10 + i, number + 1, CONTENT_BYTES), String(number)),
  );
  const root = entry("", statOf("directory", 0, 1, 0));
  const none = { problems: [], close: () => undefined };
  return {
    root,
    list: (at) => (at === root ? { entries: [directory], ...none } : { entries: files, ...none }),
    describe: ({ stat }) => ({
      metadata: { ...stat, user: "", group: "", xattrs: [] },
      linkTarget: undefined,
    }),
    userName: () => "",
    groupName: () => "",
    displayPath: ({ name }) => new TextDecoder().decode(name),
    close: () => undefined,
  };
}

function entry(name: string, stat: SourceStat, openPath = ""): SourceEntry {
  return { name: utf8(name), stat, openPath: utf8(openPath) };
}

function statOf(
  type: "file" | "directory",
  inode: number,
  version: number,
  sizeBytes: number,
): SourceStat {
  return {
    type,
    mode: 0o755,
    uid: 0,
    gid: 0,
    sizeBytes,
    mtimeNs: BigInt(version),
    ctimeNs: BigInt(version),
    atimeNs: 0n,
    device: 1n,
    inode: BigInt(inode),
    linkCount: 1,
    deviceMajor: 0,
    deviceMinor: 0,
  };
}

/** What `createPool` takes; the paths of jobs are numbers of contents. */
export function inlinePool(context: FilePoolContext): FilePool {
  const { repository, session, compression } = context;
  const uploads: Promise<void>[] = [];
  const writer = new BlobWriter({
    platform: nativeSyncPlatform,
    keys: repository.keys,
    compression,
    packBytes: repository.config.dataPackBytes,
    onPack: (pack: FinishedPack) => {
      const upload = context.onPack(pack);
      upload.catch(() => undefined);
      uploads.push(upload);
    },
  });
  return {
    concurrency: 1,
    save(jobs: readonly FileJob[]) {
      const ids = new Uint8Array(jobs.length * 32);
      const origins = new Uint8Array(jobs.length);
      jobs.forEach(({ input, trustFingerprints }, i) => {
        if (!("path" in input)) throw new Error("a descriptor");
        const content = contentOf(Number(new TextDecoder().decode(input.path)));
        const id = writer.id("data", content);
        const isKnown = trustFingerprints && repository.index.fingerprints.mayContain(id);
        if (!isKnown && session.claim(id)) writer.store("data", id, content);
        ids.set(id, i * 32);
        origins[i] = isKnown ? CHUNK_ORIGIN.fingerprint : CHUNK_ORIGIN.session;
      });
      const totals = writer.takeTotals();
      return Promise.resolve({
        files: jobs.map(({ input }) => ({
          sizeBytes: CONTENT_BYTES,
          crc32:
            "path" in input
              ? nativeSyncPlatform.crc32(contentOf(Number(new TextDecoder().decode(input.path))), 0)
              : 0,
          chunkCount: 1,
          holes: [],
          xattrs: [],
          stat: undefined,
          changed: false,
          warnings: [],
        })),
        ids,
        lengths: new Uint32Array(jobs.length).fill(CONTENT_BYTES),
        origins,
        newBlobs: totals.blobs,
        newPlainBytes: totals.plainBytes,
        newSealedBytes: totals.sealedBytes,
      });
    },
    async flush() {
      writer.flush();
      await Promise.all(uploads);
    },
    async close() {
      await Promise.allSettled(uploads);
    },
  };
}
