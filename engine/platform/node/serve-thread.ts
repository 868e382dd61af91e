/** The side of a worker thread: it hears messages, does jobs one after another, and ends when asked. */
import { type MessagePort, parentPort } from "node:worker_threads";

import { type ErrorCode, assert, isForgeError, messageOf } from "../../base/errors.ts";
import { END } from "./worker-thread.ts";

export interface LaneJob<Task> {
  readonly job: number;
  readonly task: Task;
}

/** What a lane says once it has loaded its modules, which takes 70 ms. */
export const READY = "ready";

export type LaneAnswer<Result> =
  | { readonly job: number; readonly result: Result }
  | { readonly job: number; readonly code: ErrorCode | undefined; readonly message: string };

/** What a job gives back; `moved` goes to the other thread without a copy. */
export interface Done<Result> {
  readonly result: Result;
  readonly moved?: readonly ArrayBuffer[];
}

/**
 * Hears what the thread that started this one says, until it says END.
 * @returns The port to answer by.
 */
export function hearMessages<Message>(hear: (message: Message) => void): MessagePort {
  assert(parentPort !== null, "a thread's module was loaded outside a thread");
  parentPort.on("message", (message: Message | typeof END) => {
    // Also in the middle of a job that lets the event loop turn: nobody waits for it any more.
    if (message === END) process.exit();
    else hear(message);
  });
  return parentPort;
}

/** Does the jobs of a `WorkerLanes`, after saying READY. What `run` throws is the job's error. */
export function serveLane<Task, Result>(run: (task: Task) => Done<Result>): void {
  const port = hearMessages(({ job, task }: LaneJob<Task>) => {
    try {
      const { result, moved } = run(task);
      port.postMessage({ job, result } satisfies LaneAnswer<Result>, moved ?? []);
    } catch (error) {
      const code = isForgeError(error) ? error.code : undefined;
      port.postMessage({ job, code, message: messageOf(error) } satisfies LaneAnswer<Result>);
    }
  });
  port.postMessage(READY);
}
