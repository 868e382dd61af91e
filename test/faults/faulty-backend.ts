/** A storage of which one call fails, as a file system fails, or every call from one on. */
import type { Bytes } from "../../engine/base/bytes.ts";
import {
  type Backend,
  type ObjectInfo,
  type ObjectKind,
  type ObjectRef,
  type ReadOptions,
  objectPath,
} from "../../engine/storage/backend.ts";
import { storageError } from "../../engine/storage/node/storage-error.ts";

export interface Fault {
  /** Number of the call that fails, from 0. */
  readonly call: number;
  readonly errno: "EIO" | "ENOSPC" | "EACCES";
  /** The change happens, and then the error. */
  readonly afterwards: boolean;
  /** All later calls fail as well. */
  readonly lasts: boolean;
}

export class FaultyBackend implements Backend {
  readonly description = "/faulty";
  readonly #inner: Backend;
  readonly #fault: Fault | undefined;
  calls = 0;
  /** Numbers of calls that change something. */
  readonly changes: number[] = [];
  /** What failed first. */
  hit: string | undefined;
  /** How many calls failed so far. */
  failures = 0;

  constructor(inner: Backend, fault?: Fault) {
    this.#inner = inner;
    this.#fault = fault;
  }

  put(ref: ObjectRef, data: Bytes): Promise<"created" | "exists"> {
    return this.#change(`write ${objectPath(ref)}`, () => this.#inner.put(ref, data));
  }

  replace(ref: ObjectRef, data: Bytes): Promise<void> {
    return this.#change(`write ${objectPath(ref)}`, () => this.#inner.replace(ref, data));
  }

  delete(refs: readonly ObjectRef[]): Promise<void> {
    const [first] = refs;
    if (first === undefined) return Promise.resolve();
    return this.#change(`delete ${objectPath(first)}`, () => this.#inner.delete(refs));
  }

  read(ref: ObjectRef, options?: ReadOptions): Promise<Bytes> {
    return this.#call(`read ${objectPath(ref)}`, () => this.#inner.read(ref, options));
  }

  list(kind: ObjectKind): Promise<ObjectInfo[]> {
    return this.#call(`list ${kind}`, () => this.#inner.list(kind));
  }

  stat(ref: ObjectRef): Promise<ObjectInfo | undefined> {
    return this.#call(`look at ${objectPath(ref)}`, () => this.#inner.stat(ref));
  }

  create(): Promise<void> {
    return this.#change("make the repository", () => this.#inner.create());
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  #change<Result>(what: string, act: () => Promise<Result>): Promise<Result> {
    this.changes.push(this.calls);
    return this.#call(what, act);
  }

  async #call<Result>(what: string, act: () => Promise<Result>): Promise<Result> {
    const number = this.calls++;
    const fault = this.#fault;
    if (fault === undefined || number < fault.call || (number > fault.call && !fault.lasts)) {
      return act();
    }
    if (fault.afterwards) await act();
    this.hit ??= what;
    this.failures++;
    throw storageError(
      Object.assign(new Error(`${fault.errno}: injected`), { code: fault.errno }),
      what,
    );
  }
}
