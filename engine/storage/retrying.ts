/**
 * RetryingBackend: tries again what failed with an error marked `retryable`, after waits that
 * double. The only place in forge that retries storage.
 */
import { type Bytes, equalBytes } from "../base/bytes.ts";
import { throwIfAborted } from "../base/concurrency.ts";
import { isForgeError, type ForgeError } from "../base/errors.ts";
import type {
  Backend,
  ObjectInfo,
  ObjectKind,
  ObjectRef,
  ReadBackend,
  ReadOptions,
} from "./backend.ts";

export interface RetryPolicy {
  /** Attempts in all, at least 1. */
  readonly attempts: number;
  /** Wait after the first failure; doubles with each further one. */
  readonly firstWaitMs: number;
  readonly waitMsMax: number;
  readonly sleep: (ms: number) => Promise<void>;
  /** 0 … 1: shortens each wait by up to half, so that many clients do not return at once. */
  readonly random?: (() => number) | undefined;
  readonly onRetry?: ((error: ForgeError, attempt: number, waitMs: number) => void) | undefined;
}

export class RetryingReadBackend<Inner extends ReadBackend = ReadBackend> implements ReadBackend {
  readonly description: string;
  protected readonly inner: Inner;
  readonly #policy: RetryPolicy;

  constructor(inner: Inner, policy: RetryPolicy) {
    this.description = inner.description;
    this.inner = inner;
    this.#policy = policy;
  }

  async read(ref: ObjectRef, options: ReadOptions = {}): Promise<Bytes> {
    return this.attempt(() => this.inner.read(ref, options), options.signal);
  }

  async list(
    kind: ObjectKind,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<ObjectInfo[]> {
    return this.attempt(() => this.inner.list(kind, options), options.signal);
  }

  async stat(ref: ObjectRef): Promise<ObjectInfo | undefined> {
    return this.attempt(() => this.inner.stat(ref));
  }

  async close(): Promise<void> {
    await this.inner.close();
  }

  /** Runs `call` until it succeeds, fails for good, or the attempts are used up. */
  protected async attempt<Result>(
    call: (attempt: number) => Promise<Result>,
    signal?: AbortSignal,
  ): Promise<Result> {
    const { attempts, firstWaitMs, waitMsMax, sleep, random, onRetry } = this.#policy;
    for (let attempt = 1; ; attempt++) {
      try {
        return await call(attempt);
      } catch (error) {
        if (attempt >= attempts || !isForgeError(error) || !error.retryable) throw error;
        const fullMs = Math.min(waitMsMax, firstWaitMs * 2 ** (attempt - 1));
        const waitMs = Math.round(fullMs * (1 - (random?.() ?? 0) / 2));
        onRetry?.(error, attempt, waitMs);
        await sleep(waitMs);
        throwIfAborted(signal);
      }
    }
  }
}

export class RetryingBackend extends RetryingReadBackend<Backend> implements Backend {
  async put(ref: ObjectRef, data: Bytes): Promise<"created" | "exists"> {
    return this.attempt(async (attempt) => {
      const result = await this.inner.put(ref, data);
      if (result === "created" || attempt === 1) return result;
      // The attempt that seemed to fail may have stored it: then "exists" means ourselves. Names
      // are random or the content's hash, so equal bytes are ours.
      const info = await this.inner.stat(ref);
      if (info?.sizeBytes !== data.length) return "exists";
      const stored = await this.inner.read(ref, { bytesMax: data.length });
      return equalBytes(stored, data) ? "created" : "exists";
    });
  }

  async replace(ref: ObjectRef, data: Bytes): Promise<void> {
    await this.attempt(() => this.inner.replace(ref, data));
  }

  async delete(refs: readonly ObjectRef[]): Promise<void> {
    await this.attempt(() => this.inner.delete(refs));
  }

  async create(): Promise<void> {
    await this.attempt(() => this.inner.create());
  }
}
