/**
 * The primitives forge is built from, and nothing more: composing them is `crypto/`. `Platform` is
 * asynchronous because WebCrypto is; `SyncPlatform` is what Node's worker threads use. Both agree
 * byte for byte on hashes, keys and sealing with a given nonce; compressed bytes may differ and
 * decode crosswise. `test/contracts/platform.ts` holds every implementation to that.
 */
import type { Bytes } from "../base/bytes.ts";

/** How a sealed object is protected; the number is what the config stores. */
export const CIPHERS = { "aes-256-gcm": 1, "chacha20-poly1305": 2, none: 3 } as const;
export type Cipher = keyof typeof CIPHERS;

/** How a plaintext was compressed; the number is what is stored. */
export const CODECS = { none: 0, zstd: 1, lz4: 2 } as const;
export type Codec = keyof typeof CODECS;
/** Codecs by what is stored. */
export const CODEC_BY_NUMBER: readonly Codec[] = ["none", "zstd", "lz4"];

/** The AEADs alone; cipher "none" is built in `crypto/envelope.ts` from the keyed hash. */
export type AeadCipher = Exclude<Cipher, "none">;

export interface AeadRequest {
  readonly cipher: AeadCipher;
  /** 32 bytes. */
  readonly key: Bytes;
  /** 12 bytes. */
  readonly nonce: Bytes;
  readonly aad: Bytes;
  /** Plaintext to seal, or `ciphertext ‖ tag(16)` to open. Read only, not kept. */
  readonly data: Bytes;
  /** Sealing: bytes left free (zero) at the front of the result, so that the caller can put a
   * nonce there without copying a megabyte. Default 0. */
  readonly headroomBytes?: number;
}

export interface Argon2idRequest {
  readonly password: Bytes;
  readonly salt: Bytes;
  readonly memoryKib: number;
  readonly passes: number;
  readonly lanes: number;
  readonly outputBytes: number;
}

export interface HkdfRequest {
  readonly keyMaterial: Bytes;
  readonly salt: Bytes;
  readonly info: Bytes;
  readonly outputBytes: number;
}

/** Primitives that answer at once. Every result is a fresh buffer unless it says otherwise. */
export interface SyncPlatform {
  /** @returns `headroom ‖ ciphertext ‖ tag(16)`. */
  aeadSeal(request: AeadRequest): Bytes;
  /**
   * `aeadSeal` into memory of the caller's; the headroom is left alone.
   * @param out Exactly `headroom ‖ ciphertext ‖ tag(16)`, apart from `data`.
   */
  aeadSealInto(request: AeadRequest, out: Bytes): void;
  /** @returns the plaintext, or `undefined` when the tag does not fit. */
  aeadOpen(request: AeadRequest): Bytes | undefined;
  /** `aeadOpen` for who is done with the result before the next call, which may overwrite it. */
  aeadOpenBriefly(request: AeadRequest): Bytes | undefined;
  /** BLAKE3 with a 32-byte key; 32 bytes. */
  keyedHash(key: Bytes, data: Bytes): Bytes;
  /** BLAKE3 without a key; 32 bytes. */
  hash(data: Bytes): Bytes;
  hmacSha256(key: Bytes, data: Bytes): Bytes;
  hkdfSha256(request: HkdfRequest): Bytes;
  /** @param level for zstd 1…22; ignored by the others. Codec "none" returns `plain` itself. */
  compress(codec: Codec, level: number, plain: Bytes): Bytes;
  /** `compress` for who is done with the result before the next call, which may overwrite it. */
  compressBriefly(codec: Codec, level: number, plain: Bytes): Bytes;
  /**
   * @param plainBytes Exact size of the result, already checked against a limit by the caller.
   * @throws ForgeError "corrupt" unless the result has exactly that size. Never allocates more.
   */
  decompress(codec: Codec, packed: Bytes, plainBytes: number): Bytes;
  /** `decompress` for who is done with the result before the next call, which may overwrite it. */
  decompressBriefly(codec: Codec, packed: Bytes, plainBytes: number): Bytes;
  randomBytes(length: number): Bytes;
  /** CRC-32 (IEEE, as in ZIP) of `data` continuing from `seed` (0 to begin). Unsigned. */
  crc32(data: Bytes, seed: number): number;
}

/** The same primitives where they may have to wait, and the KDF, which always does. */
export interface Platform {
  aeadSeal(request: AeadRequest): Promise<Bytes>;
  aeadOpen(request: AeadRequest): Promise<Bytes | undefined>;
  keyedHash(key: Bytes, data: Bytes): Promise<Bytes>;
  hash(data: Bytes): Promise<Bytes>;
  hmacSha256(key: Bytes, data: Bytes): Promise<Bytes>;
  hkdfSha256(request: HkdfRequest): Promise<Bytes>;
  compress(codec: Codec, level: number, plain: Bytes): Promise<Bytes>;
  decompress(codec: Codec, packed: Bytes, plainBytes: number): Promise<Bytes>;
  randomBytes(length: number): Bytes;
  crc32(data: Bytes, seed: number): number;
  argon2id(request: Argon2idRequest): Promise<Bytes>;
}
