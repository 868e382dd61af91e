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

/** Files whose blobs are looked up at a time; lookups may wait for index pages. */
const LOOKUP_CONCURRENCY = 16;

/** A blob on its way into the plan. */
interface Gathered {
  readonly location: BlobLocation;
  readonly uses: BlobUse[];
}

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
  const gathered = new Map<BlobId, Gathered>();
  const unreadable: { fileIndex: number; error: ForgeError }[] = [];
  await mapBounded(
    files,
    { concurrency: LOOKUP_CONCURRENCY, signal: options.signal },
    async (planned, fileIndex) => {
      try {
        await gatherFile(index, planned, fileIndex, gathered, options.signal);
      } catch (error) {
        if (!isForgeError(error) || error.code === "aborted") throw error;
        unreadable.push({ fileIndex, error });
      }
    },
  );
  unreadable.sort((a, b) => a.fileIndex - b.fileIndex);
  return { reads: orderReads(gathered.values(), options.span ?? SPAN_OPTIONS_DEFAULT), unreadable };
}

async function gatherFile(
  index: BlobFinder,
  planned: FsFile | PlannedFile,
  fileIndex: number,
  gathered: Map<BlobId, Gathered>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const {
    file,
    offset = 0,
    length = Number.MAX_SAFE_INTEGER - offset,
  } = "file" in planned ? planned : { file: planned };
  const reader = contentOf(file);
  if (reader === undefined) {
    throw new ForgeError("not-supported", "Cannot plan a file that is not of a snapshot");
  }
  for await (const segment of reader.segments(offset, length, signal)) {
    let blob = gathered.get(segment.id);
    if (blob === undefined) {
      const found = await locate(index, segment);
      // Another file may have asked for the same blob meanwhile.
      blob = gathered.get(segment.id) ?? { location: found, uses: [] };
      gathered.set(segment.id, blob);
    }
    const { fileOffset, chunkOffset } = segment;
    blob.uses.push({ fileIndex, fileOffset, chunkOffset, length: segment.length });
  }
}

async function locate(index: BlobFinder, segment: DataSegment): Promise<BlobLocation> {
  const places = await index.find(segment.id);
  const place = places.find(
    ({ kind, plainBytes }) => kind === "data" && plainBytes === segment.plainBytes,
  );
  if (place !== undefined) return place;
  if (places.length === 0) {
    throw new ForgeError("missing-object", `Cannot find data blob ${segment.id} in the index`, {
      context: { blobId: segment.id },
    });
  }
  throw new ForgeError(
    "corrupt",
    `Cannot use data blob ${segment.id}: the index has it as ${places[0]?.kind ?? ""} of ${places[0]?.plainBytes ?? 0} bytes, the file has a chunk of ${segment.plainBytes}`,
    { context: { blobId: segment.id } },
  );
}

function orderReads(blobs: Iterable<Gathered>, span: SpanOptions): PackRead[] {
  const byPack = new Map<PackId, Gathered[]>();
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
