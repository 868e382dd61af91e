/**
 * The order of reading that suits the storage: many files → their blobs grouped by pack, in order of
 * offset, each blob once with all the places where its bytes belong. A restore walks it, so that every
 * pack is read once and from its beginning to its end.
 */
import type { Bytes } from "../base/bytes.ts";
import { mapBounded, throwIfAborted } from "../base/concurrency.ts";
import { ForgeError, isForgeError } from "../base/errors.ts";
import { ID_BYTES, type PackId, idBytes } from "../base/ids.ts";
import type { ByteSpan } from "../storage/backend.ts";
import type { BlobFinder } from "./blob-finder.ts";
import { ChunkPlaces } from "./chunk-places.ts";
import type { DataSegment } from "./file-reader.ts";
import type { FsFile } from "./readonly-fs.ts";
import { contentOf, pageChunksOf } from "./snapshot-entry.ts";
import { SPAN_OPTIONS_DEFAULT, type SpanOptions, cutSpans } from "./span-plan.ts";
import { type BlobUses, WantedChunks } from "./wanted-chunks.ts";

/** All that is needed to open data blobs that were read, a number each. */
export interface PlannedBlobs {
  /** 32 bytes each. */
  readonly ids: Bytes;
  /** Where the sealed bytes begin inside the span. */
  readonly starts: Uint32Array;
  readonly sealedBytes: Uint32Array;
  readonly plainBytes: Uint32Array;
  /** Numbers of `CODECS`. */
  readonly codecs: Uint8Array;
  readonly epochs: Uint8Array;
  /** The uses of blob i end before number `useEnds[i]`, where those of the next begin. */
  readonly useEnds: Uint32Array;
}

/** One ranged read: of blobs `firstBlob` to `endBlob − 1`, in order of their starts. */
export interface PackRead {
  readonly packId: PackId;
  readonly span: ByteSpan;
  readonly firstBlob: number;
  readonly endBlob: number;
}

/** In columns: a restore has some hundred thousand blobs, and more uses of them. */
export interface ReadPlan {
  /** Packs in the order they were met, the reads of a pack together and in order of offset. */
  readonly reads: readonly PackRead[];
  readonly blobs: PlannedBlobs;
  readonly uses: BlobUses;
  /**
   * Files whose list of chunks cannot be read, or with a blob that stands nowhere, by number. Of the
   * latter all other blobs are in `reads`.
   */
  readonly unreadable: readonly { readonly fileIndex: number; readonly error: ForgeError }[];
}

/** The part of a file that a plan covers. */
export interface PlannedFile {
  readonly file: FsFile;
  readonly offset: number;
  readonly length: number;
}

export interface ReadPlanOptions {
  readonly span?: SpanOptions | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Files whose chunk lists are read at a time. */
const CONCURRENCY = 16;

/**
 * Plans the reading of files of snapshots. All of the plan is in memory, about 130 bytes a chunk.
 *
 * Each blob is planned at its first known place. When that place fails, `BlobReader.load` finds the
 * others.
 *
 * @param files Of one or several `openSnapshotFs`; files of anything else are unreadable here.
 */
export async function planPackReads(
  index: BlobFinder,
  files: readonly PlannedFile[],
  options: ReadPlanOptions = {},
): Promise<ReadPlan> {
  const wanted = new WantedChunks();
  try {
    const unreadable = new Map<number, ForgeError>();
    await collectWanted(files, wanted, unreadable, options.signal);
    const places = new ChunkPlaces(wanted);
    await places.find(index, options.signal);
    wanted.visitUses((chunk, fileIndex) => {
      if (places.has(chunk) || unreadable.has(fileIndex)) return;
      unreadable.set(fileIndex, places.faultOf(chunk));
    });
    return {
      ...arrange(wanted, places, options.span ?? SPAN_OPTIONS_DEFAULT),
      unreadable: [...unreadable]
        .map(([fileIndex, error]) => ({ fileIndex, error }))
        .sort((a, b) => a.fileIndex - b.fileIndex),
    };
  } finally {
    wanted.free();
  }
}

/** Calls `visit` with each file that a blob of the read is used by, once for each such blob. */
export function visitFiles(
  { blobs, uses }: Pick<ReadPlan, "blobs" | "uses">,
  { firstBlob, endBlob }: Pick<PackRead, "firstBlob" | "endBlob">,
  visit: (fileIndex: number) => void,
): void {
  let use = firstUseOf(blobs, firstBlob);
  for (let blob = firstBlob; blob < endBlob; blob++) {
    const end = blobs.useEnds[blob] as number;
    for (let before = -1; use < end; use++) {
      const fileIndex = uses.fileIndexes[use] as number;
      if (fileIndex !== before) visit(fileIndex);
      before = fileIndex;
    }
  }
}

/** Number of the first use of a blob. */
export function firstUseOf({ useEnds }: Pick<PlannedBlobs, "useEnds">, blob: number): number {
  return blob === 0 ? 0 : (useEnds[blob - 1] as number);
}

async function collectWanted(
  files: readonly PlannedFile[],
  wanted: WantedChunks,
  unreadable: Map<number, ForgeError>,
  signal: AbortSignal | undefined,
): Promise<void> {
  throwIfAborted(signal);
  const others: number[] = [];
  for (let fileIndex = 0; fileIndex < files.length; fileIndex++) {
    try {
      if (!addPlain(wanted, fileIndex, files[fileIndex] as PlannedFile)) others.push(fileIndex);
    } catch (error) {
      if (!isForgeError(error)) throw error;
      unreadable.set(fileIndex, error);
    }
  }
  await mapBounded(others, { concurrency: CONCURRENCY, signal }, async (fileIndex) => {
    try {
      const segments = await segmentsOf(files[fileIndex] as PlannedFile, signal);
      for (const segment of segments) {
        wanted.add(fileIndex, idBytes(segment.id), 0, segment.plainBytes, segment);
      }
    } catch (error) {
      if (!isForgeError(error) || error.code === "aborted") throw error;
      unreadable.set(fileIndex, error);
    }
  });
}

/** Adds the whole of a file whose chunks stand in its page. @returns false for all others. */
function addPlain(
  wanted: WantedChunks,
  fileIndex: number,
  { file, offset, length }: PlannedFile,
): boolean {
  const chunks = pageChunksOf(file);
  if (chunks === undefined || offset > 0 || length < chunks.sizeBytes) return false;
  let fileOffset = 0;
  for (let at = 0; at < chunks.ids.length; at += ID_BYTES) {
    const plainBytes = chunks.plainBytesAt(at / ID_BYTES);
    const part = { fileOffset, chunkOffset: 0, length: plainBytes };
    wanted.add(fileIndex, chunks.ids, at, plainBytes, part);
    fileOffset += plainBytes;
  }
  return true;
}

async function segmentsOf(
  { file, offset, length }: PlannedFile,
  signal: AbortSignal | undefined,
): Promise<readonly DataSegment[]> {
  const reader = contentOf(file);
  if (reader === undefined) {
    throw new ForgeError("not-supported", "Cannot plan a file that is not of a snapshot");
  }
  const segments: DataSegment[] = [];
  for await (const segment of reader.segments(offset, length, signal)) segments.push(segment);
  return segments;
}

/** Chunks that have a place: packs in the order in which the files meet them, then by offset. */
function inOrderOfReading(
  wanted: WantedChunks,
  { packs, offsets, packIds }: ChunkPlaces,
): number[] {
  const ranks = new Int32Array(packIds.length).fill(-1);
  const order: number[] = [];
  let nextRank = 0;
  for (let chunk = 0; chunk < wanted.count; chunk++) {
    const pack = packs[chunk] as number;
    if (pack === -1) continue;
    if (ranks[pack] === -1) ranks[pack] = nextRank++;
    order.push(chunk);
  }
  const rankOf = (chunk: number): number => ranks[packs[chunk] as number] as number;
  return order.sort(
    (a, b) => rankOf(a) - rankOf(b) || (offsets[a] as number) - (offsets[b] as number),
  );
}

function arrange(
  wanted: WantedChunks,
  places: ChunkPlaces,
  options: SpanOptions,
): Omit<ReadPlan, "unreadable"> {
  const order = inOrderOfReading(wanted, places);
  const { uses, ends: useEnds } = wanted.usesOf(order);
  const starts = new Uint32Array(order.length);
  const reads: PackRead[] = [];
  for (let begin = 0, next = 0; begin < order.length; begin = next) {
    const pack = places.packs[order[begin] as number] as number;
    while (next < order.length && places.packs[order[next] as number] === pack) next++;
    const offsetAt = (blob: number): number =>
      places.offsets[order[begin + blob] as number] as number;
    const sealedBytesAt = (blob: number): number =>
      places.sealedBytes[order[begin + blob] as number] as number;
    const blobs = { count: next - begin, offsetAt, sealedBytesAt };
    for (const { span, first, end } of cutSpans(blobs, options)) {
      for (let blob = first; blob < end; blob++) {
        starts[begin + blob] = offsetAt(blob) - span.offset;
      }
      const packId = places.packIds[pack] as PackId;
      reads.push({ packId, span, firstBlob: begin + first, endBlob: begin + end });
    }
  }
  const blobs: PlannedBlobs = {
    ids: wanted.idsOf(order),
    starts,
    sealedBytes: Uint32Array.from(order, (chunk) => places.sealedBytes[chunk] as number),
    plainBytes: Uint32Array.from(order, (chunk) => wanted.plainBytesAt(chunk)),
    codecs: Uint8Array.from(order, (chunk) => places.codecs[chunk] as number),
    epochs: Uint8Array.from(order, (chunk) => places.epochs[chunk] as number),
    useEnds,
  };
  return { reads, blobs, uses };
}
