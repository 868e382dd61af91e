/** MemoryBackend: objects in a Map. The default in tests, and a repository that lives for one run. */
import type { Bytes } from "../base/bytes.ts";
import { throwIfAborted } from "../base/concurrency.ts";
import { ForgeError } from "../base/errors.ts";
import {
  type Backend,
  type ByteSpan,
  isObjectName,
  type ObjectInfo,
  type ObjectKind,
  objectPath,
  type ObjectRef,
  type ReadOptions,
} from "./backend.ts";
import { checkObjectBytes, checkSpan } from "./read-checks.ts";

interface StoredObject {
  readonly ref: ObjectRef;
  readonly bytes: Bytes;
  readonly modifiedMs: number;
}

export class MemoryBackend implements Backend {
  readonly description: string = "memory";
  readonly #nowMs: () => number;
  readonly #objects = new Map<string, StoredObject>();

  /** @param options.nowMs The storage's clock, milliseconds since 1970. */
  constructor(options: { readonly nowMs: () => number }) {
    this.#nowMs = options.nowMs;
  }

  // The `async` turns what is thrown into a rejection, as a caller of a promise expects.
  // eslint-disable-next-line @typescript-eslint/require-await
  async put(ref: ObjectRef, data: Bytes): Promise<"created" | "exists"> {
    const path = objectPath(ref);
    if (this.#objects.has(path)) return "exists";
    this.#objects.set(path, { ref, bytes: data.slice(), modifiedMs: this.#nowMs() });
    return "created";
  }

  // eslint-disable-next-line @typescript-eslint/require-await
  async replace(ref: ObjectRef, data: Bytes): Promise<void> {
    const stored = { ref, bytes: data.slice(), modifiedMs: this.#nowMs() };
    this.#objects.set(objectPath(ref), stored);
  }

  // eslint-disable-next-line @typescript-eslint/require-await
  async read(ref: ObjectRef, options: ReadOptions = {}): Promise<Bytes> {
    throwIfAborted(options.signal);
    const path = objectPath(ref);
    const stored = this.#objects.get(path);
    if (stored === undefined) {
      throw new ForgeError("missing-object", `Cannot read ${path}: it is not there`);
    }
    const span = this.#spanOf(path, stored, options);
    return stored.bytes.slice(span.offset, span.offset + span.length);
  }

  // eslint-disable-next-line @typescript-eslint/require-await
  async list(
    kind: ObjectKind,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<ObjectInfo[]> {
    throwIfAborted(options.signal);
    const infos: ObjectInfo[] = [];
    for (const stored of this.#objects.values()) {
      if (stored.ref.kind !== kind || !isObjectName(kind, stored.ref.name)) continue;
      infos.push(infoOf(stored));
    }
    return infos;
  }

  // eslint-disable-next-line @typescript-eslint/require-await
  async stat(ref: ObjectRef): Promise<ObjectInfo | undefined> {
    const stored = this.#objects.get(objectPath(ref));
    return stored === undefined ? undefined : infoOf(stored);
  }

  // eslint-disable-next-line @typescript-eslint/require-await
  async delete(refs: readonly ObjectRef[]): Promise<void> {
    for (const ref of refs) this.#objects.delete(objectPath(ref));
  }

  async create(): Promise<void> {
    // A Map is always ready.
  }

  async close(): Promise<void> {
    // The objects stay: a second reader of the same value may follow.
  }

  #spanOf(path: string, stored: StoredObject, options: ReadOptions): ByteSpan {
    const sizeBytes = stored.bytes.length;
    if (options.span !== undefined) {
      checkSpan(path, options.span, sizeBytes);
      return options.span;
    }
    checkObjectBytes(path, sizeBytes, options.bytesMax);
    return { offset: 0, length: sizeBytes };
  }
}

function infoOf(stored: StoredObject): ObjectInfo {
  return {
    name: stored.ref.name,
    sizeBytes: stored.bytes.length,
    modifiedMs: stored.modifiedMs,
  };
}
