/** The thread of the verify pool: takes whole packs, gives verdicts back. */
import { workerData } from "node:worker_threads";

import type { KeyRing } from "../../crypto/key-ring.ts";
import { nativeSyncPlatform } from "../../platform/node/native.ts";
import { serveLane } from "../../platform/node/serve-thread.ts";
import { verifyPackSync } from "../verify-pack.ts";
import type { VerifyTask } from "./verify-pool.ts";

// Structured cloning keeps a KeyRing as it is: it is plain data by contract.
const keys = workerData as KeyRing;

serveLane(({ id, bytes, candidates }: VerifyTask) => {
  try {
    return { result: verifyPackSync(nativeSyncPlatform, keys, { id, bytes, candidates }) };
  } finally {
    // Freed now and not when it is collected: a pack may have 512 MiB.
    bytes.buffer.transfer(0);
  }
});
