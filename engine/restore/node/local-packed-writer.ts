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
import { type PackRead, type ReadPlan, visitFiles } from "../../read/read-plan.ts";
import type { PackedFile, PackedPart, PackedWindow, PackedWriter } from "../restore-target.ts";
import { type DirectoryTable, LocalDirectory } from "./directory-table.ts";
import { type Rights, isModeGivenAtOnce, lossesOf, metadataOf } from "./entry-metadata.ts";
import { type NewFile, beginNewFile, dropNewFile, finishNewFile } from "./new-file.ts";
import type { RestoreWorkerData } from "./restore-worker.ts";
import { type JobFile, NO_SLOT, type SpanAnswer, type SpanJob, encodeSpanJob } from "./span-job.ts";
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
  /** Of each part in the span that is being encoded; `NO_SLOT` between. */
  readonly slotOf: Uint32Array;
}

/** What a span does to one file. */
interface SpanFile {
  /** Of the part in its window. */
  readonly index: number;
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
    const { parts, plan, signal } = window;
    const blobs = countBlobs(plan, parts.length);
    const settled = new Uint8Array(parts.length);
    const slotOf = new Uint32Array(parts.length).fill(NO_SLOT);
    const state: WindowState = { window, blobs, blobsLeft: blobs.slice(), settled, slotOf };
    await mapBounded(plan.reads, { concurrency: SPANS_AT_A_TIME, signal }, async (read) => {
      await this.#budget.acquire(read.span.length);
      try {
        await this.#writeSpan(state, read);
      } finally {
        this.#budget.release(read.span.length);
      }
    });
    // A part without data may be the last of its file, and all of the file one hole.
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
    const { plan } = state.window;
    const indexes = new Set<number>();
    visitFiles(plan, read, (index) => indexes.add(index));
    let bytes: Bytes;
    try {
      bytes = await state.window.read(read);
    } catch (error) {
      if (!isForgeError(error) || error.code === "aborted") throw error;
      for (const index of indexes) this.#fail(state, index, error, true);
      return;
    }
    const files: SpanFile[] = [];
    for (const index of indexes) {
      const file = this.#prepare(state, index);
      if (file !== undefined) files.push(file);
    }
    try {
      const job = encodedJob(state, read, bytes, files);
      const answer = await this.#lanes.run({
        attempt: "Cannot write files",
        make: () => ({ task: job, moved: [job.bytes.buffer] }),
      });
      state.window.onWritten(answer.bytesWritten);
      for (const failure of answer.failures) {
        const error = new ForgeError(failure.code, failure.message);
        this.#fail(state, files[failure.slot]?.index ?? -1, error, failure.again);
      }
      this.#settle(state, read, files, answer);
    } catch (error) {
      if (!isForgeError(error)) throw error;
      for (const { index } of files) this.#fail(state, index, error, true);
    } finally {
      for (const file of files) this.#letGo(file);
    }
  }

  /** Whatever the thread needs to write to a file; held until `#letGo`. */
  #prepare(state: WindowState, index: number): SpanFile | undefined {
    const part = state.window.parts[index];
    if (part === undefined || state.settled[index] === 1) return undefined;
    const { place, file, attributes, replace } = part.packed;
    const { name } = place;
    const directory = directoryOf(part.packed);
    try {
      if (!(part.isFirst && part.isLast && state.blobs[index] === 1)) {
        const open = this.#openFile(part.packed, directory);
        open.users++;
        return { index, part, open, directory, jobFile: { openFd: open.file.fd } };
      }
      if (this.#table.room <= 0) throw tooManyOpen();
      const { sizeBytes, hardLinkKey } = attributes;
      const metadata = metadataOf(file, attributes);
      const jobFile: JobFile = {
        dirfd: this.#table.pin(directory),
        name,
        sizeBytes,
        metadata,
        replace,
        sparse: part.dataBytes < sizeBytes,
        strip: directory.inheritsAcl,
        isOwn: directory.givesOwn,
        hasMode: isModeGivenAtOnce(metadata, directory, this.#rights),
        wantIdentity: hardLinkKey !== undefined,
      };
      return { index, part, open: undefined, directory, jobFile };
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
    files: readonly SpanFile[],
    answer: SpanAnswer,
  ): void {
    const { window, settled, blobsLeft } = state;
    const identities = new Map(answer.identities.map(({ slot, ...rest }) => [slot, rest]));
    for (const [slot, { index, open, part }] of files.entries()) {
      if (open !== undefined || settled[index] === 1) continue;
      settled[index] = 1;
      const losses = lossesOf(answer.lost[slot] ?? 0);
      window.onDone(part.packed, { losses, identity: identities.get(slot) });
    }
    visitFiles(window.plan, read, (index) => {
      const left = (blobsLeft[index] ?? 0) - 1;
      blobsLeft[index] = left;
      const part = window.parts[index];
      if (left === 0 && part?.isLast === true && settled[index] !== 1) {
        this.#finish(state, index, part);
      }
    });
  }

  /** Finishes a file of several blobs: all of its data is in. */
  #finish(state: WindowState, index: number, { packed }: PackedPart): void {
    state.settled[index] = 1;
    let open: OpenFile;
    try {
      open = this.#openFile(packed, directoryOf(packed));
    } catch (error) {
      const failure = targetError(error, "create the file");
      state.window.onFailure(packed, failure, isTooManyOpen(error));
      return;
    }
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

function directoryOf({ place }: PackedFile): LocalDirectory {
  assert(place.directory instanceof LocalDirectory, "a place of another target");
  return place.directory;
}

/** How many blobs of the plan each part uses. */
function countBlobs(plan: ReadPlan, parts: number): Uint32Array {
  const counts = new Uint32Array(parts);
  const all = { firstBlob: 0, endBlob: plan.blobs.starts.length };
  visitFiles(plan, all, (index) => (counts[index] = (counts[index] as number) + 1));
  return counts;
}

function encodedJob(
  { window, slotOf }: WindowState,
  read: PackRead,
  bytes: Bytes,
  files: readonly SpanFile[],
): SpanJob {
  files.forEach(({ index }, slot) => (slotOf[index] = slot));
  const jobFiles = files.map(({ jobFile }) => jobFile);
  const job = encodeSpanJob(bytes, { plan: window.plan, read }, jobFiles, slotOf);
  for (const { index } of files) slotOf[index] = NO_SLOT;
  return job;
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
