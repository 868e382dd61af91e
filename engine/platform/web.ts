/**
 * The platform of web standards: WebCrypto, and WebAssembly for what it lacks. Runs in browsers and
 * in Node, where it is the slow twin that tests check the native platform against.
 *
 * It reads everything and writes what reading needs: compressing is left to Node.
 */
import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { argon2id, blake3 } from "hash-wasm";
import { ZSTDDecoder } from "zstddec";

import { type Bytes, EMPTY_BYTES, equalBytes, findHex } from "../base/bytes.ts";
import { ForgeError, assert, messageOf } from "../base/errors.ts";
import { tableCrc32 } from "./crc32-table.ts";
import { decodeLz4Block } from "./lz4-block.ts";
import type { AeadRequest, Argon2idRequest, Codec, HkdfRequest, Platform } from "./platform.ts";

const TAG_BYTES = 16;
const TAG_BITS = TAG_BYTES * 8;
/** `getRandomValues` gives at most this at once. */
const RANDOM_BYTES_MAX = 65_536;

/** The platform, once its WebAssembly is compiled. `compress` knows codec "none" alone. */
export async function createWebPlatform(): Promise<Platform> {
  const zstd = new ZSTDDecoder();
  await zstd.init();
  const importHmacKey = cachedHmacKeys();
  return {
    aeadSeal,
    aeadOpen,
    keyedHash: async (key, data) => digestOf(await blake3(data, 256, key)),
    hash: async (data) => digestOf(await blake3(data, 256)),
    hmacSha256: async (key, data) =>
      new Uint8Array(await crypto.subtle.sign("HMAC", await importHmacKey(key), data)),
    hkdfSha256,
    compress,
    decompress: (codec, packed, plainBytes) =>
      new Promise((resolve) => {
        resolve(decompress(zstd, { codec, packed, plainBytes }));
      }),
    randomBytes,
    crc32: tableCrc32,
    argon2id: deriveArgon2id,
  };
}

async function aeadSeal(request: AeadRequest): Promise<Bytes> {
  const { cipher, key, nonce, aad, data, headroomBytes = 0 } = request;
  const sealed =
    cipher === "aes-256-gcm"
      ? await crypto.subtle.encrypt(
          { name: "AES-GCM", iv: nonce, additionalData: aad, tagLength: TAG_BITS },
          await importAesKey(key, "encrypt"),
          data,
        )
      : chacha20poly1305(key, nonce, aad).encrypt(data);
  const out = new Uint8Array(headroomBytes + data.length + TAG_BYTES);
  out.set(new Uint8Array(sealed), headroomBytes);
  return out;
}

async function aeadOpen({
  cipher,
  key,
  nonce,
  aad,
  data,
}: AeadRequest): Promise<Bytes | undefined> {
  if (data.length < TAG_BYTES) return undefined;
  const aesKey = cipher === "aes-256-gcm" ? await importAesKey(key, "decrypt") : undefined;
  try {
    if (aesKey === undefined)
      return new Uint8Array(chacha20poly1305(key, nonce, aad).decrypt(data));
    const gcm = { name: "AES-GCM", iv: nonce, additionalData: aad, tagLength: TAG_BITS };
    return new Uint8Array(await crypto.subtle.decrypt(gcm, aesKey, data));
  } catch {
    // Both report a tag that does not fit by throwing, and nothing else can go wrong here.
    return undefined;
  }
}

function importAesKey(key: Bytes, use: "encrypt" | "decrypt"): Promise<ImportedKey> {
  return crypto.subtle.importKey("raw", key, "AES-GCM", false, [use]);
}

/** A WebCrypto key; browsers and Node name the type in different places. */
type ImportedKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

/**
 * HMAC keys are the few sealing keys of a repository, used for every object. The key's content is
 * compared, so that a caller who overwrites a key is safe.
 */
function cachedHmacKeys(): (key: Bytes) => Promise<ImportedKey> {
  const known = new WeakMap<Bytes, { readonly key: Bytes; readonly imported: ImportedKey }>();
  return async (key) => {
    const hit = known.get(key);
    if (hit !== undefined && equalBytes(hit.key, key)) return hit.imported;
    const copy = key.slice();
    const algorithm = { name: "HMAC", hash: "SHA-256" };
    const imported = await crypto.subtle.importKey("raw", copy, algorithm, false, ["sign"]);
    known.set(key, { key: copy, imported });
    return imported;
  };
}

async function hkdfSha256(request: HkdfRequest): Promise<Bytes> {
  const { keyMaterial, salt, info, outputBytes } = request;
  const key = await crypto.subtle.importKey("raw", keyMaterial, "HKDF", false, ["deriveBits"]);
  const algorithm = { name: "HKDF", hash: "SHA-256", salt, info };
  return new Uint8Array(await crypto.subtle.deriveBits(algorithm, key, outputBytes * 8));
}

async function deriveArgon2id(request: Argon2idRequest): Promise<Bytes> {
  const derived = await argon2id({
    password: request.password,
    salt: request.salt,
    iterations: request.passes,
    parallelism: request.lanes,
    memorySize: request.memoryKib,
    hashLength: request.outputBytes,
    outputType: "binary",
  });
  return new Uint8Array(derived);
}

function digestOf(hex: string): Bytes {
  const digest = findHex(hex);
  assert(digest !== undefined, "a digest that is not hex");
  return digest;
}

async function compress(codec: Codec, _level: number, plain: Bytes): Promise<Bytes> {
  if (codec === "none") return plain;
  return Promise.reject(
    new ForgeError("not-supported", `Cannot compress with ${codec} here: only reading knows it`),
  );
}

interface Unpacking {
  readonly codec: Codec;
  readonly packed: Bytes;
  readonly plainBytes: number;
}

function decompress(zstd: ZSTDDecoder, unpacking: Unpacking): Bytes {
  const { codec, plainBytes } = unpacking;
  const plain = unpack(zstd, unpacking);
  if (plain.length === plainBytes) return plain;
  throw new ForgeError(
    "corrupt",
    `Cannot decompress ${codec}: got ${plain.length} bytes where ${plainBytes} were written`,
  );
}

function unpack(zstd: ZSTDDecoder, { codec, packed, plainBytes }: Unpacking): Bytes {
  switch (codec) {
    case "none":
      return packed;
    case "zstd":
      return unpackZstd(zstd, packed, plainBytes);
    case "lz4":
      return decodeLz4Block(packed, plainBytes);
    default:
      return codec satisfies never;
  }
}

/**
 * The decoder writes at most the size it is given and answers an error with no bytes. Given 0 it
 * would believe the frame's own size, so it is never given 0.
 */
function unpackZstd(zstd: ZSTDDecoder, packed: Bytes, plainBytes: number): Bytes {
  try {
    const plain = zstd.decode(packed, Math.max(1, plainBytes));
    if (plain.length === 0) return EMPTY_BYTES;
    // A copy out of the WebAssembly memory, which is ours; its type does not say so.
    const memory = plain.buffer;
    return memory instanceof ArrayBuffer
      ? new Uint8Array(memory, plain.byteOffset, plain.length)
      : new Uint8Array(plain);
  } catch (error) {
    throw new ForgeError(
      "corrupt",
      `Cannot decompress ${packed.length} bytes of zstd to ${plainBytes}: ${messageOf(error)}`,
      { cause: error },
    );
  }
}

function randomBytes(length: number): Bytes {
  const bytes = new Uint8Array(length);
  for (let start = 0; start < length; start += RANDOM_BYTES_MAX) {
    crypto.getRandomValues(bytes.subarray(start, start + RANDOM_BYTES_MAX));
  }
  return bytes;
}
