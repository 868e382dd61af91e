/**
 * FileBatcher: gathers files to be read into batches for the pool, takes the results apart, and has
 * a file saved again when the fingerprints promised a blob that the index does not have. Small files
 * travel by the hundred, so that neither messages nor promises are paid for one at a time.
 */
import { ForgeError } from "../base/errors.ts";
import { type BlobId, ID_BYTES, idOf } from "../base/ids.ts";
import type { ChunkRef, FileContent } from "../snapshots/tree-node.ts";
import type { Dedup } from "./dedup.ts";
import {
  type BatchResult,
  CHUNK_ORIGIN,
  type FileJob,
  type FilePool,
  type SavedFile,
} from "./file-pool.ts";

const BATCH_FILES = 128;
const BATCH_BYTES: number = 4 * 1024 * 1024;
/** Batches waiting at the pool beyond those being worked on: enough that no worker runs idle. */
const QUEUED_BATCHES = 2;

export interface SavedContent {
  readonly file: SavedFile;
  readonly content: FileContent;
}

/** What is to be done with the outcome of one file. */
export type FileDone = (outcome: SavedContent | ForgeError) => void;

interface PendingFile {
  readonly job: FileJob;
  readonly done: FileDone;
}

export interface NewData {
  blobs: number;
  plainBytes: number;
  sealedBytes: number;
}

export class FileBatcher {
  readonly #pool: FilePool;
  readonly #dedup: Dedup;
  readonly #newData: NewData = { blobs: 0, plainBytes: 0, sealedBytes: 0 };
  #batch: PendingFile[] = [];
  #batchBytes = 0;
  #running = 0;
  #failure: { readonly error: unknown } | undefined;
  #waiting: (() => void)[] = [];

  constructor(pool: FilePool, dedup: Dedup) {
    this.#pool = pool;
    this.#dedup = dedup;
  }

  get newData(): Readonly<NewData> {
    return this.#newData;
  }

  /** Takes a file. When the promise settles there is room for the next. */
  async add(job: FileJob, done: FileDone): Promise<void> {
    this.#batch.push({ job, done });
    this.#batchBytes += job.stat?.sizeBytes ?? BATCH_BYTES;
    if (this.#batch.length < BATCH_FILES && this.#batchBytes < BATCH_BYTES) return;
    await this.#send();
  }

  /** Sends what is gathered and waits until every outcome was delivered. */
  async flush(): Promise<void> {
    if (this.#batch.length > 0) await this.#send();
    await this.#until(() => this.#running === 0);
  }

  async #send(): Promise<void> {
    const batch = this.#batch;
    this.#batch = [];
    this.#batchBytes = 0;
    await this.#until(() => this.#running < this.#pool.concurrency + QUEUED_BATCHES);
    this.#start(batch);
  }

  #start(batch: readonly PendingFile[]): void {
    this.#running++;
    this.#save(batch)
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => {
        this.#running--;
        const waiting = this.#waiting;
        this.#waiting = [];
        for (const wake of waiting) wake();
      });
  }

  async #save(batch: readonly PendingFile[]): Promise<void> {
    const result = await this.#pool.save(batch.map((pending) => pending.job));
    this.#newData.blobs += result.newBlobs;
    this.#newData.plainBytes += result.newPlainBytes;
    this.#newData.sealedBytes += result.newSealedBytes;
    const again: PendingFile[] = [];
    let chunk = 0;
    for (const [i, pending] of batch.entries()) {
      const file = result.files[i];
      if (file === undefined) throw new Error("forge has a defect: a batch came back short");
      if ("code" in file) {
        pending.done(new ForgeError(file.code, file.message));
        continue;
      }
      const end = chunk + file.chunkCount;
      const answer = this.#confirm(result, chunk, end);
      // Mostly nothing is waited for: a promise for each file would be felt.
      if (answer === true || (await answer))
        pending.done({ file, content: contentOf(file, result, chunk, end) });
      else again.push({ ...pending, job: { ...pending.job, trustFingerprints: false } });
      chunk = end;
    }
    if (again.length > 0) await this.#save(again);
  }

  #confirm(result: BatchResult, from: number, end: number): boolean | Promise<boolean> {
    for (let i = from; i < end; i++) {
      if (result.origins[i] !== CHUNK_ORIGIN.fingerprint) continue;
      const answer = this.#dedup.confirm(chunkId(result, i));
      if (answer === false) return false;
      if (answer !== true) {
        return answer.then((isStored) => isStored && this.#confirm(result, i + 1, end));
      }
    }
    return true;
  }

  async #until(condition: () => boolean): Promise<void> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure.error;
      if (condition()) return;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }
}

function contentOf(file: SavedFile, result: BatchResult, from: number, end: number): FileContent {
  const chunks: ChunkRef[] = [];
  for (let i = from; i < end; i++) {
    chunks.push({ id: chunkId(result, i), plainBytes: result.lengths[i] ?? 0 });
  }
  return { sizeBytes: file.sizeBytes, crc32: file.crc32, chunks, holes: file.holes };
}

function chunkId(result: BatchResult, i: number): BlobId {
  return idOf<BlobId>(result.ids.subarray(i * ID_BYTES, (i + 1) * ID_BYTES));
}
