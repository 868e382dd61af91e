/** Finds the configuration file and reads it. */
import { readFile, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { ForgeError, messageOf } from "../../engine/base/errors.ts";
import type { Environment } from "../environment.ts";
import { NO_MOUNT_SETTINGS, decodeSettings } from "./decode-settings.ts";
import { expandValue } from "./expand.ts";
import { configurationError } from "./located-value.ts";
import { DEFAULT_COMPRESSION, type Settings } from "./settings.ts";

export interface LoadOptions {
  /** `--config`. */
  readonly flag: string | undefined;
  readonly environment: Pick<Environment, "config" | "configHome" | "home" | "variables">;
  readonly workingFolder: string;
  readonly warn: (message: string) => void;
}

/** A larger one is not a configuration. */
const FILE_BYTES_MAX = 4 * 1024 * 1024;

/** What holds when there is no configuration file. */
export const NO_SETTINGS: Settings = {
  file: undefined,
  repositories: [],
  sources: [],
  defaults: {
    passphrase: { text: undefined, file: undefined, command: undefined },
    keyFile: undefined,
    encryption: {
      cipher: "auto",
      kdf: { memoryKib: undefined, passes: undefined, lanes: undefined },
    },
    compression: DEFAULT_COMPRESSION,
    retention: undefined,
  },
  hostname: undefined,
  mount: NO_MOUNT_SETTINGS,
};

/** Where a configuration is looked for when none is named, in this order. */
export function configurationPlaces(
  options: Pick<LoadOptions, "environment" | "workingFolder">,
): string[] {
  return [
    resolve(options.workingFolder, "forge.yaml"),
    resolve(options.workingFolder, "forge.toml"),
    `${options.environment.configHome}/forge/config.yaml`,
    `${options.environment.configHome}/forge/config.toml`,
    "/etc/forge/config.yaml",
    "/etc/forge/config.toml",
  ];
}

/**
 * The settings of the first configuration file there is: the one named by flag or environment, or
 * the first of the usual places; without any, the defaults.
 *
 * @throws ForgeError "not-found", "permission", "io" for a named file; "usage" for what is in it.
 */
export async function loadSettings(options: LoadOptions): Promise<Settings> {
  const named = options.flag ?? options.environment.config;
  if (named !== undefined) {
    return readSettings(resolve(options.workingFolder, named), options);
  }
  for (const place of configurationPlaces(options)) {
    const found = await stat(place).catch(() => undefined);
    if (found?.isFile() === true) return readSettings(place, options);
  }
  return NO_SETTINGS;
}

async function readSettings(file: string, options: LoadOptions): Promise<Settings> {
  const { text, mode } = await readConfiguration(file);
  const toml = file.toLowerCase().endsWith(".toml");
  // Loaded when needed: most calls that name a repository read no configuration.
  const parsed = toml
    ? (await import("./toml-text.ts")).parseToml(text, file)
    : (await import("./yaml-text.ts")).parseYaml(text, file);
  const value = expandValue(parsed, { file, variables: options.environment.variables });
  const settings = decodeSettings(value, {
    file,
    folder: dirname(file),
    home: options.environment.home,
  });
  const hasSecret = [settings.defaults, ...settings.repositories].some(
    ({ passphrase }) => passphrase.text !== undefined,
  );
  if (hasSecret && (mode & 0o077) !== 0) {
    options.warn(`${file} holds a passphrase and other users can read it; run: chmod 600 ${file}`);
  }
  return settings;
}

async function readConfiguration(file: string): Promise<{ text: string; mode: number }> {
  try {
    const { mode, size } = await stat(file);
    if (size > FILE_BYTES_MAX) {
      throw configurationError(file, undefined, `it has ${size} bytes, which no configuration has`);
    }
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(await readFile(file)), mode };
  } catch (error) {
    if (error instanceof ForgeError) throw error;
    if (error instanceof TypeError)
      throw configurationError(file, undefined, "it is not UTF-8 text");
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    throw new ForgeError(
      code === "ENOENT" ? "not-found" : code === "EACCES" ? "permission" : "io",
      `Cannot read the configuration ${file}: ${code === "ENOENT" ? "there is no such file; `forge config` writes a starter" : messageOf(error)}`,
      { cause: error },
    );
  }
}
