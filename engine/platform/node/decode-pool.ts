/**
 * DecodePool: the read side's BlobDecoder on Node. Small blobs are opened at once on the calling
 * thread, where they cost less than a message (30 µs); larger ones in worker threads, the bytes moved
 * there and back without a copy.
 *
 * Of `platform/` only the decode pool knows `crypto/` and the read side's interface: it is where the
 * engine's own work meets Node's threads.
 */
import { Worker } from "node:worker_threads";

import type { Bytes } from "../../base/bytes.ts";
import { ByteBudget } from "../../base/concurrency.ts";
import { type ErrorCode, ForgeError, messageOf } from "../../base/errors.ts";
import type { KeyRing } from "../../crypto/key-ring.ts";
import type { BlobLocation } from "../../index/blob-location.ts";
import type { BlobDecoder } from "../../read/blob-decoder.ts";
import { decodeBlobSync } from "./decode-blob.ts";

export interface DecodePoolOptions {
  readonly keys: KeyRing;
  /** Threads at most; each is started when the others are busy. */
  readonly workers: number;
  /** Plaintext up to this many bytes is opened on the calling thread. */
  readonly inlineBytesMax?: number | undefined;
}

export interface DecodePool extends BlobDecoder {
  /** Stops the threads. Blobs under way are rejected as "aborted". */
  close(): Promise<void>;
}

export interface DecodeJob {
  readonly job: number;
  readonly location: BlobLocation;
  readonly sealed: Bytes;
}

export type DecodeAnswer =
  | { readonly job: number; readonly plain: Bytes }
  | {
      readonly job: number;
      readonly code: ErrorCode | undefined;
      readonly message: string;
    };

/** 64 KiB decrypt and decompress in about 60 µs; a round trip to a thread costs 30 µs and a wait. */
const INLINE_BYTES_MAX_DEFAULT = 64 * 1024;
/** Jobs a worker has at a time: one at work and one that waits in its place. */
const JOBS_PER_WORKER = 2;
/** Sealed bytes given to workers or waiting for one; beyond, `decode` itself waits. */
const QUEUED_BYTES_MAX: number = 128 * 1024 * 1024;

interface Pending {
  readonly location: BlobLocation;
  readonly sealed: Bytes;
  readonly resolve: (plain: Bytes) => void;
  readonly reject: (error: ForgeError) => void;
}

interface Lane {
  readonly worker: Worker;
  readonly jobs: Map<number, Pending>;
}

/** A pool without threads until the first large blob. Idle threads do not keep the process alive. */
export function createDecodePool(options: DecodePoolOptions): DecodePool {
  const inlineBytesMax = options.inlineBytesMax ?? INLINE_BYTES_MAX_DEFAULT;
  const pool = options.workers > 0 ? new WorkerPool(options.keys, options.workers) : undefined;
  return {
    async decode(location, sealed): Promise<Bytes> {
      if (pool === undefined || location.plainBytes <= inlineBytesMax) {
        return decodeBlobSync(options.keys, location, sealed);
      }
      return pool.decode(location, sealed);
    },
    decodeNow(location, sealed): Bytes | undefined {
      if (location.plainBytes > inlineBytesMax) return undefined;
      return decodeBlobSync(options.keys, location, sealed);
    },
    async close(): Promise<void> {
      await pool?.close();
    },
  };
}

class WorkerPool {
  readonly #keys: KeyRing;
  readonly #workersMax: number;
  readonly #budget = new ByteBudget(QUEUED_BYTES_MAX);
  readonly #lanes: Lane[] = [];
  readonly #waiting: Pending[] = [];
  #nextJob = 0;
  #closed = false;

  constructor(keys: KeyRing, workersMax: number) {
    this.#keys = keys;
    this.#workersMax = workersMax;
  }

  async decode(location: BlobLocation, sealed: Bytes): Promise<Bytes> {
    const bytes = sealed.byteLength;
    await this.#budget.acquire(bytes);
    try {
      return await new Promise<Bytes>((resolve, reject) => {
        if (this.#closed) throw closedError();
        this.#waiting.push({ location, sealed, resolve, reject });
        this.#dispatch();
      });
    } finally {
      this.#budget.release(bytes);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const pending of this.#waiting.splice(0)) pending.reject(closedError());
    const lanes = this.#lanes.splice(0);
    for (const lane of lanes) {
      for (const pending of lane.jobs.values()) pending.reject(closedError());
      lane.jobs.clear();
    }
    // An idle thread does not keep the process alive, and without it nobody would see the end of this.
    for (const lane of lanes) lane.worker.ref();
    await Promise.all(lanes.map(({ worker }) => endWorker(worker)));
  }

  #dispatch(): void {
    while (this.#waiting.length > 0) {
      const lane = this.#freeLane();
      if (lane === undefined) return;
      const pending = this.#waiting.shift();
      if (pending === undefined) return;
      const job = this.#nextJob++;
      lane.jobs.set(job, pending);
      // A thread at work keeps the process alive, an idle one does not.
      if (lane.jobs.size === 1) lane.worker.ref();
      // Only a buffer of its own may be moved away; a part of a larger read is copied.
      const own = pending.sealed.byteLength === pending.sealed.buffer.byteLength;
      const sealed = own ? pending.sealed : pending.sealed.slice();
      const message: DecodeJob = { job, location: pending.location, sealed };
      lane.worker.postMessage(message, [sealed.buffer]);
    }
  }

  /** The lane with the least to do, a new one rather than a busy one. */
  #freeLane(): Lane | undefined {
    let best: Lane | undefined;
    for (const lane of this.#lanes) {
      if (best === undefined || lane.jobs.size < best.jobs.size) best = lane;
    }
    if (best?.jobs.size === 0) return best;
    if (this.#lanes.length < this.#workersMax) return this.#startLane();
    return best !== undefined && best.jobs.size < JOBS_PER_WORKER ? best : undefined;
  }

  #startLane(): Lane {
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    const worker = new Worker(new URL(`./decode-worker.${extension}`, import.meta.url), {
      workerData: this.#keys,
      name: "forge-decode",
      // Options of the main program, such as --input-type, can keep a thread from starting.
      execArgv: [],
    });
    worker.unref();
    const lane: Lane = { worker, jobs: new Map() };
    worker.on("message", (answer: DecodeAnswer) => this.#finish(lane, answer));
    worker.on("error", (error) => this.#drop(lane, messageOf(error)));
    worker.on("exit", (code) => this.#drop(lane, `it ended with code ${code}`));
    this.#lanes.push(lane);
    return lane;
  }

  #finish(lane: Lane, answer: DecodeAnswer): void {
    const pending = lane.jobs.get(answer.job);
    lane.jobs.delete(answer.job);
    // What answers after the end is waited for until it is gone.
    if (lane.jobs.size === 0 && !this.#closed) lane.worker.unref();
    if ("plain" in answer) pending?.resolve(answer.plain);
    else pending?.reject(new ForgeError(answer.code ?? "io", answer.message));
    this.#dispatch();
  }

  /** A worker that is gone: its jobs fail, the others go on, the next job may start a new one. */
  #drop(lane: Lane, found: string): void {
    const at = this.#lanes.indexOf(lane);
    if (at >= 0) this.#lanes.splice(at, 1);
    const failed = [...lane.jobs.values()];
    lane.jobs.clear();
    for (const pending of failed) {
      const { kind, id } = pending.location;
      pending.reject(
        new ForgeError(
          "io",
          `Cannot open ${kind} blob ${id}: the thread that opens it failed: ${found}`,
        ),
      );
    }
    if (!this.#closed) this.#dispatch();
  }
}

/** What a thread needs for the jobs it has is milliseconds; one that hangs is not waited for. */
const END_MS_MAX = 2000;

/**
 * Asks a thread to end. Terminating one that is still loading its native modules, or calls into them,
 * can take the process down with it.
 */
async function endWorker(worker: Worker): Promise<void> {
  // Gone already.
  if (worker.threadId < 0) return;
  await new Promise<void>((resolve) => {
    const late = setTimeout(() => {
      void worker.terminate().then(() => resolve());
    }, END_MS_MAX);
    worker.once("exit", () => {
      clearTimeout(late);
      resolve();
    });
    worker.postMessage("end");
  });
}

function closedError(): ForgeError {
  return new ForgeError("aborted", "Cannot open a blob: the repository was closed");
}
