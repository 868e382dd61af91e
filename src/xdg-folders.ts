/** Where forge keeps things below a user's home, by the XDG rules. None of the folders need exist. */
import os from "node:os";
import path from "node:path";

type Variables = Readonly<Record<string, string | undefined>>;

export function homeOf(variables: Variables): string {
  const home = variables["HOME"];
  return home === undefined || home === "" ? os.homedir() : home;
}

/** `~/.config`, or `XDG_CONFIG_HOME`. */
export function configHome(variables: Variables): string {
  return xdgHome(variables, "XDG_CONFIG_HOME", ".config");
}

/** What is remembered between runs: `~/.local/state/forge`, or below `XDG_STATE_HOME`. */
export function stateFolder(variables: Variables): string {
  return path.join(xdgHome(variables, "XDG_STATE_HOME", ".local/state"), "forge");
}

/** What can be done without: `~/.cache/forge`, or below `XDG_CACHE_HOME`. */
export function cacheFolder(variables: Variables): string {
  return path.join(xdgHome(variables, "XDG_CACHE_HOME", ".cache"), "forge");
}

function xdgHome(variables: Variables, name: string, usual: string): string {
  const xdg = variables[name];
  // The XDG specification says to ignore relative paths.
  return xdg?.startsWith("/") === true ? xdg : path.join(homeOf(variables), usual);
}
