/**
 * WorkerLanes: jobs given to a few threads, to whichever has the least to do. Each has one at work and
 * one that waits in its place, so that it never waits for a message.
 */
import type { Worker } from "node:worker_threads";

import { ForgeError, messageOf } from "../../base/errors.ts";
import { type LaneAnswer, type LaneJob, READY } from "./serve-thread.ts";
import { type ThreadOptions, endThread, startThread } from "./worker-thread.ts";

export interface WorkerLanesOptions extends ThreadOptions {
  /** A module that calls `serveLane`. */
  readonly module: URL;
  /** Threads at most; each is started when the others are busy. */
  readonly lanes: number;
}

/** A job of the caller's. */
export interface LaneTask<Task> {
  /** For errors: "Cannot open data blob 12ab…". */
  readonly attempt: string;
  /** Called when a thread is free for it; `moved` goes there without a copy. */
  readonly make: () => { readonly task: Task; readonly moved: readonly ArrayBuffer[] };
}

interface Waiting<Task, Result> extends LaneTask<Task> {
  readonly resolve: (result: Result) => void;
  readonly reject: (error: ForgeError) => void;
}

interface Lane<Task, Result> {
  readonly thread: Worker;
  readonly jobs: Map<number, Waiting<Task, Result>>;
  isReady: boolean;
}

const JOBS_PER_LANE = 2;

/** No thread is started before the first job, unless the caller says so. Idle threads do not keep the process alive. */
export class WorkerLanes<Task, Result> {
  readonly #options: WorkerLanesOptions;
  readonly #lanes: Lane<Task, Result>[] = [];
  readonly #waiting: Waiting<Task, Result>[] = [];
  #nextJob = 0;
  #closed = false;

  constructor(options: WorkerLanesOptions) {
    this.#options = options;
  }

  /** Whether a thread has loaded its modules: before, a job waits for that. */
  get isReady(): boolean {
    return this.#lanes.some((lane) => lane.isReady);
  }

  /** Starts a thread now, if there is none, for a caller who will have work for it. */
  startFirst(): void {
    if (this.#lanes.length === 0 && !this.#closed) this.#start();
  }

  /** Starts all threads now, for a caller who knows that there is work for them. */
  startAll(): void {
    while (this.#lanes.length < this.#options.lanes && !this.#closed) this.#start();
  }

  /**
   * @throws ForgeError The job's own; "io" when its thread ends before it answers, "aborted" when the
   * lanes are closed.
   */
  run(task: LaneTask<Task>): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.#closed) throw closedError(task);
      this.#waiting.push({ ...task, resolve, reject });
      this.#dispatch();
    });
  }

  /** Ends the threads, and waits for it. What is under way or waits is rejected as "aborted". */
  async close(): Promise<void> {
    this.#closed = true;
    for (const waiting of this.#waiting.splice(0)) waiting.reject(closedError(waiting));
    const lanes = this.#lanes.splice(0);
    for (const lane of lanes) {
      for (const waiting of lane.jobs.values()) waiting.reject(closedError(waiting));
      lane.jobs.clear();
    }
    await Promise.all(lanes.map(({ thread }) => endThread(thread)));
  }

  #dispatch(): void {
    while (this.#waiting.length > 0) {
      const lane = this.#freest();
      if (lane === undefined) return;
      const waiting = this.#waiting.shift();
      if (waiting === undefined) return;
      const job = this.#nextJob++;
      const { task, moved } = waiting.make();
      lane.jobs.set(job, waiting);
      // A thread at work keeps the process alive, an idle one does not.
      if (lane.jobs.size === 1) lane.thread.ref();
      lane.thread.postMessage({ job, task } satisfies LaneJob<Task>, moved);
    }
  }

  /** The lane with the least to do, a new one rather than a busy one. */
  #freest(): Lane<Task, Result> | undefined {
    let best: Lane<Task, Result> | undefined;
    for (const lane of this.#lanes) {
      if (best === undefined || lane.jobs.size < best.jobs.size) best = lane;
    }
    if (best?.jobs.size === 0) return best;
    if (this.#lanes.length < this.#options.lanes) return this.#start();
    return best !== undefined && best.jobs.size < JOBS_PER_LANE ? best : undefined;
  }

  #start(): Lane<Task, Result> {
    const thread = startThread(this.#options.module, this.#options);
    thread.unref();
    const lane: Lane<Task, Result> = { thread, jobs: new Map(), isReady: false };
    thread.on("message", (answer: LaneAnswer<Result> | typeof READY) => {
      if (answer === READY) lane.isReady = true;
      else this.#finish(lane, answer);
    });
    thread.on("error", (error) => this.#drop(lane, messageOf(error)));
    thread.on("exit", (code) => this.#drop(lane, `it ended with code ${code}`));
    this.#lanes.push(lane);
    return lane;
  }

  #finish(lane: Lane<Task, Result>, answer: LaneAnswer<Result>): void {
    const waiting = lane.jobs.get(answer.job);
    // Answers that come after the close: nobody waits for them, but for the thread's end.
    if (waiting === undefined) return;
    lane.jobs.delete(answer.job);
    if (lane.jobs.size === 0) lane.thread.unref();
    if ("result" in answer) waiting.resolve(answer.result);
    else waiting.reject(new ForgeError(answer.code ?? "io", answer.message));
    this.#dispatch();
  }

  /** A thread that is gone: its jobs fail, the others go on, the next job may start a new one. */
  #drop(lane: Lane<Task, Result>, found: string): void {
    const at = this.#lanes.indexOf(lane);
    if (at < 0) return;
    this.#lanes.splice(at, 1);
    for (const { attempt, reject } of lane.jobs.values()) {
      reject(new ForgeError("io", `${attempt}: the thread that does it failed: ${found}`));
    }
    lane.jobs.clear();
    this.#dispatch();
  }
}

function closedError({ attempt }: { readonly attempt: string }): ForgeError {
  return new ForgeError("aborted", `${attempt}: the threads that do it were stopped`);
}
