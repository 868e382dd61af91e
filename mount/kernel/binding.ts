/** The binding that speaks the kernel's own protocol: Linux, the default. */
import { writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { utf8 } from "../../engine/base/bytes.ts";
import type { ReadonlyFs } from "../../engine/read/readonly-fs.ts";
import type { BackendMount, BackendOptions } from "../backend.ts";
import { findMount, findMountSync } from "../mount-table.ts";
import { type MountNative, UMOUNT_FLAG } from "../native.ts";
import { detach, isRoot } from "../detach.ts";
import { attach } from "./attach.ts";
import { Operations } from "./operations.ts";
import { raiseReadAhead } from "./read-ahead.ts";
import { Session } from "./session.ts";
import { startWatchdog } from "./watchdog.ts";

/** A `MountBackend`. */
export async function mountWithKernel(
  fs: ReadonlyFs,
  mountPoint: string,
  options: BackendOptions,
): Promise<BackendMount> {
  const fd = await attach(mountPoint, options);
  const operations = new Operations(fs, options);
  const session = new Session(fd, {
    native: options.native,
    onRequest: (request, channel) => operations.handle(request, channel),
    work: () => operations.work(),
    onError: options.onError,
  });
  session.start();
  const watchdog = startWatchdog(mountPoint);
  const device = (await findMount(mountPoint))?.device;
  const onExit = (status: number): void => {
    const isReleased = letGo(mountPoint, device, options.native);
    // What somebody mounts there next is no business of the watchdog.
    watchdog.dismiss();
    if (isReleased) return;
    // Programs still use it, and nothing else wakes the threads: an exit that hangs would be worse.
    options.native.exitNow?.(status);
    process.kill(process.pid, "SIGKILL");
  };
  process.on("exit", onExit);
  const closed = session.closed.then(() => {
    process.off("exit", onExit);
    watchdog.dismiss();
    operations.close();
  });
  if (isRoot() && device !== undefined) await raiseReadAhead(device);
  return {
    closed,
    unmount: async ({ lazyIfBusy }) => {
      const result = await detach(mountPoint, { native: options.native, lazyIfBusy });
      if (result === "unmounted") await closed;
      return result;
    },
  };
}

/**
 * The last resort when a process exits while mounted. The threads that wait for requests keep it
 * from ending, so the connection has to be broken: by unmounting, and where programs still hold the
 * mount, by aborting it. None of this needs an answer from this process.
 *
 * @returns Whether the threads will wake.
 */
function letGo(mountPoint: string, device: string | undefined, native: MountNative): boolean {
  const isMounted = findMountSync(mountPoint)?.device === device;
  const isReleased = isMounted && unmountNow(mountPoint, native);
  return isReleased || abortConnection(device);
}

/** @returns Whether it is certain that nobody uses the mount any more. */
function unmountNow(mountPoint: string, native: MountNative): boolean {
  const path = utf8(mountPoint);
  if (!isRoot()) {
    const program = (flags: string): boolean =>
      spawnSync("fusermount3", [flags, "--", mountPoint], { stdio: "ignore" }).status === 0;
    if (program("-u")) return true;
    program("-uz");
    return false;
  }
  try {
    native.umount2(path, UMOUNT_FLAG.noFollow);
    return true;
  } catch {
    try {
      native.umount2(path, UMOUNT_FLAG.noFollow | UMOUNT_FLAG.detach);
    } catch {
      // It is not there any more, or not ours to unmount.
    }
    return false;
  }
}

/** Makes every request fail at once. Only where the control file system is mounted. */
function abortConnection(device: string | undefined): boolean {
  const connection = device?.split(":")[1];
  if (connection === undefined) return false;
  try {
    writeFileSync(`/sys/fs/fuse/connections/${connection}/abort`, "1");
    return true;
  } catch {
    return false;
  }
}
