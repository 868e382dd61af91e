/** Settings: the configuration as the commands see it, every value checked and every default set. */

export type CipherSetting = "auto" | "aes-256-gcm" | "chacha20-poly1305" | "none";

export interface KdfSettings {
  readonly memoryKib: number | undefined;
  readonly passes: number | undefined;
  readonly lanes: number | undefined;
}

export interface EncryptionSettings {
  readonly cipher: CipherSetting;
  readonly kdf: KdfSettings;
}

export interface CompressionSettings {
  readonly codec: "zstd" | "lz4" | "none";
  /** zstd's; 0 for the others. */
  readonly level: number;
}

export interface RetentionSettings {
  readonly keepLast: number | undefined;
  readonly keepHourly: number | undefined;
  readonly keepDaily: number | undefined;
  readonly keepWeekly: number | undefined;
  readonly keepMonthly: number | undefined;
  readonly keepYearly: number | undefined;
  readonly keepWithinSeconds: number | undefined;
}

/** Where the passphrase comes from; at most one of them is set. */
export interface PassphraseSettings {
  readonly text: string | undefined;
  readonly file: string | undefined;
  readonly command: string | undefined;
}

export interface RepositorySettings {
  readonly label: string | undefined;
  /** Absolute path, or a URL. */
  readonly location: string;
  readonly passphrase: PassphraseSettings;
  readonly keyFile: string | undefined;
  readonly encryption: EncryptionSettings;
  readonly compression: CompressionSettings;
  readonly retention: RetentionSettings | undefined;
}

export interface SourceSettings {
  readonly label: string | undefined;
  /** Absolute. At least one. */
  readonly paths: readonly string[];
  /** Gitignore patterns: the common ones first, then the source's own. */
  readonly exclude: readonly string[];
  readonly excludeIfPresent: readonly string[];
  readonly excludeCaches: boolean;
  readonly oneFileSystem: boolean;
  readonly tags: readonly string[];
  /** Labels; empty: every repository. */
  readonly repositories: readonly string[];
}

export interface MountSettings {
  readonly allowOther: boolean;
  readonly pathTemplates: readonly string[];
  readonly cacheBytes: number | undefined;
}

export interface Settings {
  /** The file they come from; absent when there is none. */
  readonly file: string | undefined;
  readonly repositories: readonly RepositorySettings[];
  readonly sources: readonly SourceSettings[];
  /** What holds for a repository that the configuration does not list. */
  readonly defaults: Omit<RepositorySettings, "label" | "location">;
  readonly hostname: string | undefined;
  readonly mount: MountSettings;
}

export const DEFAULT_COMPRESSION: CompressionSettings = { codec: "zstd", level: 3 };

/**
 * Codec and level of "zstd", "zstd:3", "lz4" or "none".
 * @returns `undefined` when `text` is none of them.
 */
export function findCompression(text: string): CompressionSettings | undefined {
  if (text === "lz4" || text === "none") return { codec: text, level: 0 };
  const match = /^zstd(?::(\d{1,2}))?$/.exec(text);
  if (match === null) return undefined;
  const level = match[1] === undefined ? DEFAULT_COMPRESSION.level : Number(match[1]);
  return level >= 1 && level <= 22 ? { codec: "zstd", level } : undefined;
}
