/** What checking and repairing need of Node: threads that verify, one decoder, the platform. */
import type { KeyRing } from "../../crypto/key-ring.ts";
import { createDecodePool } from "../../platform/node/decode-pool.ts";
import { nativeSyncPlatform } from "../../platform/node/native.ts";
import type { SyncPlatform } from "../../platform/platform.ts";
import type { BlobDecoder } from "../../read/blob-decoder.ts";
import type { PackVerifier } from "../verify-pack.ts";
import { createVerifyPool } from "./verify-pool.ts";

export interface CheckTools {
  readonly decoder: BlobDecoder;
  readonly verifier: PackVerifier;
  readonly platform: SyncPlatform;
}

/** @param options.threads That verify packs, and again that open large trees. */
export async function withCheckTools<Result>(
  options: { readonly keys: KeyRing; readonly threads: number },
  work: (tools: CheckTools) => Promise<Result>,
): Promise<Result> {
  const decoder = createDecodePool({ keys: options.keys, workers: options.threads });
  const verifier = createVerifyPool({ keys: options.keys, workers: options.threads });
  try {
    return await work({ decoder, verifier, platform: nativeSyncPlatform });
  } finally {
    await Promise.all([decoder.close(), verifier.close()]);
  }
}
