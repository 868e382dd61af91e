/** VerifyPool: packs are verified by worker threads, one pack each at a time. */
import { Worker } from "node:worker_threads";

import type { Bytes } from "../../base/bytes.ts";
import { type ErrorCode, ForgeError, messageOf } from "../../base/errors.ts";
import type { PackId } from "../../base/ids.ts";
import type { KeyRing } from "../../crypto/key-ring.ts";
import type { PackEntry } from "../../packs/pack-format.ts";
import type { PackVerdict, PackVerifier } from "../verify-pack.ts";

export interface VerifyPool extends PackVerifier {
  /** Stops the threads. Packs under way are rejected as "aborted". */
  close(): Promise<void>;
}

export interface VerifyJob {
  readonly job: number;
  readonly id: PackId;
  readonly bytes: Bytes;
  readonly candidates: readonly PackEntry[] | undefined;
}

export type VerifyAnswer =
  | { readonly job: number; readonly verdict: PackVerdict }
  | { readonly job: number; readonly code: ErrorCode | undefined; readonly message: string };

interface Pending {
  readonly message: VerifyJob;
  readonly resolve: (verdict: PackVerdict) => void;
  readonly reject: (error: ForgeError) => void;
}

interface Lane {
  readonly worker: Worker;
  readonly jobs: Map<number, Pending>;
}

/** One at work and one that waits in its place. */
const JOBS_PER_WORKER = 2;

/** @param options.workers Threads at most; each is started when the others are busy. */
export function createVerifyPool(options: {
  readonly keys: KeyRing;
  readonly workers: number;
}): VerifyPool {
  return new WorkerPool(options.keys, Math.max(1, options.workers));
}

class WorkerPool implements VerifyPool {
  readonly #keys: KeyRing;
  readonly #workersMax: number;
  readonly #lanes: Lane[] = [];
  readonly #waiting: Pending[] = [];
  #nextJob = 0;
  #closed = false;

  constructor(keys: KeyRing, workersMax: number) {
    this.#keys = keys;
    this.#workersMax = workersMax;
  }

  verify(id: PackId, bytes: Bytes, candidates?: readonly PackEntry[]): Promise<PackVerdict> {
    return new Promise((resolve, reject) => {
      if (this.#closed) throw closedError();
      // Only a buffer of its own may be moved to the thread.
      const own = bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice();
      const message = { job: this.#nextJob++, id, bytes: own, candidates };
      this.#waiting.push({ message, resolve, reject });
      this.#dispatch();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const pending of this.#waiting.splice(0)) pending.reject(closedError());
    const lanes = this.#lanes.splice(0);
    for (const lane of lanes) {
      for (const pending of lane.jobs.values()) pending.reject(closedError());
      lane.jobs.clear();
    }
    // An idle thread does not keep the process alive, and without it nobody would see the end.
    for (const lane of lanes) lane.worker.ref();
    await Promise.all(lanes.map((lane) => lane.worker.terminate()));
  }

  #dispatch(): void {
    while (this.#waiting.length > 0) {
      const lane = this.#freeLane();
      if (lane === undefined) return;
      const pending = this.#waiting.shift();
      if (pending === undefined) return;
      lane.jobs.set(pending.message.job, pending);
      // A thread at work keeps the process alive, an idle one does not.
      if (lane.jobs.size === 1) lane.worker.ref();
      lane.worker.postMessage(pending.message, [pending.message.bytes.buffer]);
    }
  }

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
    const worker = new Worker(new URL(`./verify-worker.${extension}`, import.meta.url), {
      workerData: this.#keys,
      name: "forge-verify",
      // Options of the main program, such as --input-type, can keep a thread from starting.
      execArgv: [],
    });
    worker.unref();
    const lane: Lane = { worker, jobs: new Map() };
    worker.on("message", (answer: VerifyAnswer) => this.#finish(lane, answer));
    worker.on("error", (error) => this.#drop(lane, messageOf(error)));
    worker.on("exit", (code) => this.#drop(lane, `it ended with code ${code}`));
    this.#lanes.push(lane);
    return lane;
  }

  #finish(lane: Lane, answer: VerifyAnswer): void {
    const pending = lane.jobs.get(answer.job);
    lane.jobs.delete(answer.job);
    if (lane.jobs.size === 0) lane.worker.unref();
    if ("verdict" in answer) pending?.resolve(answer.verdict);
    else pending?.reject(new ForgeError(answer.code ?? "io", answer.message));
    this.#dispatch();
  }

  /** A thread that is gone: its packs are not verified, which says nothing about them. */
  #drop(lane: Lane, found: string): void {
    const at = this.#lanes.indexOf(lane);
    if (at >= 0) this.#lanes.splice(at, 1);
    const failed = [...lane.jobs.values()];
    lane.jobs.clear();
    for (const { message, reject } of failed) {
      reject(new ForgeError("io", `Cannot verify pack ${message.id}: the thread failed: ${found}`));
    }
    if (!this.#closed) this.#dispatch();
  }
}

function closedError(): ForgeError {
  return new ForgeError("aborted", "Cannot verify a pack: the repository was closed");
}
