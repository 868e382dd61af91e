/** kopia, compressing with zstd, its caches where the benchmark works. */
import { PASSPHRASE, type Tool, versionOf } from "./tool.ts";

export function findKopia(work: string): Tool | undefined {
  const version = versionOf(["kopia", "--version"]);
  if (version === undefined) return undefined;
  const environment = { KOPIA_PASSWORD: PASSPHRASE, KOPIA_CHECK_FOR_UPDATES: "false" };
  const words = (repository: string): string[] => [
    "kopia",
    `--config-file=${repository}.config`,
    `--log-dir=${work}/kopia-log`,
    "--no-progress",
  ];
  const kopia = (repository: string, ...rest: string[]) => ({
    words: [...words(repository), ...rest],
    environment,
  });
  return {
    name: "kopia",
    version: `kopia ${version.split(" ")[0] ?? ""}`,
    init(repository) {
      const create = [...words(repository), "repository", "create", "filesystem", "--path"];
      create.push(repository, "--cache-directory", `${repository}.cache`);
      const policy = [...words(repository), "policy", "set", "--global", "--compression=zstd"];
      return {
        words: ["sh", "-c", `${create.map(quoted).join(" ")} && ${policy.map(quoted).join(" ")}`],
        environment,
      };
    },
    backup: (repository, path) => kopia(repository, "snapshot", "create", path),
    restore: (repository, _, target) => ({
      words: [
        "sh",
        "-c",
        `id=$(${words(repository).map(quoted).join(" ")} snapshot list --json | ` +
          `sed -n 's/.*"rootEntry".*"obj":"\\([^"]*\\)".*/\\1/p' | tail -n 1) && ` +
          `exec ${words(repository).map(quoted).join(" ")} restore "$id" ${quoted(target)}`,
      ],
      environment,
    }),
    // One path is backed up, and its content comes back without it.
    restoredAt: (target) => target,
  };
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
