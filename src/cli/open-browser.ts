/**
 * Opens the person's browser at the server, logged in. The ticket must be seen by nobody else: what a
 * program is started with can be read by every user of the machine. So the browser is given a private
 * file that leads on to the server, as Jupyter does.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface BrowserDoor {
  /** The file that leads to the server. */
  readonly file: string;
  /** Removes it; may be called again. */
  remove(): void;
}

/** Writes the file, which only this user can read. @param url With the ticket after `#`. */
export function writeBrowserDoor(url: string): BrowserDoor {
  const folder = mkdtempSync(join(tmpdir(), "forge-browse-"));
  const file = join(folder, "open.html");
  // Only ours is in it: an address of this machine and a random ticket.
  const html =
    '<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>forge</title>' +
    `<meta http-equiv="refresh" content="0;url=${url}">` +
    `<p><a href="${url}">Open the file browser</a></p></html>\n`;
  writeFileSync(file, html, { mode: 0o600, flag: "wx" });
  return { file, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Whether there is a screen to open a browser on. */
export function hasScreen(variables: Readonly<NodeJS.ProcessEnv>): boolean {
  if (process.platform === "darwin" || process.platform === "win32") return true;
  const isSet = (name: string): boolean => (variables[name] ?? "") !== "";
  return isSet("DISPLAY") || isSet("WAYLAND_DISPLAY");
}

/**
 * Starts the browser and does not wait for it.
 * @param onFailure Called when it cannot be started, or says that it could not.
 */
export function openInBrowser(file: string, onFailure: () => void): void {
  const [program, ...words] = openerOf(process.platform);
  const child = spawn(program, [...words, file], { stdio: "ignore", detached: true });
  let failed = false;
  const fail = (): void => {
    if (!failed) onFailure();
    failed = true;
  };
  child.on("error", fail);
  child.on("exit", (code) => {
    if (code !== 0 && code !== null) fail();
  });
  child.unref();
}

function openerOf(platform: NodeJS.Platform): readonly [string, ...string[]] {
  if (platform === "darwin") return ["open"];
  // explorer takes a path as it is, where `start` would read it as a command line.
  return platform === "win32" ? ["explorer.exe"] : ["xdg-open"];
}
