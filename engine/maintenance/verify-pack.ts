/**
 * Verifies one pack that is in memory as a whole: its name, its directory, and every blob against its
 * id. Pure and synchronous, so that a worker thread can do it; who has the threads is a PackVerifier.
 */
import type { Bytes } from "../base/bytes.ts";
import { type ErrorCode, type ForgeError, isForgeError } from "../base/errors.ts";
import { type PackId, idOf } from "../base/ids.ts";
import { openBlobBriefly } from "../crypto/blob-id.ts";
import type { KeyRing } from "../crypto/key-ring.ts";
import { type PackEntry, openPackDirectorySync } from "../packs/pack-format.ts";
import type { SyncPlatform } from "../platform/platform.ts";
import { type RecordSum, sumOfEntries } from "./record-sum.ts";

/** What is wrong, as plain data that can be posted from a thread. */
export interface PackFault {
  readonly code: ErrorCode;
  readonly message: string;
}

export interface PackVerdict {
  /**
   * "sound"; "damaged": the bytes are not those that were stored, or a blob is not what its id says;
   * "newer": the bytes are what was stored, and this forge cannot read them.
   */
  readonly state: "sound" | "damaged" | "newer";
  /** Absent when the pack is sound. */
  readonly fault: PackFault | undefined;
  /** Of a sound pack: all that its directory says. */
  readonly sum: RecordSum | undefined;
  /** Of a damaged pack: the blobs that are what their ids say. A sound one has its `sum` alone. */
  readonly good: readonly PackEntry[];
  /** Blobs that are not. */
  readonly bad: readonly PackEntry[];
}

export interface PackVerifier {
  /**
   * @param bytes Fills its ArrayBuffer; ownership passes to the verifier.
   * @param candidates Where the index says that blobs stand, for a pack whose directory is lost.
   */
  verify(id: PackId, bytes: Bytes, candidates?: readonly PackEntry[]): Promise<PackVerdict>;
}

export function verifyPackSync(
  platform: SyncPlatform,
  keys: KeyRing,
  pack: {
    readonly id: PackId;
    readonly bytes: Bytes;
    readonly candidates?: readonly PackEntry[] | undefined;
  },
): PackVerdict {
  const { id, bytes, candidates } = pack;
  const found = idOf<PackId>(platform.hash(bytes));
  let fault: PackFault | undefined;
  if (found !== id) {
    const message = `Pack ${id} is damaged: its ${bytes.length} bytes have the hash ${found}`;
    fault = { code: "corrupt", message };
  }
  let entries = candidates ?? [];
  try {
    entries = openPackDirectorySync(platform, keys, bytes);
  } catch (error) {
    if (!isForgeError(error)) throw error;
    const isNewer = error.code === "unsupported-version" || error.code === "newer-keys";
    const own = { code: error.code, message: error.message };
    // With the right name the bytes are what a newer forge stored; with another, anything.
    if (fault === undefined && isNewer)
      return { state: "newer", fault: own, sum: undefined, good: [], bad: [] };
    fault ??= own;
  }
  const good: PackEntry[] = [];
  const bad: PackEntry[] = [];
  for (const entry of entries) {
    const error = openEntry(platform, keys, entry, bytes);
    (error === undefined ? good : bad).push(entry);
    if (error !== undefined) fault ??= { code: error.code, message: error.message };
  }
  if (fault !== undefined) {
    return { state: "damaged", fault, sum: undefined, good: good.map(ownId), bad: bad.map(ownId) };
  }
  return { state: "sound", fault, sum: sumOfEntries(entries), good: [], bad };
}

/** A directory that is neither encrypted nor compressed is a part of the pack, which the verifier frees. */
function ownId(entry: PackEntry): PackEntry {
  return { ...entry, id: entry.id.slice() };
}

function openEntry(
  platform: SyncPlatform,
  keys: KeyRing,
  entry: PackEntry,
  pack: Bytes,
): ForgeError | undefined {
  const { id, kind, codec, epoch, plainBytes, offset, sealedBytes } = entry;
  try {
    const request = { kind, codec, epoch, plainBytes, objectId: id };
    const sealed = pack.subarray(offset, offset + sealedBytes);
    openBlobBriefly(platform, keys, request, sealed);
    return undefined;
  } catch (error) {
    if (!isForgeError(error)) throw error;
    return error;
  }
}

/** A verifier without threads. */
export function createPackVerifier(platform: SyncPlatform, keys: KeyRing): PackVerifier {
  return {
    // The `async` turns what is thrown into a rejection.
    // eslint-disable-next-line @typescript-eslint/require-await
    async verify(id, bytes, candidates): Promise<PackVerdict> {
      return verifyPackSync(platform, keys, { id, bytes, candidates });
    },
  };
}
