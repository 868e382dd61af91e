/** Creates an empty repository: a key slot, then the config, which is what makes it one. */
import type { Bytes } from "../base/bytes.ts";
import { toHex } from "../base/bytes.ts";
import { ForgeError, isForgeError } from "../base/errors.ts";
import { type RepositoryId, idBytes, parseId } from "../base/ids.ts";
import type { ChunkerParameters } from "../chunking/fastcdc.ts";
import type { KdfParameters } from "../crypto/kdf.ts";
import { sealKeySlot } from "../crypto/key-slot.ts";
import { createKeyMaterial, deriveKeyRing } from "../crypto/master-key.ts";
import type { Cipher, Platform } from "../platform/platform.ts";
import {
  DEFAULT_CHUNKER,
  DEFAULT_DATA_PACK_BYTES,
  DEFAULT_TREE_PACK_BYTES,
  type RepositoryConfig,
  encodeConfig,
} from "../repository/config.ts";
import type { OpenedRepository } from "../repository/repository.ts";
import type { Backend, ObjectInfo } from "../storage/backend.ts";

export interface InitOptions {
  readonly backend: Backend;
  readonly platform: Platform;
  readonly passphrase: string;
  readonly keyFile?: Bytes | undefined;
  readonly cipher: Cipher;
  readonly kdf: KdfParameters;
  /** Of the first key slot. */
  readonly keyLabel: string;
  readonly nowMs: number;
  readonly chunker?: ChunkerParameters | undefined;
  readonly dataPackBytes?: number | undefined;
  readonly treePackBytes?: number | undefined;
}

/**
 * @throws ForgeError "repository-exists" when there is one already; nothing is changed then.
 */
export async function initRepository(options: InitOptions): Promise<OpenedRepository<Backend>> {
  const { backend, platform, cipher } = options;
  await refuseExisting(backend);
  await backend.create();
  const material = createKeyMaterial(platform);
  const config: RepositoryConfig = {
    id: parseId<RepositoryId>(toHex(platform.randomBytes(32))),
    cipher,
    chunker: options.chunker ?? DEFAULT_CHUNKER,
    dataPackBytes: options.dataPackBytes ?? DEFAULT_DATA_PACK_BYTES,
    treePackBytes: options.treePackBytes ?? DEFAULT_TREE_PACK_BYTES,
    createdMs: options.nowMs,
  };
  const repositoryId = idBytes(config.id);
  const keys = await deriveKeyRing(platform, material, { repositoryId, cipher });
  const slot = await sealKeySlot(platform, {
    password: options.passphrase,
    keyFile: options.keyFile,
    material,
    repositoryId,
    kdf: options.kdf,
    label: options.keyLabel,
    createdMs: options.nowMs,
    wrapCipher: cipher === "none" ? "aes-256-gcm" : cipher,
  });
  await backend.put({ kind: "keys", name: slot.id }, slot.bytes);
  const configBytes = await encodeConfig(platform, keys, config);
  const outcome = await backend.put({ kind: "config", name: "" }, configBytes);
  if (outcome === "exists") {
    // Somebody else was faster: their repository stands, our slot would open nothing.
    await backend.delete([{ kind: "keys", name: slot.id }]);
    throw existing(backend);
  }
  // The repository is made; a slot that stays opens nothing.
  await removeOtherSlots(backend, slot.id).catch(() => undefined);
  const fingerprint = toHex(await platform.hash(configBytes));
  return { backend, platform, config, keys, keySlot: slot.id, fingerprint };
}

async function refuseExisting(backend: Backend): Promise<void> {
  if ((await backend.stat({ kind: "config", name: "" })) !== undefined) throw existing(backend);
  const slots = await listIfThere(backend, "keys");
  if (slots.length === 0) return;
  const packs = await listIfThere(backend, "packs");
  // Without packs the slots are of an init that was killed, or that is at work right now.
  if (packs.length === 0) return;
  throw new ForgeError(
    "repository-exists",
    `Cannot create a repository at ${backend.description}: there are keys and packs of one whose config is missing; restore the config from a copy, or choose another place`,
  );
}

/** What inits that were killed left. Only who has written the config knows that they open nothing. */
async function removeOtherSlots(backend: Backend, own: string): Promise<void> {
  const others = (await backend.list("keys")).filter(({ name }) => name !== own);
  await backend.delete(others.map(({ name }) => ({ kind: "keys", name })));
}

/** Only a place that is not there yet has nothing in it: any other failure must not look so. */
async function listIfThere(backend: Backend, kind: "keys" | "packs"): Promise<ObjectInfo[]> {
  try {
    return await backend.list(kind);
  } catch (error) {
    if (!isForgeError(error, "no-repository", "missing-object", "not-found")) throw error;
    return [];
  }
}

function existing(backend: Backend): ForgeError {
  return new ForgeError(
    "repository-exists",
    `Cannot create a repository at ${backend.description}: there is one already; use it, or choose another place`,
  );
}
