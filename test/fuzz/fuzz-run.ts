/** Runs one decoder over a range of seeds and watches what it does with time and memory. */
import { setImmediate } from "node:timers/promises";

import type { Bytes } from "../../engine/base/bytes.ts";
import { isForgeError } from "../../engine/base/errors.ts";
import { type FuzzTarget, readCorpus } from "./fuzz-target.ts";
import { Mutator } from "./mutator.ts";

const SLOW_MS = 1000;
const MEMORY_BYTES_MAX = 512 * 1024 * 1024;
/**
 * So many runs are timed together, and one by one when they took longer than any before them: a run
 * that takes too long makes its batch the longest.
 */
const BATCH = 64;
/** The event loop turns this often: before that, what native code has allocated is not given back. */
const TURN_EVERY = 1024;
/** Memory is looked at this often; the peak since the start of the process, so nothing is missed. */
export const MEMORY_EVERY = 4096;
const FAILURES_MAX = 20;

export interface FuzzFailure {
  readonly seed: number;
  readonly what: string;
}

export interface FuzzResult {
  readonly target: string;
  readonly first: number;
  /** Seeds `first … end − 1` were run. */
  readonly end: number;
  /** Of them, how many were decoded; the rest was refused. */
  readonly accepted: number;
  readonly slowestMs: number;
  readonly peakBytes: number;
  /** True when it stopped because the process had grown; of the last runs, or of garbage of all. */
  readonly grew: boolean;
  readonly failures: readonly FuzzFailure[];
}

export interface FuzzRange {
  readonly first: number;
  readonly end: number;
  /** Stops early when it says so; asked every few thousand runs. */
  readonly isOver?: () => boolean;
}

export function inputOf(target: FuzzTarget, seed: number): Bytes {
  return mutatorOf(target).make(seed);
}

function mutatorOf(target: FuzzTarget): Mutator {
  const { name, words, isJson } = target;
  return new Mutator({ corpus: readCorpus(name), words, isJson });
}

/** How it stands while seeds are run. */
interface Progress {
  accepted: number;
  slowestMs: number;
  readonly failures: FuzzFailure[];
}

export async function fuzz(target: FuzzTarget, range: FuzzRange): Promise<FuzzResult> {
  const mutator = mutatorOf(target);
  const progress: Progress = { accepted: 0, slowestMs: 0, failures: [] };
  let slowestBatchMs = 0;
  let grew = false;
  let seed = range.first;
  const { stackTraceLimit } = Error;
  // Most inputs end in an error, and collecting its stack takes longer than finding it.
  Error.stackTraceLimit = 0;
  while (seed < range.end && progress.failures.length < FAILURES_MAX) {
    const end = Math.min(seed - (seed % BATCH) + BATCH, range.end);
    const begunMs = performance.now();
    for (let one = seed; one < end; one++) {
      const running = run(target, mutator.make(one), one, progress);
      if (running !== undefined) await running;
    }
    const tookMs = performance.now() - begunMs;
    if (tookMs > slowestBatchMs) {
      slowestBatchMs = tookMs;
      await timeEach(target, mutator, { first: seed, end, progress });
    }
    seed = end;
    if (seed % TURN_EVERY === 0) await setImmediate();
    if (seed % MEMORY_EVERY !== 0) continue;
    grew = peakBytes() > MEMORY_BYTES_MAX;
    if (grew || range.isOver?.() === true) break;
  }
  Error.stackTraceLimit = stackTraceLimit;
  const { name } = target;
  const { first } = range;
  const peak = peakBytes();
  return { target: name, first, end: seed, ...progress, peakBytes: peak, grew };
}

/** @returns `undefined` when it is done: most decoders answer at once. */
function run(
  target: FuzzTarget,
  input: Bytes,
  seed: number,
  progress: Progress,
): Promise<void> | undefined {
  try {
    const result = target.run(input, seed);
    if (!(result instanceof Promise)) {
      progress.accepted++;
      return undefined;
    }
    return result.then(
      () => {
        progress.accepted++;
      },
      (error: unknown) => {
        judge(target, error, seed, progress);
      },
    );
  } catch (error) {
    judge(target, error, seed, progress);
    return undefined;
  }
}

function judge(target: FuzzTarget, error: unknown, seed: number, progress: Progress): void {
  if (isForgeError(error) || target.mayThrow?.(error) === true) return;
  // Without its stack, which `--show` has.
  progress.failures.push({ seed, what: String(error) });
}

/** A batch took longer than any before it: which of its runs? */
async function timeEach(
  target: FuzzTarget,
  mutator: Mutator,
  { first, end, progress }: FuzzRange & { readonly progress: Progress },
): Promise<void> {
  for (let seed = first; seed < end; seed++) {
    const onceMs = await timeOnce(target, mutator, seed);
    // Others use this machine as well: what is slow is slow again.
    const tookMs = onceMs > SLOW_MS ? await timeAgain(target, mutator, seed) : onceMs;
    progress.slowestMs = Math.max(progress.slowestMs, tookMs);
    if (tookMs > SLOW_MS) {
      progress.failures.push({ seed, what: `took ${Math.round(tookMs)} ms` });
    }
  }
}

/** The shortest of three times. */
async function timeAgain(target: FuzzTarget, mutator: Mutator, seed: number): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 3; i++) times.push(await timeOnce(target, mutator, seed));
  return Math.min(...times);
}

async function timeOnce(target: FuzzTarget, mutator: Mutator, seed: number): Promise<number> {
  const input = mutator.make(seed);
  const begunMs = performance.now();
  try {
    await target.run(input, seed);
  } catch {
    // It was judged the first time.
  }
  return performance.now() - begunMs;
}

/** Of the whole process since it began. */
function peakBytes(): number {
  return process.resourceUsage().maxRSS * 1024;
}
