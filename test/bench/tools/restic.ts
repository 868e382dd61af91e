/** restic, with its local cache where the benchmark works. */
import { join } from "node:path";
import { PASSPHRASE, type Tool, belowTarget, versionOf } from "./tool.ts";

export function findRestic(work: string): Tool | undefined {
  const version = versionOf(["restic", "version"]);
  if (version === undefined) return undefined;
  const environment = { RESTIC_PASSWORD: PASSPHRASE, RESTIC_CACHE_DIR: join(work, "restic-cache") };
  const restic = (repository: string, ...words: string[]) => ({
    words: ["restic", "--repo", repository, ...words],
    environment,
  });
  return {
    name: "restic",
    version: version.replace(/ compiled.*/, ""),
    init: (repository) => restic(repository, "init"),
    backup: (repository, path) => restic(repository, "backup", path),
    restore: (repository, _, target) => restic(repository, "restore", "latest", "--target", target),
    list: (repository) => restic(repository, "ls", "latest"),
    dump: (repository, _, path) => restic(repository, "dump", "latest", path),
    check: (repository) => restic(repository, "check"),
    checkData: (repository) => restic(repository, "check", "--read-data"),
    mounting: {
      mount: (repository, mountPoint) => restic(repository, "mount", mountPoint),
      mountedRoot: (mountPoint) => join(mountPoint, "snapshots/latest"),
    },
    restoredAt: belowTarget,
  };
}
