/**
 * Attach: how `/dev/fuse` comes to be mounted.
 *
 * Root calls mount(2). Everybody else asks `fusermount3`, a set-uid program of the package fuse3,
 * which mounts and sends the descriptor back through a socket.
 */
import { close, open } from "node:fs";
import { promisify } from "node:util";
import { utf8 } from "../../engine/base/bytes.ts";
import { ForgeError, isForgeError, messageOf } from "../../engine/base/errors.ts";
import { isRoot, runFusermount } from "../detach.ts";
import { MOUNT_FLAG, type MountNative, errnoNameOf } from "../native.ts";
import type { RunResult } from "../run.ts";

const DEVICE = "/dev/fuse";
/** What `mount` and `df -T` show behind the dot. */
const SUBTYPE = "forge";

export interface AttachOptions {
  readonly native: MountNative;
  readonly allowOther: boolean;
  readonly fsName: string;
}

/** @returns the descriptor of the mounted connection; the caller closes it. */
export async function attach(mountPoint: string, options: AttachOptions): Promise<number> {
  return isRoot() ? await mountAsRoot(mountPoint, options) : await mountAsUser(mountPoint, options);
}

async function mountAsRoot(mountPoint: string, options: AttachOptions): Promise<number> {
  const fd = await openDevice();
  const others = options.allowOther ? ",allow_other,default_permissions" : "";
  try {
    options.native.mount({
      source: utf8(options.fsName),
      target: utf8(mountPoint),
      type: utf8(`fuse.${SUBTYPE}`),
      flags: MOUNT_FLAG.readOnly | MOUNT_FLAG.noSetuid | MOUNT_FLAG.noDevices,
      data: utf8(`fd=${fd},rootmode=40000,user_id=0,group_id=0${others}`),
    });
    return fd;
  } catch (cause) {
    await promisify(close)(fd);
    if (isForgeError(cause)) throw cause;
    const name = errnoNameOf(cause);
    if (name === "EPERM" || name === "EACCES") {
      throw new ForgeError(
        "permission",
        `Cannot mount at ${mountPoint}: the system does not allow mounting; in a container give ` +
          `it --device /dev/fuse --cap-add SYS_ADMIN`,
        { cause },
      );
    }
    if (name === "ENODEV") throw noFuse(cause);
    throw new ForgeError("io", `Cannot mount at ${mountPoint}: ${messageOf(cause)}`, { cause });
  }
}

async function openDevice(): Promise<number> {
  try {
    return await promisify(open)(DEVICE, "r+");
  } catch (cause) {
    throw explainDevice(cause);
  }
}

function explainDevice(cause: unknown): ForgeError {
  const name = errnoNameOf(cause) ?? "";
  if (["ENOENT", "ENXIO", "ENODEV"].includes(name)) return noFuse(cause);
  return new ForgeError(
    "permission",
    `Cannot mount: ${DEVICE} cannot be opened (${messageOf(cause)}); it should have mode 0666, ` +
      `and a container needs --device /dev/fuse`,
    { cause },
  );
}

function noFuse(cause: unknown): ForgeError {
  return new ForgeError(
    "not-supported",
    `Cannot mount: this system has no FUSE (${DEVICE}); load it with: modprobe fuse`,
    { cause },
  );
}

async function mountAsUser(mountPoint: string, options: AttachOptions): Promise<number> {
  const others = options.allowOther ? ",allow_other,default_permissions" : "";
  const name = escapeOption(options.fsName);
  const flags = `ro,nosuid,nodev,subtype=${SUBTYPE},fsname=${name}${others}`;
  const [ours, theirs] = options.native.socketPair();
  const closeFd = promisify(close);
  let result: RunResult;
  try {
    // Where fusermount3 finds the socket: our child gets it as descriptor 3.
    const env = { _FUSE_COMMFD: "3" };
    result = await runFusermount(["-o", flags, "--", mountPoint], { fd: theirs, env });
  } finally {
    await closeFd(theirs);
  }
  try {
    if (result.exitCode !== 0) throw explainFusermount(mountPoint, result);
    // It was sent before the program ended, so nothing has to be waited for.
    const fd = options.native.receiveFd(ours, { wait: false });
    if (fd !== undefined) return fd;
    throw new ForgeError("io", `Cannot mount at ${mountPoint}: fusermount3 sent no descriptor`);
  } finally {
    await closeFd(ours);
  }
}

/** Commas separate options and backslashes escape. */
function escapeOption(text: string): string {
  return text.replace(/[\\,]/g, (character) => `\\${character}`);
}

function explainFusermount(mountPoint: string, result: RunResult): ForgeError {
  if (result.exitCode === undefined) {
    return new ForgeError(
      "not-supported",
      `Cannot mount at ${mountPoint}: the program fusermount3 is needed to mount without being ` +
        `root; install the package fuse3`,
    );
  }
  const found = result.stderr.replace(/^fusermount3?: /, "");
  const message = `Cannot mount at ${mountPoint}: ${found}`;
  if (found.includes("user_allow_other")) {
    const hint = "an administrator has to write user_allow_other into /etc/fuse.conf";
    return new ForgeError("permission", `${message}; ${hint}`);
  }
  if (found.includes("/dev/fuse") && !found.includes("denied")) return noFuse(found);
  if (/denied|not permitted|no write access|access/i.test(found)) {
    const hint = found.includes("/dev/fuse") ? "; it should have mode 0666" : "";
    return new ForgeError("permission", message + hint);
  }
  return new ForgeError("io", message);
}
