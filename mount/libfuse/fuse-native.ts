/**
 * The npm package fuse-native as we use it: an optional dependency, loaded when it is asked for.
 * It binds libfuse 2.9 and comes with a build of it for Linux and macOS on x86-64.
 */
import { createRequire } from "node:module";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { ForgeError, messageOf } from "../../engine/base/errors.ts";

/** Called once with 0 or a negative errno. */
export type Callback<Result> = (error: number, result?: Result) => void;

export interface FuseStat {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly nlink: number;
  /** 32 bits. */
  readonly ino: number;
  readonly rdev: number;
  readonly blksize: number;
  readonly blocks: number;
  /** Milliseconds since 1970, not negative. */
  readonly atime: number;
  readonly mtime: number;
  readonly ctime: number;
}

export interface FuseStatfs {
  readonly bsize: number;
  readonly frsize: number;
  readonly blocks: number;
  readonly files: number;
  readonly namemax: number;
}

/** Paths begin with "/" and have lost all bytes that are not UTF-8. */
export interface FuseHandlers {
  getattr(path: string, callback: Callback<FuseStat>): void;
  /** Has to be there for `getattr` to be called for open files; it is never called itself. */
  fgetattr(path: string, fd: number, callback: Callback<FuseStat>): void;
  readdir(path: string, callback: Callback<readonly string[]>): void;
  readlink(path: string, callback: Callback<string>): void;
  open(path: string, flags: number, callback: Callback<number>): void;
  release(path: string, fd: number, callback: Callback<never>): void;
  read(
    path: string,
    fd: number,
    buffer: Uint8Array,
    length: number,
    offset: number,
    callback: Callback<never>,
  ): void;
  statfs(path: string, callback: Callback<FuseStatfs>): void;
  /** Replaced by `Fuse._op_getxattr`; must be there to be announced. */
  getxattr(): void;
  listxattr(): void;
}

type Signal = (result: number, memory: ArrayBufferLike) => void;

export interface Fuse {
  mount(callback: (error: unknown) => void): void;
  unmount(callback: (error: unknown) => void): void;
  /** The text after which libfuse is set up; replaced, because the package passes on too few. */
  _fuseOptions: () => string;
  /** The package's own copy without knowing how much room there is; replaced. */
  _op_getxattr: (signal: Signal, path: string, name: string, out: Uint8Array) => void;
  _op_listxattr: (signal: Signal, path: string, out: Uint8Array) => void;
}

export interface FuseClass {
  new (mountPoint: string, handlers: FuseHandlers, options: { readonly timeout: false }): Fuse;
  /** Runs a shell with the path in its command line; replaced. */
  unmount: (mountPoint: string, callback: (error: unknown) => void) => void;
}

const RTLD_NODELETE = 0x1000;

/** @throws ForgeError "not-supported" when it is not installed or does not load on this machine. */
export async function loadFuseNative(): Promise<FuseClass> {
  try {
    const { resolve } = createRequire(import.meta.url);
    preloadLibfuse(dirname(resolve("fuse-native/package.json")));
    return (await import("fuse-native")).default as FuseClass;
  } catch (cause) {
    throw new ForgeError(
      "not-supported",
      `Cannot mount with libfuse: the npm package fuse-native does not load ` +
        `(${messageOf(cause).split("\n")[0] ?? ""}); it is an optional dependency for x86-64`,
      { cause },
    );
  }
}

/**
 * The binding asks the system for libfuse.so.2, which few have installed. Loading the bundled
 * library first, under the same name, satisfies it.
 */
function preloadLibfuse(packagePath: string): void {
  if (process.platform !== "linux") return;
  const path = join(packagePath, "prebuilds", `linux-${process.arch}`, "libfuse.so");
  const { RTLD_GLOBAL, RTLD_NOW } = constants.dlopen;
  try {
    process.dlopen({ exports: {} }, path, RTLD_NOW | RTLD_GLOBAL | RTLD_NODELETE);
  } catch {
    // Always fails, for it is no Node addon; but then it is loaded.
  }
}
