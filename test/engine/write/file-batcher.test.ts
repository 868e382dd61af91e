import { describe, expect, it } from "vitest";

import { type Bytes, toHex } from "../../../engine/base/bytes.ts";
import { ForgeError } from "../../../engine/base/errors.ts";
import type { BlobId, PackId } from "../../../engine/base/ids.ts";
import { parseId } from "../../../engine/base/ids.ts";
import type { BlobLocation } from "../../../engine/index/blob-location.ts";
import { Dedup } from "../../../engine/write/dedup.ts";
import { FileBatcher, type SavedContent } from "../../../engine/write/file-batcher.ts";
import {
  type BatchResult,
  CHUNK_ORIGIN,
  type FileJob,
  type FilePool,
  type SavedFile,
} from "../../../engine/write/file-pool.ts";

const PACK = parseId<PackId>("aa".repeat(32));

function job(name: number, sizeBytes = 10): FileJob {
  const stat = { sizeBytes } as FileJob["stat"];
  return { input: { path: Uint8Array.of(name) }, stat, trustFingerprints: true };
}

/** The id of the one chunk of file `name`. */
function idOfFile(name: number): BlobId {
  return parseId<BlobId>(toHex(new Uint8Array(32).fill(name)));
}

function nameOf({ input }: FileJob): number {
  return "path" in input ? (input.path[0] ?? 0) : 0;
}

/** A pool whose files have one chunk each, known by fingerprint where it may trust one. */
class FakePool implements FilePool {
  readonly concurrency = 1;
  readonly batches: FileJob[][] = [];
  failure: Error | undefined;
  failing = -1;
  #running = 0;
  runningMax = 0;

  async save(jobs: readonly FileJob[]): Promise<BatchResult> {
    this.batches.push([...jobs]);
    this.#running++;
    this.runningMax = Math.max(this.runningMax, this.#running);
    await new Promise((resolve) => setImmediate(resolve));
    this.#running--;
    if (this.failure !== undefined) throw this.failure;
    const saved = jobs.filter((one) => nameOf(one) !== this.failing);
    const ids: Bytes = new Uint8Array(saved.length * 32);
    saved.forEach((one, i) => ids.fill(nameOf(one), 32 * i, 32 * i + 32));
    const origins = saved.map((one) =>
      one.trustFingerprints ? CHUNK_ORIGIN.fingerprint : CHUNK_ORIGIN.session,
    );
    const file = { sizeBytes: 10, crc32: 0, chunkCount: 1, holes: [] } as unknown as SavedFile;
    const failed = { code: "io", message: "cannot read it" } as const;
    return {
      files: jobs.map((one) => (nameOf(one) === this.failing ? failed : file)),
      ids,
      lengths: new Uint32Array(saved.length).fill(10),
      origins: Uint8Array.from(origins),
      newBlobs: origins.filter((origin) => origin === CHUNK_ORIGIN.session).length,
      newPlainBytes: 0,
      newSealedBytes: 0,
    };
  }

  async flush(): Promise<void> {
    // Nothing is packed.
  }

  async close(): Promise<void> {
    // There is no thread.
  }
}

/** An index that knows the chunks of `names`; every other answer of `peek` is "unread". */
function dedupOf(names: readonly number[], unread = false): Dedup {
  const known = new Map(names.map((name) => [idOfFile(name), name]));
  const place = { packId: PACK } as BlobLocation;
  const index = {
    peek: (id: BlobId) =>
      unread ? ("unread" as const) : known.has(id) ? [place] : ("absent" as const),
    peekPacks: () => "unread" as const,
    find: (id: BlobId) => Promise.resolve(known.has(id) ? [place] : []),
  };
  return new Dedup(index, new Set<string>([PACK]));
}

describe("a file whose chunk a fingerprint promises", () => {
  it.each([false, true])("is done when the index has it; page to be read: %s", async (unread) => {
    const pool = new FakePool();
    const dedup = dedupOf([1], unread);
    const files = new FileBatcher(pool, dedup);
    const outcomes: (SavedContent | ForgeError)[] = [];
    await files.add(job(1), (outcome) => outcomes.push(outcome));
    await files.flush();
    expect(pool.batches.length).toBe(1);
    expect(outcomes).toMatchObject([
      { content: { chunks: [{ id: idOfFile(1), plainBytes: 10 }] } },
    ]);
    expect(files.newData.blobs).toBe(0);
    expect([...dedup.neededPacks]).toEqual([PACK]);
  });

  it("is saved again without trust when the fingerprint lied, and only that file", async () => {
    const pool = new FakePool();
    const files = new FileBatcher(pool, dedupOf([1, 3]));
    const done: number[] = [];
    for (const name of [1, 2, 3]) await files.add(job(name), () => done.push(name));
    await files.flush();
    expect(pool.batches.map((batch) => batch.map(nameOf))).toEqual([[1, 2, 3], [2]]);
    expect(pool.batches[1]?.[0]?.trustFingerprints).toBe(false);
    expect(done.sort()).toEqual([1, 2, 3]);
    expect(files.newData.blobs).toBe(1);
  });
});

describe("batches", () => {
  it("are sent by number of files or by bytes, and no more than the pool can take", async () => {
    const pool = new FakePool();
    const files = new FileBatcher(pool, dedupOf([1]));
    for (let i = 0; i < 300; i++) await files.add(job(1), () => undefined);
    for (let i = 0; i < 20; i++) await files.add(job(1, 5_000_000), () => undefined);
    await files.flush();
    expect(pool.batches.slice(0, 2).map(({ length }) => length)).toEqual([128, 128]);
    expect(pool.batches.length).toBe(2 + 20);
    expect(pool.runningMax).toBeLessThanOrEqual(3);
  });

  it("tell a file that failed from those beside it", async () => {
    const pool = new FakePool();
    pool.failing = 2;
    const files = new FileBatcher(pool, dedupOf([1, 2, 3]));
    const outcomes = new Map<number, SavedContent | ForgeError>();
    for (const name of [1, 2, 3]) {
      await files.add(job(name), (outcome) => outcomes.set(name, outcome));
    }
    await files.flush();
    expect(outcomes.get(2)).toBeInstanceOf(ForgeError);
    expect(outcomes.get(1)).toMatchObject({ content: { chunks: [{ id: idOfFile(1) }] } });
    expect(outcomes.get(3)).toMatchObject({ content: { chunks: [{ id: idOfFile(3) }] } });
  });

  it("that fail as a whole fail the backup, also for who waits for room", async () => {
    const pool = new FakePool();
    pool.failure = new ForgeError("no-space", "the disk is full");
    const files = new FileBatcher(pool, dedupOf([]));
    const adding = async (): Promise<void> => {
      for (let i = 0; i < 10_000; i++) await files.add(job(1), () => undefined);
    };
    await expect(adding()).rejects.toMatchObject({ code: "no-space" });
    await expect(files.flush()).rejects.toMatchObject({ code: "no-space" });
  });
});
