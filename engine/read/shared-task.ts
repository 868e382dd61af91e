/**
 * One piece of work that several callers wait for. Each may give up by its own signal without
 * harming the others; the work itself is told to stop when the last of them has given up.
 */
import { ForgeError } from "../base/errors.ts";

function aborted(signal: AbortSignal): ForgeError {
  return new ForgeError("aborted", "Stopped before it was finished", { cause: signal.reason });
}

export class SharedTask<Result> {
  readonly #controller = new AbortController();
  readonly #result: Promise<Result>;
  /** Resolves when the work has ended, however it did. */
  readonly settled: Promise<void>;
  #waiting = 0;

  /** Starts `run` at once. Its signal fires when nobody waits any more. */
  constructor(run: (signal: AbortSignal) => Promise<Result>) {
    this.#result = run(this.#controller.signal);
    const ended = (): void => undefined;
    // This also handles a failure that nobody waits for any more.
    this.settled = this.#result.then(ended, ended);
  }

  /** Whether it was told to stop: a new caller must start it afresh. */
  get abandoned(): boolean {
    return this.#controller.signal.aborted;
  }

  /** @throws ForgeError "aborted" when `signal` fires first, else what the work throws. */
  wait(signal: AbortSignal | undefined): Promise<Result> {
    this.#waiting++;
    if (signal === undefined) return this.#result;
    if (signal.aborted) {
      this.#leave();
      return Promise.reject(aborted(signal));
    }
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#leave();
        reject(aborted(signal));
      };
      signal.addEventListener("abort", onAbort, { once: true });
      const settled = (): void => {
        signal.removeEventListener("abort", onAbort);
      };
      this.#result.then(
        (result) => {
          settled();
          resolve(result);
        },
        (error: unknown) => {
          settled();
          // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- passed on as it is
          reject(error);
        },
      );
    });
  }

  #leave(): void {
    this.#waiting--;
    if (this.#waiting === 0) this.#controller.abort();
  }
}

/** A signal that fires once all of `signals` have; never when one of them is `undefined`. */
export function whenAllAbort(
  signals: readonly (AbortSignal | undefined)[],
): AbortSignal | undefined {
  let left = signals.length;
  if (left === 0) return undefined;
  const controller = new AbortController();
  const leave = (): void => {
    left--;
    if (left === 0) controller.abort();
  };
  for (const signal of signals) {
    if (signal === undefined) return undefined;
    if (signal.aborted) leave();
    else signal.addEventListener("abort", leave, { once: true });
  }
  return controller.signal;
}
