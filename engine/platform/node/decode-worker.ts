/** The thread of the decode pool: takes sealed blobs, gives verified plaintext back. */
import { type MessagePort, parentPort, workerData } from "node:worker_threads";

import { assert, isForgeError, messageOf } from "../../base/errors.ts";
import type { KeyRing } from "../../crypto/key-ring.ts";
import { decodeBlobSync } from "./decode-blob.ts";
import type { DecodeAnswer, DecodeJob } from "./decode-pool.ts";

// Structured cloning keeps a KeyRing as it is: it is plain data by contract.
const keys = workerData as KeyRing;

assert(parentPort !== null, "the decode worker is not in a thread");
const port: MessagePort = parentPort;

port.on("message", (message: DecodeJob | "end") => {
  // The thread ends by itself once nothing can come any more.
  if (message === "end") {
    port.close();
    return;
  }
  const { job, location, sealed } = message;
  try {
    const plain = decodeBlobSync(keys, location, sealed);
    port.postMessage({ job, plain } satisfies DecodeAnswer, [plain.buffer]);
    // Freed now and not when it is collected, which would be 50 MB a thread later. (Moved away
    // already when the plaintext is a part of it.)
    sealed.buffer.transfer(0);
  } catch (error) {
    const code = isForgeError(error) ? error.code : undefined;
    port.postMessage({ job, code, message: messageOf(error) } satisfies DecodeAnswer);
  }
});
