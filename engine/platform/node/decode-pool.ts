/**
 * DecodePool: the read side's BlobDecoder on Node. Small blobs are opened at once on the calling
 * thread, where they cost less than a message (30 µs); larger ones in worker threads, the bytes moved
 * there and back without a copy.
 *
 * Of `platform/` only the decode pool knows `crypto/` and the read side's interface: it is where the
 * engine's own work meets Node's threads.
 */
import type { Bytes } from "../../base/bytes.ts";
import { ByteBudget } from "../../base/concurrency.ts";
import type { KeyRing } from "../../crypto/key-ring.ts";
import type { BlobLocation } from "../../index/blob-location.ts";
import type { BlobDecoder } from "../../read/blob-decoder.ts";
import { decodeBlobSync } from "./decode-blob.ts";
import { WorkerLanes } from "./worker-lanes.ts";
import { threadModule } from "./worker-thread.ts";

export interface DecodePoolOptions {
  readonly keys: KeyRing;
  /** Threads at most; each is started when the others are busy. */
  readonly workers: number;
  /** Plaintext up to this many bytes is opened on the calling thread. */
  readonly inlineBytesMax?: number | undefined;
  /** Threads from the first large blob on, although it has to wait until one has started. */
  readonly eager?: boolean | undefined;
}

export interface DecodePool extends BlobDecoder {
  /** Starts all threads now; nothing once it is closed. */
  startThreads(): void;
  /** Stops the threads. Blobs under way are rejected as "aborted". */
  close(): Promise<void>;
}

/** The message to a decoding thread; it gives the plaintext back. */
export interface DecodeTask {
  readonly location: BlobLocation;
  readonly sealed: Bytes;
}

/** 64 KiB decrypt and decompress in about 60 µs; a round trip to a thread costs 30 µs and a wait. */
const INLINE_BYTES_MAX_DEFAULT = 64 * 1024;
/**
 * Pages of directories and lists, of which few are as large: they pack well and open in 0.2 ms, where
 * the first to go to a thread pays for its start, 70 ms of processor time.
 */
const INLINE_PAGE_BYTES_MAX: number = 256 * 1024;
/**
 * Threads are started with this large blob; those before it, and those that come while they start, are
 * opened on the calling thread: a few milliseconds each, where the start takes 70.
 */
const THREADS_FROM_BLOB = 3;
/** Sealed bytes given to threads or waiting for one; beyond, `decode` itself waits. */
const QUEUED_BYTES_MAX: number = 128 * 1024 * 1024;

/** A pool without threads until there are large blobs, or `startThreads`. Idle threads do not keep the process alive. */
export function createDecodePool(options: DecodePoolOptions): DecodePool {
  const { keys, workers, inlineBytesMax } = options;
  const isInline = ({ kind, plainBytes }: BlobLocation): boolean => {
    const bytesMax = kind === "data" ? INLINE_BYTES_MAX_DEFAULT : INLINE_PAGE_BYTES_MAX;
    return plainBytes <= (inlineBytesMax ?? bytesMax);
  };
  const budget = new ByteBudget(QUEUED_BYTES_MAX);
  let largeBlobs = 0;
  const lanes = new WorkerLanes<DecodeTask, Bytes>({
    module: threadModule("./decode-worker", import.meta.url),
    name: "forge-decode",
    data: keys,
    lanes: workers,
  });
  return {
    async decode(location, sealed): Promise<Bytes> {
      if (workers === 0 || isInline(location)) {
        return decodeBlobSync(keys, location, sealed);
      }
      if (options.eager !== true && !lanes.isReady) {
        if (++largeBlobs >= THREADS_FROM_BLOB) lanes.startFirst();
        return decodeBlobSync(keys, location, sealed);
      }
      const bytes = sealed.byteLength;
      await budget.acquire(bytes);
      try {
        return await lanes.run({
          attempt: `Cannot open ${location.kind} blob ${location.id}`,
          make: () => {
            // Only a buffer of its own may be moved away; a part of a larger read is copied.
            const own = sealed.byteLength === sealed.buffer.byteLength ? sealed : sealed.slice();
            return { task: { location, sealed: own }, moved: [own.buffer] };
          },
        });
      } finally {
        budget.release(bytes);
      }
    },
    decodeNow(location, sealed): Bytes | undefined {
      if (!isInline(location)) return undefined;
      return decodeBlobSync(keys, location, sealed);
    },
    startThreads: () => lanes.startAll(),
    close: () => lanes.close(),
  };
}
