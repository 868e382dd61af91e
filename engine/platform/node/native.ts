/**
 * The platform of Node 24: node:crypto, node:zlib, and native modules for BLAKE3, lz4 and Argon2id.
 * `nativeSyncPlatform` answers at once and is what worker threads use; `nativePlatform` is the same
 * behind promises, with the KDF. Neither keeps secrets of its own beyond the hashers below.
 *
 * Ownership: every result is memory nobody else can see. Node hands out small Buffers as windows of
 * one shared pool; those are copied before they leave this file.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  randomFillSync,
} from "node:crypto";
import { createRequire } from "node:module";
import { constants, crc32, zstdCompressSync, zstdDecompressSync } from "node:zlib";

import { Blake3Hasher } from "@napi-rs/blake-hash";
import type * as Lz4 from "lz4-napi";

import { type Bytes, EMPTY_BYTES, equalBytes, findHex, releaseLarge } from "../../base/bytes.ts";
import { ForgeError, assert, messageOf } from "../../base/errors.ts";
import { BLOB_BYTES_MAX } from "../../base/limits.ts";
import { TAG_BYTES, directCrypto } from "./direct-crypto.ts";
import {
  bindZstd,
  compressDirect,
  compressDirectBriefly,
  decompressDirect,
  decompressDirectInto,
} from "./direct-zstd.ts";
import { BriefMemory, fresh, unshared } from "./fresh-memory.ts";
import type {
  AeadRequest,
  Argon2idRequest,
  Codec,
  HkdfRequest,
  Platform,
  SyncPlatform,
} from "../platform.ts";

/** Blobs, and what is no larger: node:crypto copies what it seals, the direct calls write it in place. */
const DIRECT_BYTES_MAX: number = BLOB_BYTES_MAX + 4096;
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
/** Slack zstd gets behind the expected end, to notice a result that is too long. */
const OUTPUT_SLACK_BYTES = 64;
const LZ4_SIZE_PREFIX_BYTES = 4;

/**
 * Node's primitives, synchronous.
 *
 * Compressing with lz4 leaves native buffers that are freed only when the event loop turns: a
 * worker that compresses in a loop must let it turn now and then.
 */
export const nativeSyncPlatform: SyncPlatform = {
  aeadSeal,
  aeadSealInto,
  aeadOpen,
  aeadOpenBriefly,
  keyedHash,
  hash,
  hmacSha256,
  hkdfSha256,
  compress,
  compressBriefly,
  decompress,
  decompressBriefly,
  randomBytes,
  crc32: (data, seed) => crc32(data, seed),
};

/**
 * Node's primitives behind promises. All but `argon2id` run on the calling thread: a blob takes
 * about a millisecond, and bulk work belongs to worker threads with `nativeSyncPlatform`.
 */
export const nativePlatform: Platform = {
  aeadSeal: (request) => promised(() => aeadSeal(request)),
  aeadOpen: (request) => promised(() => aeadOpen(request)),
  keyedHash: (key, data) => promised(() => keyedHash(key, data)),
  hash: (data) => promised(() => hash(data)),
  hmacSha256: (key, data) => promised(() => hmacSha256(key, data)),
  hkdfSha256: (request) => promised(() => hkdfSha256(request)),
  compress: (codec, level, plain) => promised(() => compress(codec, level, plain)),
  decompress: (codec, packed, plainBytes) => promised(() => decompress(codec, packed, plainBytes)),
  randomBytes,
  crc32: (data, seed) => crc32(data, seed),
  argon2id,
};

/** Runs `fn` at once; what it throws becomes a rejection. */
function promised<Result>(fn: () => Result): Promise<Result> {
  return new Promise((resolve) => {
    resolve(fn());
  });
}

function aeadSeal(request: AeadRequest): Bytes {
  const { cipher, key, nonce, aad, data, headroomBytes = 0 } = request;
  const direct = isForDirect(request) ? directCrypto() : undefined;
  if (direct !== undefined) {
    const out = fresh(headroomBytes + data.length + TAG_BYTES);
    out.fill(0, 0, headroomBytes);
    if (direct.seal({ cipher, key, nonce, aad, data, out, offset: headroomBytes })) return out;
  }
  // A KeyObject made first is 8 µs cheaper a call than handing the raw key over.
  const sealer = createCipheriv(gcmName(cipher), createSecretKey(key), nonce, {
    authTagLength: TAG_BYTES,
  });
  sealer.setAAD(aad, { plaintextLength: data.length });
  const out = unshared(headroomBytes + data.length + TAG_BYTES);
  out.fill(0, 0, headroomBytes);
  const sealed = sealer.update(data);
  out.set(sealed, headroomBytes);
  releaseLarge(sealed);
  sealer.final();
  out.set(sealer.getAuthTag(), headroomBytes + data.length);
  return out;
}

function aeadSealInto(request: AeadRequest, out: Bytes): void {
  const { cipher, key, nonce, aad, data, headroomBytes = 0 } = request;
  const roomBytes = headroomBytes + data.length + TAG_BYTES;
  assert(out.length === roomBytes, `room of ${out.length} bytes for ${roomBytes}`);
  const direct = isForDirect(request) ? directCrypto() : undefined;
  const offset = headroomBytes;
  if (direct?.seal({ cipher, key, nonce, aad, data, out, offset }) === true) return;
  const sealed = aeadSeal(request);
  out.set(sealed.subarray(headroomBytes), headroomBytes);
  releaseLarge(sealed);
}

const brieflyOpened = new BriefMemory(DIRECT_BYTES_MAX);
const brieflyUnpacked = new BriefMemory(DIRECT_BYTES_MAX);

function aeadOpen(request: AeadRequest): Bytes | undefined {
  return openInto(request, fresh);
}

/** What the two below made last where they have no memory to use again. */
let lastOpened: Bytes = EMPTY_BYTES;
let lastUnpacked: Bytes = EMPTY_BYTES;

function aeadOpenBriefly(request: AeadRequest): Bytes | undefined {
  let memory: Bytes | undefined;
  const opened = openInto(request, (length) => (memory = brieflyOpened.of(length)));
  if (memory !== undefined || opened === undefined) return opened;
  releaseLarge(lastOpened);
  return (lastOpened = opened);
}

/** @param memory Asked for room for the plaintext, where there is a choice. */
function openInto(request: AeadRequest, memory: (length: number) => Bytes): Bytes | undefined {
  const { cipher, key, nonce, aad, data } = request;
  const cipherBytes = data.length - TAG_BYTES;
  if (cipherBytes < 0) return undefined;
  const direct = isForDirect(request) ? directCrypto() : undefined;
  if (direct !== undefined) {
    const out = memory(cipherBytes);
    const [ciphertext, tag] = [data.subarray(0, cipherBytes), data.subarray(cipherBytes)];
    return direct.open({ cipher, key, nonce, aad, ciphertext, tag, out }) ? out : undefined;
  }
  const opener = createDecipheriv(gcmName(cipher), createSecretKey(key), nonce, {
    authTagLength: TAG_BYTES,
  });
  opener.setAAD(aad, { plaintextLength: cipherBytes });
  opener.setAuthTag(data.subarray(cipherBytes));
  const plain = opener.update(data.subarray(0, cipherBytes));
  try {
    opener.final();
  } catch {
    return undefined;
  }
  return owned(plain);
}

/** The direct calls take lengths for granted that node:crypto checks. */
function isForDirect({ key, nonce, data }: AeadRequest): boolean {
  return (
    data.length <= DIRECT_BYTES_MAX && key.length === KEY_BYTES && nonce.length === NONCE_BYTES
  );
}

/**
 * The name under which node:crypto knows the cipher. Its types have one overload for each AEAD and
 * none for their union; at run time both go the same way.
 */
function gcmName(cipher: AeadRequest["cipher"]): "aes-256-gcm" {
  return cipher as "aes-256-gcm";
}

/**
 * One hasher for each key object in use: making one costs 7 µs and 2 KB that stay until the event
 * loop turns. The key's content is compared, so that a caller who overwrites a key is safe.
 */
const keyedHashers = new WeakMap<Bytes, { readonly key: Bytes; readonly hasher: Blake3Hasher }>();
const plainHasher = new Blake3Hasher();

function keyedHash(key: Bytes, data: Bytes): Bytes {
  let entry = keyedHashers.get(key);
  if (entry === undefined || !equalBytes(entry.key, key)) {
    entry = { key: key.slice(), hasher: Blake3Hasher.newKeyed(bufferOf(key)) };
    keyedHashers.set(key, entry);
  }
  return digest(entry.hasher, data);
}

function hash(data: Bytes): Bytes {
  return digest(plainHasher, data);
}

function digest(hasher: Blake3Hasher, data: Bytes): Bytes {
  hasher.reset();
  hasher.update(bufferOf(data));
  // As text: a `Buffer` of the module's is memory outside the heap with a finalizer of its own, which
  // costs 1.5 µs more than the digits and is left to be collected.
  const found = findHex(hasher.digest("hex"));
  assert(found !== undefined, "a digest that is not hex");
  return found;
}

function hmacSha256(key: Bytes, data: Bytes): Bytes {
  const direct = directCrypto()?.hmacSha256(key, data);
  if (direct !== undefined) return direct;
  return new Uint8Array(createHmac("sha256", createSecretKey(key)).update(data).digest());
}

function hkdfSha256({ keyMaterial, salt, info, outputBytes }: HkdfRequest): Bytes {
  return new Uint8Array(hkdfSync("sha256", keyMaterial, salt, info, outputBytes));
}

function compress(codec: Codec, level: number, plain: Bytes): Bytes {
  switch (codec) {
    case "none":
      return plain;
    case "zstd": {
      const direct = compressDirect(plain, level);
      if (direct !== undefined) return direct;
      return owned(
        zstdCompressSync(plain, {
          params: { [constants.ZSTD_c_compressionLevel]: level },
          pledgedSrcSize: plain.length,
          // ZSTD_compressBound: the result fits one piece, nothing is joined.
          chunkSize: plain.length + (plain.length >>> 8) + 128,
        }),
      );
    }
    case "lz4":
      return new Uint8Array(lz4().compressSync(bufferOf(plain)).subarray(LZ4_SIZE_PREFIX_BYTES));
    default:
      return codec satisfies never;
  }
}

/** What `compressBriefly` made last where it has no memory to use again. */
let lastPacked: Bytes = EMPTY_BYTES;

function compressBriefly(codec: Codec, level: number, plain: Bytes): Bytes {
  if (codec === "none") return plain;
  const direct = codec === "zstd" ? compressDirectBriefly(plain, level) : undefined;
  if (direct !== undefined) return direct;
  releaseLarge(lastPacked);
  return (lastPacked = compress(codec, level, plain));
}

function decompress(codec: Codec, packed: Bytes, plainBytes: number): Bytes {
  const plain = unpack(codec, packed, plainBytes);
  if (plain.length !== plainBytes) {
    throw new ForgeError(
      "corrupt",
      `Cannot decompress ${codec}: got ${plain.length} bytes where ${plainBytes} were written`,
    );
  }
  return plain;
}

function decompressBriefly(codec: Codec, packed: Bytes, plainBytes: number): Bytes {
  if (codec === "zstd") {
    const plain = brieflyUnpacked.of(plainBytes);
    if (decompressDirectInto(packed, plain)) return plain;
  }
  const plain = decompress(codec, packed, plainBytes);
  // With codec "none" it is what was packed.
  if (plain.buffer === packed.buffer) return plain;
  releaseLarge(lastUnpacked);
  return (lastUnpacked = plain);
}

function unpack(codec: Codec, packed: Bytes, plainBytes: number): Bytes {
  try {
    switch (codec) {
      case "none":
        return packed;
      case "zstd": {
        const plain = decompressDirect(packed, plainBytes);
        if (plain !== undefined) return plain;
        const bound = plainBytes + OUTPUT_SLACK_BYTES;
        return owned(zstdDecompressSync(packed, { chunkSize: bound, maxOutputLength: bound }));
      }
      case "lz4":
        return unpackLz4(packed, plainBytes);
      default:
        return codec satisfies never;
    }
  } catch (error) {
    throw new ForgeError(
      "corrupt",
      `Cannot decompress ${packed.length} bytes of ${codec} to ${plainBytes}: ${messageOf(error)}`,
      { cause: error },
    );
  }
}

let loadedLz4: typeof Lz4 | undefined;

/** Most repositories have nothing that needs it. */
function lz4(): typeof Lz4 {
  return (loadedLz4 ??= createRequire(import.meta.url)("lz4-napi") as typeof Lz4);
}

/** lz4-napi wants the result's size before the block and allocates what it says. */
function unpackLz4(packed: Bytes, plainBytes: number): Bytes {
  // The block of no bytes at all is one zero token; lz4-napi refuses it.
  if (plainBytes === 0) return packed.length === 1 && packed[0] === 0 ? EMPTY_BYTES : packed;
  const prefixed = Buffer.allocUnsafeSlow(LZ4_SIZE_PREFIX_BYTES + packed.length);
  prefixed.writeUInt32LE(plainBytes, 0);
  prefixed.set(packed, LZ4_SIZE_PREFIX_BYTES);
  return owned(lz4().uncompressSync(prefixed));
}

/**
 * Random bytes drawn ahead: a call to the generator costs 5–9 µs, and every blob needs a nonce. Each
 * byte is handed out once and wiped where it was. Threads have their own.
 */
const drawn = new Uint8Array(8192);
let drawnUsed = drawn.length;

function randomBytes(length: number): Bytes {
  if (length > drawn.length / 8) return randomFillSync(new Uint8Array(length));
  if (drawnUsed + length > drawn.length) {
    randomFillSync(drawn);
    drawnUsed = 0;
  }
  const bytes = drawn.slice(drawnUsed, drawnUsed + length);
  drawn.fill(0, drawnUsed, drawnUsed + length);
  drawnUsed += length;
  return bytes;
}

async function argon2id(request: Argon2idRequest): Promise<Bytes> {
  // Only whoever unlocks loads it, and not every thread. Argon2id of version 0x13 is what it makes.
  const { hashRaw } = await import("@node-rs/argon2");
  const derived = hashRaw(request.password, {
    salt: request.salt,
    parallelism: request.lanes,
    outputLen: request.outputBytes,
    memoryCost: request.memoryKib,
    timeCost: request.passes,
  });
  // A tenth of a second during which this thread has nothing to do, and then needs these.
  directCrypto();
  bindZstd();
  return new Uint8Array(await derived);
}

/** A `Buffer` as plain bytes: a view when it has (nearly) all of its memory, a copy otherwise. */
function owned(buffer: Buffer): Bytes {
  const memory = buffer.buffer;
  return memory instanceof ArrayBuffer && memory.byteLength - buffer.length <= OUTPUT_SLACK_BYTES
    ? new Uint8Array(memory, buffer.byteOffset, buffer.length)
    : new Uint8Array(buffer);
}

/** `bytes` as the `Buffer` that native modules insist on; shares its memory. */
function bufferOf(bytes: Bytes): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
