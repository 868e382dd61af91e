/** What a machine must have for a test: where it is missing, CI fails and others skip, loudly. */
import { accessSync, chmodSync, constants, existsSync } from "node:fs";

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
  return need(isFuseUsable(), "/dev/fuse (readable and writable) and the package fuse3");
}

function isFuseUsable(): boolean {
  try {
    accessSync("/dev/fuse", constants.R_OK | constants.W_OK);
  } catch {
    return false;
  }
  return hasProgram("fusermount3");
}

export function hasProgram(name: string): boolean {
  const folders = (process.env["PATH"] ?? "").split(":");
  return [...folders, "/bin", "/usr/bin", "/sbin", "/usr/sbin"].some((folder) =>
    existsSync(`${folder}/${name}`),
  );
}
