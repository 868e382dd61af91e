/**
 * LocalPackedWriter: files on disk from spans of packs. Spans are read with a bound in bytes and go
 * to threads that decode and write. Files of one blob are made there from beginning to end; larger
 * ones are opened here, written by several threads, and finished here once all of their data is in.
 */
import { availableParallelism } from "node:os";
import type { Bytes } from "../../base/bytes.ts";
import { ByteBudget, mapBounded } from "../../base/concurrency.ts";
import { ForgeError, assert, isForgeError } from "../../base/errors.ts";
import type { KeyRing } from "../../crypto/key-ring.ts";
import { errnoCodeOf } from "../../base/errno-code.ts";
import { WorkerLanes } from "../../platform/node/worker-lanes.ts";
import { threadModule } from "../../platform/node/worker-thread.ts";
import type { BlobUse, PackRead } from "../../read/read-plan.ts";
import type { PackedFile, PackedPart, PackedWindow, PackedWriter } from "../restore-target.ts";
import { type DirectoryTable, LocalDirectory } from "./directory-table.ts";
import { type Rights, lossesOf, metadataOf } from "./entry-metadata.ts";
import { type NewFile, beginNewFile, dropNewFile, finishNewFile } from "./new-file.ts";
import type { RestoreWorkerData } from "./restore-worker.ts";
import {
  type JobBlob,
  type JobFile,
  type JobUse,
  type SpanAnswer,
  type SpanJob,
  encodeSpanJob,
} from "./span-job.ts";
import { targetError } from "./target-error.ts";

/** Sealed bytes read and not yet written: one span at work and one waiting for each of two threads. */
const SPAN_BUDGET_BYTES: number = 32 * 1024 * 1024;
/** Spans under way: enough to hide the latency of a remote storage. */
const SPANS_AT_A_TIME = 12;
/** Threads beyond this wait for each other in the file system. */
const THREADS_MAX = 8;

/** A file of several blobs that is being written. */
interface OpenFile {
  readonly file: NewFile;
  readonly directory: LocalDirectory;
  /** Spans in the threads that write to it: its descriptor must not be closed before they end. */
  users: number;
  isFailed: boolean;
}

/** One window on its way. */
interface WindowState {
  readonly window: PackedWindow;
  /** Blobs of each part in the whole window. */
  readonly blobs: Uint32Array;
  /** Those that are not written yet. */
  readonly blobsLeft: Uint32Array;
  /** 1: the part was reported, as done or as failed. */
  readonly settled: Uint8Array;
}

/** What a span does to one file. */
interface SpanFile {
  readonly part: PackedPart;
  readonly jobFile: JobFile;
  /** Absent for a file that the thread makes from beginning to end. */
  readonly open: OpenFile | undefined;
  readonly directory: LocalDirectory;
}

export class LocalPackedWriter implements PackedWriter {
  readonly #table: DirectoryTable;
  readonly #rights: Rights;
  readonly #lanes: WorkerLanes<SpanJob, SpanAnswer>;
  readonly #budget = new ByteBudget(SPAN_BUDGET_BYTES);
  readonly #open = new Map<PackedFile, OpenFile>();

  constructor(table: DirectoryTable, rights: Rights, keys: KeyRing) {
    this.#table = table;
    this.#rights = rights;
    this.#lanes = new WorkerLanes({
      module: threadModule("./restore-worker", import.meta.url),
      name: "forge-restore",
      data: { keys, rights } satisfies RestoreWorkerData,
      lanes: Math.max(1, Math.min(THREADS_MAX, availableParallelism())),
      // Nearly all it allocates is garbage at once; more room would only be filled.
      youngGenerationMb: 16,
    });
    // While the first packs are read.
    this.#lanes.startAll();
  }

  async write(window: PackedWindow): Promise<void> {
    const { parts, reads, signal } = window;
    const blobs = countBlobs(reads, parts.length);
    const settled = new Uint8Array(parts.length);
    const state: WindowState = { window, blobs, blobsLeft: blobs.slice(), settled };
    await mapBounded(reads, { concurrency: SPANS_AT_A_TIME, signal }, async (read) => {
      await this.#budget.acquire(read.span.length);
      try {
        await this.#writeSpan(state, read);
      } finally {
        this.#budget.release(read.span.length);
      }
    });
    // A part without data (all of it is a hole) may be the last of its file.
    for (const [index, part] of parts.entries()) {
      if (part?.isLast === true && settled[index] === 0) this.#finish(state, index, part);
    }
  }

  discard(packed: PackedFile): void {
    const open = this.#open.get(packed);
    if (open === undefined) return;
    open.isFailed = true;
    if (open.users > 0) return;
    this.#open.delete(packed);
    dropNewFile(open.directory.fd, open.file);
    this.#table.unpin(open.directory);
  }

  async close(): Promise<void> {
    await this.#lanes.close();
    for (const [packed, open] of [...this.#open]) {
      open.users = 0;
      this.discard(packed);
    }
  }

  async #writeSpan(state: WindowState, read: PackRead): Promise<void> {
    const indexes = [
      ...new Set(read.blobs.flatMap(({ uses }) => uses.map((use) => use.fileIndex))),
    ];
    let bytes: Bytes;
    try {
      bytes = await state.window.read(read);
    } catch (error) {
      if (!isForgeError(error) || error.code === "aborted") throw error;
      for (const index of indexes) this.#fail(state, index, error, true);
      return;
    }
    const slots = new Map<number, number>();
    const files: SpanFile[] = [];
    for (const index of indexes) {
      const file = this.#prepare(state, index);
      if (file === undefined) continue;
      slots.set(index, files.length);
      files.push(file);
    }
    try {
      const jobFiles = files.map(({ jobFile }) => jobFile);
      const job = encodeSpanJob(bytes, jobBlobs(read, slots), jobFiles);
      const answer = await this.#lanes.run({
        attempt: "Cannot write files",
        make: () => ({ task: job, moved: [job.bytes.buffer] }),
      });
      state.window.onWritten(answer.bytesWritten);
      for (const failure of answer.failures) {
        const index = [...slots].find(([, slot]) => slot === failure.slot)?.[0] ?? -1;
        const error = new ForgeError(failure.code, failure.message);
        this.#fail(state, index, error, failure.again);
      }
      this.#settle(state, read, slots, files, answer);
    } catch (error) {
      if (!isForgeError(error)) throw error;
      for (const index of slots.keys()) this.#fail(state, index, error, true);
    } finally {
      for (const file of files) this.#letGo(file);
    }
  }

  /** Whatever the thread needs to write to a file; held until `#letGo`. */
  #prepare(state: WindowState, index: number): SpanFile | undefined {
    const part = state.window.parts[index];
    if (part === undefined || state.settled[index] === 1) return undefined;
    const { place, file, attributes, replace } = part.packed;
    assert(place.directory instanceof LocalDirectory, "a place of another target");
    const { directory, name } = { directory: place.directory, name: place.name };
    try {
      if (!(part.isFirst && part.isLast && state.blobs[index] === 1)) {
        const open = this.#openFile(part.packed, directory);
        open.users++;
        return { part, open, directory, jobFile: { openFd: open.file.fd } };
      }
      if (this.#table.room <= 0) throw tooManyOpen();
      const { sizeBytes, hardLinkKey } = attributes;
      const jobFile: JobFile = {
        dirfd: this.#table.pin(directory),
        name,
        sizeBytes,
        metadata: metadataOf(file, attributes),
        replace,
        sparse: part.dataBytes < sizeBytes,
        strip: directory.inheritsAcl,
        isOwn: directory.givesOwn,
        wantIdentity: hardLinkKey !== undefined,
      };
      return { part, open: undefined, directory, jobFile };
    } catch (error) {
      this.#fail(state, index, targetError(error, "create the file"), isTooManyOpen(error));
      return undefined;
    }
  }

  #openFile(packed: PackedFile, directory: LocalDirectory): OpenFile {
    const known = this.#open.get(packed);
    if (known !== undefined) return known;
    if (this.#table.room <= 0) throw tooManyOpen();
    const dirfd = this.#table.pin(directory);
    try {
      const sparseBytes = packed.attributes.sizeBytes;
      const { replace } = packed;
      const file = beginNewFile(dirfd, packed.place.name, { replace, sparseBytes });
      const open: OpenFile = { file, directory, users: 0, isFailed: false };
      this.#open.set(packed, open);
      return open;
    } catch (error) {
      this.#table.unpin(directory);
      throw error;
    }
  }

  #letGo({ part, open, directory }: SpanFile): void {
    if (open === undefined) {
      this.#table.unpin(directory);
      return;
    }
    open.users--;
    if (open.isFailed) this.discard(part.packed);
  }

  /** After a span: reports files that were made whole, finishes those whose last blob it had. */
  #settle(
    state: WindowState,
    read: PackRead,
    slots: ReadonlyMap<number, number>,
    files: readonly SpanFile[],
    answer: SpanAnswer,
  ): void {
    const identities = new Map(answer.identities.map(({ slot, ...rest }) => [slot, rest]));
    for (const [index, slot] of slots) {
      const file = files[slot];
      if (file === undefined || file.open !== undefined || state.settled[index] === 1) continue;
      state.settled[index] = 1;
      const losses = lossesOf(answer.lost[slot] ?? 0);
      state.window.onDone(file.part.packed, { losses, identity: identities.get(slot) });
    }
    for (const { uses } of read.blobs) {
      for (const index of filesOf(uses)) {
        const left = (state.blobsLeft[index] ?? 0) - 1;
        state.blobsLeft[index] = left;
        const part = state.window.parts[index];
        if (left !== 0 || part?.isLast !== true || state.settled[index] === 1) continue;
        this.#finish(state, index, part);
      }
    }
  }

  /** Finishes a file of several blobs: all of its data is in. */
  #finish(state: WindowState, index: number, { packed }: PackedPart): void {
    const open = this.#open.get(packed);
    if (open === undefined) return;
    state.settled[index] = 1;
    this.#open.delete(packed);
    const { file, directory } = open;
    try {
      const { lost, identity } = finishNewFile(directory.fd, file, {
        name: packed.place.name,
        metadata: metadataOf(packed.file, packed.attributes),
        rights: this.#rights,
        strip: directory.inheritsAcl,
        isOwn: directory.givesOwn,
        wantIdentity: packed.attributes.hardLinkKey !== undefined,
      });
      state.window.onDone(packed, { losses: lossesOf(lost), identity });
    } catch (error) {
      state.window.onFailure(packed, targetError(error, "finish the file"), false);
    } finally {
      this.#table.unpin(directory);
    }
  }

  #fail(state: WindowState, index: number, error: ForgeError, again: boolean): void {
    const part = state.window.parts[index];
    if (part === undefined || state.settled[index] === 1) return;
    state.settled[index] = 1;
    this.discard(part.packed);
    state.window.onFailure(part.packed, error, again);
  }
}

function countBlobs(reads: readonly PackRead[], parts: number): Uint32Array {
  const counts = new Uint32Array(parts);
  for (const { blobs } of reads) {
    for (const { uses } of blobs) {
      for (const index of filesOf(uses)) counts[index] = (counts[index] ?? 0) + 1;
    }
  }
  return counts;
}

/** Files that use a blob, each once. */
function filesOf(uses: readonly BlobUse[]): Iterable<number> {
  const [first] = uses;
  if (uses.length === 1 && first !== undefined) return [first.fileIndex];
  return new Set(uses.map((use) => use.fileIndex));
}

/** The blobs of a read that some file of the job still wants, with uses of a file together. */
function jobBlobs(read: PackRead, slots: ReadonlyMap<number, number>): JobBlob[] {
  const blobs: JobBlob[] = [];
  for (const { location, start, uses } of read.blobs) {
    const jobUses: JobUse[] = [];
    for (const { fileIndex, fileOffset, chunkOffset, length } of uses) {
      const slot = slots.get(fileIndex);
      if (slot !== undefined) jobUses.push({ slot, fileOffset, chunkOffset, length });
    }
    jobUses.sort((a, b) => a.slot - b.slot);
    if (jobUses.length > 0) blobs.push({ location, start, uses: jobUses });
  }
  return blobs;
}

const TOO_MANY_OPEN = "too many files are open at the same time";

function tooManyOpen(): ForgeError {
  return new ForgeError("io", `Cannot create the file: ${TOO_MANY_OPEN}`);
}

/** Not the file's fault: written alone, later, it will do. */
function isTooManyOpen(error: unknown): boolean {
  const code = errnoCodeOf(error);
  return (
    code === "EMFILE" ||
    code === "ENFILE" ||
    (isForgeError(error) && error.message.endsWith(TOO_MANY_OPEN))
  );
}
