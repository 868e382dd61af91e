/** borg, encrypted with repokey-blake2 and compressed as forge is. */
import { join } from "node:path";
import { PASSPHRASE, type Tool, belowTarget, versionOf } from "./tool.ts";

export function findBorg(work: string): Tool | undefined {
  const version = versionOf(["borg", "--version"]);
  if (version === undefined) return undefined;
  const environment = { BORG_PASSPHRASE: PASSPHRASE, BORG_BASE_DIR: join(work, "borg-base") };
  const borg = (...words: string[]) => ({ words: ["borg", ...words], environment });
  const archive = (repository: string, number: number): string =>
    `${repository}::snapshot-${number}`;
  // borg keeps no slash at the beginning of a path.
  const inside = (path: string): string => path.replace(/^\//, "");
  return {
    name: "borg",
    version,
    init: (repository) => borg("init", "--encryption", "repokey-blake2", repository),
    backup: (repository, path, number) =>
      borg("create", "--compression", "zstd,3", archive(repository, number), path),
    restore: (repository, number, target) => ({
      ...borg("extract", archive(repository, number)),
      cwd: target,
    }),
    list: (repository, number) => borg("list", "--short", archive(repository, number)),
    dump: (repository, number, path) =>
      borg("extract", "--stdout", archive(repository, number), inside(path)),
    check: (repository) => borg("check", repository),
    checkData: (repository) => borg("check", "--verify-data", repository),
    mounting: {
      mount: (repository, mountPoint) => borg("mount", "--foreground", repository, mountPoint),
      mountedRoot: (mountPoint, number) => join(mountPoint, `snapshot-${number}`),
    },
    restoredAt: belowTarget,
  };
}
