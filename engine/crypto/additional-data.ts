/** The additional data of an envelope: what a sealed object is bound to. FORMAT.md "Envelope". */
import type { Bytes } from "../base/bytes.ts";
import { CIPHERS, CODECS } from "../platform/platform.ts";
import type { OpenRequest } from "./envelope.ts";
import { type KeyRing, SEALED_KINDS } from "./key-ring.ts";

const MAGIC = Uint8Array.from("FORGEv1\0", (letter) => letter.charCodeAt(0));

/**
 * | offset | size | field |
 * |---|---|---|
 * | 0 | 8 | `"FORGEv1" ‖ 0` |
 * | 8 | 1 each | kind, epoch, cipher, codec |
 * | 12 | 4 | plain length |
 * | 16 | 32 | repository id |
 * | 48 | 32 | object id |
 * | 80 | 4 each | the extra numbers, when there are any |
 */
export function additionalData(keys: KeyRing, request: OpenRequest): Bytes {
  return additionalDataBriefly(keys, request).slice();
}

const aadMemory = new Uint8Array(88);
const aadView = new DataView(aadMemory.buffer);
const aadWithoutExtra: Bytes = aadMemory.subarray(0, 80);

/** `additionalData` for a call that is done with it at once: in memory that is used again. */
export function additionalDataBriefly(keys: KeyRing, request: OpenRequest): Bytes {
  const { kind, objectId, codec, epoch, plainBytes, extra } = request;
  const aad = extra === undefined ? aadWithoutExtra : aadMemory;
  const view = aadView;
  aad.set(MAGIC);
  aad[8] = SEALED_KINDS[kind];
  aad[9] = epoch;
  aad[10] = CIPHERS[keys.cipher];
  aad[11] = CODECS[codec];
  view.setUint32(12, plainBytes, true);
  aad.set(keys.repositoryId, 16);
  aad.set(objectId, 48);
  if (extra !== undefined) {
    view.setUint32(80, extra.first, true);
    view.setUint32(84, extra.second, true);
  }
  return aad;
}
