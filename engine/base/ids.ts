/**
 * Branded ids. All are 32 bytes written as 64 lower-case hex digits, so they are strings that can
 * be keys of a Map; a `PackId` where a `BlobId` is wanted does not compile.
 */
import { type Bytes, findHex, toHex } from "./bytes.ts";
import { ForgeError, assert } from "./errors.ts";

export const ID_BYTES = 32;

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** Keyed BLAKE3 of a blob's kind and plaintext. */
export type BlobId = Branded<"BlobId">;
/** Unkeyed BLAKE3 of a pack's bytes: the pack's name. */
export type PackId = Branded<"PackId">;
/** Random: the name of an index segment. */
export type IndexId = Branded<"IndexId">;
/** Random: the name of a snapshot. */
export type SnapshotId = Branded<"SnapshotId">;
/** Unkeyed BLAKE3 of a key slot's bytes: its name. */
export type KeyId = Branded<"KeyId">;
/** Random: the name of a lease, shared by all its beats. */
export type LeaseId = Branded<"LeaseId">;
/** Random: the name of a collection plan. */
export type PlanId = Branded<"PlanId">;
/** Random, from the config: authenticated with every object. */
export type RepositoryId = Branded<"RepositoryId">;

type AnyId = BlobId | PackId | IndexId | SnapshotId | KeyId | LeaseId | PlanId | RepositoryId;

const ID_PATTERN = /^[0-9a-f]{64}$/;

/** The id in `text`. @throws ForgeError "corrupt" when it is not 64 lower-case hex digits. */
export function parseId<Id extends AnyId>(text: string): Id {
  const id = findId<Id>(text);
  if (id === undefined) {
    throw new ForgeError(
      "corrupt",
      `Cannot read an id: "${text.slice(0, 80)}" is not 64 hex digits`,
    );
  }
  return id;
}

export function findId<Id extends AnyId>(text: string): Id | undefined {
  return ID_PATTERN.test(text) ? (text as Id) : undefined;
}

/** The id of 32 bytes. */
export function idOf<Id extends AnyId>(bytes: Uint8Array): Id {
  assert(bytes.length === ID_BYTES, `an id of ${bytes.length} bytes`);
  return toHex(bytes) as Id;
}

/** The 32 bytes of an id; a fresh buffer. */
export function idBytes(id: AnyId): Bytes {
  const bytes = findHex(id);
  assert(bytes !== undefined && bytes.length === ID_BYTES, "a branded id that is not hex");
  return bytes;
}
