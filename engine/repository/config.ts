/**
 * RepositoryConfig: the parameters fixed at init, and their codec with the format-version gate.
 * FORMAT.md "Config" gives the layout. Reading it takes two steps: `decodeConfig` needs no key and
 * tells damage from a newer format; `verifyConfig`, right after unlocking, tells forgery.
 */
import { type Bytes, ByteReader, ByteWriter, equalSecret, utf8 } from "../base/bytes.ts";
import { ForgeError } from "../base/errors.ts";
import { type RepositoryId, idBytes, idOf } from "../base/ids.ts";
import { CONFIG_BYTES_MAX, PACK_BYTES_MAX } from "../base/limits.ts";
import { type ChunkerParameters, findChunkerProblem } from "../chunking/fastcdc.ts";
import type { KeyRing } from "../crypto/key-ring.ts";
import { CIPHERS, type Cipher, type Platform } from "../platform/platform.ts";

export const FORMAT_VERSION = 1;

const MAGIC = utf8("FCFG");
const CHECKSUM_BYTES = 16;
const MAC_BYTES = 32;
const BODY_BYTES = 72;
const TOTAL_BYTES: number = BODY_BYTES + CHECKSUM_BYTES + MAC_BYTES;
const FASTCDC = 1;
const MIB = 1024 * 1024;

export interface RepositoryConfig {
  readonly id: RepositoryId;
  readonly cipher: Cipher;
  readonly chunker: ChunkerParameters;
  /** Sizes packs aim at. */
  readonly dataPackBytes: number;
  readonly treePackBytes: number;
  readonly createdMs: number;
}

/** See decisions/0001-chunker.md for why these. */
export const DEFAULT_CHUNKER: ChunkerParameters = {
  minBytes: 256 * 1024,
  normalBytes: 512 * 1024,
  maxBytes: 4 * MIB,
  normalization: 2,
};
export const DEFAULT_DATA_PACK_BYTES: number = 16 * MIB;
export const DEFAULT_TREE_PACK_BYTES: number = 4 * MIB;

/** The stored form of `config`, with its MAC. */
export async function encodeConfig(
  platform: Platform,
  keys: KeyRing,
  config: RepositoryConfig,
): Promise<Bytes> {
  const writer = new ByteWriter(TOTAL_BYTES);
  writer.bytes(MAGIC);
  writer.u16(FORMAT_VERSION);
  writer.u16(TOTAL_BYTES);
  writer.bytes(idBytes(config.id));
  writer.u8(CIPHERS[config.cipher]);
  writer.u8(FASTCDC);
  writer.u8(config.chunker.normalization);
  writer.u8(0);
  writer.u32(config.chunker.minBytes);
  writer.u32(config.chunker.normalBytes);
  writer.u32(config.chunker.maxBytes);
  writer.u32(config.dataPackBytes);
  writer.u32(config.treePackBytes);
  writer.u64(config.createdMs);
  writer.bytes((await platform.hash(writer.finish())).subarray(0, CHECKSUM_BYTES));
  writer.bytes(await platform.keyedHash(keys.configKey, writer.finish()));
  return writer.finish();
}

/**
 * @param what Names the config in messages: with the place it is from, where that is known.
 * @throws ForgeError "unsupported-version", "corrupt".
 */
export async function decodeConfig(
  platform: Pick<Platform, "hash">,
  bytes: Bytes,
  what = "the config",
): Promise<RepositoryConfig> {
  if (bytes.length > CONFIG_BYTES_MAX) {
    throw new ForgeError("corrupt", `Cannot read ${what}: it has ${bytes.length} bytes`);
  }
  const reader: ByteReader = new ByteReader(bytes, what);
  if (bytes.length < 8 || !equalSecret(reader.bytes(4), MAGIC)) {
    throw new ForgeError(
      "corrupt",
      `Cannot read ${what}: its ${bytes.length} bytes do not begin as a forge config does`,
    );
  }
  const version = reader.u16();
  if (version !== FORMAT_VERSION && bytes.length !== TOTAL_BYTES) throw newer(version, what);
  if (reader.u16() !== bytes.length || bytes.length !== TOTAL_BYTES) {
    reader.fail(`${bytes.length} bytes instead of ${TOTAL_BYTES}`);
  }
  const checksum = (await platform.hash(bytes.subarray(0, BODY_BYTES))).subarray(0, CHECKSUM_BYTES);
  if (!equalSecret(checksum, bytes.subarray(BODY_BYTES, BODY_BYTES + CHECKSUM_BYTES))) {
    reader.fail("its checksum does not fit");
  }
  // After the checksum: a damaged version number must not pass for a newer format.
  if (version !== FORMAT_VERSION) throw newer(version, what);
  const id = idOf<RepositoryId>(reader.bytes(32));
  const cipherNumber = reader.u8();
  const cipher = (Object.keys(CIPHERS) as Cipher[]).find((name) => CIPHERS[name] === cipherNumber);
  if (cipher === undefined) reader.fail(`cipher ${cipherNumber}`);
  const chunkerNumber = reader.u8();
  if (chunkerNumber !== FASTCDC) reader.fail(`chunker ${chunkerNumber}`);
  const normalization = reader.u8();
  reader.u8();
  const config: RepositoryConfig = {
    id,
    cipher,
    chunker: {
      normalization,
      minBytes: reader.u32(),
      normalBytes: reader.u32(),
      maxBytes: reader.u32(),
    },
    dataPackBytes: reader.u32(),
    treePackBytes: reader.u32(),
    createdMs: reader.u64(),
  };
  const problem = findChunkerProblem(config.chunker);
  if (problem !== undefined) reader.fail(problem);
  if (Math.max(config.dataPackBytes, config.treePackBytes) > PACK_BYTES_MAX / 2) {
    reader.fail(`pack sizes ${config.dataPackBytes} and ${config.treePackBytes}`);
  }
  return config;
}

/** @throws ForgeError "corrupt" when the config was not written by a holder of the keys. */
export async function verifyConfig(
  platform: Pick<Platform, "keyedHash">,
  keys: KeyRing,
  bytes: Bytes,
  what = "the config",
): Promise<void> {
  const mac = await platform.keyedHash(keys.configKey, bytes.subarray(0, bytes.length - MAC_BYTES));
  if (!equalSecret(mac, bytes.subarray(bytes.length - MAC_BYTES))) {
    throw new ForgeError(
      "corrupt",
      `Cannot trust ${what}: its authentication code does not fit, so it was changed by someone without the key`,
    );
  }
}

function newer(version: number, what: string): ForgeError {
  return new ForgeError(
    "unsupported-version",
    `Cannot use ${what}: its format is version ${version}, this forge reads version ${FORMAT_VERSION}; use a newer forge`,
  );
}
