/**
 * Blob ids: keyed BLAKE3 of the plaintext, one key a kind, so that equal content has one name in
 * one repository and none that an outsider can compute. FORMAT.md "Blobs and chunking".
 */
import { type Bytes, equalBytes, toHex } from "../base/bytes.ts";
import { ForgeError } from "../base/errors.ts";
import type { Platform, SyncPlatform } from "../platform/platform.ts";
import {
  type AsyncOpeningPlatform,
  type BriefOpeningPlatform,
  type OpenRequest,
  type OpeningPlatform,
  open,
  openSync,
  openSyncBriefly,
} from "./envelope.ts";
import type { BlobKind, KeyRing } from "./key-ring.ts";

/** The blob id of `plain`: 32 bytes, a fresh buffer. */
export function blobIdSync(
  platform: Pick<SyncPlatform, "keyedHash">,
  keys: Pick<KeyRing, "blobIdKeys">,
  kind: BlobKind,
  plain: Bytes,
): Bytes {
  return platform.keyedHash(keys.blobIdKeys[kind], plain);
}

/** `blobIdSync` where the platform is asynchronous. */
export function blobId(
  platform: Pick<Platform, "keyedHash">,
  keys: Pick<KeyRing, "blobIdKeys">,
  kind: BlobKind,
  plain: Bytes,
): Promise<Bytes> {
  return platform.keyedHash(keys.blobIdKeys[kind], plain);
}

/** An `OpenRequest` for a blob: `objectId` is its id. */
export interface OpenBlobRequest extends OpenRequest {
  readonly kind: BlobKind;
}

/**
 * Opens a blob and checks its content against its id. Whoever holds the keys can seal anything
 * under any id; this is what makes such harm an error instead of wrong data.
 *
 * @returns the plaintext; ownership as `openSync`.
 * @throws ForgeError "corrupt" as `openSync`, and when the id does not fit.
 */
export function openBlobSync(
  platform: OpeningPlatform,
  keys: KeyRing,
  request: OpenBlobRequest,
  sealed: Bytes,
): Bytes {
  return checkedSync(platform, keys, request, openSync(platform, keys, request, sealed));
}

/** `openBlobSync` for who is done with the plaintext before the next call, which may overwrite it. */
export function openBlobBriefly(
  platform: BriefOpeningPlatform,
  keys: KeyRing,
  request: OpenBlobRequest,
  sealed: Bytes,
): Bytes {
  return checkedSync(platform, keys, request, openSyncBriefly(platform, keys, request, sealed));
}

/** `openBlobSync` where the platform is asynchronous. */
export async function openBlob(
  platform: AsyncOpeningPlatform,
  keys: KeyRing,
  request: OpenBlobRequest,
  sealed: Bytes,
): Promise<Bytes> {
  const plain = await open(platform, keys, request, sealed);
  checkId(request, await blobId(platform, keys, request.kind, plain));
  return plain;
}

/** @returns `plain`. */
function checkedSync(
  platform: OpeningPlatform,
  keys: KeyRing,
  request: OpenBlobRequest,
  plain: Bytes,
): Bytes {
  checkId(request, blobIdSync(platform, keys, request.kind, plain));
  return plain;
}

function checkId({ kind, objectId }: OpenBlobRequest, found: Bytes): void {
  if (equalBytes(objectId, found)) return;
  throw new ForgeError(
    "corrupt",
    `Cannot use ${kind} blob ${toHex(objectId)}: its content has the id ${toHex(found)}`,
  );
}
