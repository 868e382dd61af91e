/** File systems made for a test and gone after it: in memory, or XFS in an image. Root only. */
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { canMount, hasProgram } from "./need.ts";

export interface ScratchDisk {
  readonly path: string;
  remove(): void;
}

/** @param size As mount(8) takes it: "8m". */
export function mountTmpfs(path: string, size: string): ScratchDisk {
  mkdirSync(path);
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size},mode=755`, "tmpfs", path], {
    stdio: "pipe",
  });
  return { path, remove: () => takeDown(path) };
}

/** Whether this machine can have XFS: the tools, loop devices, and a kernel that lets us mount it. */
export function canMountXfs(): boolean {
  if (!hasProgram("mkfs.xfs") || !canMount()) return false;
  try {
    // Names a free loop device, or fails.
    execFileSync("losetup", ["-f"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** A file system that keeps attributes of 64 KiB. The image is sparse: it takes what is written. */
export function mountXfs(path: string, gibibytes: number): ScratchDisk {
  const image = `${path}.image`;
  writeFileSync(image, "");
  truncateSync(image, gibibytes * 1024 ** 3);
  execFileSync("mkfs.xfs", ["-q", image]);
  mkdirSync(path);
  execFileSync("mount", ["-o", "loop", image, path]);
  return {
    path,
    remove() {
      takeDown(path);
      rmSync(image, { force: true });
    },
  };
}

function takeDown(path: string): void {
  execFileSync("umount", ["-l", path]);
  rmSync(path, { recursive: true, force: true });
}
