/**
 * ByteLru: values by key, the least recently used leave when their weight in bytes passes a bound.
 * However many callers want a missing value, it is loaded once.
 */
import { LRUCache } from "lru-cache";
import { SharedTask } from "./shared-task.ts";

export interface ByteLruOptions<Value> {
  /** Bound of the sum of the weights. 0 keeps nothing (loads are still shared). */
  readonly bytesMax: number;
  /** Weight of a value, everything it keeps alive: for bytes `buffer.byteLength`. At least 1. */
  readonly weigh: (value: Value) => number;
  /** Told of a value that is not kept any more. Who got it a moment ago may still be reading it. */
  readonly onEvicted?: ((value: Value) => void) | undefined;
}

export class ByteLru<Value extends object> {
  readonly #kept: LRUCache<string, Value> | undefined;
  readonly #loading = new Map<string, SharedTask<Value>>();

  constructor(options: ByteLruOptions<Value>) {
    if (options.bytesMax <= 0) return;
    const { onEvicted } = options;
    this.#kept = new LRUCache<string, Value>({
      maxSize: options.bytesMax,
      // One value may not push out everything else: beyond this it is not kept.
      maxEntrySize: Math.max(1, Math.floor(options.bytesMax / 2)),
      sizeCalculation: (value) => Math.max(1, options.weigh(value)),
      updateAgeOnGet: false,
      ...(onEvicted === undefined ? {} : { dispose: onEvicted }),
    });
  }

  get usedBytes(): number {
    return this.#kept?.calculatedSize ?? 0;
  }

  /** The value when it is here; counts as a use. */
  get(key: string): Value | undefined {
    return this.#kept?.get(key);
  }

  /** Whether the value is here or on its way. Not a use. */
  has(key: string): boolean {
    return this.#loading.has(key) || this.#kept?.has(key) === true;
  }

  set(key: string, value: Value): void {
    this.#kept?.set(key, value);
  }

  delete(key: string): void {
    this.#kept?.delete(key);
  }

  clear(): void {
    this.#kept?.clear();
  }

  /**
   * The value, loaded when it is missing. A failed load is not kept.
   * @throws ForgeError "aborted" when `signal` fires first, else what `load` throws. Other callers
   *   that wait for the same key go on waiting; `load` is told to stop when none is left.
   */
  async fetch(
    key: string,
    load: (signal: AbortSignal) => Promise<Value>,
    signal?: AbortSignal,
  ): Promise<Value> {
    const kept = this.#kept?.get(key);
    if (kept !== undefined) return kept;
    let task = this.#loading.get(key);
    if (task === undefined || task.abandoned) {
      const started = new SharedTask(async (taskSignal) => {
        const value = await load(taskSignal);
        this.#kept?.set(key, value);
        return value;
      });
      this.#loading.set(key, started);
      void started.settled.then(() => {
        if (this.#loading.get(key) === started) this.#loading.delete(key);
      });
      task = started;
    }
    return task.wait(signal);
  }
}
