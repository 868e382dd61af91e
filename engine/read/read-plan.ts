/**
 * The order of reading that suits the storage: many files → their blobs grouped by pack, in order of
 * offset, each blob once with all the places where its bytes belong. Restore and check walk it, so
 * that every pack is read once and from its beginning to its end.
 */
import { mapBounded } from "../base/concurrency.ts";
import { ForgeError, isForgeError } from "../base/errors.ts";
import type { BlobId, PackId } from "../base/ids.ts";
import type { BlobLocation } from "../index/blob-location.ts";
import type { ByteSpan } from "../storage/backend.ts";
import type { BlobFinder } from "./blob-finder.ts";
import type { DataSegment } from "./file-reader.ts";
import type { FsFile } from "./readonly-fs.ts";
import { contentOf } from "./snapshot-entry.ts";
import { SPAN_OPTIONS_DEFAULT, type SpanOptions, planSpans } from "./span-plan.ts";

/** Where a part of a blob belongs: `plain[chunkOffset … chunkOffset + length)` at `fileOffset`. */
export interface BlobUse {
  /** Number of the file in the list that was planned. */
  readonly fileIndex: number;
  /** Bytes from the beginning of the file, holes counted. */
  readonly fileOffset: number;
  readonly chunkOffset: number;
  readonly length: number;
}

export interface PlannedBlob {
  readonly location: BlobLocation;
  /** Where its sealed bytes begin inside the span. */
  readonly start: number;
  readonly uses: readonly BlobUse[];
}

/** One ranged read. */
export interface PackRead {
  readonly packId: PackId;
  readonly span: ByteSpan;
  /** In order of `start`. */
  readonly blobs: readonly PlannedBlob[];
}

export interface ReadPlan {
  /** Packs in the order they were met, the reads of a pack together and in order of offset. */
  readonly reads: readonly PackRead[];
  /**
   * Files whose list of chunks cannot be read, or with a blob that stands nowhere, by number. What of
   * them was found before the failure is still in `reads`.
   */
  readonly unreadable: readonly { readonly fileIndex: number; readonly error: ForgeError }[];
}

/** The part of a file that a plan covers; the whole of it when only the file is given. */
export interface PlannedFile {
  readonly file: FsFile;
  readonly offset?: number | undefined;
  readonly length?: number | undefined;
}

export interface ReadPlanOptions {
  readonly span?: SpanOptions | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Files whose chunk lists are read at a time, and ids looked up at a time where one by one. */
const CONCURRENCY = 16;

/** A blob on its way into the plan. */
interface WantedBlob {
  readonly plainBytes: number;
  readonly uses: BlobUse[];
}

type Unreadable = ReadPlan["unreadable"][number];

/**
 * Plans the reading of files of snapshots. All of the plan is in memory, about 300 bytes a chunk: for
 * more files than fit use `planReadBatches`.
 *
 * Each blob is planned at its first known place. When that place fails, `BlobReader.load` finds the
 * others.
 *
 * @param files Of one or several `openSnapshotFs`; files of anything else are unreadable here.
 */
export async function planPackReads(
  index: BlobFinder,
  files: readonly (FsFile | PlannedFile)[],
  options: ReadPlanOptions = {},
): Promise<ReadPlan> {
  const wanted = new Map<BlobId, WantedBlob>();
  const unreadable = new Map<number, ForgeError>();
  await collectWanted(files, wanted, unreadable, options.signal);
  let places = await findPlaces(index, wanted.keys(), options.signal);
  const missing = [...wanted.keys()].filter((id) => !places.has(id));
  if (missing.length > 0 && index.refresh !== undefined) {
    await index.refresh();
    const found = await findPlaces(index, missing, options.signal);
    places = new Map([...places, ...found]);
  }
  const located: LocatedBlob[] = [];
  for (const [id, { plainBytes, uses }] of wanted) {
    const location = places
      .get(id)
      ?.find((place) => place.kind === "data" && place.plainBytes === plainBytes);
    if (location !== undefined) {
      located.push({ location, uses });
      continue;
    }
    const error = unusableBlob(id, plainBytes, places.get(id)?.[0]);
    for (const { fileIndex } of uses) {
      if (!unreadable.has(fileIndex)) unreadable.set(fileIndex, error);
    }
  }
  return {
    reads: orderReads(located, options.span ?? SPAN_OPTIONS_DEFAULT),
    unreadable: [...unreadable]
      .map(([fileIndex, error]): Unreadable => ({ fileIndex, error }))
      .sort((a, b) => a.fileIndex - b.fileIndex),
  };
}

async function collectWanted(
  files: readonly (FsFile | PlannedFile)[],
  wanted: Map<BlobId, WantedBlob>,
  unreadable: Map<number, ForgeError>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const add = (fileIndex: number, segment: DataSegment): void => {
    const { id, plainBytes, fileOffset, chunkOffset, length } = segment;
    const use: BlobUse = { fileIndex, fileOffset, chunkOffset, length };
    const blob = wanted.get(id);
    if (blob === undefined) wanted.set(id, { plainBytes, uses: [use] });
    else if (blob.plainBytes === plainBytes) blob.uses.push(use);
    else {
      throw new ForgeError(
        "corrupt",
        `Cannot use chunk ${id}: one file has it with ${blob.plainBytes} bytes, another with ${plainBytes}`,
        { context: { blobId: id } },
      );
    }
  };
  await mapBounded(files, { concurrency: CONCURRENCY, signal }, async (planned, fileIndex) => {
    try {
      const {
        file,
        offset = 0,
        length = Number.MAX_SAFE_INTEGER,
      } = "file" in planned ? planned : { file: planned };
      const reader = contentOf(file);
      if (reader === undefined) {
        throw new ForgeError("not-supported", "Cannot plan a file that is not of a snapshot");
      }
      const now = reader.segmentsNow(offset, length);
      if (now !== undefined) {
        for (const segment of now) add(fileIndex, segment);
        return;
      }
      for await (const segment of reader.segments(offset, length, signal)) add(fileIndex, segment);
    } catch (error) {
      if (!isForgeError(error) || error.code === "aborted") throw error;
      unreadable.set(fileIndex, error);
    }
  });
}

async function findPlaces(
  index: BlobFinder,
  ids: Iterable<BlobId>,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<BlobId, readonly BlobLocation[]>> {
  if (index.findMany !== undefined) return index.findMany(ids);
  const found = new Map<BlobId, readonly BlobLocation[]>();
  await mapBounded(ids, { concurrency: CONCURRENCY, signal }, async (id) => {
    const places = await index.find(id);
    if (places.length > 0) found.set(id, places);
  });
  return found;
}

function unusableBlob(id: BlobId, plainBytes: number, place: BlobLocation | undefined): ForgeError {
  const context = { blobId: id };
  return place === undefined
    ? new ForgeError("missing-object", `Cannot find data blob ${id} in the index`, { context })
    : new ForgeError(
        "corrupt",
        `Cannot use data blob ${id}: the index has it as ${place.kind} of ${place.plainBytes} bytes, a file as a chunk of ${plainBytes}`,
        { context },
      );
}

interface LocatedBlob {
  readonly location: BlobLocation;
  readonly uses: readonly BlobUse[];
}

function orderReads(blobs: readonly LocatedBlob[], span: SpanOptions): PackRead[] {
  const byPack = new Map<PackId, LocatedBlob[]>();
  for (const blob of blobs) {
    const { packId } = blob.location;
    const ofPack = byPack.get(packId);
    if (ofPack === undefined) byPack.set(packId, [blob]);
    else ofPack.push(blob);
  }
  const reads: PackRead[] = [];
  for (const [packId, ofPack] of byPack) {
    for (const planned of planSpans(ofPack, span)) {
      reads.push({
        packId,
        span: planned.span,
        blobs: planned.items.map(({ item, start }) => ({ ...item, start })),
      });
    }
  }
  return reads;
}

/** One step of a plan that does not fit into memory as a whole. */
export interface ReadBatch extends ReadPlan {
  /** What this batch covers; `fileIndex` of its uses counts in this list. */
  readonly files: readonly Required<PlannedFile>[];
}

export interface ReadBatchOptions extends ReadPlanOptions {
  /** Files of one batch. */
  readonly filesMax?: number | undefined;
  /** Bytes of one batch; a file that is larger is covered by several batches. */
  readonly bytesMax?: number | undefined;
}

const BATCH_FILES_MAX = 20_000;
/** 8 GiB: some 8,000 chunks of the usual size. */
const BATCH_BYTES_MAX = 8 * 1024 * 1024 * 1024;

/** Plans any number of files of any size in bounded memory, in the order in which they come. */
export async function* planReadBatches(
  index: BlobFinder,
  files: AsyncIterable<FsFile> | Iterable<FsFile>,
  options: ReadBatchOptions = {},
): AsyncGenerator<ReadBatch> {
  const filesMax = options.filesMax ?? BATCH_FILES_MAX;
  const bytesMax = options.bytesMax ?? BATCH_BYTES_MAX;
  let batch: Required<PlannedFile>[] = [];
  let bytes = 0;
  const flush = async (): Promise<ReadBatch> => {
    const covered = batch;
    batch = [];
    bytes = 0;
    return { files: covered, ...(await planPackReads(index, covered, options)) };
  };
  for await (const file of files) {
    const sizeBytes = file.attributes.sizeBytes;
    let offset = 0;
    do {
      const length = Math.min(sizeBytes - offset, bytesMax - bytes);
      batch.push({ file, offset, length });
      offset += length;
      bytes += length;
      if (batch.length >= filesMax || bytes >= bytesMax) yield await flush();
    } while (offset < sizeBytes);
  }
  if (batch.length > 0) yield await flush();
}
