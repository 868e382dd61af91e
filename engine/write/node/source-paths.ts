/** The paths that are backed up as one tree of components beginning at `/`; nested ones merged. */
import type { Bytes } from "../../base/bytes.ts";
import { ForgeError } from "../../base/errors.ts";
import { rawFromBytes, rawFromText, rawToDisplay } from "./raw-path.ts";

/** One component on the way to, or at the end of, a path that was given. */
export interface WantedPath {
  /** Given itself: everything below it is wanted. */
  isSource: boolean;
  /** By raw name. */
  readonly children: Map<string, WantedPath>;
}

/**
 * @param paths Absolute. `.`, empty components and a final slash do not count.
 * @returns the tree, and the paths as raw strings without a final slash ("" is the root).
 * @throws ForgeError "usage".
 */
export function wantedPaths(paths: readonly (string | Bytes)[]): {
  readonly root: WantedPath;
  readonly raw: readonly string[];
} {
  if (paths.length === 0) {
    throw new ForgeError("usage", "Cannot back up: no path was given");
  }
  const root: WantedPath = { isSource: false, children: new Map() };
  const raw: string[] = [];
  for (const path of paths) {
    const parts = componentsOf(typeof path === "string" ? rawFromText(path) : rawFromBytes(path));
    let at = root;
    for (const part of parts) {
      let next = at.children.get(part);
      if (next === undefined) {
        next = { isSource: false, children: new Map() };
        at.children.set(part, next);
      }
      at = next;
    }
    at.isSource = true;
    raw.push(parts.map((part) => `/${part}`).join(""));
  }
  return { root, raw };
}

function componentsOf(raw: string): string[] {
  const refuse = (why: string): never => {
    throw new ForgeError("usage", `Cannot back up "${rawToDisplay(raw)}": ${why}`);
  };
  if (!raw.startsWith("/")) return refuse("it is not an absolute path");
  if (raw.includes("\0")) return refuse("it contains a NUL byte");
  const parts = raw.split("/").filter((part) => part !== "" && part !== ".");
  return parts.includes("..") ? refuse('it contains ".."') : parts;
}
