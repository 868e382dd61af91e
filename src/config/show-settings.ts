/** The effective configuration for people and scripts, secrets masked. */
import type { PassphraseSettings, RepositorySettings, Settings } from "./settings.ts";

const MASK = "********";

/** A plain value with the keys of the file. */
export function shownSettings(settings: Settings): object {
  return {
    file: settings.file ?? null,
    repositories: settings.repositories.map((repository) => ({
      label: repository.label,
      path: withoutCredentials(repository.location),
      ...shownCommon(repository),
    })),
    sources: settings.sources.map((source) => ({
      label: source.label,
      paths: source.paths,
      exclude: source.exclude,
      "exclude-if-present": source.excludeIfPresent,
      "exclude-caches": source.excludeCaches,
      "one-file-system": source.oneFileSystem,
      tags: source.tags,
      repositories: source.repositories,
    })),
    hostname: settings.hostname,
    mount: {
      "allow-other": settings.mount.allowOther,
      "path-template": settings.mount.pathTemplates,
      "cache-size": settings.mount.cacheBytes,
    },
    ...(settings.repositories.length === 0 ? shownCommon(settings.defaults) : {}),
  };
}

function shownCommon(common: Omit<RepositorySettings, "label" | "location">): object {
  const { encryption, compression, retention } = common;
  return {
    ...shownPassphrase(common.passphrase),
    "key-file": common.keyFile,
    encryption: { cipher: encryption.cipher, kdf: shownKdf(encryption.kdf) },
    compression: compression.codec === "zstd" ? `zstd:${compression.level}` : compression.codec,
    retention:
      retention === undefined
        ? undefined
        : {
            "keep-last": retention.keepLast,
            "keep-hourly": retention.keepHourly,
            "keep-daily": retention.keepDaily,
            "keep-weekly": retention.keepWeekly,
            "keep-monthly": retention.keepMonthly,
            "keep-yearly": retention.keepYearly,
            "keep-within":
              retention.keepWithinSeconds === undefined
                ? undefined
                : `${retention.keepWithinSeconds}s`,
          },
  };
}

/** A command may hold a secret as well, so only a file's path is shown. */
function shownPassphrase(passphrase: PassphraseSettings): object {
  return {
    passphrase: passphrase.text === undefined ? undefined : MASK,
    "passphrase-file": passphrase.file,
    "passphrase-command": passphrase.command === undefined ? undefined : MASK,
  };
}

function shownKdf(kdf: RepositorySettings["encryption"]["kdf"]): object | string {
  if (kdf.memoryKib === undefined && kdf.passes === undefined && kdf.lanes === undefined) {
    return "calibrated";
  }
  return {
    memory: kdf.memoryKib === undefined ? undefined : `${kdf.memoryKib} KiB`,
    passes: kdf.passes,
    lanes: kdf.lanes,
  };
}

function withoutCredentials(location: string): string {
  return location.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/@]*@/i, `$1${MASK}@`);
}
