/**
 * PackSource: what a fast restore needs beyond a `ReadonlyFs`: the order of reading that suits the
 * storage, sealed bytes in large spans, and the keys to open them in other threads.
 */
import type { Bytes } from "../base/bytes.ts";
import type { KeyRing } from "../crypto/key-ring.ts";
import type { BlobFinder } from "../read/blob-finder.ts";
import {
  type PackRead,
  type PlannedFile,
  type ReadPlan,
  planPackReads,
} from "../read/read-plan.ts";

export interface PackSource {
  readonly keys: KeyRing;
  plan(
    files: readonly PlannedFile[],
    options: { readonly signal?: AbortSignal | undefined },
  ): Promise<ReadPlan>;
  /** The span of the read, in a buffer of its own that the caller may give away. */
  read(read: PackRead, options: { readonly signal?: AbortSignal | undefined }): Promise<Bytes>;
}

/** The one method of a storage that is needed; every `ReadBackend` has it. */
export interface PackStorage {
  read(
    ref: { readonly kind: "packs"; readonly name: string },
    options: {
      readonly span: PackRead["span"];
      readonly signal?: AbortSignal | undefined;
    },
  ): Promise<Bytes>;
}

/** The pack source of files of `openSnapshotFs`. */
export function createPackSource(options: {
  readonly keys: KeyRing;
  readonly index: BlobFinder;
  readonly storage: PackStorage;
}): PackSource {
  const { keys, index, storage } = options;
  return {
    keys,
    plan: (files, { signal }) => planPackReads(index, files, { signal }),
    read: ({ packId, span }, { signal }) =>
      storage.read({ kind: "packs", name: packId }, { span, signal }),
  };
}
