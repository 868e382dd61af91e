/**
 * The watchdog: a small shell in a session of its own that waits for the end of a pipe. When the
 * server dies without unmounting (SIGKILL, out of memory), the pipe closes, and the shell takes the
 * dead mount away, so that nothing on the machine trips over "Transport endpoint is not connected".
 */
import { type ChildProcess, spawn } from "node:child_process";
import { isRoot } from "../detach.ts";

/**
 * `read` succeeds only when the server says that all is well. The path is an argument, never part
 * of the script. Both programs detach lazily: the mount may be in use.
 */
const SCRIPT = `
trap "" INT TERM HUP
if read -r line; then exit 0; fi
if [ "$2" = root ] && command -v umount >/dev/null; then exec umount -i -l -- "$1"; fi
fusermount3 -uz -- "$1" || fusermount -uz -- "$1"
`;

export interface Watchdog {
  /** Everything was unmounted in order: the watchdog ends and touches nothing. */
  dismiss(): void;
}

/** @param mountPoint Absolute. A machine without `sh` goes without a watchdog. */
export function startWatchdog(mountPoint: string): Watchdog {
  const role = isRoot() ? "root" : "user";
  const child: ChildProcess = spawn("sh", ["-c", SCRIPT, "forge-watchdog", mountPoint, role], {
    stdio: ["pipe", "ignore", "ignore"],
    // Ctrl-C in the terminal reaches its whole process group: the watchdog must not be in it.
    detached: true,
    // Never hold the working directory's file system, least of all the mount itself.
    cwd: "/",
  });
  child.on("error", () => undefined);
  child.stdin?.on("error", () => undefined);
  child.unref();
  return {
    dismiss: () => {
      child.stdin?.end("done\n");
    },
  };
}
