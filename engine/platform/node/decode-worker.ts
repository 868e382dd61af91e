/** The thread of the decode pool: takes sealed blobs, gives verified plaintext back. */
import { workerData } from "node:worker_threads";

import type { KeyRing } from "../../crypto/key-ring.ts";
import { decodeBlobSync } from "./decode-blob.ts";
import type { DecodeTask } from "./decode-pool.ts";
import { directCrypto } from "./direct-crypto.ts";
import { bindZstd } from "./direct-zstd.ts";
import { serveLane } from "./serve-thread.ts";

// Structured cloning keeps a KeyRing as it is: it is plain data by contract.
const keys = workerData as KeyRing;

// Found before the first blob comes and not when it does, which would wait 10 ms for it.
directCrypto();
bindZstd();

serveLane(({ location, sealed }: DecodeTask) => {
  const result = decodeBlobSync(keys, location, sealed);
  // Freed now and not when it is collected, which would be 50 MB a thread later. A blob that was
  // stored as it is may be a view of what was sealed: then that is what is moved.
  if (result.buffer !== sealed.buffer) sealed.buffer.transfer(0);
  return { result, moved: [result.buffer] };
});
