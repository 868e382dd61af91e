/** The thread of the verify pool: takes whole packs, gives verdicts back. */
import { type MessagePort, parentPort, workerData } from "node:worker_threads";

import { assert, isForgeError, messageOf } from "../../base/errors.ts";
import type { KeyRing } from "../../crypto/key-ring.ts";
import { nativeSyncPlatform } from "../../platform/node/native.ts";
import { verifyPackSync } from "../verify-pack.ts";
import type { VerifyAnswer, VerifyJob } from "./verify-pool.ts";

// Structured cloning keeps a KeyRing as it is: it is plain data by contract.
const keys = workerData as KeyRing;

assert(parentPort !== null, "the verify worker is not in a thread");
const port: MessagePort = parentPort;

port.on("message", ({ job, id, bytes, candidates }: VerifyJob) => {
  try {
    const verdict = verifyPackSync(nativeSyncPlatform, keys, { id, bytes, candidates });
    port.postMessage({ job, verdict } satisfies VerifyAnswer);
  } catch (error) {
    const code = isForgeError(error) ? error.code : undefined;
    port.postMessage({ job, code, message: messageOf(error) } satisfies VerifyAnswer);
  }
  // Freed now and not when it is collected: a pack may have 512 MiB.
  bytes.buffer.transfer(0);
});
