/** VerifyPool: packs are verified by worker threads, one pack each at a time. */
import type { Bytes } from "../../base/bytes.ts";
import type { PackId } from "../../base/ids.ts";
import type { KeyRing } from "../../crypto/key-ring.ts";
import type { PackEntry } from "../../packs/pack-format.ts";
import { WorkerLanes } from "../../platform/node/worker-lanes.ts";
import { threadModule } from "../../platform/node/worker-thread.ts";
import type { PackVerdict, PackVerifier } from "../verify-pack.ts";

export interface VerifyPool extends PackVerifier {
  /** Stops the threads. Packs under way are rejected as "aborted". */
  close(): Promise<void>;
}

/** The message to a verifying thread; it gives a PackVerdict back. */
export interface VerifyTask {
  readonly id: PackId;
  readonly bytes: Bytes;
  readonly candidates: readonly PackEntry[] | undefined;
}

/** @param options.workers Threads at most; each is started when the others are busy. */
export function createVerifyPool(options: {
  readonly keys: KeyRing;
  readonly workers: number;
}): VerifyPool {
  const lanes = new WorkerLanes<VerifyTask, PackVerdict>({
    module: threadModule("./verify-worker", import.meta.url),
    name: "forge-verify",
    data: options.keys,
    lanes: Math.max(1, options.workers),
  });
  return {
    verify: (id, bytes, candidates) =>
      lanes.run({
        attempt: `Cannot verify pack ${id}`,
        make: () => {
          // Only a buffer of its own may be moved to the thread.
          const own = bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice();
          return { task: { id, bytes: own, candidates }, moved: [own.buffer] };
        },
      }),
    close: () => lanes.close(),
  };
}
