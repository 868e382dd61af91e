/**
 * Rebuilds index segments from what packs say of themselves. Only the ends of packs are read: the
 * trailer and the directory in front of it.
 */
import { toHex } from "../base/bytes.ts";
import { mapBounded } from "../base/concurrency.ts";
import { type ForgeError, isForgeError } from "../base/errors.ts";
import { type IndexId, type PackId, parseId } from "../base/ids.ts";
import { type SegmentPack, encodeIndexSegment } from "../index/index-segment.ts";
import {
  PACK_TRAILER_BYTES,
  type PackEntry,
  decodePackTrailer,
  openPackDirectory,
} from "../packs/pack-format.ts";
import type { Repository } from "../repository/repository.ts";
import type { Bytes } from "../base/bytes.ts";

export interface ListedPack {
  readonly packId: PackId;
  /** From the storage's listing. */
  readonly packBytes: number;
}

export interface RebuiltSegment {
  readonly id: IndexId;
  /** The whole object, ready to be stored. */
  readonly bytes: Bytes;
  readonly packs: number;
  readonly records: number;
}

export interface RebuiltIndex {
  readonly segments: readonly RebuiltSegment[];
  /** Packs whose directory cannot be read: "corrupt", "missing-object", "newer-keys", "io" … */
  readonly failures: readonly { readonly packId: PackId; readonly error: ForgeError }[];
}

/** Ends of packs read at once: a remote storage answers each after tens of milliseconds. */
const READS = 8;
/** The end of a pack that is read first; holds the directory of a pack of 600 blobs. */
const TAIL_BYTES: number = 32 * 1024;
/** A segment is closed beyond this: 200,000 records take 11 MB, and 60 MB while it is made. */
const RECORDS_PER_SEGMENT = 200_000;
/** Directories read before any of them is encoded. */
const PACKS_AT_A_TIME = 64;

/**
 * Makes segments that describe `packs`. Nothing is stored.
 *
 * @param options.superseded Segments to be ignored from when the result is stored. They stand in the
 *   last segment, so store the segments in order: nothing is superseded before all is described.
 * @throws ForgeError "aborted".
 */
export async function rebuildIndex(
  repository: Repository,
  packs: readonly ListedPack[],
  options: {
    readonly superseded?: readonly IndexId[] | undefined;
    readonly onProgress?: ((packsRead: number) => void) | undefined;
    readonly signal?: AbortSignal | undefined;
  } = {},
): Promise<RebuiltIndex> {
  const { platform, keys } = repository;
  const { superseded = [], signal } = options;
  const segments: RebuiltSegment[] = [];
  const failures: { packId: PackId; error: ForgeError }[] = [];
  let pending: SegmentPack[] = [];
  let records = 0;
  let packsRead = 0;

  const encode = async (ends: readonly IndexId[]): Promise<void> => {
    if (pending.length === 0 && ends.length === 0) return;
    const id = parseId<IndexId>(toHex(platform.randomBytes(32)));
    const content = { id, packs: pending, superseded: ends };
    const bytes = await encodeIndexSegment(platform, keys, content);
    segments.push({ id, bytes, packs: pending.length, records });
    pending = [];
    records = 0;
  };

  for (let first = 0; first < packs.length; first += PACKS_AT_A_TIME) {
    const some = packs.slice(first, first + PACKS_AT_A_TIME);
    await mapBounded(some, { concurrency: READS, signal }, async (pack) => {
      try {
        const entries = await readPackDirectory(repository, pack, signal);
        pending.push({ ...pack, entries });
        records += entries.length;
      } catch (error) {
        if (!isForgeError(error) || error.code === "aborted") throw error;
        failures.push({ packId: pack.packId, error });
      }
      options.onProgress?.(++packsRead);
    });
    if (records >= RECORDS_PER_SEGMENT) await encode([]);
  }
  await encode(superseded);
  return { segments, failures };
}

/**
 * The directory of a pack in the storage: one ranged read, a second for a long directory.
 * @throws ForgeError as `openPackDirectory` and the backend.
 */
export async function readPackDirectory(
  { backend, platform, keys }: Repository,
  { packId, packBytes }: ListedPack,
  signal?: AbortSignal,
): Promise<readonly PackEntry[]> {
  const ref = { kind: "packs", name: packId } as const;
  const length = Math.max(1, Math.min(packBytes, TAIL_BYTES));
  const end = await backend.read(ref, { span: { offset: packBytes - length, length }, signal });
  const trailer = end.subarray(Math.max(0, end.length - PACK_TRAILER_BYTES));
  const tail = decodePackTrailer(trailer, packBytes);
  const { directoryOffset } = tail;
  const { sealedBytes } = tail.trailer;
  const before = packBytes - end.length;
  const span = { offset: directoryOffset, length: sealedBytes };
  const sealed =
    directoryOffset >= before
      ? end.subarray(directoryOffset - before, directoryOffset - before + sealedBytes)
      : await backend.read(ref, { span, signal });
  return openPackDirectory(platform, keys, tail, sealed);
}
