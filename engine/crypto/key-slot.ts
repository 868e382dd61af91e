/**
 * KeySlot: the master key and epoch keys wrapped under a passphrase and, if wanted, a key file.
 * A repository has several; any of them opens it. FORMAT.md "Key slots".
 */
import { type Bytes, concatBytes, equalSecret, utf8 } from "../base/bytes.ts";
import { ForgeError } from "../base/errors.ts";
import { type KeyId, idOf } from "../base/ids.ts";
import { KEY_FILE_BYTES_MAX, KEY_SLOT_BYTES_MAX, PASSPHRASE_BYTES_MAX } from "../base/limits.ts";
import type { AeadCipher, Platform } from "../platform/platform.ts";
import type { KdfParameters } from "./kdf.ts";
import type { KeyMaterial } from "./key-ring.ts";
import {
  type KeySlotHeader,
  decodeKeyMaterial,
  decodeKeySlot,
  encodeKeyMaterial,
  encodeKeySlot,
  encodeKeySlotHeader,
  wrappedEpochs,
} from "./key-slot-format.ts";

type SlotPlatform = Pick<
  Platform,
  "aeadSeal" | "aeadOpen" | "argon2id" | "hash" | "hkdfSha256" | "hmacSha256" | "randomBytes"
>;

export interface SealKeySlotRequest {
  readonly password: string;
  /** Content of a key file that will be needed as well. */
  readonly keyFile?: Bytes | undefined;
  readonly material: KeyMaterial;
  /** 32 bytes. */
  readonly repositoryId: Bytes;
  readonly kdf: KdfParameters;
  /** For people; stands in clear in the slot. At most 255 bytes of UTF-8. */
  readonly label: string;
  readonly createdMs: number;
  readonly wrapCipher: AeadCipher;
}

/**
 * Makes a key slot.
 *
 * @returns the object to store and its name.
 * @throws ForgeError "too-large" when the passphrase, key file or label is beyond its limit.
 */
export async function sealKeySlot(
  platform: SlotPlatform,
  request: SealKeySlotRequest,
): Promise<{ readonly id: KeyId; readonly bytes: Bytes }> {
  const { keyFile, material, repositoryId, kdf, label, createdMs, wrapCipher } = request;
  const header: KeySlotHeader = {
    kdf,
    needsKeyFile: keyFile !== undefined,
    wrapCipher,
    createdMs,
    salt: platform.randomBytes(32),
    label,
  };
  const headerBytes = encodeKeySlotHeader(header);
  const { kek, commitment } = await deriveKek(platform, header, request);
  const nonce = platform.randomBytes(12);
  const wrapped = await platform.aeadSeal({
    cipher: wrapCipher,
    key: kek,
    nonce,
    aad: concatBytes([headerBytes, repositoryId]),
    data: encodeKeyMaterial(material),
  });
  const bytes = encodeKeySlot({ headerBytes, commitment, nonce, wrapped });
  return { id: idOf<KeyId>(await platform.hash(bytes)), bytes };
}

export interface OpenKeySlotRequest {
  readonly bytes: Bytes;
  /** The object's name. */
  readonly id: KeyId;
  readonly password: string;
  /** Not looked at when the slot needs none. */
  readonly keyFile?: Bytes | undefined;
  /** 32 bytes. */
  readonly repositoryId: Bytes;
}

/**
 * Unwraps the keys. Takes the time and memory of the slot's KDF.
 *
 * @throws ForgeError "wrong-password" when the slot is intact and the passphrase or key file is not
 *   its own, or it needs a key file and none was given; "corrupt" when it is damaged;
 *   "unsupported-version" when a newer forge made it.
 */
export async function openKeySlot(
  platform: SlotPlatform,
  request: OpenKeySlotRequest,
): Promise<KeyMaterial> {
  const { bytes, id, repositoryId, keyFile } = request;
  await checkName(platform, id, bytes);
  const { header, headerBytes, commitment, nonce, wrapped } = decodeKeySlot(bytes);
  if (header.needsKeyFile && keyFile === undefined) {
    throw new ForgeError(
      "wrong-password",
      `Cannot open ${slotName(id, header)}: it needs a key file beside the passphrase, and none was given; name it with --key-file`,
    );
  }
  const derived = await deriveKek(platform, header, request);
  if (!equalSecret(derived.commitment, commitment)) {
    const what = header.needsKeyFile ? "the passphrase or the key file" : "the passphrase";
    throw new ForgeError("wrong-password", `Cannot open ${slotName(id, header)}: ${what} is wrong`);
  }
  const plain = await platform.aeadOpen({
    cipher: header.wrapCipher,
    key: derived.kek,
    nonce,
    aad: concatBytes([headerBytes, repositoryId]),
    data: wrapped,
  });
  if (plain === undefined) {
    throw new ForgeError(
      "corrupt",
      `Cannot open ${slotName(id, header)}: the passphrase is right, but the keys in it are damaged`,
    );
  }
  return decodeKeyMaterial(plain);
}

/**
 * What a slot says in clear, for listing slots. Authenticated only by opening it.
 * @throws ForgeError "corrupt", "unsupported-version".
 */
export async function readKeySlot(
  platform: Pick<Platform, "hash">,
  id: KeyId,
  bytes: Bytes,
): Promise<{ readonly header: KeySlotHeader; readonly epochs: number }> {
  await checkName(platform, id, bytes);
  const { header, wrapped } = decodeKeySlot(bytes);
  return { header, epochs: wrappedEpochs(wrapped) };
}

/** The header alone. @throws ForgeError "corrupt", "unsupported-version". */
export async function readKeySlotHeader(
  platform: Pick<Platform, "hash">,
  id: KeyId,
  bytes: Bytes,
): Promise<KeySlotHeader> {
  return (await readKeySlot(platform, id, bytes)).header;
}

async function checkName(platform: Pick<Platform, "hash">, id: KeyId, bytes: Bytes): Promise<void> {
  if (bytes.length <= KEY_SLOT_BYTES_MAX) {
    const found = idOf<KeyId>(await platform.hash(bytes));
    if (found === id) return;
  }
  throw new ForgeError(
    "corrupt",
    `Cannot read key slot ${id}: its ${bytes.length} bytes are not those it is named after`,
  );
}

function slotName(id: KeyId, { label }: KeySlotHeader): string {
  // A label comes from the storage: nothing in it may move the cursor of a terminal.
  const clean = label.replaceAll(/\p{C}/gu, "?");
  return label === "" ? `key slot ${id.slice(0, 8)}` : `key slot ${id.slice(0, 8)} ("${clean}")`;
}

/** KEK and commitment come from one secret by two purposes, so the one tells nothing of the other. */
async function deriveKek(
  platform: SlotPlatform,
  header: KeySlotHeader,
  given: {
    readonly password: string;
    readonly keyFile?: Bytes | undefined;
    readonly repositoryId: Bytes;
  },
): Promise<{ readonly kek: Bytes; readonly commitment: Bytes }> {
  const { memoryKib, passes, lanes } = header.kdf;
  const password = utf8(given.password.normalize("NFC"));
  checkLength("passphrase", password.length, PASSPHRASE_BYTES_MAX);
  const fromPassword = await platform.argon2id({
    password,
    salt: header.salt,
    memoryKib,
    passes,
    lanes,
    outputBytes: 32,
  });
  const secret: Bytes[] = [fromPassword];
  if (header.needsKeyFile && given.keyFile !== undefined) {
    checkLength("key file", given.keyFile.length, KEY_FILE_BYTES_MAX);
    secret.push(await platform.hmacSha256(utf8("forge/v1/key-file"), given.keyFile));
  }
  const keyMaterial = concatBytes(secret);
  const derive = (purpose: string): Promise<Bytes> =>
    platform.hkdfSha256({
      keyMaterial,
      salt: given.repositoryId,
      info: utf8(`forge/v1/${purpose}`),
      outputBytes: 32,
    });
  return { kek: await derive("kek"), commitment: await derive("kek-commitment") };
}

function checkLength(what: string, length: number, limit: number): void {
  if (length <= limit) return;
  throw new ForgeError(
    "too-large",
    `Cannot use the ${what}: it has ${length} bytes, more than ${limit}`,
  );
}
