/** Where forge keeps what it can do without, by the XDG rules. */
import path from "node:path";

/**
 * `~/.cache/forge`, or below `XDG_CACHE_HOME`. It need not exist.
 * @param home For when `XDG_CACHE_HOME` says nothing.
 */
export function cacheFolder(
  variables: Readonly<Record<string, string | undefined>>,
  home: string,
): string {
  const xdg = variables["XDG_CACHE_HOME"];
  // The XDG specification says to ignore relative paths.
  const base = xdg?.startsWith("/") === true ? xdg : path.join(home, ".cache");
  return path.join(base, "forge");
}
