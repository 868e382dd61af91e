/**
 * BatchSaver: the files of a batch, one after another: open without following links, fstat, read,
 * cut, dedup, store, fstat again. What is said about a file is what was seen before it was read, so
 * a file that changes meanwhile is read again by the next backup.
 */
import { type BigIntStats, closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";

import type { Bytes } from "../../base/bytes.ts";
import { type ErrorCode, messageOf } from "../../base/errors.ts";
import { ID_BYTES } from "../../base/ids.ts";
import type { ChunkerParameters } from "../../chunking/fastcdc.ts";
import type { FingerprintTable } from "../../index/fingerprint-table.ts";
import { errnoCodeOf } from "../../base/errno-code.ts";
import { seekData, seekHole } from "../../platform/node/libc.ts";
import type { SyncPlatform } from "../../platform/platform.ts";
import type { Xattr } from "../../snapshots/tree-node.ts";
import type { BlobWriter } from "../blob-writer.ts";
import {
  type BatchResult,
  CHUNK_ORIGIN,
  type FailedFile,
  type FileIdentity,
  type FileJob,
  type SavedFile,
} from "../file-pool.ts";
import { type DataExtent, type FileReading, type ReadResult, chunkFile } from "../save-file.ts";
import type { SessionTable } from "../session-table.ts";
import {
  type ChunkOffers,
  type ExchangeMemory,
  type SealedChunk,
  helpSealing,
} from "./chunk-exchange.ts";
import { readXattrs } from "./read-xattrs.ts";
import { sourceStatOf } from "./source-stat.ts";

/** O_NONBLOCK: a fifo put in the place of a file must not hang the backup. */
const OPEN_FLAGS: number = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
/** Reading leaves no trace in atime, where the owner or root asks for it. */
const O_NOATIME: number = constants.O_NOATIME;
/**
 * Time stamps may be this coarse: a file written twice within one tick shows one ctime. A file that
 * young is read only after the tick has passed, so that a later write gets another ctime.
 */
const CTIME_TICK_MS = 20;

export interface BatchSaverOptions {
  readonly platform: SyncPlatform;
  readonly blobs: BlobWriter;
  readonly chunker: ChunkerParameters;
  readonly gearTable: Uint32Array;
  readonly session: SessionTable;
  readonly fingerprints: Pick<FingerprintTable, "mayContain">;
  /**
   * A file turned out to be large: what other threads may help with; absent when there are none.
   * @param bytesLeft Infinity when that is not known, of a long stream.
   */
  readonly openOffers?: ((bytesLeft: number) => ChunkOffers) | undefined;
}

interface PlacedChunk {
  id: Bytes;
  readonly length: number;
  origin: number;
}

/** A stream is large after so many steps of reading; a file after one. */
const STREAM_STEPS = 8;
/** Bytes that a helper seals before its event loop gets a turn, as with files of its own. */
const HELP_TURN_BYTES: number = 16 * 1024 * 1024;
/** Of a chunk that is not sealed yet. */
const NO_ID: Bytes = new Uint8Array(ID_BYTES);
/** Sealed here after all, and counted here. */
const NOTHING = { blobs: 0, plainBytes: 0, sealedBytes: 0 } as const;

export class BatchSaver {
  readonly #options: BatchSaverOptions;
  readonly #scratch: Bytes;
  readonly #sleep: Int32Array = new Int32Array(new SharedArrayBuffer(4));
  #noAtime = O_NOATIME;
  #chunks: PlacedChunk[] = [];
  /** What helpers have stored for files of this batch. */
  #helped = { blobs: 0, plainBytes: 0, sealedBytes: 0 };

  constructor(options: BatchSaverOptions) {
    this.#options = options;
    this.#scratch = new Uint8Array(2 * options.chunker.maxBytes);
  }

  async save(jobs: readonly FileJob[]): Promise<BatchResult> {
    this.#chunks = [];
    this.#helped = { blobs: 0, plainBytes: 0, sealedBytes: 0 };
    const files: (SavedFile | FailedFile)[] = [];
    for (const job of jobs) files.push(await this.#saveOne(job));
    const totals = this.#options.blobs.takeTotals();
    const count = this.#chunks.length;
    const ids = new Uint8Array(count * ID_BYTES);
    const lengths = new Uint32Array(count);
    const origins = new Uint8Array(count);
    this.#chunks.forEach((chunk, i) => {
      ids.set(chunk.id, i * ID_BYTES);
      lengths[i] = chunk.length;
      origins[i] = chunk.origin;
    });
    return {
      files,
      ids,
      lengths,
      origins,
      newBlobs: totals.blobs + this.#helped.blobs,
      newPlainBytes: totals.plainBytes + this.#helped.plainBytes,
      newSealedBytes: totals.sealedBytes + this.#helped.sealedBytes,
    };
  }

  /** Seals chunks that another thread cuts. @param leave Not 0 when this thread is wanted elsewhere. */
  async help(memory: ExchangeMemory, leave: Int32Array): Promise<void> {
    await helpSealing(memory, {
      leave,
      scratch: this.#scratch,
      turnBytes: HELP_TURN_BYTES,
      seal: (chunk, trustFingerprints) => ({
        ...this.#seal(chunk, trustFingerprints),
        ...this.#options.blobs.takeTotals(),
      }),
    });
  }

  /** Only what the world does to one file is caught; a failure to store is the backup's. */
  async #saveOne(job: FileJob): Promise<SavedFile | FailedFile> {
    const chunksBefore = this.#chunks.length;
    let fd: number;
    try {
      fd = "fd" in job.input ? job.input.fd : this.#open(job.input.path);
    } catch (error) {
      return failed("open", error);
    }
    try {
      return "fd" in job.input ? await this.#saveStream(fd, job) : await this.#saveRegular(fd, job);
    } catch (error) {
      if (errnoCodeOf(error) === undefined) throw error;
      // The chunks stored stay, unreferenced unless another file has them.
      this.#chunks.length = chunksBefore;
      return failed("read", error);
    } finally {
      closeSync(fd);
    }
  }

  #open(path: Bytes): number {
    const name = Buffer.from(path.buffer, path.byteOffset, path.byteLength);
    try {
      return openSync(name, OPEN_FLAGS | this.#noAtime);
    } catch (error) {
      if (errnoCodeOf(error) !== "EPERM" || this.#noAtime === 0) throw error;
      return openSync(name, OPEN_FLAGS);
    }
  }

  async #saveRegular(fd: number, job: FileJob): Promise<SavedFile | FailedFile> {
    const before = fstatSync(fd, { bigint: true });
    if (!before.isFile()) {
      return { code: "source-changed", message: "it is no regular file any more" };
    }
    this.#waitForTick(before);
    const isSame = job.stat !== undefined && sameFile(before, job.stat);
    const sizeBytes = Number(before.size);
    const warnings: string[] = [];
    const xattrs = xattrsOf(fd, warnings);
    const firstChunk = this.#chunks.length;
    const result = await this.#read(
      {
        readInto: (buffer, at, length, position) => readSync(fd, buffer, at, length, position),
        extents: extentsOf(fd, before),
        sizeBytes,
        bytesMax: sizeBytes,
      },
      job.trustFingerprints,
    );
    const after = fstatSync(fd, { bigint: true });
    return {
      ...result,
      chunkCount: this.#chunks.length - firstChunk,
      xattrs,
      stat: isSame ? undefined : sourceStatOf(before),
      changed:
        after.mtimeNs !== before.mtimeNs ||
        after.size !== before.size ||
        result.sizeBytes !== sizeBytes,
      warnings,
    };
  }

  /** A pipe: read to its end; there is nothing to compare it with. */
  async #saveStream(fd: number, job: FileJob): Promise<SavedFile> {
    const firstChunk = this.#chunks.length;
    const result = await this.#read(
      {
        readInto: (buffer, at, length) => readSync(fd, buffer, at, length, null),
        extents: [{ offset: 0, length: Number.MAX_SAFE_INTEGER }],
        sizeBytes: 0,
        bytesMax: Number.MAX_SAFE_INTEGER,
      },
      job.trustFingerprints,
    );
    return {
      ...result,
      chunkCount: this.#chunks.length - firstChunk,
      xattrs: [],
      stat: undefined,
      changed: false,
      warnings: [],
    };
  }

  async #read(reading: FileReading, trustFingerprints: boolean): Promise<ReadResult> {
    const { platform, chunker, gearTable, openOffers } = this.#options;
    let offers: ChunkOffers | undefined;
    let stepCount = 0;
    let cutBytes = 0;
    const steps = chunkFile(reading, {
      platform,
      chunker,
      gearTable,
      scratch: this.#scratch,
      onChunk: (chunk) => {
        cutBytes += chunk.length;
        this.#saveChunk(chunk, trustFingerprints, offers);
      },
    });
    try {
      for (;;) {
        const step = steps.next();
        if (step.done === true) return step.value;
        const isStream = reading.bytesMax === Number.MAX_SAFE_INTEGER;
        if (++stepCount === (isStream ? STREAM_STEPS : 1)) {
          offers = openOffers?.(isStream ? Infinity : reading.sizeBytes - cutBytes);
        }
        await nextTurn();
      }
    } finally {
      // Also when reading failed: what was offered is under way.
      offers?.close((chunk, trust) => ({ ...this.#seal(chunk, trust), ...NOTHING }));
    }
  }

  #saveChunk(chunk: Bytes, trustFingerprints: boolean, offers: ChunkOffers | undefined): void {
    const placed: PlacedChunk = { id: NO_ID, length: chunk.length, origin: CHUNK_ORIGIN.session };
    this.#chunks.push(placed);
    if (offers !== undefined) {
      const onSealed = (sealed: SealedChunk): void => {
        placed.id = sealed.id;
        placed.origin = sealed.origin;
        this.#helped.blobs += sealed.blobs;
        this.#helped.plainBytes += sealed.plainBytes;
        this.#helped.sealedBytes += sealed.sealedBytes;
      };
      if (offers.offer(chunk, trustFingerprints, onSealed)) return;
    }
    const { id, origin } = this.#seal(chunk, trustFingerprints);
    placed.id = id;
    placed.origin = origin;
  }

  #seal(chunk: Bytes, trustFingerprints: boolean): Pick<SealedChunk, "id" | "origin"> {
    const { blobs, fingerprints, session } = this.#options;
    const id = blobs.id("data", chunk);
    const isKnown = trustFingerprints && fingerprints.mayContain(id);
    if (!isKnown && session.claim(id)) blobs.store("data", id, chunk);
    return { id, origin: isKnown ? CHUNK_ORIGIN.fingerprint : CHUNK_ORIGIN.session };
  }

  #waitForTick(stats: BigIntStats): void {
    const ageMs = Date.now() - Number(stats.ctimeMs);
    if (ageMs >= 0 && ageMs < CTIME_TICK_MS) Atomics.wait(this.#sleep, 0, 0, CTIME_TICK_MS - ageMs);
  }
}

function sameFile(stats: BigIntStats, stat: FileIdentity): boolean {
  return (
    stats.mtimeNs === stat.mtimeNs &&
    stats.ctimeNs === stat.ctimeNs &&
    Number(stats.size) === stat.sizeBytes &&
    stats.ino === stat.inode &&
    stats.dev === stat.device
  );
}

/** Where the file has data. Asked for only when it takes less space than its size. */
function extentsOf(fd: number, stats: BigIntStats): readonly DataExtent[] {
  const sizeBytes = Number(stats.size);
  if (sizeBytes === 0) return [];
  if (stats.blocks * 512n >= stats.size) return [{ offset: 0, length: sizeBytes }];
  const extents: DataExtent[] = [];
  for (let position = 0; position < sizeBytes;) {
    const offset = seekData(fd, position);
    if (offset === undefined || offset >= sizeBytes) break;
    const end = Math.min(seekHole(fd, offset) ?? sizeBytes, sizeBytes);
    // A file that is cut short while it is looked at.
    if (end <= offset) break;
    extents.push({ offset, length: end - offset });
    position = end;
  }
  return extents;
}

function xattrsOf(fd: number, warnings: string[]): readonly Xattr[] {
  try {
    return readXattrs(fd, (warning) => warnings.push(warning));
  } catch (error) {
    warnings.push(`its extended attributes cannot be listed: ${messageOf(error)}`);
    return [];
  }
}

function failed(verb: string, error: unknown): FailedFile {
  const errno = errnoCodeOf(error);
  return { code: codeOf(errno), message: `cannot ${verb} it: ${messageOf(error)}` };
}

/** Errors that say the entry is not what the walk saw. */
const VANISHED: ReadonlySet<string> = new Set(["ENOENT", "ELOOP", "ENOTDIR", "ENXIO", "ESTALE"]);

function codeOf(errno: string | undefined): ErrorCode {
  if (errno === "EACCES" || errno === "EPERM") return "permission";
  return errno !== undefined && VANISHED.has(errno) ? "source-changed" : "io";
}
