/**
 * Where objects live. Every object is written once under a name that never changes meaning, so there
 * is no lock and no partial update to fear. Only what is sealed anew takes the place of the same
 * sealed under older keys.
 *
 * The contract, which `test/contracts/backend.ts` holds every implementation to:
 * - `put` is all or nothing: a reader sees the whole object or none, also after a crash. When it
 *   returns "created" the object is durable.
 * - `put` of a name that exists changes nothing and returns "exists"; of several concurrent writers
 *   of one name exactly one is told "created".
 * - `replace` puts an object in the place of the one of its name, or where there is none: a reader sees
 *   the one or the other, whole, also after a crash. When it returns, the new one is durable.
 * - `read` gives exactly the bytes asked for, or throws: a short read is an error.
 * - `list` shows every object whose `put` returned before `list` began. Things that are not objects
 *   (temporary files of a crashed writer, names forge does not know) are not listed.
 * - `delete` of an absent object succeeds. When it returns, the objects stay gone, also after a crash:
 *   a snapshot must not come back when its packs have gone after it.
 * - Failures are `ForgeError`: "missing-object", "corrupt" (the object ends before the range does),
 *   "permission", "no-space", "io", "no-repository".
 */
import type { Bytes } from "../base/bytes.ts";

export const OBJECT_KINDS = [
  "config",
  "keys",
  "packs",
  "index",
  "snapshots",
  "leases",
  "tombstones",
  "gc",
  "quarantine",
] as const;
export type ObjectKind = (typeof OBJECT_KINDS)[number];

/** One stored object. The config is alone of its kind and has the name "". */
export interface ObjectRef {
  readonly kind: ObjectKind;
  /** 64 hex digits; for leases followed by `.` and the beat as 8 digits, in `gc` by `.plan`;
   * in `quarantine` the name it had before, `.`, 16 digits of its hash, `.` and its kind. */
  readonly name: string;
}

export interface ObjectInfo {
  readonly name: string;
  readonly sizeBytes: number;
  /** By the storage's own clock, milliseconds since 1970: what leases are judged by. */
  readonly modifiedMs: number;
}

export interface ByteSpan {
  /** Bytes from the beginning of the object. */
  readonly offset: number;
  /** Bytes, at least 1. */
  readonly length: number;
}

export interface ReadOptions {
  /** The whole object when absent. */
  readonly span?: ByteSpan | undefined;
  /** Refuses a whole object larger than this with "too-large", before reading it. */
  readonly bytesMax?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What reading needs: holding this, nothing can be changed. */
export interface ReadBackend {
  /** For messages: the path or URL, without secrets. */
  readonly description: string;
  /** A fresh buffer that fills its ArrayBuffer, so the caller may transfer it. */
  read(ref: ObjectRef, options?: ReadOptions): Promise<Bytes>;
  list(
    kind: ObjectKind,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<ObjectInfo[]>;
  /** `undefined` when absent. */
  stat(ref: ObjectRef): Promise<ObjectInfo | undefined>;
  close(): Promise<void>;
}

export interface Backend extends ReadBackend {
  /** `data` is read until the promise settles and not kept after. */
  put(ref: ObjectRef, data: Bytes): Promise<"created" | "exists">;
  /** `data` as for `put`. The new object means the same as the old one: others may go on with either. */
  replace(ref: ObjectRef, data: Bytes): Promise<void>;
  delete(refs: readonly ObjectRef[]): Promise<void>;
  /** Makes the place ready for objects. Succeeds when it is already. */
  create(): Promise<void>;
}

/** The path of an object below the repository's root: how every hierarchical backend names it. */
export function objectPath(ref: ObjectRef): string {
  switch (ref.kind) {
    case "config":
      return "config";
    case "packs":
      return `packs/${ref.name.slice(0, 2)}/${ref.name}`;
    case "keys":
    case "index":
    case "snapshots":
    case "leases":
    case "tombstones":
    case "gc":
    case "quarantine":
      return `${ref.kind}/${ref.name}`;
    default:
      return ref.kind satisfies never;
  }
}

const OBJECT_NAME = /^[0-9a-f]{64}$/;
const LEASE_NAME = /^[0-9a-f]{64}\.[0-9]{8}$/;
const PLAN_NAME = /^[0-9a-f]{64}\.plan$/;
const QUARANTINED_NAME =
  /^[0-9a-f]{64}(\.[0-9]{8}|\.plan)?\.[0-9a-f]{16}\.(keys|packs|index|snapshots|leases|tombstones|gc)$/;

/** Whether `name` can be an object of `kind`; listings leave everything else out. */
export function isObjectName(kind: ObjectKind, name: string): boolean {
  switch (kind) {
    case "config":
      return name === "";
    case "leases":
      return LEASE_NAME.test(name);
    case "gc":
      return PLAN_NAME.test(name);
    case "quarantine":
      return QUARANTINED_NAME.test(name);
    case "keys":
    case "packs":
    case "index":
    case "snapshots":
    case "tombstones":
      return OBJECT_NAME.test(name);
    default:
      return kind satisfies never;
  }
}
