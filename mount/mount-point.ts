/** What has to be true of a mount point before anything is mounted, and what to do where it is not. */
import { constants } from "node:fs";
import { access, lstat, readdir, realpath, stat } from "node:fs/promises";
import { sep } from "node:path";
import { ForgeError, messageOf } from "../engine/base/errors.ts";
import { findMount } from "./mount-table.ts";
import { errnoNameOf } from "./native.ts";

/**
 * @param options.refuse Paths the mount point must not lie in: a mount inside the repository that it
 *   reads would wait for itself for ever.
 * @returns The mount point as an absolute path without symlinks.
 * @throws ForgeError "not-found", "not-a-directory", "exists" (not empty, or something is mounted
 *   there), "usage" (inside a refused path), "permission", "io".
 */
export async function checkMountPoint(
  mountPoint: string,
  options: { readonly refuse: readonly string[] },
): Promise<string> {
  const path = await resolve(mountPoint);
  const mounted = await findMount(path);
  if (mounted !== undefined) {
    throw new ForgeError(
      "exists",
      `Cannot mount at ${path}: a ${mounted.type} file system is already mounted there; ` +
        `unmount it first, or choose another directory`,
    );
  }
  await refuseInside(path, options.refuse);
  const found = await lstat(path);
  if (!found.isDirectory()) {
    throw new ForgeError("not-a-directory", `Cannot mount at ${path}: it is not a directory`);
  }
  await checkAccess(path);
  if ((await readdir(path)).length > 0) {
    throw new ForgeError(
      "exists",
      `Cannot mount at ${path}: the directory is not empty; choose or create an empty one`,
    );
  }
  return path;
}

async function resolve(mountPoint: string): Promise<string> {
  try {
    const path = await realpath(mountPoint);
    // realpath does not touch the last component's file system, stat does.
    await stat(path);
    return path;
  } catch (cause) {
    throw explain(mountPoint, cause);
  }
}

function explain(mountPoint: string, cause: unknown): ForgeError {
  switch (errnoNameOf(cause) ?? "") {
    case "ENOENT":
      return new ForgeError(
        "not-found",
        `Cannot mount at ${mountPoint}: there is no such directory; create it with: mkdir -p ${mountPoint}`,
        { cause },
      );
    case "ENOTDIR":
      return new ForgeError("not-a-directory", `Cannot mount at ${mountPoint}: not a directory`, {
        cause,
      });
    case "ENOTCONN":
      return new ForgeError(
        "exists",
        `Cannot mount at ${mountPoint}: a dead mount is left there, whose program ended without ` +
          `unmounting; remove it with: fusermount3 -uz ${mountPoint} (as root: umount -l ${mountPoint})`,
        { cause },
      );
    case "EACCES":
    case "EPERM":
      return new ForgeError("permission", `Cannot mount at ${mountPoint}: access is denied`, {
        cause,
      });
    default:
      return new ForgeError("io", `Cannot mount at ${mountPoint}: ${messageOf(cause)}`, { cause });
  }
}

async function refuseInside(path: string, refuse: readonly string[]): Promise<void> {
  for (const refused of refuse) {
    const outer = await realpath(refused).catch(() => undefined);
    if (outer === undefined) continue;
    const prefix = outer.endsWith(sep) ? outer : outer + sep;
    if (path !== outer && !path.startsWith(prefix)) continue;
    throw new ForgeError(
      "usage",
      `Cannot mount at ${path}: it lies inside ${outer}, which the mount itself reads; ` +
        `choose a directory outside of it`,
    );
  }
}

async function checkAccess(path: string): Promise<void> {
  try {
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw new ForgeError(
      "permission",
      `Cannot mount at ${path}: the directory must be writable for you; choose one of your own`,
      { cause },
    );
  }
}
