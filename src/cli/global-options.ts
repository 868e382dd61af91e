/** Options that every command takes, before or after its name. */
import { counted, flag, negated, text } from "./option-kinds.ts";

export const GLOBAL_OPTIONS = {
  repo: text("-r, --repo <location>", "repository: a path, or its label in the configuration"),
  config: text("--config <file>", "configuration file, instead of the usual places"),
  passphraseFile: text("--passphrase-file <file>", "read the passphrase from a file"),
  passphraseCommand: text("--passphrase-command <command>", "run a command that prints it"),
  keyFile: text("--key-file <file>", "second factor: a file needed beside the passphrase"),
  strictFreshness: flag(
    "--strict-freshness",
    "fail when the storage shows less than this machine saw before (see forge trust)",
  ),
  json: flag("--json", "print JSON: one document, or one object a line"),
  quiet: flag("-q, --quiet", "print errors and warnings only"),
  verbose: counted("-v, --verbose", "say more; twice also shows where an error comes from"),
  progress: negated("--no-progress", "show no progress"),
} as const;

export interface GlobalOptions {
  readonly repo: string | undefined;
  readonly config: string | undefined;
  readonly passphraseFile: string | undefined;
  readonly passphraseCommand: string | undefined;
  readonly keyFile: string | undefined;
  readonly strictFreshness: boolean;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: number;
  readonly progress: boolean;
}

/** @param raw By the keys of `GLOBAL_OPTIONS`. */
export function decodeGlobalOptions(raw: Readonly<Record<string, unknown>>): GlobalOptions {
  return {
    repo: GLOBAL_OPTIONS.repo.decode(raw["repo"]),
    config: GLOBAL_OPTIONS.config.decode(raw["config"]),
    passphraseFile: GLOBAL_OPTIONS.passphraseFile.decode(raw["passphraseFile"]),
    passphraseCommand: GLOBAL_OPTIONS.passphraseCommand.decode(raw["passphraseCommand"]),
    keyFile: GLOBAL_OPTIONS.keyFile.decode(raw["keyFile"]),
    strictFreshness: GLOBAL_OPTIONS.strictFreshness.decode(raw["strictFreshness"]),
    json: GLOBAL_OPTIONS.json.decode(raw["json"]),
    quiet: GLOBAL_OPTIONS.quiet.decode(raw["quiet"]),
    verbose: GLOBAL_OPTIONS.verbose.decode(raw["verbose"]),
    progress: GLOBAL_OPTIONS.progress.decode(raw["progress"]),
  };
}
