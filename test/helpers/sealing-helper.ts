/** A thread that helps to seal: an id is the SHA-256 of its chunk. */
import { createHash } from "node:crypto";
import { parentPort, workerData } from "node:worker_threads";
import { type ExchangeMemory, helpSealing } from "../../engine/write/node/chunk-exchange.ts";

export interface SealingHelperData {
  readonly exchange: ExchangeMemory;
  readonly leave: SharedArrayBuffer;
  /** First bytes of chunks that make it fail, and end its thread. */
  readonly failing: number;
  readonly deadly: number;
}

const { exchange, leave, failing, deadly } = workerData as SealingHelperData;
let sealed = 0;
helpSealing(exchange, {
  leave: new Int32Array(leave),
  scratch: new Uint8Array(exchange.slotBytes),
  turnBytes: 50_000,
  seal: (chunk, trustFingerprints) => {
    if (chunk[0] === failing) throw new Error("as told");
    if (chunk[0] === deadly) process.exit(3);
    sealed++;
    const id = new Uint8Array(createHash("sha256").update(chunk).digest());
    const origin = trustFingerprints ? 1 : 0;
    return { id, origin, blobs: 1, plainBytes: chunk.length, sealedBytes: chunk.length + 28 };
  },
}).then(
  () => parentPort?.postMessage({ sealed }),
  (error: unknown) => parentPort?.postMessage({ error: String(error) }),
);
