/**
 * The restore thread: opens the blobs of a span, checks them against their ids, and writes them
 * where they belong. A file whose data is one blob is made, written and finished in one go. All
 * synchronous: measured 4–10 times cheaper than promises.
 */
import { workerData } from "node:worker_threads";
import type { Bytes } from "../../base/bytes.ts";
import { ForgeError, isForgeError, messageOf } from "../../base/errors.ts";
import { ID_BYTES } from "../../base/ids.ts";
import type { KeyRing } from "../../crypto/key-ring.ts";
import { decodeBlobBriefly } from "../../platform/node/decode-blob.ts";
import { serveLane } from "../../platform/node/serve-thread.ts";
import { CODEC_BY_NUMBER, type Codec } from "../../platform/platform.ts";
import type { FileIdentity } from "../restore-target.ts";
import type { Rights } from "./entry-metadata.ts";
import { beginNewFile, dropNewFile, finishNewFile, writeAll } from "./new-file.ts";
import {
  type JobFile,
  NO_SLOT,
  type SlotFailure,
  type SpanAnswer,
  type SpanJob,
  decodeJobFile,
} from "./span-job.ts";
import { targetError } from "./target-error.ts";

/** What a thread is started with; structured cloning keeps a KeyRing, which is plain data. */
export interface RestoreWorkerData {
  readonly keys: KeyRing;
  readonly rights: Rights;
}

const { keys, rights } = workerData as RestoreWorkerData;

serveLane((job: SpanJob) => ({ result: runJob(job) }));

/** What has become of the files so far. */
interface Progress {
  readonly lost: Uint8Array;
  readonly identities: (FileIdentity & { slot: number })[];
  readonly failures: Map<number, SlotFailure>;
  bytesWritten: number;
}

function runJob(job: SpanJob): SpanAnswer {
  const progress: Progress = {
    lost: new Uint8Array(job.files.fds.length),
    identities: [],
    failures: new Map(),
    bytesWritten: 0,
  };
  let useStart = 0;
  for (let blob = 0; blob < job.blobs.starts.length; blob++) {
    const useEnd = job.blobs.useEnds[blob] as number;
    runBlob(job, blob, { useStart, useEnd }, progress);
    useStart = useEnd;
  }
  freeNow(job.bytes);
  const { lost, identities, failures, bytesWritten } = progress;
  return { lost, identities, failures: [...failures.values()], bytesWritten };
}

function runBlob(
  job: SpanJob,
  blob: number,
  { useStart, useEnd }: { readonly useStart: number; readonly useEnd: number },
  progress: Progress,
): void {
  if (!isWanted(job.slots, useStart, useEnd)) return;
  let plain: Bytes;
  try {
    plain = openBlob(job, blob);
  } catch (error) {
    for (let use = useStart; use < useEnd; use++) {
      fail(progress, job.slots[use] as number, error, { attempt: "open a blob", again: true });
    }
    return;
  }
  for (let use = useStart; use < useEnd;) {
    const slot = job.slots[use] as number;
    let end = use + 1;
    while (end < useEnd && job.slots[end] === slot) end++;
    const isPassedOver = slot === NO_SLOT || progress.failures.has(slot);
    if (!isPassedOver) writeUses(job, { slot, use, end }, plain, progress);
    use = end;
  }
}

function isWanted(slots: Uint32Array, useStart: number, useEnd: number): boolean {
  for (let use = useStart; use < useEnd; use++) if (slots[use] !== NO_SLOT) return true;
  return false;
}

/** @returns the plaintext, valid until the next blob is opened. */
function openBlob({ bytes, blobs }: SpanJob, blob: number): Bytes {
  const start = blobs.starts[blob] as number;
  return decodeBlobBriefly(
    keys,
    {
      kind: "data",
      objectId: blobs.ids.subarray(ID_BYTES * blob, ID_BYTES * (blob + 1)),
      codec: CODEC_BY_NUMBER[blobs.codecs[blob] as number] as Codec,
      epoch: blobs.epochs[blob] as number,
      plainBytes: blobs.plainBytes[blob] as number,
    },
    bytes.subarray(start, start + (blobs.sealedBytes[blob] as number)),
  );
}

/**
 * Gives the memory of `bytes` back at once. Left to the garbage collector, which runs when it sees
 * fit, it took 650 MB where 200 were in use, and a third of all processor time.
 */
function freeNow(bytes: Bytes): void {
  bytes.buffer.transfer(0);
}

/** All uses of the blob by one file. */
function writeUses(
  job: SpanJob,
  { slot, use, end }: { readonly slot: number; readonly use: number; readonly end: number },
  plain: Bytes,
  progress: Progress,
): void {
  const file = decodeJobFile(job.files, slot);
  const writeTo = (fd: number): void => {
    for (let at = use; at < end; at++) {
      const offset = job.uses.chunkOffsets[at] as number;
      const length = job.uses.lengths[at] as number;
      if (offset + length > plain.length) {
        throw new ForgeError("corrupt", "Cannot write the file: a part of it is beyond its blob");
      }
      writeAll(fd, plain.subarray(offset, offset + length), job.uses.fileOffsets[at] as number);
      progress.bytesWritten += length;
    }
  };
  try {
    if ("openFd" in file) writeTo(file.openFd);
    else makeWhole(file, slot, writeTo, progress);
  } catch (error) {
    fail(progress, slot, error, { attempt: "write the file", again: false });
  }
}

function makeWhole(
  file: Exclude<JobFile, { openFd: number }>,
  slot: number,
  writeTo: (fd: number) => void,
  progress: Progress,
): void {
  const { dirfd, name, replace, sparse, sizeBytes, hasMode, metadata } = file;
  const made = beginNewFile(dirfd, name, {
    replace,
    sparseBytes: sparse ? sizeBytes : undefined,
    mode: hasMode ? metadata.mode : undefined,
  });
  try {
    writeTo(made.fd);
  } catch (error) {
    dropNewFile(dirfd, made);
    throw error;
  }
  const { lost, identity } = finishNewFile(dirfd, made, { ...file, rights });
  progress.lost[slot] = lost;
  if (identity !== undefined) progress.identities.push({ ...identity, slot });
}

function fail(
  progress: Progress,
  slot: number,
  error: unknown,
  { attempt, again }: { readonly attempt: string; readonly again: boolean },
): void {
  if (slot === NO_SLOT || progress.failures.has(slot)) return;
  const { code, message } = isForgeError(error) ? error : targetError(error, attempt);
  progress.failures.set(slot, {
    slot,
    code,
    message: message === "" ? messageOf(error) : message,
    again,
  });
}
