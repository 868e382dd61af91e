/** `forge init`: creates a repository. */
import {
  CIPHERS,
  type Cipher,
  ForgeError,
  type KdfParameters,
  type Repository,
  initRepository,
  isForgeError,
} from "../../../engine/node.ts";
import type { RepositorySettings } from "../../config/settings.ts";
import { type Command, type CommandContext, defineCommand } from "../command.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { KDF_OPTIONS, kdfOf } from "../kdf-options.ts";
import { text } from "../option-kinds.ts";
import { chooseRepositories, nameOf, settingsOf } from "../repository-choice.ts";
import { openBackend } from "../session.ts";
import { StorageTrust } from "../storage-trust.ts";
import { keyFileOf, passphraseOf } from "../unlock.ts";

export const init: Command = defineCommand({
  description:
    "Create a repository. Without --repo every configured repository that does not exist yet.",
  arguments: {},
  options: {
    cipher: text(
      "--cipher <cipher>",
      "auto, aes-256-gcm, chacha20-poly1305 or none (default: auto, what is fastest here)",
    ),
    keyLabel: text("--key-label <text>", "name of the first key, for `forge key`"),
    ...KDF_OPTIONS,
  },
  examples: ["forge init -r /mnt/disk/backup", "forge init"],
  async run(context, values): Promise<ExitCode> {
    const settings = await settingsOf(context);
    const repositories = chooseRepositories(context, settings);
    for (const repository of repositories) {
      try {
        await create(context, repository, {
          cipher: values.cipher ?? repository.encryption.cipher,
          label: values.keyLabel ?? "first",
          kdf: kdfOf(values, repository),
        });
      } catch (error) {
        if (repositories.length === 1 || !isForgeError(error, "repository-exists")) throw error;
        context.output.note(`${nameOf(repository)} exists already`);
      }
    }
    return EXIT.done;
  },
});

interface InitValues {
  readonly cipher: string;
  readonly label: string;
  readonly kdf: KdfParameters | undefined;
}

async function create(
  context: CommandContext,
  settings: RepositorySettings,
  values: InitValues,
): Promise<void> {
  const { output } = context;
  const cipher = cipherOf(values.cipher);
  const backend = await openBackend(settings, { mustExist: false });
  try {
    // Before a person is asked for a passphrase that would lead nowhere.
    if ((await backend.stat({ kind: "config", name: "" })) !== undefined) {
      throw new ForgeError(
        "repository-exists",
        `Cannot create a repository at ${backend.description}: there is one already; use it, or choose another place`,
      );
    }
    const keyFile = await keyFileOf(context, settings);
    const passphrase = await passphraseOf(context, settings, true)();
    const repository = await initRepository({
      backend,
      passphrase,
      keyFile,
      cipher,
      kdf: values.kdf,
      keyLabel: values.label,
    });
    new StorageTrust(context, settings).rememberNew(repository);
    await report(context, settings, repository);
  } finally {
    await backend.close();
  }
  if (cipher === "none") {
    output.warn("the cipher is none: everybody who can read the storage can read the backups");
  }
}

async function report(
  { output }: CommandContext,
  settings: RepositorySettings,
  repository: Repository,
): Promise<void> {
  const { config, backend } = repository;
  if (output.json) {
    await output.jsonDocument({
      type: "init",
      id: config.id,
      label: settings.label,
      location: backend.description,
      cipher: config.cipher,
    });
    return;
  }
  output.note(
    `Created repository ${config.id.slice(0, 8)} at ${backend.description} (${config.cipher}).`,
  );
  output.note("Keep the passphrase safe: without it nothing in the repository can be read.");
}

/** "auto" is AES-256-GCM wherever Node runs: measured faster than ChaCha20 with and without AES-NI. */
function cipherOf(name: string): Cipher {
  if (name === "auto") return "aes-256-gcm";
  const known = Object.keys(CIPHERS).find((cipher): cipher is Cipher => cipher === name);
  if (known !== undefined) return known;
  throw new ForgeError(
    "usage",
    `Cannot use --cipher "${name}": one of auto, ${Object.keys(CIPHERS).join(", ")} is needed`,
  );
}
