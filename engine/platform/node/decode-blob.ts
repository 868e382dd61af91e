/** Opens and verifies one blob on the calling thread: what the decode pool and its workers do. */
import type { Bytes } from "../../base/bytes.ts";
import { idBytes } from "../../base/ids.ts";
import { type OpenBlobRequest, openBlobBriefly, openBlobSync } from "../../crypto/blob-id.ts";
import type { KeyRing } from "../../crypto/key-ring.ts";
import type { BlobLocation } from "../../index/blob-location.ts";
import { nativeSyncPlatform } from "./native.ts";

/** Slack that a decompressed buffer may have behind its end; more means a view of something else. */
const SLACK_BYTES = 64;

/**
 * @returns the plaintext in a buffer of its own.
 * @throws ForgeError "corrupt".
 */
export function decodeBlobSync(keys: KeyRing, location: BlobLocation, sealed: Bytes): Bytes {
  const plain = openBlobSync(nativeSyncPlatform, keys, requestOf(location), sealed);
  // With codec "none" the result may be a view of what was read.
  return plain.buffer.byteLength - plain.byteLength > SLACK_BYTES ? plain.slice() : plain;
}

/**
 * `decodeBlobSync` for who is done with the plaintext before the thread opens the next blob, of whatever
 * kind: then it is overwritten.
 */
export function decodeBlobBriefly(keys: KeyRing, request: OpenBlobRequest, sealed: Bytes): Bytes {
  return openBlobBriefly(nativeSyncPlatform, keys, request, sealed);
}

function requestOf(location: BlobLocation): OpenBlobRequest {
  const { id, kind, codec, epoch, plainBytes } = location;
  return { kind, objectId: idBytes(id), codec, epoch, plainBytes };
}
