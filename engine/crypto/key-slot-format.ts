/** The bytes of a key slot: FORMAT.md "Key slots". */
import { type Bytes, ByteReader, ByteWriter, findUtf8, utf8 } from "../base/bytes.ts";
import { ForgeError } from "../base/errors.ts";
import { readMagic } from "../base/format-header.ts";
import {
  KDF_LANES_MAX,
  KDF_MEMORY_KIB_MAX,
  KDF_PASSES_MAX,
  KEY_EPOCHS_MAX,
  KEY_SLOT_BYTES_MAX,
} from "../base/limits.ts";
import { type AeadCipher, CIPHERS } from "../platform/platform.ts";
import type { KdfParameters } from "./kdf.ts";
import type { KeyMaterial } from "./key-ring.ts";

const MAGIC = Uint8Array.from("FKEY", (letter) => letter.charCodeAt(0));
const VERSION = 1;
const ARGON2ID = 1;
const FLAG_KEY_FILE = 1;
const TAG_BYTES = 16;
const KEY_BYTES = 32;
/** Master key, count, one epoch key: the least that can be wrapped. */
const MATERIAL_BYTES_MIN = KEY_BYTES + 1 + KEY_BYTES;
const LABEL_BYTES_MAX = 255;

/** What stands in clear at the beginning of a slot, authenticated by its tag. */
export interface KeySlotHeader {
  readonly kdf: KdfParameters;
  readonly needsKeyFile: boolean;
  readonly wrapCipher: AeadCipher;
  /** Milliseconds since 1970. */
  readonly createdMs: number;
  /** 32 bytes. */
  readonly salt: Bytes;
  readonly label: string;
}

export interface KeySlotParts {
  readonly header: KeySlotHeader;
  /** The bytes of the header; a view. With the repository id they are the AAD. */
  readonly headerBytes: Bytes;
  /** 32 bytes. */
  readonly commitment: Bytes;
  /** 12 bytes. */
  readonly nonce: Bytes;
  /** `ciphertext ‖ tag`. */
  readonly wrapped: Bytes;
}

/** The bytes before the commitment. @throws ForgeError "too-large" when the label is too long. */
export function encodeKeySlotHeader(header: KeySlotHeader): Bytes {
  const label = utf8(header.label);
  if (label.length > LABEL_BYTES_MAX) {
    throw new ForgeError(
      "too-large",
      `Cannot make a key slot: its label has ${label.length} bytes, at most ${LABEL_BYTES_MAX} fit`,
    );
  }
  const writer = new ByteWriter();
  writer.bytes(MAGIC);
  writer.u8(VERSION);
  writer.u8(ARGON2ID);
  writer.u8(header.needsKeyFile ? FLAG_KEY_FILE : 0);
  writer.u8(CIPHERS[header.wrapCipher]);
  writer.u32(header.kdf.memoryKib);
  writer.u32(header.kdf.passes);
  writer.u32(header.kdf.lanes);
  writer.u64(header.createdMs);
  writer.bytes(header.salt);
  writer.u8(label.length);
  writer.bytes(label);
  return writer.finish();
}

/** The whole slot. */
export function encodeKeySlot(parts: Omit<KeySlotParts, "header">): Bytes {
  const writer = new ByteWriter();
  writer.bytes(parts.headerBytes);
  writer.bytes(parts.commitment);
  writer.bytes(parts.nonce);
  writer.u16(parts.wrapped.length);
  writer.bytes(parts.wrapped);
  return writer.finish();
}

/**
 * @param bytes A slot whose name was checked, so that a higher version is one and not damage.
 * @throws ForgeError "corrupt", "unsupported-version".
 */
export function decodeKeySlot(bytes: Bytes): KeySlotParts {
  const reader = new ByteReader(bytes, "a key slot");
  if (bytes.length > KEY_SLOT_BYTES_MAX) reader.fail(`it has ${bytes.length} bytes`);
  readMagic(reader, MAGIC);
  const version = reader.u8();
  if (version > VERSION) failNewer(`format ${version}`);
  if (version !== VERSION) reader.fail(`version ${version}`);
  const kdfNumber = reader.u8();
  if (kdfNumber !== ARGON2ID) failNewer(`key derivation ${kdfNumber}`);
  const flags = reader.u8();
  if ((flags & ~FLAG_KEY_FILE) !== 0) failNewer(`flags ${flags}`);
  const wrapCipher = readWrapCipher(reader);
  const kdf = readKdf(reader);
  const createdMs = reader.u64();
  const salt = reader.bytes(32);
  const label = findUtf8(reader.bytes(reader.u8())) ?? reader.fail("its label is not UTF-8");
  const headerBytes = bytes.subarray(0, bytes.length - reader.remaining);
  const commitment = reader.bytes(32);
  const nonce = reader.bytes(12);
  const wrapped = reader.bytes(reader.u16());
  reader.end();
  if (wrapped.length < MATERIAL_BYTES_MIN + TAG_BYTES) {
    reader.fail(`${wrapped.length} wrapped bytes hold no keys`);
  }
  const needsKeyFile = (flags & FLAG_KEY_FILE) !== 0;
  const header = { kdf, needsKeyFile, wrapCipher, createdMs, salt, label };
  return { header, headerBytes, commitment, nonce, wrapped };
}

/** How many epoch keys are wrapped: their number shows in the length. */
export function wrappedEpochs(wrapped: Bytes): number {
  return Math.floor((wrapped.length - TAG_BYTES - KEY_BYTES - 1) / KEY_BYTES);
}

/** The plaintext that a slot wraps. */
export function encodeKeyMaterial(material: KeyMaterial): Bytes {
  const writer = new ByteWriter();
  writer.bytes(material.masterKey);
  writer.u8(material.epochKeys.length);
  for (const key of material.epochKeys) writer.bytes(key);
  return writer.finish();
}

/** @returns copies. @throws ForgeError "corrupt". */
export function decodeKeyMaterial(plain: Bytes): KeyMaterial {
  const reader = new ByteReader(plain, "the keys of a key slot");
  const masterKey = reader.bytes(KEY_BYTES).slice();
  const epochs = reader.u8();
  if (epochs < 1 || epochs > KEY_EPOCHS_MAX) reader.fail(`${epochs} key epochs`);
  const epochKeys = Array.from({ length: epochs }, () => reader.bytes(KEY_BYTES).slice());
  reader.end();
  return { masterKey, epochKeys };
}

function failNewer(found: string): never {
  throw new ForgeError(
    "unsupported-version",
    `Cannot read a key slot: it has ${found}, which this forge does not know; use a newer forge`,
  );
}

function readWrapCipher(reader: ByteReader): AeadCipher {
  const number = reader.u8();
  switch (number) {
    case CIPHERS["aes-256-gcm"]:
      return "aes-256-gcm";
    case CIPHERS["chacha20-poly1305"]:
      return "chacha20-poly1305";
    default:
      return failNewer(`wrap cipher ${number}`);
  }
}

/** The bounds keep a hostile slot from taking all memory or hours. RFC 9106 §3.1 for the lowest. */
function readKdf(reader: ByteReader): KdfParameters {
  const memoryKib = reader.u32();
  const passes = reader.u32();
  const lanes = reader.u32();
  const isWithin =
    lanes >= 1 &&
    lanes <= KDF_LANES_MAX &&
    passes >= 1 &&
    passes <= KDF_PASSES_MAX &&
    memoryKib >= 8 * lanes &&
    memoryKib <= KDF_MEMORY_KIB_MAX;
  if (!isWithin) {
    reader.fail(`it asks for Argon2id with ${memoryKib} KiB, ${passes} passes, ${lanes} lanes`);
  }
  return { memoryKib, passes, lanes };
}
