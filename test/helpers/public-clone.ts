/**
 * Tests that become another user run the program from this clone, which may lie where only root may
 * look. Then the clone is shown read-only at a place that everybody can reach.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const NOBODY = 65_534;

let shown: string | undefined;

/** `path` of this clone, or where everybody finds the same; other paths as they are. */
export function publicPath(path: string): string {
  const inClone = relative(ROOT, path);
  if (inClone.startsWith("..") || process.geteuid?.() !== 0) return path;
  shown ??= isOpenToAll() ? ROOT : showClone();
  return join(shown, inClone);
}

function isOpenToAll(): boolean {
  const words = ["-r", join(ROOT, "package.json")];
  return spawnSync("test", words, { uid: NOBODY, gid: NOBODY, cwd: "/" }).status === 0;
}

function showClone(): string {
  const folder = mkdtempSync(join(tmpdir(), "forge-public-"));
  chmodSync(folder, 0o755);
  execFileSync("mount", ["-o", "bind,ro", ROOT, folder]);
  process.on("exit", () => {
    spawnSync("umount", ["-l", folder]);
    rmdirSync(folder);
  });
  return folder;
}
