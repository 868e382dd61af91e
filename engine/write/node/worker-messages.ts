/** What the file pool and its worker threads say to each other. */
import type { Bytes } from "../../base/bytes.ts";
import type { PackId } from "../../base/ids.ts";
import type { ChunkerParameters } from "../../chunking/fastcdc.ts";
import type { Compression } from "../../crypto/envelope.ts";
import type { KeyRing } from "../../crypto/key-ring.ts";
import type { ExchangeMemory } from "./chunk-exchange.ts";
import type { JobColumns, ResultColumns } from "./batch-columns.ts";

export interface WorkerSetup {
  readonly keys: KeyRing;
  readonly chunker: ChunkerParameters;
  readonly compression: Compression;
  readonly packBytes: number;
  readonly session: SharedArrayBuffer;
  readonly fingerprints: SharedArrayBuffer;
  /** One Int32: packs of this worker that are not stored yet. The worker waits on it. */
  readonly packsInFlight: SharedArrayBuffer;
  /** Other threads that may help with a large file. */
  readonly helpersMax: number;
}

export type ToWorker =
  | { readonly type: "save"; readonly number: number; readonly jobs: JobColumns }
  | { readonly type: "flush" }
  /** A pack of this worker's is stored: its memory, to be used again. */
  | { readonly type: "stored"; readonly bytes: Bytes }
  /** Seal what another worker cuts, until it has no more or `leave`, one Int32, is not 0. */
  | {
      readonly type: "help";
      readonly exchange: ExchangeMemory;
      readonly leave: SharedArrayBuffer;
    };

export type FromWorker =
  | { readonly type: "saved"; readonly number: number; readonly result: ResultColumns }
  | {
      readonly type: "pack";
      readonly id: PackId;
      readonly bytes: Bytes;
      /** The pack's directory as it stands in it: one buffer travels cheaper than many entries. */
      readonly directory: Bytes;
    }
  | { readonly type: "flushed" }
  /** A file is so large that others may help; a worker has the same memory each time. */
  | { readonly type: "large"; readonly exchange: ExchangeMemory; readonly bytesLeft: number }
  | { readonly type: "helped" }
  /** The worker cannot go on: a defect, or memory. */
  | { readonly type: "failed"; readonly message: string };
