/**
 * Keys that never change, and seals that fit whatever was changed: a decoder behind a tag is reached
 * only by what carries the right tag. Cipher "none" leaves the plaintext in clear, so that mutated
 * bytes are mutated plaintext; its tag is a keyed hash (FORMAT.md "Envelope").
 */
import { type Bytes, concatBytes, equalBytes } from "../../engine/base/bytes.ts";
import { type RepositoryId, idOf } from "../../engine/base/ids.ts";
import { type KeyRing, SEALED_KINDS, type SealedKind } from "../../engine/crypto/key-ring.ts";
import { deriveKeyRing } from "../../engine/crypto/master-key.ts";
import { nativePlatform, nativeSyncPlatform } from "../../engine/platform/node/native.ts";
import { CIPHERS, type Platform, type SyncPlatform } from "../../engine/platform/platform.ts";
import {
  DEFAULT_CHUNKER,
  DEFAULT_DATA_PACK_BYTES,
  DEFAULT_TREE_PACK_BYTES,
} from "../../engine/repository/config.ts";
import type { Repository } from "../../engine/repository/repository.ts";
import { MemoryBackend } from "../../engine/storage/memory.ts";

export const OBJECT_ID: Bytes = new Uint8Array(32).fill(0x5a);
const ENVELOPE_MAGIC = new TextEncoder().encode("FORGEv1\0");
const OBJECT_MAGIC = new TextEncoder().encode("FOBJ");
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

export const keys: KeyRing = await deriveKeyRing(
  nativePlatform,
  {
    masterKey: Uint8Array.from({ length: 32 }, (_, i) => i),
    epochKeys: [32, 64].map((from) => Uint8Array.from({ length: 32 }, (_, i) => from + i)),
  },
  { repositoryId: Uint8Array.from({ length: 32 }, (_, i) => 128 + i), cipher: "none" },
);

/**
 * The key of an object is a hash of its name, which is nearly always the same one: it is derived once,
 * for making the seals and for the decoders, whose other work this is to leave time for. With a fresh
 * key the keyed hash would need a fresh state as well.
 */
const derived = new Map<Bytes, { readonly data: Bytes; readonly key: Bytes }>();

function derivedKey(from: Bytes, data: Bytes): Bytes {
  const known = derived.get(from);
  if (known !== undefined && equalBytes(known.data, data)) return known.key;
  const key = nativeSyncPlatform.hmacSha256(from, data);
  derived.set(from, { data: data.slice(), key });
  return key;
}

export const fuzzSyncPlatform: SyncPlatform = { ...nativeSyncPlatform, hmacSha256: derivedKey };
export const fuzzPlatform: Platform = {
  ...nativePlatform,
  hmacSha256: (key, data) => Promise.resolve(derivedKey(key, data)),
};

let onlyObject: Promise<Bytes>;
const backend = new MemoryBackend({ nowMs: () => 0 });
backend.read = () => onlyObject;

/** A repository of those keys, with `bytes` as its only object under any name, until the next call. */
export function repositoryWith(bytes: Bytes): Repository {
  onlyObject = Promise.resolve(bytes);
  return repository;
}

const repository: Repository = {
  backend,
  platform: fuzzPlatform,
  keys,
  config: {
    id: idOf<RepositoryId>(keys.repositoryId),
    cipher: "none",
    chunker: DEFAULT_CHUNKER,
    dataPackBytes: DEFAULT_DATA_PACK_BYTES,
    treePackBytes: DEFAULT_TREE_PACK_BYTES,
    createdMs: 0,
  },
};

export interface SealFacts {
  readonly kind: SealedKind;
  readonly objectId: Bytes;
  readonly epoch: number;
  /** As in the header, whatever it says. */
  readonly codec: number;
  readonly plainBytes: number;
  readonly extra?: readonly [number, number];
}

/** Makes the last 16 bytes of `sealed` the tag that fits the rest, when there is a key for it. */
export function fixTag(sealed: Bytes, facts: SealFacts): void {
  const sealKey = keys.sealKeys[facts.epoch]?.[SEALED_KINDS[facts.kind]];
  if (sealKey === undefined || sealed.length < NONCE_BYTES + TAG_BYTES) return;
  const key = derivedKey(sealKey, facts.objectId);
  const body = sealed.subarray(0, sealed.length - TAG_BYTES);
  const tag = nativeSyncPlatform.keyedHash(key, concatBytes([aadOf(facts), body]));
  sealed.set(tag.subarray(0, TAG_BYTES), sealed.length - TAG_BYTES);
}

/** Written from FORMAT.md and not with the engine's code. */
function aadOf({ kind, objectId, epoch, codec, plainBytes, extra }: SealFacts): Bytes {
  const aad = new Uint8Array(extra === undefined ? 80 : 88);
  const view = new DataView(aad.buffer);
  aad.set(ENVELOPE_MAGIC);
  aad.set([SEALED_KINDS[kind], epoch, CIPHERS.none, codec], 8);
  view.setUint32(12, plainBytes, true);
  aad.set(keys.repositoryId, 16);
  aad.set(objectId, 48);
  extra?.forEach((number, i) => {
    view.setUint32(80 + 4 * i, number, true);
  });
  return aad;
}

/** `plain` as a standalone object that opens. */
export function sealedStandalone(
  kind: "snapshot" | "lease" | "tombstone" | "plan",
  plain: Bytes,
  beat?: number,
): Bytes {
  const header = new Uint8Array(12);
  header.set(OBJECT_MAGIC);
  header.set([1, SEALED_KINDS[kind], keys.currentEpoch, 0], 4);
  new DataView(header.buffer).setUint32(8, plain.length, true);
  const object = concatBytes([
    header,
    new Uint8Array(NONCE_BYTES),
    plain,
    new Uint8Array(TAG_BYTES),
  ]);
  fixStandalone(object, kind, beat);
  return object;
}

/** Makes the tag of a standalone object fit what its header says. */
export function fixStandalone(object: Bytes, kind: SealedKind, beat?: number): void {
  if (object.length < 12) return;
  const view = new DataView(object.buffer, object.byteOffset, object.byteLength);
  fixTag(object.subarray(12), {
    kind,
    objectId: OBJECT_ID,
    epoch: view.getUint8(6),
    codec: view.getUint8(7),
    plainBytes: view.getUint32(8, true),
    ...(beat !== undefined && { extra: [beat, 0] as const }),
  });
}
