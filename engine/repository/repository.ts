/**
 * Repository: an opened one, as states. `openRepository` gives a `Repository`, which has the keys;
 * `loadIndex` gives an `IndexedRepository`, the only one that can find blobs. Opened over a
 * `ReadBackend` it can change nothing, by type.
 */
import { type Bytes, toHex } from "../base/bytes.ts";
import { ForgeError, isForgeError } from "../base/errors.ts";
import { type KeyId, idBytes } from "../base/ids.ts";
import { CONFIG_BYTES_MAX } from "../base/limits.ts";
import type { KeyMaterial, KeyRing } from "../crypto/key-ring.ts";
import { deriveKeyRing } from "../crypto/master-key.ts";
import { BlobIndex } from "../index/blob-index.ts";
import type { Platform } from "../platform/platform.ts";
import type { ReadBackend } from "../storage/backend.ts";
import { type RepositoryConfig, decodeConfig, verifyConfig } from "./config.ts";
import { unlock } from "./unlock.ts";

export interface Repository<B extends ReadBackend = ReadBackend> {
  readonly backend: B;
  readonly platform: Platform;
  readonly config: RepositoryConfig;
  readonly keys: KeyRing;
}

export interface IndexedRepository<B extends ReadBackend = ReadBackend> extends Repository<B> {
  readonly index: BlobIndex;
}

/** What someone offers to unlock a repository. */
export interface Credentials {
  /** Asked for once, after the repository was found to be one. */
  readonly passphrase: () => Promise<string>;
  readonly keyFile?: Bytes | undefined;
}

/** A repository and which key opened it. */
export interface OpenedRepository<B extends ReadBackend = ReadBackend> extends Repository<B> {
  readonly keySlot: KeyId;
  readonly fingerprint: string;
}

/** With the keys themselves: what making another key slot needs, and nothing else does. */
export interface UnlockedRepository<B extends ReadBackend = ReadBackend> {
  readonly repository: OpenedRepository<B>;
  readonly material: KeyMaterial;
}

/** What is known of a repository before its passphrase is asked for. Nothing of it is authentic yet. */
export interface RepositoryIdentity {
  readonly config: RepositoryConfig;
  /**
   * BLAKE3 of the config, 64 hex digits. The config never changes and its MAC depends on the master
   * key, so another fingerprint is another repository, or a config that someone replaced.
   */
  readonly fingerprint: string;
}

export interface OpenOptions<B extends ReadBackend> {
  readonly backend: B;
  readonly platform: Platform;
  readonly credentials: Credentials;
  /** Called before the passphrase is asked for; throws to refuse the repository. */
  readonly onIdentity?: ((identity: RepositoryIdentity) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * @throws ForgeError "no-repository", "unsupported-version", "wrong-password" (no slot opens),
 *   "corrupt", and what the backend throws.
 */
export async function openRepository<B extends ReadBackend>(
  options: OpenOptions<B>,
): Promise<OpenedRepository<B>> {
  return (await unlockRepository(options)).repository;
}

/** `openRepository` for those who make key slots. @throws the same. */
export async function unlockRepository<B extends ReadBackend>(
  options: OpenOptions<B>,
): Promise<UnlockedRepository<B>> {
  const { backend, platform, credentials, signal } = options;
  const configBytes = await readConfig(backend, signal);
  const config = await decodeConfig(platform, configBytes, nameOfConfig(backend));
  const fingerprint = toHex(await platform.hash(configBytes));
  options.onIdentity?.({ config, fingerprint });
  const repositoryId = config.id;
  const unlocked = await unlock({ ...credentials, backend, platform, repositoryId, signal });
  const { material, slot } = unlocked;
  const keys = await deriveKeyRing(platform, material, {
    repositoryId: idBytes(config.id),
    cipher: config.cipher,
  });
  await verifyConfig(platform, keys, configBytes, nameOfConfig(backend));
  const repository = { backend, platform, config, keys, keySlot: slot.id, fingerprint };
  return { repository, material };
}

/** How messages name the config of the repository at `backend`. */
export function nameOfConfig(backend: Pick<ReadBackend, "description">): string {
  return `the config of the repository at ${backend.description}`;
}

export interface LoadIndexOptions {
  readonly pageCacheBytes?: number | undefined;
  /** An index segment that cannot be read: the others are used, and the packs can rebuild it. */
  readonly onProblem?: ((error: ForgeError) => void) | undefined;
}

export async function loadIndex<B extends ReadBackend>(
  repository: Repository<B>,
  options: LoadIndexOptions = {},
): Promise<IndexedRepository<B>> {
  const index = await BlobIndex.open({
    backend: repository.backend,
    platform: repository.platform,
    keys: repository.keys,
    pageCacheBytes: options.pageCacheBytes,
    onProblem: options.onProblem ?? (() => undefined),
  });
  return { ...repository, index };
}

async function readConfig(backend: ReadBackend, signal: AbortSignal | undefined): Promise<Bytes> {
  try {
    return await backend.read({ kind: "config", name: "" }, { bytesMax: CONFIG_BYTES_MAX, signal });
  } catch (error) {
    if (!isForgeError(error, "missing-object", "no-repository", "not-found")) throw error;
    throw new ForgeError(
      "no-repository",
      `Cannot open the repository at ${backend.description}: there is none; check the path, or create one with "forge init"`,
      { cause: error },
    );
  }
}
