/**
 * Requests that are being worked on, so that INTERRUPT can stop them.
 *
 * A signal does not stop a read at once. Programs with a signal handler (every Go program, every
 * shell with a child) are interrupted all the time, expect a read of a file to go on, and would see
 * EINTR; so a request has a second to end by itself. Only then the read is given up, which lets a
 * program that was killed in a read of a dead store end.
 */
const GRACE_MS = 1000;

export class PendingRequests {
  readonly #controllers = new Map<bigint, AbortController>();
  readonly #timers = new Set<NodeJS.Timeout>();

  /** Does the work of a request; its signal tells that the request is given up. */
  async run<Result>(
    unique: bigint,
    work: (signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    const controller = new AbortController();
    this.#controllers.set(unique, controller);
    try {
      return await work(controller.signal);
    } finally {
      this.#controllers.delete(unique);
    }
  }

  /** INTERRUPT. A request that has been answered meanwhile is no longer known: nothing to do. */
  interrupt(unique: bigint): void {
    const controller = this.#controllers.get(unique);
    if (controller === undefined) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (this.#controllers.get(unique) === controller) controller.abort();
    }, GRACE_MS);
    this.#timers.add(timer);
  }

  /** The mount is gone: nobody waits for anything. */
  abortAll(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    for (const controller of this.#controllers.values()) controller.abort();
    this.#controllers.clear();
  }
}
