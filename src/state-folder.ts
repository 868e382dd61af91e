/** Where forge keeps what it remembers between runs, by the XDG rules. */
import os from "node:os";
import path from "node:path";

/** `~/.local/state/forge`, or below `XDG_STATE_HOME`. It need not exist. */
export function stateFolder(variables: Readonly<Record<string, string | undefined>>): string {
  const xdg = variables["XDG_STATE_HOME"];
  // The XDG specification says to ignore relative paths.
  const base = xdg?.startsWith("/") === true ? xdg : path.join(homeOf(variables), ".local/state");
  return path.join(base, "forge");
}

function homeOf(variables: Readonly<Record<string, string | undefined>>): string {
  const home = variables["HOME"];
  return home === undefined || home === "" ? os.homedir() : home;
}
