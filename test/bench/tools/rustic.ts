/** rustic, with its local cache where the benchmark works. */
import { join } from "node:path";
import { PASSPHRASE, type Tool, belowTarget, versionOf } from "./tool.ts";

export function findRustic(work: string): Tool | undefined {
  const version = versionOf(["rustic", "--version"]);
  if (version === undefined) return undefined;
  const environment = { RUSTIC_PASSWORD: PASSPHRASE, RUSTIC_CACHE_DIR: join(work, "rustic-cache") };
  const rustic = (repository: string, ...words: string[]) => ({
    words: ["rustic", "--repository", repository, "--no-progress", "--log-level", "warn", ...words],
    environment,
  });
  return {
    name: "rustic",
    version,
    init: (repository) => rustic(repository, "init"),
    backup: (repository, path) => rustic(repository, "backup", path),
    restore: (repository, _, target) => rustic(repository, "restore", "latest", target),
    restoredAt: belowTarget,
    list: (repository) => rustic(repository, "ls", "latest"),
    dump: (repository, _, path) => rustic(repository, "dump", `latest:${path}`),
  };
}
