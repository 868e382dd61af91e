/** Detach: how a mount goes, whichever binding made it. */
import { utf8 } from "../engine/base/bytes.ts";
import { ForgeError, messageOf } from "../engine/base/errors.ts";
import { type MountNative, UMOUNT_FLAG, errnoNameOf } from "./native.ts";
import { type RunResult, run } from "./run.ts";

/**
 * @returns "detached": it was in use, is gone from the tree, and ends when its last user does.
 * @throws ForgeError "io" when it is in use and `lazyIfBusy` is not set.
 */
export async function detach(
  mountPoint: string,
  options: { readonly native: MountNative; readonly lazyIfBusy: boolean },
): Promise<"unmounted" | "detached"> {
  if (process.platform === "darwin") return await detachOnMac(mountPoint, options);
  return isRoot() ? detachAsRoot(mountPoint, options) : await detachAsUser(mountPoint, options);
}

export function isRoot(): boolean {
  return process.geteuid?.() === 0;
}

/** fusermount3, or `fusermount` where only FUSE 2 is installed. */
export async function runFusermount(
  args: readonly string[],
  options: { readonly fd?: number; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<RunResult> {
  const result = await run("fusermount3", args, options);
  return result.exitCode === undefined ? await run("fusermount", args, options) : result;
}

function detachAsRoot(
  mountPoint: string,
  options: { readonly native: MountNative; readonly lazyIfBusy: boolean },
): "unmounted" | "detached" {
  const path = utf8(mountPoint);
  try {
    options.native.umount2(path, UMOUNT_FLAG.noFollow);
    return "unmounted";
  } catch (cause) {
    const name = errnoNameOf(cause);
    // Not mounted any more, or the mount point is gone with it.
    if (name === "EINVAL" || name === "ENOENT") return "unmounted";
    if (name !== "EBUSY") throw cannotUnmount(mountPoint, cause);
    if (!options.lazyIfBusy) throw busy(mountPoint, cause);
    options.native.umount2(path, UMOUNT_FLAG.noFollow | UMOUNT_FLAG.detach);
    return "detached";
  }
}

async function detachAsUser(
  mountPoint: string,
  options: { readonly lazyIfBusy: boolean },
): Promise<"unmounted" | "detached"> {
  const result = await runFusermount(["-u", "--", mountPoint]);
  if (result.exitCode === 0 || /not mounted|not found|Invalid argument/.test(result.stderr)) {
    return "unmounted";
  }
  if (!/busy/i.test(result.stderr)) throw cannotUnmount(mountPoint, result.stderr);
  if (!options.lazyIfBusy) throw busy(mountPoint, result.stderr);
  const lazy = await runFusermount(["-u", "-z", "--", mountPoint]);
  if (lazy.exitCode !== 0) throw cannotUnmount(mountPoint, lazy.stderr);
  return "detached";
}

/** Not tried on a Mac. It has no lazy unmount: "by force" takes the files from those who use them. */
async function detachOnMac(
  mountPoint: string,
  options: { readonly lazyIfBusy: boolean },
): Promise<"unmounted" | "detached"> {
  const result = await run("umount", [mountPoint]);
  if (result.exitCode === 0 || /not currently mounted/.test(result.stderr)) return "unmounted";
  if (!options.lazyIfBusy) throw busy(mountPoint, result.stderr);
  const forced = await run("diskutil", ["unmount", "force", mountPoint]);
  if (forced.exitCode !== 0) throw cannotUnmount(mountPoint, forced.stderr);
  return "unmounted";
}

function busy(mountPoint: string, cause: unknown): ForgeError {
  return new ForgeError(
    "io",
    `Cannot unmount ${mountPoint}: programs still use it; find them with: fuser -m ${mountPoint}`,
    { cause },
  );
}

function cannotUnmount(mountPoint: string, cause: unknown): ForgeError {
  return new ForgeError("io", `Cannot unmount ${mountPoint}: ${messageOf(cause)}`, { cause });
}
