/**
 * The file pool of Node: worker threads that read and seal files. Each has at most one batch under
 * work and one waiting; each pauses itself while too many of its packs are not stored yet.
 */
import type { Worker } from "node:worker_threads";

import { ForgeError, messageOf } from "../../base/errors.ts";
import { decodePackDirectory } from "../../packs/pack-format.ts";
import { endThread, startThread, threadModule } from "../../platform/node/worker-thread.ts";
import type { FilePoolContext } from "../backup.ts";
import type { BatchResult, FileJob, FilePool } from "../file-pool.ts";
import { type ExchangeMemory, breakExchange, isOpen, wakeHelpers } from "./chunk-exchange.ts";
import { decodeResult, encodeJobs } from "./batch-columns.ts";
import type { FromWorker, ToWorker, WorkerSetup } from "./worker-messages.ts";

/** What a worker makes is short-lived and small; V8's 48 MB of room for it would only fill up. */
const YOUNG_GENERATION_MB = 12;

/** What a worker has to do with the others. */
interface Team {
  readonly helpers: number;
  readonly onLarge: (exchange: ExchangeMemory) => void;
  readonly onIdle: () => void;
  readonly onFailure: () => void;
}

interface Waiting<Value> {
  readonly resolve: (value: Value) => void;
  readonly reject: (error: unknown) => void;
}

/** @param options `threads`: how many workers, usually one a processor. */
export function createFileWorkers(
  context: FilePoolContext,
  options: { readonly threads: number },
): FilePool {
  return new FileWorkers(context, options.threads);
}

class FileWorkers implements FilePool {
  readonly concurrency: number;
  readonly #workers: FileWorker[];
  /** Of workers that have met a large file; open while they have one. */
  readonly #exchanges = new Set<ExchangeMemory>();
  #isLooking = false;

  constructor(context: FilePoolContext, threads: number) {
    this.concurrency = threads;
    const team: Team = {
      helpers: threads - 1,
      onLarge: (exchange) => {
        this.#exchanges.add(exchange);
        this.#lookForHelp();
      },
      onIdle: () => this.#lookForHelp(),
      // Whoever waits for the one that failed would wait for ever.
      onFailure: () => this.#exchanges.forEach(breakExchange),
    };
    this.#workers = Array.from({ length: threads }, () => new FileWorker(context, team));
  }

  /** Lets workers without work help with a large file, unless they get some at once. */
  #lookForHelp(): void {
    if (this.#isLooking || this.#exchanges.size === 0) return;
    this.#isLooking = true;
    setImmediate(() => {
      this.#isLooking = false;
      const open = [...this.#exchanges].filter(isOpen);
      const idle = this.#workers.filter((worker) => worker.isIdle);
      idle.forEach((worker, i) => {
        const exchange = open[i % open.length];
        if (exchange !== undefined) worker.help(exchange);
      });
    });
  }

  save(jobs: readonly FileJob[]): Promise<BatchResult> {
    const least = this.#workers.reduce((a, b) => (b.queued < a.queued ? b : a));
    return least.save(jobs);
  }

  async flush(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.flush()));
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.close()));
  }
}

class FileWorker {
  readonly #context: FilePoolContext;
  readonly #team: Team;
  readonly #leave: Int32Array = new Int32Array(new SharedArrayBuffer(4));
  /** What it helps with. */
  #helping: ExchangeMemory | undefined;
  readonly #inFlight: Int32Array = new Int32Array(new SharedArrayBuffer(4));
  readonly #batches = new Map<number, Waiting<BatchResult>>();
  readonly #packs = new Set<Promise<void>>();
  #worker: Worker | undefined;
  #nextNumber = 0;
  #flushing: Waiting<void> | undefined;
  #failure: ForgeError | undefined;
  #isClosed = false;

  constructor(context: FilePoolContext, team: Team) {
    this.#context = context;
    this.#team = team;
  }

  get queued(): number {
    return this.#batches.size;
  }

  /** It has nothing to do and nothing to end. */
  get isIdle(): boolean {
    const isFree = this.#helping === undefined && this.#flushing === undefined;
    return isFree && this.queued === 0 && this.#failure === undefined && !this.#isClosed;
  }

  help(exchange: ExchangeMemory): void {
    Atomics.store(this.#leave, 0, 0);
    const leave = this.#leave.buffer as SharedArrayBuffer;
    this.#say({ type: "help", exchange, leave });
    this.#helping = exchange;
  }

  save(jobs: readonly FileJob[]): Promise<BatchResult> {
    const number = this.#nextNumber++;
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure);
        return;
      }
      this.#batches.set(number, { resolve, reject });
      this.#say({ type: "save", number, jobs: encodeJobs(jobs) });
    });
  }

  async flush(): Promise<void> {
    if (this.#worker === undefined) return;
    await new Promise<void>((resolve, reject) => {
      this.#flushing = { resolve, reject };
      if (this.#failure !== undefined) reject(this.#failure);
      else this.#say({ type: "flush" });
    });
    await Promise.all(this.#packs);
    // A pack may have failed after its worker said that it was done.
    if (this.#failure !== undefined) throw this.#failure;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stopHelping();
    if (this.#worker !== undefined) await endThread(this.#worker);
  }

  #stopHelping(): void {
    if (this.#helping === undefined) return;
    Atomics.store(this.#leave, 0, 1);
    wakeHelpers(this.#helping);
  }

  /** Started with the first batch: a backup of an unchanged tree needs no worker. */
  #say(message: ToWorker): void {
    this.#worker ??= this.#start();
    this.#stopHelping();
    this.#worker.postMessage(message);
  }

  #start(): Worker {
    const { repository, session, compression } = this.#context;
    const setup: WorkerSetup = {
      keys: repository.keys,
      chunker: repository.config.chunker,
      compression,
      packBytes: repository.config.dataPackBytes,
      session: session.sharedBuffer,
      fingerprints: repository.index.fingerprints.sharedBuffer,
      packsInFlight: this.#inFlight.buffer as SharedArrayBuffer,
      helpers: this.#team.helpers,
    };
    const worker = startThread(threadModule("./pipeline-worker", import.meta.url), {
      name: "forge-pipeline",
      data: setup,
      youngGenerationMb: YOUNG_GENERATION_MB,
    });
    worker.on("message", (message: FromWorker) => this.#hear(message));
    worker.on("error", (error: unknown) => {
      const message = `A worker thread stopped: ${messageOf(error)}`;
      this.#fail(new ForgeError("io", message, { cause: error }));
    });
    worker.on("exit", (code) => {
      if (code !== 0) this.#fail(new ForgeError("io", `A worker thread ended with status ${code}`));
    });
    return worker;
  }

  #hear(message: FromWorker): void {
    switch (message.type) {
      case "saved":
        this.#batches.get(message.number)?.resolve(decodeResult(message.result));
        this.#batches.delete(message.number);
        this.#team.onIdle();
        return;
      case "large":
        this.#team.onLarge(message.exchange);
        return;
      case "helped":
        this.#helping = undefined;
        this.#team.onIdle();
        return;
      case "pack":
        this.#store(message);
        return;
      case "flushed":
        this.#flushing?.resolve();
        return;
      case "failed":
        this.#fail(new ForgeError("io", `A worker thread failed: ${message.message}`));
        return;
      default:
        message satisfies never;
    }
  }

  #store(message: Extract<FromWorker, { type: "pack" }>): void {
    const { id, bytes } = message;
    const entries = decodePackDirectory(message.directory, bytes.length);
    const stored = this.#context
      .onPack({ id, bytes, entries })
      .catch((error: unknown) => {
        this.#fail(error);
      })
      .finally(() => {
        this.#packs.delete(stored);
        Atomics.sub(this.#inFlight, 0, 1);
        Atomics.notify(this.#inFlight, 0);
      });
    this.#packs.add(stored);
  }

  #fail(error: unknown): void {
    this.#failure ??=
      error instanceof ForgeError ? error : new ForgeError("io", String(error), { cause: error });
    for (const batch of this.#batches.values()) batch.reject(this.#failure);
    this.#batches.clear();
    this.#flushing?.reject(this.#failure);
    this.#team.onFailure();
  }
}
