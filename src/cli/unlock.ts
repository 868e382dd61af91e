/** What unlocks a repository: the passphrase and the key file, from wherever they come. */
import { resolve } from "node:path";
import type { Bytes } from "../../engine/base/bytes.ts";
import { KEY_FILE_BYTES_MAX } from "../../engine/base/limits.ts";
import type { RepositorySettings } from "../config/settings.ts";
import { type PassphraseSource, readPassphrase, readSecretFile } from "../passphrase.ts";
import { askSecret } from "./ask-secret.ts";
import type { CommandContext } from "./command.ts";
import { nameOf } from "./repository-choice.ts";

/** A function that gets the passphrase when it is needed. @param confirm A new one is being set. */
export function passphraseOf(
  context: CommandContext,
  repository: RepositorySettings,
  confirm = false,
): () => Promise<string> {
  return () =>
    readPassphrase({
      sources: passphraseSources(context, repository),
      repository: nameOf(repository),
      ask: (question) => askSecret(question, context.signal),
      confirm,
      warn: (message) => context.output.warn(message),
      signal: context.signal,
    });
}

/** The passphrase of a copy of a repository; without one of its own, the repository's. */
export function fromPassphraseOf(
  context: CommandContext,
  repository: RepositorySettings,
  file: string | undefined,
): () => Promise<string> {
  const { fromPassphrase } = context.environment;
  const own: PassphraseSource[] = [];
  if (file !== undefined) {
    own.push({ kind: "file", setting: "--from-passphrase-file", path: resolve(file) });
  } else if (fromPassphrase !== undefined) {
    own.push({ kind: "text", setting: "FORGE_FROM_PASSPHRASE", text: fromPassphrase });
  }
  return () =>
    readPassphrase({
      sources: own.length > 0 ? own : passphraseSources(context, repository),
      repository: "the copy",
      ask: (question) => askSecret(question, context.signal),
      confirm: false,
      warn: (message) => context.output.warn(message),
      signal: context.signal,
    });
}

/** Flags before the environment before the configuration. */
export function passphraseSources(
  { globals, environment }: Pick<CommandContext, "globals" | "environment">,
  { passphrase }: Pick<RepositorySettings, "passphrase">,
): readonly PassphraseSource[] {
  const sources: PassphraseSource[] = [];
  const file = (setting: string, path: string | undefined): void => {
    if (path !== undefined) sources.push({ kind: "file", setting, path: resolve(path) });
  };
  const command = (setting: string, line: string | undefined): void => {
    if (line !== undefined) sources.push({ kind: "command", setting, command: line });
  };
  const text = (setting: string, value: string | undefined): void => {
    if (value !== undefined) sources.push({ kind: "text", setting, text: value });
  };
  file("--passphrase-file", globals.passphraseFile);
  command("--passphrase-command", globals.passphraseCommand);
  text("FORGE_PASSPHRASE", environment.passphrase);
  command("FORGE_PASSPHRASE_COMMAND", environment.passphraseCommand);
  text("passphrase", passphrase.text);
  file("passphrase-file", passphrase.file);
  command("passphrase-command", passphrase.command);
  return sources;
}

/** The bytes of the key file, when one is named. @throws ForgeError when it cannot be read. */
export async function keyFileOf(
  { globals, environment, output }: CommandContext,
  repository: RepositorySettings,
): Promise<Bytes | undefined> {
  const [setting, path] =
    globals.keyFile !== undefined
      ? ["--key-file", globals.keyFile]
      : environment.keyFile !== undefined
        ? ["FORGE_KEY_FILE", environment.keyFile]
        : ["key-file", repository.keyFile];
  if (path === undefined) return undefined;
  return readSecretFile({ path: resolve(path), setting, bytesMax: KEY_FILE_BYTES_MAX }, (message) =>
    output.warn(message),
  );
}
