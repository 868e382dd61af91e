/** Whether a backup was of folders that a path is in: only then its absence tells something. */
import { type Bytes, type Snapshot, concatBytes, utf8 } from "../../engine/node.ts";

const SLASH = 0x2f;
const SLASH_BYTES = utf8("/");

/**
 * @param parts Of a path from the root; each one or several names joined by `/`.
 * @returns true as well for the folders above what was backed up.
 */
export function backupCovers({ paths }: Pick<Snapshot, "paths">, parts: readonly Bytes[]): boolean {
  const path = concatBytes(parts.flatMap((part) => [SLASH_BYTES, part]));
  return paths.some((backedUp) => {
    const top = withoutLastSlashes(backedUp);
    return isWithin(path, top) || isWithin(top, path);
  });
}

function isWithin(path: Bytes, folder: Bytes): boolean {
  if (path.length < folder.length) return false;
  for (let i = 0; i < folder.length; i++) if (path[i] !== folder[i]) return false;
  return path.length === folder.length || path[folder.length] === SLASH;
}

function withoutLastSlashes(path: Bytes): Bytes {
  let end = path.length;
  while (end > 0 && path[end - 1] === SLASH) end--;
  return path.subarray(0, end);
}
