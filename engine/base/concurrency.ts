/** Bounded parallelism: back-pressure in tasks or in bytes, and the one way to notice an abort. */
import { ForgeError } from "./errors.ts";

/** @throws ForgeError "aborted" when `signal` has fired. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) {
    throw new ForgeError("aborted", "Stopped before it was finished", { cause: signal.reason });
  }
}

/**
 * Applies `fn` to every item with at most `concurrency` running; results keep the input's order.
 * The first failure stops the start of further items and is thrown once the running ones ended.
 */
export async function mapBounded<Item, Result>(
  items: Iterable<Item>,
  options: { readonly concurrency: number; readonly signal?: AbortSignal | undefined },
  fn: (item: Item, index: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const iterator = items[Symbol.iterator]();
  let nextIndex = 0;
  let failure: { readonly error: unknown } | undefined;
  async function lane(): Promise<void> {
    while (failure === undefined) {
      const next = iterator.next();
      if (next.done === true) return;
      const index = nextIndex++;
      try {
        throwIfAborted(options.signal);
        results[index] = await fn(next.value, index);
      } catch (error) {
        failure ??= { error };
      }
    }
  }
  await Promise.all(Array.from({ length: Math.max(1, options.concurrency) }, lane));
  if (failure !== undefined) throw failure.error;
  return results;
}

/**
 * A budget of bytes: `acquire` waits, first come first served, until the bytes fit. One request
 * larger than the whole budget is let through alone, so nothing can wait for ever.
 */
export class ByteBudget {
  readonly #totalBytes: number;
  readonly #waiting: { readonly bytes: number; readonly resolve: () => void }[] = [];
  #usedBytes = 0;

  constructor(totalBytes: number) {
    this.#totalBytes = totalBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  async acquire(bytes: number): Promise<void> {
    if (this.#waiting.length === 0 && this.#fits(bytes)) {
      this.#usedBytes += bytes;
      return;
    }
    await new Promise<void>((resolve) => this.#waiting.push({ bytes, resolve }));
  }

  release(bytes: number): void {
    this.#usedBytes -= bytes;
    for (;;) {
      const next = this.#waiting[0];
      if (next === undefined || !this.#fits(next.bytes)) return;
      this.#waiting.shift();
      this.#usedBytes += next.bytes;
      next.resolve();
    }
  }

  #fits(bytes: number): boolean {
    return this.#usedBytes === 0 || this.#usedBytes + bytes <= this.#totalBytes;
  }
}
