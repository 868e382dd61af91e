/**
 * Where files may be restored to on the server's machine. Who can log in is not always who may write
 * there: on loopback it is the person who started the server; for others that person has to name the
 * folders.
 */
import { access, constants, realpath, stat } from "node:fs/promises";
import { isAbsolute, resolve, sep } from "node:path";
import { ForgeError, messageOf } from "../../engine/base/errors.ts";
import { realPathOf, refuseInsideRepository } from "../cli/restore-place.ts";

export interface RestorePolicy {
  readonly allowed: boolean;
  /** Real paths. Files go only below them; none: anywhere. */
  readonly roots: readonly string[];
  /** Whether entries may go back to the places they were backed up from. */
  readonly inPlaceAllowed: boolean;
  /**
   * The folder to restore into, without symlinks as far as it exists: use this one and not what was
   * asked for.
   * @param target An absolute path; it need not exist.
   * @throws ForgeError "permission", "usage".
   */
  readonly checkTarget: (target: string) => Promise<string>;
}

/**
 * @param options.roots Folders that exist, as given by `--restore-to`.
 * @param options.isLoopback Whether only this machine can connect.
 * @param options.repository The repository's folder, when it is on this machine.
 * @throws ForgeError "usage" for a root that is no folder or cannot be written to.
 */
export async function createRestorePolicy({
  roots: given,
  isLoopback,
  repository,
}: {
  readonly roots: readonly string[];
  readonly isLoopback: boolean;
  readonly repository: string | undefined;
}): Promise<RestorePolicy> {
  const roots = await Promise.all(given.map(realFolder));
  const allowed = isLoopback || roots.length > 0;
  return {
    allowed,
    roots,
    inPlaceAllowed: allowed && roots.length === 0,
    checkTarget: async (target) => {
      if (!allowed) {
        throw new ForgeError(
          "permission",
          "Cannot restore to this machine: other machines can connect to the server, and it was " +
            "started without --restore-to",
        );
      }
      if (!isAbsolute(target) || target.includes("\0")) {
        throw new ForgeError("usage", "Cannot restore there: an absolute path is needed");
      }
      const path = await realPathOf(resolve(target));
      if (roots.length > 0 && !roots.some((root) => isWithin(path, root))) {
        throw new ForgeError(
          "permission",
          `Cannot restore to ${path}: it is not in ${roots.join(" or ")}`,
        );
      }
      if (repository !== undefined) await refuseInsideRepository(path, repository);
      return path;
    },
  };
}

/** Whether `path` is `folder` or lies in it; both real and absolute. */
export function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

async function realFolder(text: string): Promise<string> {
  const path = resolve(text);
  try {
    const real = await realpath(path);
    if (!(await stat(real)).isDirectory()) throw new Error("it is not a folder");
    await access(real, constants.W_OK | constants.X_OK);
    return real;
  } catch (error) {
    throw new ForgeError("usage", `Cannot use --restore-to ${path}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
