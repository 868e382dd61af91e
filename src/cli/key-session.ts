/** What the commands about keys share: the unlocked repository, new secrets, and how keys are named. */
import { resolve } from "node:path";
import { KEY_FILE_BYTES_MAX } from "../../engine/base/limits.ts";
import {
  type Backend,
  type Bytes,
  ForgeError,
  type KdfParameters,
  type KeyId,
  type KeySlotListing,
  type UnlockedRepository,
  measureKdf,
  unlockRepository,
} from "../../engine/node.ts";
import type { RepositorySettings } from "../config/settings.ts";
import { type PassphraseSource, readPassphrase, readSecretFile } from "../passphrase.ts";
import { askSecret } from "./ask-secret.ts";
import type { CommandContext } from "./command.ts";
import { displayText, shortId } from "./format.ts";
import { KDF_OPTIONS, type KdfValues, kdfOf } from "./kdf-options.ts";
import { text } from "./option-kinds.ts";
import { chooseRepository, nameOf, settingsOf } from "./repository-choice.ts";
import { openBackend } from "./session.ts";
import { StorageTrust } from "./storage-trust.ts";
import { keyFileOf, passphraseOf } from "./unlock.ts";

/** Options of the commands that set a passphrase. */
export const NEW_SECRET_OPTIONS = {
  newPassphraseFile: text(
    "--new-passphrase-file <file>",
    "read the new passphrase from a file (else FORGE_NEW_PASSPHRASE, else it is asked for)",
  ),
  newKeyFile: text(
    "--new-key-file <file>",
    "a file that will be needed beside the new passphrase; make one with: forge key file",
  ),
  ...KDF_OPTIONS,
} as const;

export interface NewSecretValues extends KdfValues {
  readonly newPassphraseFile: string | undefined;
  readonly newKeyFile: string | undefined;
}

export interface KeySession {
  readonly settings: RepositorySettings;
  readonly unlocked: UnlockedRepository<Backend>;
  /** What opened it. */
  readonly passphrase: string;
  readonly keyFile: Bytes | undefined;
}

/** Unlocks the one repository that is meant and runs `work` on its keys. */
export async function withKeys<Result>(
  context: CommandContext,
  work: (session: KeySession) => Promise<Result>,
): Promise<Result> {
  const settings = chooseRepository(context, await settingsOf(context));
  const backend = await openBackend(settings);
  const trust = new StorageTrust(context, settings);
  try {
    const keyFile = await keyFileOf(context, settings);
    let passphrase = "";
    const ask = passphraseOf(context, settings);
    const unlocked = await unlockRepository({
      backend,
      credentials: { passphrase: async () => (passphrase = await ask()), keyFile },
      onIdentity: (identity) => trust.checkIdentity(identity),
      signal: context.signal,
    });
    trust.remember(unlocked.repository);
    return await work({ settings, unlocked, passphrase, keyFile });
  } finally {
    await backend.close();
  }
}

/** A new passphrase, from a file, the environment, or a person who types it twice. */
export function newPassphrase(
  { environment, output, signal }: CommandContext,
  settings: RepositorySettings,
  { newPassphraseFile }: Pick<NewSecretValues, "newPassphraseFile">,
): Promise<string> {
  const sources: PassphraseSource[] = [];
  if (newPassphraseFile !== undefined) {
    const path = resolve(newPassphraseFile);
    sources.push({ kind: "file", setting: "--new-passphrase-file", path });
  }
  if (environment.newPassphrase !== undefined) {
    const value = environment.newPassphrase;
    sources.push({ kind: "text", setting: "FORGE_NEW_PASSPHRASE", text: value });
  }
  return readPassphrase({
    sources,
    repository: nameOf(settings),
    ask: (question) =>
      askSecret(question, signal, "set FORGE_NEW_PASSPHRASE or use --new-passphrase-file"),
    confirm: true,
    warn: (message) => output.warn(message),
    signal,
  });
}

/** The bytes of `--new-key-file`. @throws ForgeError when it cannot be read or is empty. */
export async function newKeyFileOf(
  { output }: CommandContext,
  { newKeyFile }: Pick<NewSecretValues, "newKeyFile">,
): Promise<Bytes | undefined> {
  if (newKeyFile === undefined) return undefined;
  const path = resolve(newKeyFile);
  const file = { path, setting: "--new-key-file", bytesMax: KEY_FILE_BYTES_MAX };
  const bytes = await readSecretFile(file, (message) => output.warn(message));
  if (bytes.length > 0) return bytes;
  throw new ForgeError(
    "usage",
    `Cannot use ${path} as a key file: it is empty; make one with: forge key file ${newKeyFile}`,
  );
}

/** The KDF of a new key: as asked for, or measured on this machine. */
export async function newKdf(
  values: KdfValues,
  settings: RepositorySettings,
): Promise<KdfParameters> {
  return kdfOf(values, settings) ?? (await measureKdf());
}

/**
 * The key that `name` means: the beginning of its id (4 digits or more), or its whole label.
 * @throws ForgeError "not-found", "ambiguous".
 */
export function findKey({ slots, unreadable }: KeySlotListing, name: string): KeyId {
  const byLabel = slots.filter(({ header }) => header.label === name).map(({ id }) => id);
  const ids = [...slots, ...unreadable].map(({ id }) => id);
  const byId = /^[0-9a-f]{4,64}$/.test(name) ? ids.filter((id) => id.startsWith(name)) : [];
  const found = [...new Set([...byLabel, ...byId])];
  const [first, second] = found;
  if (first === undefined) {
    throw new ForgeError(
      "not-found",
      `Cannot find key "${name}": neither a label nor the beginning of an id; look with: forge key list`,
    );
  }
  if (second === undefined) return first;
  throw new ForgeError(
    "ambiguous",
    `Cannot tell which key "${name}" means: ${found.map(shortId).join(", ")}; use more of the id`,
  );
}

/** A key as messages name it: `3f2a91bc "laptop"`. */
export function nameOfKey({ id, header }: KeySlotListing["slots"][number]): string {
  return header.label === "" ? shortId(id) : `${shortId(id)} "${displayText(header.label)}"`;
}
