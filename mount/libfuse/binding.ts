/**
 * The second binding: libfuse 2.9 through the npm package fuse-native. For macOS (not tried there)
 * and where the kernel's protocol cannot be spoken directly.
 *
 * What it cannot do: names and symlinks that are not UTF-8 (they show a replacement character),
 * times before 1970 or finer than a millisecond, inode numbers of more than 32 bits, SEEK_HOLE,
 * time-outs per directory (all are short, because snapshots come and go), READDIRPLUS, interrupting
 * a read; and a busy mount counts as closed once it is out of the tree.
 */
import type { ReadonlyFs } from "../../engine/read/readonly-fs.ts";
import { ForgeError, messageOf } from "../../engine/base/errors.ts";
import type { BackendMount, BackendOptions } from "../backend.ts";
import { detach } from "../detach.ts";
import { type Watchdog, startWatchdog } from "../kernel/watchdog.ts";
import { findMount } from "../mount-table.ts";
import { type Fuse, loadFuseNative } from "./fuse-native.ts";
import { libfuseHandlers } from "./handlers.ts";

/** libfuse tells nobody that somebody else unmounted: the table of mounts is looked at. */
const POLL_MS = 500;

/** A `MountBackend`. */
export async function mountWithLibfuse(
  fs: ReadonlyFs,
  mountPoint: string,
  options: BackendOptions,
): Promise<BackendMount> {
  const FuseNative = await loadFuseNative();
  const { handlers, xattr } = libfuseHandlers(fs, options);
  // Without time-outs: a slow store is no reason to fail, and every handler is sure to answer.
  const fuse = new FuseNative(mountPoint, handlers, { timeout: false });
  fuse._fuseOptions = () => optionText(options);
  fuse._op_getxattr = (signal, path, name, out) => {
    void xattr(path, name, out).then((result) => signal(result, out.buffer));
  };
  fuse._op_listxattr = (signal, path, out) => {
    void xattr(path, undefined, out).then((result) => signal(result, out.buffer));
  };
  // We unmount ourselves; all that is left to the package is to put its things away.
  FuseNative.unmount = (_mountPoint, callback) => callback(null);
  await mount(fuse, mountPoint, options);
  const watchdog = process.platform === "linux" ? startWatchdog(mountPoint) : undefined;
  return watchMount(fuse, mountPoint, { native: options.native, watchdog });
}

function optionText(options: BackendOptions): string {
  const seconds = options.attributeSeconds;
  const list = [
    "ro",
    "nosuid",
    "nodev",
    "use_ino",
    "subtype=forge",
    `fsname=${options.fsName.replace(/[\\,]/g, (character) => `\\${character}`)}`,
    `entry_timeout=${seconds}`,
    `attr_timeout=${seconds}`,
    "negative_timeout=0",
    // Content never changes: what the kernel has read stays true.
    "kernel_cache",
  ];
  if (process.platform === "linux") list.push("max_background=128", "congestion_threshold=96");
  if (options.allowOther) list.push("allow_other", "default_permissions");
  return `-o${list.join(",")}`;
}

async function mount(fuse: Fuse, mountPoint: string, options: BackendOptions): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      fuse.mount((error) => {
        if (error === null || error === undefined) resolve();
        else reject(error instanceof Error ? error : new Error(messageOf(error)));
      });
    });
  } catch (cause) {
    // A failed mount leaves a dead one behind.
    await detach(mountPoint, { native: options.native, lazyIfBusy: true }).catch(() => undefined);
    throw new ForgeError(
      "io",
      `Cannot mount at ${mountPoint} with libfuse: ${messageOf(cause)}; is FUSE set up, and ` +
        `/dev/fuse open to you?`,
      { cause },
    );
  }
}

function watchMount(
  fuse: Fuse,
  mountPoint: string,
  options: Pick<BackendOptions, "native"> & { readonly watchdog: Watchdog | undefined },
): BackendMount {
  let end: () => void = () => undefined;
  const closed = new Promise<void>((resolve) => {
    end = resolve;
  });
  let isClosed = false;
  const close = (): void => {
    if (isClosed) return;
    isClosed = true;
    clearInterval(timer);
    options.watchdog?.dismiss();
    fuse.unmount(() => end());
  };
  const timer = setInterval(() => {
    void findMount(mountPoint).then((mounted) => {
      if (mounted === undefined && process.platform === "linux") close();
    });
  }, POLL_MS);
  return {
    closed,
    unmount: async ({ lazyIfBusy }) => {
      const result = await detach(mountPoint, { native: options.native, lazyIfBusy });
      close();
      await closed;
      return result;
    },
  };
}
