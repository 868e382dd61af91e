/** Where a restore may not write: among the objects of the repository that it reads. */
import { realpath } from "node:fs/promises";
import { basename, dirname, join, resolve, sep } from "node:path";
import { ForgeError } from "../../engine/base/errors.ts";

/**
 * @param target As typed; it need not exist.
 * @param repository The repository's folder.
 * @throws ForgeError "usage" when the target is that folder or lies in it.
 */
export async function refuseInsideRepository(target: string, repository: string): Promise<void> {
  const [path, outer] = [await realPathOf(resolve(target)), await realPathOf(repository)];
  const prefix = outer.endsWith(sep) ? outer : outer + sep;
  if (path !== outer && !path.startsWith(prefix)) return;
  throw new ForgeError(
    "usage",
    `Cannot restore to ${path}: it lies inside the repository ${outer}; choose a folder outside of it`,
  );
}

/** The path without symlinks, as far as it exists. */
export async function realPathOf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(await realPathOf(parent), basename(path));
  }
}
