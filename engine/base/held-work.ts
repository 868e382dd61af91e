/** HeldWork: work that nobody awaits piece by piece, and whose first failure must not be lost. */

export class HeldWork {
  readonly #atOnceMax: number;
  readonly #running = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | undefined;

  /** @param atOnceMax Pieces under way before `waitForRoom` waits. */
  constructor(atOnceMax: number) {
    this.#atOnceMax = atOnceMax;
  }

  hold(work: Promise<void>): void {
    const held = work
      .catch((error: unknown) => this.fail(error))
      .finally(() => this.#running.delete(held));
    this.#running.add(held);
  }

  /** As if a piece had failed; the first failure is the one that counts. */
  fail(error: unknown): void {
    this.#failure ??= { error };
  }

  /** @returns a promise only when there is no room. @throws what a piece failed with. */
  waitForRoom(): Promise<void> | undefined {
    this.throwFailure();
    return this.#running.size < this.#atOnceMax ? undefined : Promise.race(this.#running);
  }

  /** Also of what is begun meanwhile. @throws what a piece failed with. */
  async finished(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
    this.throwFailure();
  }

  throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
