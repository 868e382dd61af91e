import { EventEmitter } from "node:events";

import { expect, test, vi } from "vitest";

import { type LaneJob, READY } from "../../../../engine/platform/node/serve-thread.ts";
import { WorkerLanes } from "../../../../engine/platform/node/worker-lanes.ts";
import { END } from "../../../../engine/platform/node/worker-thread.ts";

const threads = vi.hoisted(() => ({ started: 0, endedUnseen: 0, dying: 1, failing: 0 }));

/**
 * A thread that doubles numbers. The first `dying` ones die of their first job, others refuse. Like a
 * real one it keeps the process alive only while it is referenced: the end of an unreferenced one may
 * never be seen.
 */
vi.mock("node:worker_threads", () => ({
  Worker: class extends EventEmitter {
    readonly #number = threads.started++;
    #isReferenced = true;
    #isGone = false;

    constructor() {
      super();
      setTimeout(() => this.emit("message", READY), 5);
    }

    get threadId(): number {
      return this.#isGone ? -1 : 1;
    }

    postMessage(message: LaneJob<number> | typeof END): void {
      setTimeout(() => {
        if (this.#isGone) return;
        if (message === END) {
          if (!this.#isReferenced) threads.endedUnseen++;
          this.#isGone = true;
          this.emit("exit", 0);
        } else if (this.#number < threads.dying) {
          this.#isGone = true;
          this.emit("error", new Error("out of memory"));
          this.emit("exit", 1);
        } else if (message.task < 0) {
          this.emit("message", { job: message.job, code: "corrupt", message: "below zero" });
        } else {
          this.emit("message", { job: message.job, result: message.task * 2 });
        }
      }, 0);
    }

    ref(): void {
      this.#isReferenced = true;
    }

    unref(): void {
      this.#isReferenced = false;
    }
  },
}));

function lanesOf(lanes: number): WorkerLanes<number, number> {
  return new WorkerLanes({ module: new URL("file:///x.ts"), name: "x", data: 0, lanes });
}

const double = (lanes: WorkerLanes<number, number>, task: number): Promise<number> =>
  lanes.run({ attempt: `Cannot double ${task}`, make: () => ({ task, moved: [] }) });

test("a thread that dies fails the jobs it had, and a new one takes those that waited", async () => {
  threads.started = 0;
  threads.dying = 1;
  const lanes = lanesOf(1);
  const settled = await Promise.allSettled([1, 2, 3, 4, 5].map((task) => double(lanes, task)));
  expect(settled.map((one) => (one.status === "fulfilled" ? one.value : "failed"))).toEqual([
    "failed",
    "failed",
    6,
    8,
    10,
  ]);
  expect(settled[0]).toMatchObject({
    reason: { code: "io", message: expect.stringContaining("Cannot double 1") as string },
  });
  expect(threads.started).toBe(2);
  await lanes.close();
  // Otherwise a process with nothing else to do would end, as a success, where it waits for the close.
  expect(threads.endedUnseen).toBe(0);
});

test("a job's own error is the caller's, and the next job goes on", async () => {
  threads.dying = 0;
  const lanes = lanesOf(2);
  await expect(double(lanes, -1)).rejects.toMatchObject({ code: "corrupt", message: "below zero" });
  expect(await double(lanes, 4)).toBe(8);
  await lanes.close();
});

test("is ready once a thread says so", async () => {
  threads.dying = 0;
  threads.started = 0;
  const lanes = lanesOf(2);
  lanes.startFirst();
  lanes.startFirst();
  expect(threads.started).toBe(1);
  expect(lanes.isReady).toBe(false);
  await vi.waitFor(() => expect(lanes.isReady).toBe(true));
  await lanes.close();
  expect(lanes.isReady).toBe(false);
});

test("threads are started as they are needed, or all at once when asked", async () => {
  threads.dying = 0;
  threads.started = 0;
  const lanes = lanesOf(3);
  expect(threads.started).toBe(0);
  await double(lanes, 1);
  await double(lanes, 2);
  expect(threads.started).toBe(1);
  await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map((task) => double(lanes, task)));
  expect(threads.started).toBe(3);
  await lanes.close();
  threads.started = 0;
  const eager = lanesOf(3);
  eager.startAll();
  expect(threads.started).toBe(3);
  await eager.close();
});

test("closing rejects what is under way, what waits and what comes after", async () => {
  threads.dying = 0;
  const lanes = lanesOf(1);
  const settled = Promise.allSettled([1, 2, 3, 4].map((task) => double(lanes, task)));
  await lanes.close();
  for (const one of await settled) {
    expect(one).toMatchObject({ status: "rejected", reason: { code: "aborted" } });
  }
  await expect(double(lanes, 1)).rejects.toMatchObject({ code: "aborted" });
});
