/**
 * Environment: what forge takes from environment variables, read once at the start. Secrets are
 * removed from the process's own environment then, so no child and no worker inherits them.
 */
import { configHome, homeOf } from "./xdg-folders.ts";

export interface Environment {
  readonly repository: string | undefined;
  readonly passphrase: string | undefined;
  /** For `forge key`: `FORGE_NEW_PASSPHRASE`. */
  readonly newPassphrase: string | undefined;
  /** Of a copy of the repository: `FORGE_FROM_PASSPHRASE`. */
  readonly fromPassphrase: string | undefined;
  readonly passphraseCommand: string | undefined;
  readonly config: string | undefined;
  readonly keyFile: string | undefined;
  /** What the servers ask of their users: `FORGE_HTTP_PASSWORD`. */
  readonly httpPassword: string | undefined;
  /** Where `config.yaml` of forge lives by the XDG rules. */
  readonly configHome: string;
  readonly home: string;
  /** What `${VAR}` in the configuration sees: a copy from before the secrets were removed. */
  readonly variables: Readonly<NodeJS.ProcessEnv>;
}

/** Reads `variables` and deletes the secret ones from it. An empty variable counts as unset. */
export function takeEnvironment(variables: NodeJS.ProcessEnv): Environment {
  const copy = { ...variables };
  const passphrase = find(variables, "FORGE_PASSPHRASE");
  const newPassphrase = find(variables, "FORGE_NEW_PASSPHRASE");
  const fromPassphrase = find(variables, "FORGE_FROM_PASSPHRASE");
  const httpPassword = find(variables, "FORGE_HTTP_PASSWORD");
  delete variables["FORGE_PASSPHRASE"];
  delete variables["FORGE_NEW_PASSPHRASE"];
  delete variables["FORGE_FROM_PASSPHRASE"];
  delete variables["FORGE_HTTP_PASSWORD"];
  return {
    repository: find(variables, "FORGE_REPOSITORY"),
    passphrase,
    newPassphrase,
    fromPassphrase,
    passphraseCommand: find(variables, "FORGE_PASSPHRASE_COMMAND"),
    config: find(variables, "FORGE_CONFIG"),
    keyFile: find(variables, "FORGE_KEY_FILE"),
    httpPassword,
    configHome: configHome(variables),
    home: homeOf(variables),
    variables: copy,
  };
}

function find(variables: NodeJS.ProcessEnv, name: string): string | undefined {
  const value = variables[name];
  return value === undefined || value === "" ? undefined : value;
}
