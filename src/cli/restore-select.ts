/** `--include` and `--exclude` of a restore as the choice the engine asks for, entry by entry. */
import {
  type Bytes,
  type Choice,
  type FsEntry,
  type Select,
  concatBytes,
  utf8,
} from "../../engine/node.ts";
import { anyPattern } from "./name-pattern.ts";

/** Folders whose answer is remembered: what is in a folder is asked about one after another. */
const REMEMBERED_MAX = 4096;
const SLASH = utf8("/");

/**
 * Patterns are those of `forge find`; a path begins at what is restored. A folder that is included
 * is so with all below it, and one that is excluded as well; exclusion wins.
 *
 * @returns `undefined` when everything is restored.
 */
export function restoreSelect(
  include: readonly string[],
  exclude: readonly string[],
): Select | undefined {
  const included = anyPattern(include, { ignoreCase: false });
  const excluded = anyPattern(exclude, { ignoreCase: false });
  if (included === undefined && excluded === undefined) return undefined;
  const folders = new Map<string, boolean>();

  /** Whether the folder that holds the entry, or one above it, was included. */
  function isFolderIncluded(parts: readonly Bytes[]): boolean {
    if (included === undefined) return true;
    if (parts.length === 0) return false;
    const path = joined(parts);
    const key = Buffer.from(path).toString("latin1");
    const known = folders.get(key);
    if (known !== undefined) return known;
    const last = parts.at(-1) ?? SLASH;
    const answer = included(last, path) || isFolderIncluded(parts.slice(0, -1));
    if (folders.size >= REMEMBERED_MAX) folders.clear();
    folders.set(key, answer);
    return answer;
  }

  return (parts: readonly Bytes[], entry: FsEntry): Choice => {
    const path = joined(parts);
    if (excluded?.(entry.name, path) === true) return "skip";
    if (included === undefined || included(entry.name, path)) return "take";
    if (isFolderIncluded(parts.slice(0, -1))) return "take";
    return entry.type === "directory" ? "look-inside" : "skip";
  };
}

function joined(parts: readonly Bytes[]): Bytes {
  const pieces: Bytes[] = [];
  for (const [i, part] of parts.entries()) {
    if (i > 0) pieces.push(SLASH);
    pieces.push(part);
  }
  return concatBytes(pieces);
}
