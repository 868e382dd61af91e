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
  readonly helpersMax: number;
  /** Somebody may help, or has something to be helped with. */
  readonly onChange: () => void;
  /** Of one is of all: whoever waits for the one that failed would wait for ever. */
  readonly onFailure: (error: ForgeError) => void;
}

/** Beyond, the one thread that cuts does not keep them busy. */
const HELPERS_MAX = 8;
/** Of a file of which less is left no thread is started: that takes 70 ms of processor time. */
const START_BYTES_LEFT: number = 128 * 1024 * 1024;

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
  #isLooking = false;

  constructor(context: FilePoolContext, threads: number) {
    this.concurrency = threads;
    const team: Team = {
      helpersMax: Math.min(HELPERS_MAX, threads - 1),
      onChange: () => this.#lookForHelp(),
      onFailure: (error) => {
        // All are told why before any of them can stumble over it.
        for (const worker of this.#workers) worker.fail(error);
        for (const worker of this.#workers) worker.breakExchange();
      },
    };
    this.#workers = Array.from({ length: threads }, () => new FileWorker(context, team));
  }

  /** Lets workers without work help with large files, unless they get some at once. */
  #lookForHelp(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    setImmediate(() => {
      this.#isLooking = false;
      for (const worker of this.#workers) {
        if (!worker.isIdle) continue;
        const owner = this.#mostWanting(worker);
        if (owner !== undefined) worker.help(owner);
      }
    });
  }

  /** The worker with a large file and the fewest helpers that `helper` can help. */
  #mostWanting(helper: FileWorker): FileWorker | undefined {
    let most: FileWorker | undefined;
    let least = HELPERS_MAX;
    for (const owner of this.#workers) {
      if (!owner.wantsHelp || (!helper.isStarted && owner.bytesLeft < START_BYTES_LEFT)) continue;
      const helpers = this.#workers.filter((worker) => worker.helping === owner).length;
      if (helpers >= least) continue;
      most = owner;
      least = helpers;
    }
    return most;
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
  #helping: FileWorker | undefined;
  #exchange: ExchangeMemory | undefined;
  #bytesLeft = 0;
  readonly #inFlight: Int32Array = new Int32Array(new SharedArrayBuffer(4));
  readonly #batches = new Map<number, Waiting<BatchResult>>();
  readonly #packs = new Set<Promise<void>>();
  #worker: Worker | undefined;
  #nextNumber = 0;
  #flushing: Waiting<void> | undefined;
  #failure: ForgeError | undefined;
  #mayHelp = true;

  constructor(context: FilePoolContext, team: Team) {
    this.#context = context;
    this.#team = team;
  }

  get queued(): number {
    return this.#batches.size;
  }

  /** It has nothing to do, nothing to end, and may help others. */
  get isIdle(): boolean {
    const isFree = this.#helping === undefined && this.#flushing === undefined;
    return isFree && this.queued === 0 && this.#failure === undefined && this.#mayHelp;
  }

  get isStarted(): boolean {
    return this.#worker !== undefined;
  }

  /** Whom it helps. */
  get helping(): FileWorker | undefined {
    return this.#helping;
  }

  get wantsHelp(): boolean {
    return this.#exchange !== undefined && isOpen(this.#exchange);
  }

  /** Of the large file, when its size is known, as it began to want help. */
  get bytesLeft(): number {
    return this.#bytesLeft;
  }

  help(owner: FileWorker): void {
    const exchange = owner.#exchange;
    if (exchange === undefined) return;
    Atomics.store(this.#leave, 0, 0);
    try {
      const leave = this.#leave.buffer as SharedArrayBuffer;
      this.#say({ type: "help", exchange, leave });
      this.#helping = owner;
    } catch {
      // No thread can be started: then one fewer helps.
      this.#mayHelp = false;
    }
  }

  /** Whoever waits for others in it ends. */
  breakExchange(): void {
    if (this.#exchange !== undefined) breakExchange(this.#exchange);
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
    this.#mayHelp = false;
    this.#stopHelping();
    if (this.#worker !== undefined) await endThread(this.#worker);
  }

  #stopHelping(): void {
    if (this.#helping === undefined) return;
    Atomics.store(this.#leave, 0, 1);
    if (this.#helping.#exchange !== undefined) wakeHelpers(this.#helping.#exchange);
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
      helpersMax: this.#team.helpersMax,
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
        this.#team.onChange();
        return;
      case "large":
        // Each message has a copy of what names the same memory.
        this.#exchange ??= message.exchange;
        this.#bytesLeft = message.bytesLeft;
        this.#team.onChange();
        return;
      case "helped":
        this.#helping = undefined;
        this.#team.onChange();
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
      .then(() =>
        this.#worker?.postMessage({ type: "stored", bytes } satisfies ToWorker, [bytes.buffer]),
      )
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

  /** Another worker failed, and with it the backup. */
  fail(error: ForgeError): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    for (const batch of this.#batches.values()) batch.reject(error);
    this.#batches.clear();
    this.#flushing?.reject(error);
  }

  #fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#team.onFailure(
      error instanceof ForgeError ? error : new ForgeError("io", String(error), { cause: error }),
    );
  }
}
