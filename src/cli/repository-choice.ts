/** Which repository a command means: a flag, the environment, or the configuration, in that order. */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { ForgeError } from "../../engine/base/errors.ts";
import { isUrl } from "../config/decode-settings.ts";
import { loadSettings } from "../config/load-settings.ts";
import type { RepositorySettings, Settings } from "../config/settings.ts";
import { findSimilar } from "../config/similar.ts";
import type { CommandContext } from "./command.ts";

/** Reads the configuration that the context names. */
export function settingsOf(context: CommandContext): Promise<Settings> {
  return loadSettings({
    flag: context.globals.config,
    environment: context.environment,
    workingFolder: process.cwd(),
    warn: (message) => context.output.warn(message),
  });
}

/**
 * The one repository that is meant.
 *
 * @throws ForgeError "usage" when none is named, or the configuration has several.
 */
export function chooseRepository(context: CommandContext, settings: Settings): RepositorySettings {
  const all = chooseRepositories(context, settings);
  const [first, second] = all;
  if (first !== undefined && second === undefined) return first;
  throw new ForgeError(
    "usage",
    `Cannot choose a repository: ${settings.file ?? "the configuration"} has ${all.length} ` +
      `(${all.map(nameOf).join(", ")}); name one with --repo`,
  );
}

/** The named repository, or all that are configured; at least one. @throws ForgeError "usage". */
export function chooseRepositories(
  context: CommandContext,
  settings: Settings,
): readonly RepositorySettings[] {
  const named = context.globals.repo ?? context.environment.repository;
  if (named !== undefined) return [namedRepository(named, settings)];
  if (settings.repositories.length > 0) return settings.repositories;
  throw new ForgeError(
    "usage",
    "Cannot tell which repository is meant: use --repo PATH, set FORGE_REPOSITORY, or write a " +
      "configuration (`forge config`)",
  );
}

/** How messages name a repository. */
export function nameOf(repository: RepositorySettings): string {
  return repository.label ?? repository.location;
}

function namedRepository(name: string, settings: Settings): RepositorySettings {
  const known = settings.repositories.find((repository) => repository.label === name);
  if (known !== undefined) return known;
  const location = isUrl(name) ? name : resolve(name);
  const listed = settings.repositories.find((repository) => repository.location === location);
  if (listed !== undefined) return listed;
  refuseMistypedLabel(name, location, settings);
  return { label: undefined, location, ...settings.defaults };
}

/** A bare word that is close to a label and no folder is a typo, not a new path. */
function refuseMistypedLabel(name: string, location: string, settings: Settings): void {
  if (name.includes("/") || statSync(location, { throwIfNoEntry: false }) !== undefined) return;
  const labels = settings.repositories.flatMap((repository) => repository.label ?? []);
  const similar = findSimilar(name, labels);
  if (similar === undefined) return;
  throw new ForgeError(
    "usage",
    `Cannot find the repository "${name}": no such label and no such folder; did you mean "${similar}"?`,
  );
}
