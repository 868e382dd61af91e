/** What a machine must have for a test: where it is missing, CI fails and others skip, loudly. */
import { execFileSync } from "node:child_process";
import { accessSync, chmodSync, constants, existsSync, mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Whether a test that needs `what` can run. @throws Error on CI, where everything must be there. */
export function need(isThere: boolean, what: string): boolean {
  if (isThere) return true;
  if (process.env["CI"] === "true")
    throw new Error(`These tests need ${what}, and CI must have it`);
  console.warn(`\n*** SKIPPED: this machine lacks ${what} ***\n`);
  return false;
}

/** `/dev/fuse`, open to everybody as udev leaves it, and `fusermount3` for those who are not root. */
export function needFuse(): boolean {
  if (process.geteuid?.() === 0 && existsSync("/dev/fuse")) chmodSync("/dev/fuse", 0o666);
  return need(isFuseUsable(), "/dev/fuse (and to be allowed to mount) and the package fuse3");
}

let mountRight: boolean | undefined;

/** Whether we are root and may mount: in a container root often may not. */
export function canMount(): boolean {
  return (mountRight ??= process.geteuid?.() === 0 && tryMount());
}

function tryMount(): boolean {
  const path = mkdtempSync(join(tmpdir(), "forge-probe-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", path], { stdio: "ignore" });
    execFileSync("umount", [path]);
    return true;
  } catch {
    return false;
  } finally {
    rmdirSync(path);
  }
}

function isFuseUsable(): boolean {
  try {
    accessSync("/dev/fuse", constants.R_OK | constants.W_OK);
  } catch {
    return false;
  }
  if (process.geteuid?.() === 0 && !canMount()) return false;
  return hasProgram("fusermount3");
}

export function hasProgram(name: string): boolean {
  const folders = (process.env["PATH"] ?? "").split(":");
  return [...folders, "/bin", "/usr/bin", "/sbin", "/usr/sbin"].some((folder) =>
    existsSync(`${folder}/${name}`),
  );
}
