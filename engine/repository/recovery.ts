/**
 * The recovery sheet: on paper, a way back into a repository without any passphrase. Part A is the
 * secret of a key slot of its own; part B is a copy of that slot and of the config, for when the
 * storage lost them. FORMAT.md "Recovery sheet", decisions/0010-keys.md.
 */
import { type Bytes, ByteReader, ByteWriter, equalBytes, toHex } from "../base/bytes.ts";
import { ForgeError, isForgeError } from "../base/errors.ts";
import { type KeyId, idBytes, idOf } from "../base/ids.ts";
import { CONFIG_BYTES_MAX, KDF_MEMORY_KIB_MIN } from "../base/limits.ts";
import type { KdfParameters } from "../crypto/kdf.ts";
import type { KeyMaterial } from "../crypto/key-ring.ts";
import { openKeySlot } from "../crypto/key-slot.ts";
import { deriveKeyRing } from "../crypto/master-key.ts";
import { decodeRecoveryLines, encodeRecoveryLines } from "../crypto/recovery-lines.ts";
import type { Platform } from "../platform/platform.ts";
import type { Backend } from "../storage/backend.ts";
import { decodeConfig, verifyConfig } from "./config.ts";
import { addKeySlot, removeKeySlot } from "./key-slots.ts";
import { type Repository, type UnlockedRepository, nameOfConfig } from "./repository.ts";
import { type StoredKeySlot, readKeySlots } from "./unlock.ts";

const SECRET_BYTES = 32;
const REPOSITORY_BYTES = 8;
const SLOT_BYTES = 5;
/** The secret has 256 random bits: no KDF makes it better. This is the least a writer makes. */
const KDF: KdfParameters = { memoryKib: KDF_MEMORY_KIB_MIN, passes: 3, lanes: 4 };

export interface RecoverySheet {
  readonly slot: StoredKeySlot;
  /** Lines to print; part A is a secret. */
  readonly partA: readonly string[];
  readonly partB: readonly string[];
}

export interface CreateSheetOptions {
  readonly label: string;
  readonly nowMs: number;
  readonly kdf?: KdfParameters | undefined;
}

/** Makes the key slot of a new sheet and the sheet. @throws those of `addKeySlot`. */
export async function createRecoverySheet(
  { repository, material }: UnlockedRepository<Backend>,
  options: CreateSheetOptions,
): Promise<RecoverySheet> {
  const { backend, platform, config } = repository;
  const secret = platform.randomBytes(SECRET_BYTES);
  const slot = await addKeySlot(repository, material, {
    label: options.label,
    nowMs: options.nowMs,
    kdf: options.kdf ?? KDF,
    password: toHex(secret),
  });
  try {
    const a = new ByteWriter();
    a.bytes(secret);
    a.bytes(idBytes(config.id).subarray(0, REPOSITORY_BYTES));
    a.bytes(idBytes(slot.id).subarray(0, SLOT_BYTES));
    const configBytes = await backend.read(CONFIG, { bytesMax: CONFIG_BYTES_MAX });
    const b = new ByteWriter();
    b.u16(configBytes.length);
    b.u16(slot.bytes.length);
    b.bytes(configBytes);
    b.bytes(slot.bytes);
    const partA = await encodeRecoveryLines(platform, "A", a.finish());
    return { slot, partA, partB: await encodeRecoveryLines(platform, "B", b.finish()) };
  } catch (error) {
    // Nobody has the secret of that slot.
    await removeKeySlot(repository, slot.id).catch(() => undefined);
    throw error;
  }
}

const CONFIG = { kind: "config", name: "" } as const;

export interface RecoveredRepository {
  readonly repository: Repository<Backend>;
  readonly material: KeyMaterial;
  /** The sheet's. */
  readonly keySlot: KeyId;
  /** What was put back into the storage from part B. */
  readonly restored: readonly ("config" | "key slot")[];
}

/**
 * Opens a repository with a typed sheet. A config or key slot that the storage lost is put back from
 * part B, once it was proven genuine.
 *
 * @throws ForgeError "usage" when the text has mistakes, is of another repository, or part B would be
 *   needed; "wrong-password" when the secret opens nothing; "no-repository", "corrupt" and others.
 */
export async function openWithSheet(
  backend: Backend,
  platform: Platform,
  text: string,
): Promise<RecoveredRepository> {
  const typed = await decodeRecoveryLines(platform, text);
  const sheet = readPartA(typed.A);
  const copy = typed.B.length === 0 ? undefined : readPartB(typed.B);
  const stored = await readStoredConfig(backend, platform);
  const configBytes = stored ?? copy?.config;
  if (configBytes === undefined) throw partBNeeded("the config is missing or damaged");
  const config = await decodeConfig(platform, configBytes, nameOfConfig(backend));
  const repositoryId = idBytes(config.id);
  if (!equalBytes(repositoryId.subarray(0, REPOSITORY_BYTES), sheet.repository)) {
    throw new ForgeError(
      "usage",
      `Cannot use the recovery sheet for the repository at ${backend.description}: it is of repository ${toHex(sheet.repository)}, and this one is ${config.id.slice(0, 16)}`,
    );
  }
  const slot = await findSlot(backend, platform, sheet.slot);
  const slotBytes = slot?.bytes ?? copy?.slot;
  if (slotBytes === undefined) {
    throw partBNeeded(
      `its key ${toHex(sheet.slot)} is not in the repository: it was removed, lost or damaged`,
    );
  }
  const id = idOf<KeyId>(await platform.hash(slotBytes));
  const password = toHex(sheet.secret);
  const material = await openKeySlot(platform, { bytes: slotBytes, id, password, repositoryId });
  const keys = await deriveKeyRing(platform, material, { repositoryId, cipher: config.cipher });
  await verifyConfig(platform, keys, configBytes, nameOfConfig(backend));
  const restored: ("config" | "key slot")[] = [];
  if (stored === undefined) {
    await backend.create();
    // What is damaged stands in the way of what is genuine.
    await backend.delete([CONFIG]);
    await backend.put(CONFIG, configBytes);
    restored.push("config");
  }
  if (slot === undefined) {
    const ref = { kind: "keys", name: id } as const;
    await backend.delete([ref]);
    await backend.put(ref, slotBytes);
    restored.push("key slot");
  }
  return { repository: { backend, platform, config, keys }, material, keySlot: id, restored };
}

function readPartA(bytes: Bytes): {
  readonly secret: Bytes;
  readonly repository: Bytes;
  readonly slot: Bytes;
} {
  if (bytes.length !== SECRET_BYTES + REPOSITORY_BYTES + SLOT_BYTES) {
    throw new ForgeError("usage", "Cannot read the recovery sheet: lines A1, A2 and A3 are needed");
  }
  const reader = new ByteReader(bytes, "part A of the recovery sheet");
  const secret = reader.bytes(SECRET_BYTES);
  const repository = reader.bytes(REPOSITORY_BYTES);
  return { secret, repository, slot: reader.bytes(SLOT_BYTES) };
}

function readPartB(bytes: Bytes): { readonly config: Bytes; readonly slot: Bytes } {
  const reader = new ByteReader(bytes, "part B of the recovery sheet");
  const configBytes = reader.u16();
  const slotBytes = reader.u16();
  return { config: reader.bytes(configBytes).slice(), slot: reader.bytes(slotBytes).slice() };
}

/** The config in the storage, unless it is missing or damaged. @throws what else fails. */
async function readStoredConfig(backend: Backend, platform: Platform): Promise<Bytes | undefined> {
  try {
    const bytes = await backend.read(CONFIG, { bytesMax: CONFIG_BYTES_MAX });
    await decodeConfig(platform, bytes, nameOfConfig(backend));
    return bytes;
  } catch (error) {
    if (isForgeError(error, "missing-object", "no-repository", "not-found", "corrupt", "too-large"))
      return undefined;
    throw error;
  }
}

async function findSlot(
  backend: Backend,
  platform: Platform,
  prefix: Bytes,
): Promise<StoredKeySlot | undefined> {
  try {
    const { slots } = await readKeySlots({ backend, platform });
    return slots.find(({ id }) => id.startsWith(toHex(prefix)));
  } catch (error) {
    if (isForgeError(error, "missing-object", "no-repository", "not-found")) return undefined;
    throw error;
  }
}

function partBNeeded(found: string): ForgeError {
  return new ForgeError(
    "usage",
    `Cannot open the repository with lines A1 to A3 alone: ${found}; type the lines of part B of the sheet as well`,
  );
}
