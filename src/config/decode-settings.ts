/** LocatedValue → Settings: the schema of the configuration file, key by key. */
import { isAbsolute, join, resolve } from "node:path";
import {
  KDF_LANES_MAX,
  KDF_MEMORY_KIB_MAX,
  KDF_MEMORY_KIB_MIN,
  KDF_PASSES_MAX,
} from "../../engine/base/limits.ts";
import { findSize, findSpanSeconds } from "../quantities.ts";
import {
  type Located,
  type LocatedValue,
  Section,
  configurationError,
  readBoolean,
  readInteger,
  readList,
  readOneOrMore,
  readParsed,
  readText,
  readWord,
} from "./located-value.ts";
import {
  type CompressionSettings,
  DEFAULT_COMPRESSION,
  type EncryptionSettings,
  type MountSettings,
  type PassphraseSettings,
  type RepositorySettings,
  type RetentionSettings,
  type Settings,
  type SourceSettings,
  findCompression,
} from "./settings.ts";
import { findSimilar } from "./similar.ts";

export interface DecodeOptions {
  /** Named in messages. */
  readonly file: string;
  /** Relative paths of the file begin here: its own folder. */
  readonly folder: string;
  /** What `~/` stands for. */
  readonly home: string;
}

const COMMON_KEYS = [
  "passphrase",
  "passphrase-file",
  "passphrase-command",
  "key-file",
  "encryption",
  "compression",
  "retention",
] as const;
const TOP_KEYS = [
  ...COMMON_KEYS,
  "repositories",
  "sources",
  "exclude",
  "exclude-if-present",
  "exclude-caches",
  "one-file-system",
  "hostname",
  "mount",
] as const;
const REPOSITORY_KEYS = [...COMMON_KEYS, "label", "path", "url"] as const;
const SOURCE_KEYS = [
  "label",
  "path",
  "paths",
  "exclude",
  "exclude-if-present",
  "exclude-caches",
  "one-file-system",
  "tags",
  "repositories",
] as const;

type Defaults = Settings["defaults"];

/** @throws ForgeError "usage" naming file, line and key of the first thing that cannot be used. */
export function decodeSettings(value: LocatedValue, options: DecodeOptions): Settings {
  const top = new Section({ file: options.file, path: "", value }, TOP_KEYS);
  const defaults = decodeCommon(top, options, {
    passphrase: { text: undefined, file: undefined, command: undefined },
    keyFile: undefined,
    encryption: {
      cipher: "auto",
      kdf: { memoryKib: undefined, passes: undefined, lanes: undefined },
    },
    compression: DEFAULT_COMPRESSION,
    retention: undefined,
  });
  const repositories =
    top.find(
      "repositories",
      readList((at) => decodeRepository(at, options, defaults)),
    ) ?? [];
  const common = {
    exclude: top.find("exclude", readOneOrMore(readText)) ?? [],
    excludeIfPresent: top.find("exclude-if-present", readOneOrMore(readText)) ?? [],
    excludeCaches: top.find("exclude-caches", readBoolean) ?? false,
    oneFileSystem: top.find("one-file-system", readBoolean) ?? false,
  };
  const sources =
    top.find(
      "sources",
      readList((at) => decodeSource(at, options, common, repositories)),
    ) ?? [];
  top.find("repositories", (at) => refuseSameLabel(at, repositories));
  top.find("sources", (at) => refuseSameLabel(at, sources));
  return {
    file: options.file,
    repositories,
    sources,
    defaults,
    hostname: top.find("hostname", readText),
    mount: top.find("mount", decodeMount) ?? NO_MOUNT_SETTINGS,
  };
}

export const NO_MOUNT_SETTINGS: MountSettings = {
  allowOther: false,
  pathTemplates: [],
  cacheBytes: undefined,
};

function decodeCommon(
  section: Section<(typeof COMMON_KEYS)[number]>,
  options: DecodeOptions,
  outer: Defaults,
): Defaults {
  const path = (at: Located): string => absolutePath(readText(at), options);
  const own: PassphraseSettings = {
    text: section.find("passphrase", readText),
    file: section.find("passphrase-file", path),
    command: section.find("passphrase-command", readText),
  };
  const given = Object.values(own).filter((source) => source !== undefined).length;
  if (given > 1) {
    throw section.error("has more than one of passphrase, passphrase-file and passphrase-command");
  }
  return {
    passphrase: given === 0 ? outer.passphrase : own,
    keyFile: section.find("key-file", path) ?? outer.keyFile,
    encryption:
      section.find("encryption", (at) => decodeEncryption(at, outer.encryption)) ??
      outer.encryption,
    compression: section.find("compression", readCompression) ?? outer.compression,
    retention: section.find("retention", decodeRetention) ?? outer.retention,
  };
}

const readCompression: (at: Located) => CompressionSettings = readParsed(
  findCompression,
  "zstd, zstd:1 … zstd:22, lz4 or none",
);

function decodeEncryption(at: Located, outer: EncryptionSettings): EncryptionSettings {
  const section = new Section(at, ["cipher", "kdf"]);
  return {
    cipher:
      section.find("cipher", readWord(["auto", "aes-256-gcm", "chacha20-poly1305", "none"])) ??
      outer.cipher,
    kdf:
      section.find("kdf", (below) => {
        const kdf = new Section(below, ["memory", "passes", "lanes"]);
        return {
          memoryKib: kdf.find("memory", readParsed(findKdfMemory, "a size from 64 MiB to 1 GiB")),
          passes: kdf.find("passes", readInteger(1, KDF_PASSES_MAX)),
          lanes: kdf.find("lanes", readInteger(1, KDF_LANES_MAX)),
        };
      }) ?? outer.kdf,
  };
}

function findKdfMemory(text: string): number | undefined {
  const kib = Math.floor((findSize(text) ?? 0) / 1024);
  return kib >= KDF_MEMORY_KIB_MIN && kib <= KDF_MEMORY_KIB_MAX ? kib : undefined;
}

function decodeRetention(at: Located): RetentionSettings {
  const section = new Section(at, [
    "keep-last",
    "keep-hourly",
    "keep-daily",
    "keep-weekly",
    "keep-monthly",
    "keep-yearly",
    "keep-within",
  ]);
  const count = readInteger(1, 1_000_000);
  return {
    keepLast: section.find("keep-last", count),
    keepHourly: section.find("keep-hourly", count),
    keepDaily: section.find("keep-daily", count),
    keepWeekly: section.find("keep-weekly", count),
    keepMonthly: section.find("keep-monthly", count),
    keepYearly: section.find("keep-yearly", count),
    keepWithinSeconds: section.find(
      "keep-within",
      readParsed(findSpanSeconds, "a span such as 24h, 7d, 2w, 6m or 1y"),
    ),
  };
}

function decodeRepository(
  at: Located,
  options: DecodeOptions,
  defaults: Defaults,
): RepositorySettings {
  const section = new Section(at, REPOSITORY_KEYS);
  const path = section.find("path", readText) ?? section.find("url", readText);
  if (path === undefined || (section.has("path") && section.has("url"))) {
    throw section.error("needs a path (or a url, not both)");
  }
  return {
    label: section.find("label", readText),
    location: repositoryLocation(path, options),
    ...decodeCommon(section, options, defaults),
  };
}

function decodeSource(
  at: Located,
  options: DecodeOptions,
  common: Pick<SourceSettings, "exclude" | "excludeIfPresent" | "excludeCaches" | "oneFileSystem">,
  repositories: readonly RepositorySettings[],
): SourceSettings {
  const section = new Section(at, SOURCE_KEYS);
  const paths =
    section.find("paths", readOneOrMore(readText)) ??
    section.find("path", readOneOrMore(readText)) ??
    [];
  if (paths.length === 0 || (section.has("path") && section.has("paths"))) {
    throw section.error("needs a path (or paths, not both)");
  }
  const label = (below: Located): string => {
    const name = readText(below);
    const known = repositories.flatMap((repository) => repository.label ?? []);
    if (known.includes(name)) return name;
    const similar = findSimilar(name, known);
    throw configurationError(
      below.file,
      below.value.line,
      `${below.path} names the repository "${name}", which is not configured` +
        (similar === undefined ? "" : `; did you mean "${similar}"?`),
    );
  };
  return {
    label: section.find("label", readText),
    paths: paths.map((path) => absolutePath(path, options)),
    exclude: [...common.exclude, ...(section.find("exclude", readOneOrMore(readText)) ?? [])],
    excludeIfPresent: [
      ...common.excludeIfPresent,
      ...(section.find("exclude-if-present", readOneOrMore(readText)) ?? []),
    ],
    excludeCaches: section.find("exclude-caches", readBoolean) ?? common.excludeCaches,
    oneFileSystem: section.find("one-file-system", readBoolean) ?? common.oneFileSystem,
    tags: section.find("tags", readOneOrMore(readText)) ?? [],
    repositories: section.find("repositories", readOneOrMore(label)) ?? [],
  };
}

function decodeMount(at: Located): MountSettings {
  const section = new Section(at, ["allow-other", "path-template", "cache-size"]);
  return {
    allowOther: section.find("allow-other", readBoolean) ?? false,
    pathTemplates: section.find("path-template", readOneOrMore(readText)) ?? [],
    cacheBytes: section.find("cache-size", readParsed(findSize, "a size such as 256M")),
  };
}

function refuseSameLabel(
  at: Located,
  items: readonly { readonly label: string | undefined }[],
): void {
  const seen = new Set<string>();
  for (const [i, { label }] of items.entries()) {
    if (label === undefined) continue;
    if (seen.has(label)) {
      const item = at.value.kind === "list" ? at.value.items[i] : undefined;
      throw configurationError(
        at.file,
        item?.line,
        `${at.path}[${i}] has the label "${label}", which another one has already`,
      );
    }
    seen.add(label);
  }
}

/** Whether a repository is named by a URL and not by a path. */
export function isUrl(location: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(location);
}

function repositoryLocation(location: string, options: DecodeOptions): string {
  return isUrl(location) ? location : absolutePath(location, options);
}

function absolutePath(path: string, options: DecodeOptions): string {
  if (path === "~") return options.home;
  if (path.startsWith("~/")) return join(options.home, path.slice(2));
  return isAbsolute(path) ? resolve(path) : resolve(options.folder, path);
}
