/** forge itself, as built in dist/. */
import { join } from "node:path";
import { PASSPHRASE, type Tool, belowTarget, versionOf } from "./tool.ts";

const LAUNCHER = join(import.meta.dirname, "../../../bin/forge.cjs");

export function findForge(): Tool {
  const version = versionOf([LAUNCHER, "--version"]);
  if (version === undefined) throw new Error("forge is not built: run `npm run build`");
  const forge = (repository: string, ...words: string[]) => ({
    words: [LAUNCHER, "--repo", repository, ...words],
    // What it remembers of this repository is nothing for the home of whoever runs this.
    environment: { FORGE_PASSPHRASE: PASSPHRASE, XDG_STATE_HOME: `${repository}.state` },
  });
  return {
    name: "forge",
    version: `${version}, Node ${process.versions.node}`,
    init: (repository) => forge(repository, "init"),
    backup: (repository, path) => forge(repository, "backup", path),
    restore: (repository, _, target) => forge(repository, "restore", "latest", "--target", target),
    list: (repository) => forge(repository, "ls", "-R", "latest"),
    dump: (repository, _, path) => forge(repository, "dump", "latest", path),
    check: (repository) => forge(repository, "check"),
    checkData: (repository) => forge(repository, "check", "--read-data"),
    mounting: {
      mount: (repository, mountPoint) => forge(repository, "mount", mountPoint),
      mountWithoutXattrs: (repository, mountPoint) =>
        forge(repository, "mount", "--no-xattrs", mountPoint),
      mountedRoot: (mountPoint) => join(mountPoint, "snapshots/latest"),
    },
    restoredAt: belowTarget,
  };
}
