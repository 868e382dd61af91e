/** Runs one decoder over a range of seeds and watches what it does with time and memory. */
import { setImmediate } from "node:timers/promises";

import type { Bytes } from "../../engine/base/bytes.ts";
import { isForgeError } from "../../engine/base/errors.ts";
import { type FuzzTarget, readCorpus } from "./fuzz-target.ts";
import { Mutator } from "./mutator.ts";

const SLOW_MS = 1000;
const MEMORY_BYTES_MAX = 512 * 1024 * 1024;
/**
 * Memory is looked at this often; the peak since the start of the process, so nothing is missed. The
 * event loop turns as often: before that, what native code has allocated is not given back.
 */
export const MEMORY_EVERY = 1024;
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

export async function fuzz(target: FuzzTarget, range: FuzzRange): Promise<FuzzResult> {
  const mutator = mutatorOf(target);
  const failures: FuzzFailure[] = [];
  let accepted = 0;
  let slowestMs = 0;
  let grew = false;
  let seed = range.first;
  const { stackTraceLimit } = Error;
  // Most inputs end in an error, and collecting its stack takes longer than finding it.
  Error.stackTraceLimit = 1;
  for (; seed < range.end && failures.length < FAILURES_MAX; seed++) {
    const input = mutator.make(seed);
    const begunMs = performance.now();
    try {
      const result = target.run(input, seed);
      if (result instanceof Promise) await result;
      accepted++;
    } catch (error) {
      if (!isForgeError(error) && target.mayThrow?.(error) !== true) {
        failures.push({ seed, what: error instanceof Error ? (error.stack ?? "") : String(error) });
      }
    }
    const tookMs = performance.now() - begunMs;
    if (tookMs > slowestMs) {
      // Others use this machine as well: what is slow is slow again.
      const againMs = tookMs > SLOW_MS ? await timeAgain(target, mutator, seed) : tookMs;
      slowestMs = Math.max(slowestMs, againMs);
      if (againMs > SLOW_MS) failures.push({ seed, what: `took ${Math.round(againMs)} ms` });
    }
    if (seed % MEMORY_EVERY !== 0) continue;
    await setImmediate();
    const peak = peakBytes();
    if (peak > MEMORY_BYTES_MAX) {
      grew = true;
      seed++;
      break;
    }
    if (range.isOver?.() === true) {
      seed++;
      break;
    }
  }
  Error.stackTraceLimit = stackTraceLimit;
  const { name } = target;
  const { first } = range;
  const peak = peakBytes();
  return { target: name, first, end: seed, accepted, slowestMs, peakBytes: peak, grew, failures };
}

/** The shortest of three times. */
async function timeAgain(target: FuzzTarget, mutator: Mutator, seed: number): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 3; i++) {
    const input = mutator.make(seed);
    const begunMs = performance.now();
    try {
      await target.run(input, seed);
    } catch {
      // It was judged the first time.
    }
    times.push(performance.now() - begunMs);
  }
  return Math.min(...times);
}

/** Of the whole process since it began. */
function peakBytes(): number {
  return process.resourceUsage().maxRSS * 1024;
}
