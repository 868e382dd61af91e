/**
 * A storage that remembers every change in order, and can stop: after a number of changes it does
 * nothing and fails, as for a process that is killed or a disk that is taken away.
 */
import type { Bytes } from "../../engine/base/bytes.ts";
import { ForgeError } from "../../engine/base/errors.ts";
import {
  type Backend,
  type ObjectInfo,
  type ObjectKind,
  type ObjectRef,
  type ReadOptions,
  objectPath,
} from "../../engine/storage/backend.ts";

export interface RecordingOptions {
  /** Changes that still happen. */
  readonly changesMax?: number;
  /** Whether the change that is one too many happens all the same, unknown to who asked for it. */
  readonly lastOneHappens?: boolean;
}

export class RecordingBackend implements Backend {
  readonly description = "recording";
  /** `put packs/…`, `delete leases/…`, in the order they took effect. */
  readonly changes: string[] = [];
  readonly #inner: Backend;
  readonly #options: RecordingOptions;
  #isDead = false;

  constructor(inner: Backend, options: RecordingOptions = {}) {
    this.#inner = inner;
    this.#options = options;
  }

  async put(ref: ObjectRef, data: Bytes): Promise<"created" | "exists"> {
    return this.#change(`put ${objectPath(ref)}`, () => this.#inner.put(ref, data));
  }

  async replace(ref: ObjectRef, data: Bytes): Promise<void> {
    return this.#change(`replace ${objectPath(ref)}`, () => this.#inner.replace(ref, data));
  }

  async delete(refs: readonly ObjectRef[]): Promise<void> {
    for (const ref of refs) {
      await this.#change(`delete ${objectPath(ref)}`, () => this.#inner.delete([ref]));
    }
  }

  async read(ref: ObjectRef, options?: ReadOptions): Promise<Bytes> {
    return this.#inner.read(ref, options);
  }

  async list(kind: ObjectKind): Promise<ObjectInfo[]> {
    return this.#inner.list(kind);
  }

  async stat(ref: ObjectRef): Promise<ObjectInfo | undefined> {
    if (this.#isDead) throw dead();
    return this.#inner.stat(ref);
  }

  async create(): Promise<void> {
    return this.#inner.create();
  }

  async close(): Promise<void> {
    return this.#inner.close();
  }

  async #change<Result>(what: string, change: () => Promise<Result>): Promise<Result> {
    if (this.#isDead) throw dead();
    if (this.changes.length < (this.#options.changesMax ?? Number.POSITIVE_INFINITY)) {
      this.changes.push(what);
      return change();
    }
    this.#isDead = true;
    if (this.#options.lastOneHappens === true) await change();
    throw dead();
  }
}

function dead(): ForgeError {
  return new ForgeError("io", "The storage was taken away");
}
