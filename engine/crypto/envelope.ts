/**
 * The envelope: seal = compress → encrypt, open = decrypt → decompress. Everything but the config
 * and the key slots is stored this way, under a key of its own and bound to its kind, its id, its
 * length and its repository. FORMAT.md "Envelope"; NIST SP 800-38D, RFC 8439 §2.8 for the AEADs.
 *
 * `sealSync`/`openSync` are what worker threads use, `seal`/`open` the same where the platform is
 * asynchronous; all that is not a call of the platform is shared, so the two cannot drift apart.
 */
import { type Bytes, concatBytes, equalSecret, releaseLarge, toHex } from "../base/bytes.ts";
import { ForgeError, assert } from "../base/errors.ts";
import { ID_BYTES } from "../base/ids.ts";
import { type Codec, type Platform, type SyncPlatform } from "../platform/platform.ts";
import { additionalData, additionalDataBriefly } from "./additional-data.ts";
import { SAMPLE_LEVEL, findSample, isWorthPacking, mayCompress } from "./compressibility.ts";
import { type KeyRing, SEALED_KINDS, type SealedKind } from "./key-ring.ts";
import { SEALED_PLAIN_BYTES_MAX } from "./sealed-limits.ts";

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** What sealing adds to the packed bytes. */
export const SEAL_OVERHEAD_BYTES: number = NONCE_BYTES + TAG_BYTES;

/** How to compress: `level` is for zstd, 1…22. */
export interface Compression {
  readonly codec: Codec;
  readonly level: number;
}

/** Two more numbers in the AAD: page number and page count of an index page; beat and 0 of a lease. */
export interface SealExtra {
  readonly first: number;
  readonly second: number;
}

export interface SealRequest {
  readonly kind: SealedKind;
  /** 32 bytes. Authenticated, not stored in the result. */
  readonly objectId: Bytes;
  /** Read only, not kept. */
  readonly plain: Bytes;
  readonly compression: Compression;
  readonly extra?: SealExtra | undefined;
}

/** What sealing made, and all that has to be remembered to open it again. */
export interface SealedObject {
  /** `nonce(12) ‖ ciphertext ‖ tag(16)`, a fresh buffer the caller owns. */
  readonly sealed: Bytes;
  /** "none" when compressing was asked for and did not help. */
  readonly codec: Codec;
  readonly epoch: number;
  readonly plainBytes: number;
}

/** What is known of a sealed object before it is opened. */
export interface OpenRequest {
  readonly kind: SealedKind;
  /** 32 bytes. */
  readonly objectId: Bytes;
  readonly codec: Codec;
  readonly epoch: number;
  readonly plainBytes: number;
  readonly extra?: SealExtra | undefined;
}

export type SealingPlatform = Pick<
  SyncPlatform,
  "aeadSeal" | "keyedHash" | "hmacSha256" | "compress" | "randomBytes"
>;
/** What `sealInto` needs beside: calls that leave no memory behind. */
export type PlacingPlatform = SealingPlatform &
  Pick<SyncPlatform, "aeadSealInto" | "compressBriefly">;
export type OpeningPlatform = Pick<
  SyncPlatform,
  "aeadOpen" | "aeadOpenBriefly" | "keyedHash" | "hmacSha256" | "decompress"
>;
/** What `openSyncBriefly` needs beside. */
export type BriefOpeningPlatform = OpeningPlatform & Pick<SyncPlatform, "decompressBriefly">;
export type AsyncSealingPlatform = Pick<Platform, keyof SealingPlatform>;
export type AsyncOpeningPlatform = Pick<
  Platform,
  "aeadOpen" | "keyedHash" | "hmacSha256" | "decompress"
>;

/**
 * Compresses and encrypts one object under the current epoch. What does not become smaller is
 * stored as it is, with codec "none".
 *
 * @throws ForgeError "too-large" when `plain` is beyond the limit of its kind.
 */
export function sealSync(
  platform: SealingPlatform,
  keys: KeyRing,
  request: SealRequest,
): SealedObject {
  checkSealable(request);
  const { codec, packed } = packSync((...of) => platform.compress(...of), request);
  const object = wrapSync(platform, keys, factsOf(keys, request, codec), packed);
  if (packed.buffer !== request.plain.buffer) releaseLarge(packed);
  return object;
}

/**
 * `sealSync` into memory of the caller's: a blob of a few KiB is sealed without a buffer of its own.
 *
 * @param place Asked once for room of exactly so many bytes, which are filled then.
 */
export function sealInto(
  platform: PlacingPlatform,
  keys: KeyRing,
  request: SealRequest,
  place: (sealedBytes: number) => Bytes,
): Omit<SealedObject, "sealed"> & { readonly sealedBytes: number } {
  checkSealable(request);
  const { codec, packed } = packSync((...of) => platform.compressBriefly(...of), request);
  const facts = factsOf(keys, request, codec);
  const { epoch, plainBytes } = facts;
  const sealedBytes = packed.length + SEAL_OVERHEAD_BYTES;
  const out = place(sealedBytes);
  const { cipher } = keys;
  if (cipher === "none") {
    out.set(wrapSync(platform, keys, facts, packed).sealed);
    return { sealedBytes, codec, epoch, plainBytes };
  }
  const key = platform.hmacSha256(sealKey(keys, facts), facts.objectId);
  const nonce = platform.randomBytes(NONCE_BYTES);
  const aad = additionalDataBriefly(keys, facts);
  const headroomBytes = NONCE_BYTES;
  platform.aeadSealInto({ cipher, key, nonce, aad, data: packed, headroomBytes }, out);
  out.set(nonce);
  return { sealedBytes, codec, epoch, plainBytes };
}

/** Encrypts what is packed already. */
function wrapSync(
  platform: Pick<SealingPlatform, "aeadSeal" | "hmacSha256" | "keyedHash" | "randomBytes">,
  keys: KeyRing,
  facts: OpenRequest,
  packed: Bytes,
): SealedObject {
  const key = platform.hmacSha256(sealKey(keys, facts), facts.objectId);
  const nonce = platform.randomBytes(NONCE_BYTES);
  const aad = additionalDataBriefly(keys, facts);
  const { cipher } = keys;
  if (cipher === "none") {
    const tag = platform.keyedHash(key, concatBytes([aad, nonce, packed]));
    return sealedObject(facts, concatBytes([nonce, packed, tag.subarray(0, TAG_BYTES)]));
  }
  const headroomBytes = NONCE_BYTES;
  const sealed = platform.aeadSeal({ cipher, key, nonce, aad, data: packed, headroomBytes });
  sealed.set(nonce);
  return sealedObject(facts, sealed);
}

/** `sealSync` where the platform is asynchronous. */
export async function seal(
  platform: AsyncSealingPlatform,
  keys: KeyRing,
  request: SealRequest,
): Promise<SealedObject> {
  checkSealable(request);
  const { codec, packed } = await pack(platform, request);
  const facts = factsOf(keys, request, codec);
  const key = await platform.hmacSha256(sealKey(keys, facts), facts.objectId);
  const nonce = platform.randomBytes(NONCE_BYTES);
  const aad = additionalData(keys, facts);
  const { cipher } = keys;
  if (cipher === "none") {
    const tag = await platform.keyedHash(key, concatBytes([aad, nonce, packed]));
    return sealedObject(facts, concatBytes([nonce, packed, tag.subarray(0, TAG_BYTES)]));
  }
  const headroomBytes = NONCE_BYTES;
  const sealed = await platform.aeadSeal({ cipher, key, nonce, aad, data: packed, headroomBytes });
  sealed.set(nonce);
  return sealedObject(facts, sealed);
}

/**
 * Decrypts and decompresses one object. The content of a blob must still be checked against its
 * id: `crypto/blob-id.ts`.
 *
 * @param sealed `nonce ‖ ciphertext ‖ tag`. Read only, not kept; with cipher and codec "none" the
 *   result is a view of it.
 * @returns exactly `request.plainBytes` bytes.
 * @throws ForgeError "corrupt" when a length cannot be or the tag is wrong; "newer-keys" when its epoch
 *   is beyond those that were unlocked.
 */
export function openSync(
  platform: OpeningPlatform,
  keys: KeyRing,
  request: OpenRequest,
  sealed: Bytes,
): Bytes {
  const { codec, plainBytes } = request;
  // With codec "none" what is decrypted is the result.
  const packed =
    codec === "none"
      ? unwrapSync((of) => platform.aeadOpen(of), platform, keys, request, sealed)
      : unwrapSync((of) => platform.aeadOpenBriefly(of), platform, keys, request, sealed);
  return platform.decompress(codec, packed, plainBytes);
}

/**
 * `openSync` for who is done with the plaintext before the next call, which may overwrite it: of a blob
 * of a few KiB the memory costs as much as the rest.
 */
export function openSyncBriefly(
  platform: BriefOpeningPlatform,
  keys: KeyRing,
  request: OpenRequest,
  sealed: Bytes,
): Bytes {
  const packed = unwrapSync((of) => platform.aeadOpenBriefly(of), platform, keys, request, sealed);
  return platform.decompressBriefly(request.codec, packed, request.plainBytes);
}

/** Decrypts and leaves it packed. */
function unwrapSync(
  aeadOpen: SyncPlatform["aeadOpen"],
  platform: Pick<OpeningPlatform, "hmacSha256" | "keyedHash">,
  keys: KeyRing,
  request: OpenRequest,
  sealed: Bytes,
): Bytes {
  checkOpenable(request, sealed);
  const { nonce, body, packed, tag } = partsOf(sealed);
  const key = platform.hmacSha256(sealKey(keys, request), request.objectId);
  const aad = additionalDataBriefly(keys, request);
  const { cipher } = keys;
  if (cipher === "none") {
    const wanted = platform.keyedHash(key, concatBytes([aad, nonce, packed]));
    if (!equalSecret(wanted.subarray(0, TAG_BYTES), tag)) failOpen(request, WRONG_TAG);
    return packed;
  }
  const opened = aeadOpen({ cipher, key, nonce, aad, data: body });
  if (opened === undefined) failOpen(request, WRONG_TAG);
  return opened;
}

/**
 * Seals an object anew under the current epoch, compressed as it was.
 *
 * @param request What is known of it; its epoch is the old one.
 * @throws ForgeError "corrupt" when it does not open, "newer-keys".
 */
export function resealSync(
  platform: Pick<OpeningPlatform, "aeadOpen" | "hmacSha256" | "keyedHash"> &
    Pick<SealingPlatform, "aeadSeal" | "randomBytes">,
  keys: KeyRing,
  request: OpenRequest,
  sealed: Bytes,
): SealedObject {
  const packed = unwrapSync((of) => platform.aeadOpen(of), platform, keys, request, sealed);
  return wrapSync(platform, keys, { ...request, epoch: keys.currentEpoch }, packed);
}

/** `openSync` where the platform is asynchronous. */
export async function open(
  platform: AsyncOpeningPlatform,
  keys: KeyRing,
  request: OpenRequest,
  sealed: Bytes,
): Promise<Bytes> {
  checkOpenable(request, sealed);
  const { nonce, body, packed, tag } = partsOf(sealed);
  const key = await platform.hmacSha256(sealKey(keys, request), request.objectId);
  const aad = additionalData(keys, request);
  const { cipher } = keys;
  if (cipher === "none") {
    const wanted = await platform.keyedHash(key, concatBytes([aad, nonce, packed]));
    if (!equalSecret(wanted.subarray(0, TAG_BYTES), tag)) failOpen(request, WRONG_TAG);
    return platform.decompress(request.codec, packed, request.plainBytes);
  }
  const opened = await platform.aeadOpen({ cipher, key, nonce, aad, data: body });
  if (opened === undefined) failOpen(request, WRONG_TAG);
  return platform.decompress(request.codec, opened, request.plainBytes);
}

const WRONG_TAG = "its authentication tag does not fit, so it is damaged or not what it should be";

interface Packed {
  readonly codec: Codec;
  readonly packed: Bytes;
}

function packSync(compress: SyncPlatform["compress"], request: SealRequest): Packed {
  const { plain, compression } = request;
  const { codec, level } = compression;
  const clear: Packed = { codec: "none", packed: plain };
  if (!mayCompress(plain, codec)) return clear;
  const sample = findSample(plain);
  if (sample !== undefined) {
    const packedSample = compress(codec, SAMPLE_LEVEL, sample);
    if (!isWorthPacking(sample.length, packedSample.length)) return clear;
  }
  const packed = compress(codec, level, plain);
  return isWorthPacking(plain.length, packed.length) ? { codec, packed } : clear;
}

async function pack(platform: Pick<Platform, "compress">, request: SealRequest): Promise<Packed> {
  const { plain, compression } = request;
  const { codec, level } = compression;
  const clear: Packed = { codec: "none", packed: plain };
  if (!mayCompress(plain, codec)) return clear;
  const sample = findSample(plain);
  if (sample !== undefined) {
    const packedSample = await platform.compress(codec, SAMPLE_LEVEL, sample);
    if (!isWorthPacking(sample.length, packedSample.length)) return clear;
  }
  const packed = await platform.compress(codec, level, plain);
  return isWorthPacking(plain.length, packed.length) ? { codec, packed } : clear;
}

function checkSealable({ kind, objectId, plain }: SealRequest): void {
  assert(objectId.length === ID_BYTES, `an object id of ${objectId.length} bytes`);
  const limit = SEALED_PLAIN_BYTES_MAX[kind];
  if (plain.length > limit) {
    throw new ForgeError(
      "too-large",
      `Cannot seal a ${kind} of ${plain.length} bytes: at most ${limit} fit the format`,
    );
  }
}

function checkOpenable(request: OpenRequest, sealed: Bytes): void {
  const { kind, objectId, codec, plainBytes } = request;
  assert(objectId.length === ID_BYTES, `an object id of ${objectId.length} bytes`);
  const limit = SEALED_PLAIN_BYTES_MAX[kind];
  if (plainBytes > limit) {
    failOpen(request, `its plain length is given as ${plainBytes}, more than ${limit}`);
  }
  const packedBytes = sealed.length - SEAL_OVERHEAD_BYTES;
  if (packedBytes < 0) failOpen(request, `${sealed.length} bytes are too short to be sealed`);
  if (codec === "none" && packedBytes !== plainBytes) {
    failOpen(request, `it holds ${packedBytes} bytes where ${plainBytes} were written`);
  }
}

function failOpen({ kind, objectId }: OpenRequest, found: string): never {
  throw new ForgeError("corrupt", `Cannot open ${kind} ${toHex(objectId)}: ${found}`);
}

function factsOf(keys: KeyRing, request: SealRequest, codec: Codec): OpenRequest {
  const { kind, objectId, plain, extra } = request;
  return { kind, objectId, codec, epoch: keys.currentEpoch, plainBytes: plain.length, extra };
}

function sealedObject({ codec, epoch, plainBytes }: OpenRequest, sealed: Bytes): SealedObject {
  return { sealed, codec, epoch, plainBytes };
}

/** `K_seal[kind, epoch]`. */
function sealKey(keys: KeyRing, request: OpenRequest): Bytes {
  const key = keys.sealKeys[request.epoch]?.[SEALED_KINDS[request.kind]];
  if (key === undefined) {
    // Not "corrupt": most likely the keys were rotated, and repair must keep off what it cannot open.
    throw new ForgeError(
      "newer-keys",
      `Cannot open ${request.kind} ${toHex(request.objectId)}: it is sealed under key epoch ${request.epoch}, ` +
        `and the unlocked keys end with epoch ${keys.currentEpoch}: the keys were rotated since this was started ` +
        "or since this key was made, so start again with a current key; otherwise the object is damaged",
    );
  }
  return key;
}

/** Views of a sealed object that is long enough. `body` is `packed ‖ tag`. */
function partsOf(sealed: Bytes): { nonce: Bytes; body: Bytes; packed: Bytes; tag: Bytes } {
  const tagStart = sealed.length - TAG_BYTES;
  return {
    nonce: sealed.subarray(0, NONCE_BYTES),
    body: sealed.subarray(NONCE_BYTES),
    packed: sealed.subarray(NONCE_BYTES, tagStart),
    tag: sealed.subarray(tagStart),
  };
}
