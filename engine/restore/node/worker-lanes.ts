/** The threads of a restore: each takes a job at a time and has one more waiting in its place. */
import { Worker } from "node:worker_threads";
import { ForgeError, messageOf } from "../../base/errors.ts";
import type { RestoreWorkerData } from "./restore-worker.ts";
import type { SpanAnswer, SpanJob } from "./span-job.ts";

const JOBS_PER_LANE = 2;

interface Lane {
  readonly worker: Worker;
  readonly jobs: Map<number, Waiting>;
}

interface Waiting {
  readonly message: SpanJob;
  readonly resolve: (answer: SpanAnswer) => void;
  readonly reject: (error: ForgeError) => void;
}

export class WorkerLanes {
  readonly #data: RestoreWorkerData;
  readonly #lanes: Lane[] = [];
  readonly #waiting: Waiting[] = [];
  readonly #lanesMax: number;

  /** Starts all threads at once: there is work for them, or they would not be asked for. */
  constructor(data: RestoreWorkerData, lanes: number) {
    this.#data = data;
    this.#lanesMax = lanes;
    for (let lane = 0; lane < lanes; lane++) this.#start();
  }

  /**
   * Runs a job in the thread that is free first. The message's bytes move there.
   * @throws ForgeError "io" when the thread ends before it answers.
   */
  run(message: SpanJob): Promise<SpanAnswer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ message, resolve, reject });
      this.#dispatch();
    });
  }

  async close(): Promise<void> {
    const lanes = this.#lanes.splice(0);
    await Promise.all(lanes.map(({ worker }) => worker.terminate()));
  }

  #dispatch(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const lane = this.#freest();
      if (lane === undefined) return;
      this.#waiting.shift();
      lane.jobs.set(next.message.job, next);
      lane.worker.postMessage(next.message, [next.message.bytes.buffer]);
    }
  }

  #freest(): Lane | undefined {
    if (this.#lanes.length < this.#lanesMax) this.#start();
    let best: Lane | undefined;
    for (const lane of this.#lanes) {
      if (best === undefined || lane.jobs.size < best.jobs.size) best = lane;
    }
    return best !== undefined && best.jobs.size < JOBS_PER_LANE ? best : undefined;
  }

  #start(): void {
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    const worker = new Worker(new URL(`./restore-worker.${extension}`, import.meta.url), {
      workerData: this.#data,
      name: "forge-restore",
      // Descriptors belong to the whole process here: threads write to files others opened.
      trackUnmanagedFds: false,
      // Nearly all it allocates is garbage at once; more room would only be filled.
      resourceLimits: { maxYoungGenerationSizeMb: 16 },
    });
    const lane: Lane = { worker, jobs: new Map() };
    worker.on("message", (answer: SpanAnswer) => {
      const done = lane.jobs.get(answer.job);
      lane.jobs.delete(answer.job);
      done?.resolve(answer);
      this.#dispatch();
    });
    worker.on("error", (error) => this.#drop(lane, messageOf(error)));
    worker.on("exit", (code) => this.#drop(lane, `it ended with code ${code}`));
    this.#lanes.push(lane);
  }

  #drop(lane: Lane, found: string): void {
    const at = this.#lanes.indexOf(lane);
    if (at >= 0) this.#lanes.splice(at, 1);
    const failed = [...lane.jobs.values()];
    lane.jobs.clear();
    for (const { reject } of failed) {
      reject(new ForgeError("io", `Cannot write files: the thread that does it failed: ${found}`));
    }
    if (at >= 0) this.#dispatch();
  }
}
