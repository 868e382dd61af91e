/** The door of the mount: shows a `ReadonlyFs` as a directory of this machine, through FUSE. */
import { ForgeError } from "../engine/base/errors.ts";
import type { ReadonlyFs } from "../engine/read/readonly-fs.ts";
import type { BackendOptions, MountBackend } from "./backend.ts";
import { mountWithKernel } from "./kernel/binding.ts";
import { checkMountPoint } from "./mount-point.ts";
import type { MountNative } from "./native.ts";

export type { MountNative } from "./native.ts";

/** kernel: the kernel's protocol, Linux. libfuse: the npm package fuse-native, macOS and Linux. */
export type MountBinding = "kernel" | "libfuse";

export interface MountOptions {
  /** The system calls that Node lacks; `engine/platform/node/libc.ts` is one. */
  readonly native: MountNative;
  readonly binding?: MountBinding;
  /** Let other users look, too; the permissions of the files are then enforced. */
  readonly allowOther?: boolean;
  /**
   * Extended attributes and ACLs are shown, the default. Without, the kernel asks for none any more, and
   * programs that want them of every file (`cp -a`) are faster. Not with `allowOther`:
   * without ACLs more could be read than the files allow.
   */
  readonly xattrs?: boolean;
  /** What `df` and `mount` show as the source. */
  readonly fsName?: string;
  /** How long the kernel believes what can change: new snapshots appear after this. */
  readonly attributeSeconds?: number;
  /** How much is loaded ahead of all sequential readers together, at most. */
  readonly prefetchBytesMax?: number;
  /** Paths that the mount point must not lie in: the directory of the repository. */
  readonly refuse?: readonly string[];
  /** Told of every failure that a program sees as an I/O error. */
  readonly onError?: (error: unknown) => void;
}

export interface Mount {
  /** Absolute, without symlinks. */
  readonly mountPoint: string;
  /**
   * Unmounts and waits until the kernel has let go. When programs still use the mount: with
   * `lazyIfBusy` it is taken out of the tree and served until they end ("detached": wait for
   * `closed`), otherwise it stays.
   * @throws ForgeError "io" when it is in use and stays.
   */
  unmount(options?: { readonly lazyIfBusy?: boolean }): Promise<"unmounted" | "detached">;
  /** Resolves once nothing is mounted any more, whoever unmounted it. */
  readonly closed: Promise<void>;
}

const ATTRIBUTE_SECONDS = 1;
/** 16 MiB: at 20 ms a request still 800 MB/s. */
const PREFETCH_BYTES_MAX = 16 * 1024 * 1024;

/**
 * Mounts `fs`, read-only. The process must go on running and must never look into the mount by a
 * synchronous call of its own: it would wait for itself.
 *
 * @throws ForgeError whose message says what to do: "not-found", "not-a-directory", "exists",
 *   "usage", "permission", "not-supported", "io".
 */
export async function mountFs(
  fs: ReadonlyFs,
  mountPoint: string,
  options: MountOptions,
): Promise<Mount> {
  if (options.xattrs === false && options.allowOther === true) {
    throw new ForgeError(
      "usage",
      `Cannot mount at ${mountPoint} for other users without extended attributes: the ACLs that keep them out are among these`,
    );
  }
  const path = await checkMountPoint(mountPoint, { refuse: options.refuse ?? [] });
  const backend = await findBackend(options.binding ?? "kernel");
  const backendOptions: BackendOptions = {
    native: options.native,
    allowOther: options.allowOther ?? false,
    xattrs: options.xattrs ?? true,
    fsName: options.fsName ?? "forge",
    attributeSeconds: options.attributeSeconds ?? ATTRIBUTE_SECONDS,
    prefetchBytesMax: options.prefetchBytesMax ?? PREFETCH_BYTES_MAX,
    onError: options.onError ?? (() => undefined),
  };
  const mounted = await backend(fs, path, backendOptions);
  return {
    mountPoint: path,
    closed: mounted.closed,
    unmount: ({ lazyIfBusy = false } = {}) => mounted.unmount({ lazyIfBusy }),
  };
}

async function findBackend(binding: MountBinding): Promise<MountBackend> {
  switch (binding) {
    case "kernel":
      if (process.platform === "linux") return mountWithKernel;
      throw new ForgeError(
        "not-supported",
        `Cannot mount with the kernel binding on ${process.platform}: it is for Linux; use libfuse`,
      );
    case "libfuse":
      return (await import("./libfuse/binding.ts")).mountWithLibfuse;
    default:
      return binding satisfies never;
  }
}
