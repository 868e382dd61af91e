/** vykar, compressing as forge does. It has no mount but a WebDAV server. */
import { writeFileSync } from "node:fs";
import { basename } from "node:path";
import { PASSPHRASE, type Tool, versionOf } from "./tool.ts";

export function findVykar(work: string): Tool | undefined {
  const version = versionOf(["vykar", "--version"]);
  if (version === undefined) return undefined;
  const environment = { VYKAR_PASSPHRASE: PASSPHRASE, HOME: work, XDG_CACHE_HOME: work };
  const vykar = (repository: string, ...words: string[]) => {
    const config = `${repository}.yaml`;
    writeFileSync(config, configFor(repository));
    return { words: ["vykar", "--config", config, "--trust-repo", ...words], environment };
  };
  return {
    name: "vykar",
    version,
    init: (repository) => vykar(repository, "init"),
    backup: (repository, path) => vykar(repository, "backup", "--label", "bench", path),
    restore: (repository, _, target) => vykar(repository, "restore", "latest", target),
    // One path is backed up, and its content comes back without it.
    restoredAt: (target) => target,
    list: (repository) => vykar(repository, "snapshot", "list", "latest"),
  };
}

function configFor(repository: string): string {
  return [
    "repositories:",
    `  - url: ${repository}`,
    `    label: ${basename(repository)}`,
    "encryption:",
    "  mode: aes256gcm",
    "compression:",
    "  algorithm: zstd",
    "  zstd_level: 3",
    "",
  ].join("\n");
}
