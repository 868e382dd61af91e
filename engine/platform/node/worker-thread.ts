/** Worker threads: how they are found, started and ended. What a thread does is `serve-thread.ts`. */
import { Worker } from "node:worker_threads";

/** The message that ends a thread. Every thread's module hears it: see `hearMessages`. */
export const END = "end";

export interface ThreadOptions {
  /** Shown by tools that list threads. */
  readonly name: string;
  /** `workerData` of the thread; cloned, except for shared memory. */
  readonly data: unknown;
  /** Room for young objects. What V8 gives, 48 MB, is only filled up by threads that make garbage. */
  readonly youngGenerationMb?: number | undefined;
}

/**
 * The module of a thread.
 * @param path Relative to the caller, without an extension: sources run as .ts, and in the built tree each
 *   thread's module is one .cjs file (scripts/bundle.mjs).
 * @param base The caller's `import.meta.url`.
 */
export function threadModule(path: string, base: string): URL {
  return new URL(`${path}.${base.endsWith(".ts") ? "ts" : "cjs"}`, base);
}

export function startThread(module: URL, options: ThreadOptions): Worker {
  const { name, data, youngGenerationMb } = options;
  return new Worker(module, {
    name,
    workerData: data,
    // Options of the main program, such as --input-type, can keep a thread from starting.
    execArgv: [],
    // Descriptors belong to the whole process: one thread opens them and another closes them.
    trackUnmanagedFds: false,
    ...(youngGenerationMb === undefined
      ? {}
      : { resourceLimits: { maxYoungGenerationSizeMb: youngGenerationMb } }),
  });
}

/**
 * Asks a thread to end after the work it has, and waits until it is gone. `Worker.terminate()` is not
 * used: it can take the whole process down (engine/decisions/0004-threads.md).
 */
export async function endThread(thread: Worker): Promise<void> {
  // Gone already.
  if (thread.threadId < 0) return;
  // An idle thread does not keep the process alive, and without it nobody would see the end.
  thread.ref();
  await new Promise<void>((resolve) => {
    thread.once("exit", () => resolve());
    thread.postMessage(END);
  });
}
