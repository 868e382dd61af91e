/** BlobDecoder over the asynchronous platform: what a browser uses, and Node where speed is not it. */
import type { Bytes } from "../base/bytes.ts";
import { idBytes } from "../base/ids.ts";
import { openBlob } from "../crypto/blob-id.ts";
import type { KeyRing } from "../crypto/key-ring.ts";
import type { Platform } from "../platform/platform.ts";
import type { BlobDecoder } from "./blob-decoder.ts";

/** Bytes a plaintext's buffer may be larger than it: a few of slack, never a pack. */
const SLACK_BYTES = 64;

export function createPlatformDecoder(platform: Platform, keys: KeyRing): BlobDecoder {
  return {
    async decode(location, sealed): Promise<Bytes> {
      const request = { ...location, objectId: idBytes(location.id) };
      return ownBuffer(await openBlob(platform, keys, request, sealed));
    },
  };
}

/** `plain`, copied when it is a view of something larger, which it would keep alive in a cache. */
export function ownBuffer(plain: Bytes): Bytes {
  return plain.buffer.byteLength - plain.byteLength > SLACK_BYTES ? plain.slice() : plain;
}
