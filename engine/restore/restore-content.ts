/**
 * Content of files on its way to the target. Many files go the fast way: planned by pack, read in
 * large spans, decoded and written by the target's own threads. Few files, and those that failed the
 * fast way, are read as every consumer reads them, which tries all copies of a blob.
 */
import { mapBounded, throwIfAborted } from "../base/concurrency.ts";
import { ForgeError, isForgeError } from "../base/errors.ts";
import type { FsFile, FsHole } from "../read/readonly-fs.ts";
import type { ReadPlan } from "../read/read-plan.ts";
import type { PackSource } from "./pack-source.ts";
import type {
  PackedFile,
  PackedPart,
  PackedWriter,
  PlacedEntry,
  RestoreTarget,
} from "./restore-target.ts";

/** One file that is to be written. */
export type FileJob = PackedFile;

export interface ContentOptions {
  readonly target: RestoreTarget;
  readonly packSource: PackSource | undefined;
  readonly signal: AbortSignal | undefined;
  readonly onWritten: (bytes: number) => void;
}

export type Outcome = { readonly placed: PlacedEntry } | { readonly error: ForgeError };

/** Below both of these the threads cost more to start (40 ms) than they save. */
const PACKED_FILES_MIN = 50;
const PACKED_BYTES_MIN: number = 16 * 1024 * 1024;
/** Bytes planned at a time: some 4,000 chunks of the usual size, at 130 bytes each. */
const WINDOW_BYTES: number = 4 * 1024 * 1024 * 1024;
/** Files written at a time by the plain way: it waits for the storage, not for the processor. */
const PLAIN_CONCURRENCY = 4;
const PLAIN_PIECE_BYTES: number = 4 * 1024 * 1024;

export class ContentWriter {
  readonly #options: ContentOptions;
  #packed: PackedWriter | undefined;
  #filesFound = 0;
  #bytesFound = 0;

  constructor(options: ContentOptions) {
    this.#options = options;
  }

  /** Tells of a file that will be written; when there are many, the threads begin to start. */
  expect(sizeBytes: number): void {
    this.#filesFound++;
    this.#bytesFound += sizeBytes;
    const { packSource, target } = this.#options;
    if (this.#packed !== undefined || packSource === undefined) return;
    if (this.#filesFound >= PACKED_FILES_MIN || this.#bytesFound >= PACKED_BYTES_MIN) {
      this.#packed = target.openPackedWriter?.(packSource.keys);
    }
  }

  /**
   * Writes all of `jobs`; each is reported exactly once.
   * @throws ForgeError "aborted".
   */
  async write(
    jobs: readonly FileJob[],
    onOutcome: (job: FileJob, outcome: Outcome) => void,
  ): Promise<void> {
    const { packSource, signal } = this.#options;
    const writer = this.#packed;
    const plain =
      packSource === undefined || writer === undefined
        ? jobs
        : await this.#writePacked(packSource, writer, jobs, onOutcome);
    await mapBounded(plain, { concurrency: PLAIN_CONCURRENCY, signal }, async (job) => {
      onOutcome(job, await this.#writePlain(job));
    });
  }

  async close(): Promise<void> {
    await this.#packed?.close();
  }

  /** @returns the jobs that are left for the plain way. */
  async #writePacked(
    source: PackSource,
    writer: PackedWriter,
    jobs: readonly FileJob[],
    onOutcome: (job: FileJob, outcome: Outcome) => void,
  ): Promise<FileJob[]> {
    const { signal, onWritten } = this.#options;
    const plain: FileJob[] = [];
    const givenUp = new Set<FileJob>();
    for (const window of windowsOf(jobs)) {
      throwIfAborted(signal);
      const plan = await source.plan(window, { signal });
      const { parts, unplanned } = await partsOf(window, plan);
      for (const job of unplanned) {
        if (givenUp.has(job)) continue;
        givenUp.add(job);
        writer.discard(job);
        plain.push(job);
      }
      await writer.write({
        parts: parts.map((part) =>
          part === undefined || givenUp.has(part.packed) ? undefined : part,
        ),
        plan,
        read: (read) => source.read(read, { signal }),
        signal,
        onWritten,
        onDone: (job, placed) => onOutcome(job, { placed }),
        onFailure: (job, error, again) => {
          givenUp.add(job);
          if (again) plain.push(job);
          else onOutcome(job, { error });
        },
      });
    }
    return plain;
  }

  async #writePlain(job: FileJob): Promise<Outcome> {
    try {
      return { placed: await this.#copy(job) };
    } catch (error) {
      if (!isForgeError(error) || error.code === "aborted") throw error;
      return { error };
    }
  }

  async #copy({ place, file, attributes, replace }: FileJob): Promise<PlacedEntry> {
    const { target, signal, onWritten } = this.#options;
    const { sizeBytes } = attributes;
    const holes = sizeBytes === 0 ? [] : await file.holes();
    const options = { sizeBytes, sparse: holes.length > 0, replace };
    const out = await target.beginFile(place, options);
    try {
      for (const { offset, length } of dataPieces(sizeBytes, holes)) {
        throwIfAborted(signal);
        const bytes = await file.read({ offset, length, signal });
        if (bytes.length !== length) throw shortRead(offset, length, bytes.length);
        await out.write(offset, bytes);
        onWritten(length);
      }
      return await out.finish(file);
    } catch (error) {
      await out.discard();
      throw error;
    }
  }
}

interface WindowPart<Job> {
  readonly job: Job;
  readonly file: FsFile;
  readonly offset: number;
  readonly length: number;
}

/** Cuts jobs into windows; a file larger than a window is covered by several. */
export function* windowsOf<Job extends Pick<FileJob, "file" | "attributes">>(
  jobs: readonly Job[],
): Generator<WindowPart<Job>[]> {
  let window: WindowPart<Job>[] = [];
  let bytes = 0;
  for (const job of jobs) {
    const { file } = job;
    const { sizeBytes } = job.attributes;
    for (let offset = 0; offset === 0 || offset < sizeBytes;) {
      const length = Math.min(sizeBytes - offset, WINDOW_BYTES - bytes);
      window.push({ job, file, offset, length });
      bytes += length;
      offset += length;
      if (bytes >= WINDOW_BYTES) {
        yield window;
        window = [];
        bytes = 0;
      }
      if (sizeBytes === 0) break;
    }
  }
  if (window.length > 0) yield window;
}

/**
 * What the plan has for each part. A file without any data, or whose blobs and holes do not add up
 * to its size, is left to the plain way, which says what is wrong with it.
 */
async function partsOf(
  window: readonly WindowPart<FileJob>[],
  { uses, unreadable }: Pick<ReadPlan, "uses" | "unreadable">,
): Promise<{ parts: (PackedPart | undefined)[]; unplanned: FileJob[] }> {
  const planned = new Float64Array(window.length);
  for (let use = 0; use < uses.lengths.length; use++) {
    const fileIndex = uses.fileIndexes[use] as number;
    planned[fileIndex] = (planned[fileIndex] as number) + (uses.lengths[use] as number);
  }
  for (const { fileIndex } of unreadable) planned[fileIndex] = -1;
  const parts: (PackedPart | undefined)[] = [];
  const unplanned: FileJob[] = [];
  for (const [index, part] of window.entries()) {
    const { job, offset, length } = part;
    const { sizeBytes } = job.attributes;
    const dataBytes = planned[index] ?? 0;
    const isFirst = offset === 0;
    const isLast = offset + length >= sizeBytes;
    const nothing = dataBytes < 0 || (dataBytes === 0 && isFirst && isLast);
    const isWhole = !nothing && (dataBytes === length || (await holesFill(part, dataBytes)));
    if (!isWhole) {
      unplanned.push(job);
      parts.push(undefined);
    } else {
      parts.push({ packed: job, dataBytes, isFirst, isLast });
    }
  }
  return { parts, unplanned };
}

async function holesFill(
  { file, offset, length }: WindowPart<FileJob>,
  dataBytes: number,
): Promise<boolean> {
  try {
    let holeBytes = 0;
    for (const hole of await file.holes()) {
      const begin = Math.max(offset, hole.offset);
      const end = Math.min(offset + length, hole.offset + hole.length);
      holeBytes += Math.max(0, end - begin);
    }
    return dataBytes + holeBytes === length;
  } catch {
    // The plain way meets the same failure and reports it.
    return false;
  }
}

/** The data of a file, holes left out, in pieces to be read at once. */
function* dataPieces(
  sizeBytes: number,
  holes: readonly FsHole[],
): Generator<{ readonly offset: number; readonly length: number }> {
  let offset = 0;
  for (const hole of [...holes, { offset: sizeBytes, length: 0 }]) {
    while (offset < hole.offset) {
      const length = Math.min(hole.offset - offset, PLAIN_PIECE_BYTES);
      yield { offset, length };
      offset += length;
    }
    offset = hole.offset + hole.length;
  }
}

function shortRead(offset: number, wanted: number, got: number): ForgeError {
  return new ForgeError(
    "corrupt",
    `Cannot read the file at byte ${offset}: got ${got} of ${wanted} bytes`,
  );
}
