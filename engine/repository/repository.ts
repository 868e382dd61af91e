/**
 * Repository: an opened one, as states. `openRepository` gives a `Repository`, which has the keys;
 * `loadIndex` gives an `IndexedRepository`, the only one that can find blobs. Opened over a
 * `ReadBackend` it can change nothing, by type.
 */
import type { Bytes } from "../base/bytes.ts";
import { type ErrorCode, ForgeError, isForgeError } from "../base/errors.ts";
import { findId, type KeyId } from "../base/ids.ts";
import { CONFIG_BYTES_MAX, KEY_SLOTS_MAX, KEY_SLOT_BYTES_MAX } from "../base/limits.ts";
import { openKeySlot } from "../crypto/key-slot.ts";
import type { KeyMaterial, KeyRing } from "../crypto/key-ring.ts";
import { deriveKeyRing } from "../crypto/master-key.ts";
import { BlobIndex } from "../index/blob-index.ts";
import type { Platform } from "../platform/platform.ts";
import type { ReadBackend } from "../storage/backend.ts";
import { idBytes } from "../base/ids.ts";
import { type RepositoryConfig, decodeConfig, verifyConfig } from "./config.ts";

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

export interface OpenOptions<B extends ReadBackend> {
  readonly backend: B;
  readonly platform: Platform;
  readonly credentials: Credentials;
  readonly signal?: AbortSignal | undefined;
}

/**
 * @throws ForgeError "no-repository", "unsupported-version", "wrong-password" (no slot opens),
 *   "corrupt", and what the backend throws.
 */
export async function openRepository<B extends ReadBackend>(
  options: OpenOptions<B>,
): Promise<Repository<B>> {
  const { backend, platform } = options;
  const configBytes = await readConfig(backend, options.signal);
  const config = await decodeConfig(platform, configBytes);
  const material = await unlock(options, config);
  const keys = await deriveKeyRing(platform, material, {
    repositoryId: idBytes(config.id),
    cipher: config.cipher,
  });
  await verifyConfig(platform, keys, configBytes);
  return { backend, platform, config, keys };
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

/** What may be wrong with one key slot while another opens. */
const UNREADABLE: readonly ErrorCode[] = [
  "corrupt",
  "too-large",
  "unsupported-version",
  "missing-object",
  "permission",
  "io",
];

/** Tries the key slots in turn. A damaged one does not keep the others from opening. */
async function unlock(
  options: OpenOptions<ReadBackend>,
  config: RepositoryConfig,
): Promise<KeyMaterial> {
  const { backend, platform, credentials, signal } = options;
  const slots = await backend.list("keys", { signal });
  if (slots.length === 0) {
    throw new ForgeError(
      "corrupt",
      `Cannot open the repository at ${backend.description}: it has no key slots, so no passphrase can open it; restore its "keys" folder from a copy`,
    );
  }
  if (slots.length > KEY_SLOTS_MAX) {
    throw new ForgeError(
      "too-large",
      `Cannot open the repository at ${backend.description}: it has ${slots.length} key slots, at most ${KEY_SLOTS_MAX} are tried`,
    );
  }
  const passphrase = await credentials.passphrase();
  let wrong: ForgeError | undefined;
  let damaged: ForgeError | undefined;
  for (const slot of slots) {
    const id = findId<KeyId>(slot.name);
    if (id === undefined) continue;
    try {
      const bytes = await backend.read(
        { kind: "keys", name: id },
        { bytesMax: KEY_SLOT_BYTES_MAX, signal },
      );
      return await openKeySlot(platform, {
        bytes,
        id,
        password: passphrase,
        keyFile: credentials.keyFile,
        repositoryId: idBytes(config.id),
      });
    } catch (error) {
      if (isForgeError(error, "wrong-password")) wrong ??= error;
      else if (isForgeError(error, ...UNREADABLE)) damaged ??= error;
      else throw error;
    }
  }
  // A slot that was readable and did not open says more than one that could not be read.
  throw (
    wrong ??
    damaged ??
    new ForgeError("corrupt", "Cannot open the repository: no key slot can be read")
  );
}
