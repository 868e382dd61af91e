/** MountBackend: what the two bindings (the kernel's protocol, libfuse) have in common. */
import type { ReadonlyFs } from "../engine/read/readonly-fs.ts";
import type { MountNative } from "./native.ts";

export interface BackendOptions {
  readonly native: MountNative;
  /** Others than the mounting user may look; permissions of the files are then enforced. */
  readonly allowOther: boolean;
  /** Whether extended attributes and ACLs are shown. */
  readonly xattrs: boolean;
  /** Shown by `df` and `mount`. */
  readonly fsName: string;
  /** How long names and attributes that can change are believed. */
  readonly attributeSeconds: number;
  /** Upper bound of what is loaded ahead of all sequential readers together. */
  readonly prefetchBytesMax: number;
  /** Told of every failure that a program sees as EIO, with the path. Must not throw. */
  readonly onError: (error: unknown) => void;
}

export interface BackendMount {
  /**
   * @returns "detached" when programs still use it: gone from the tree, served until they end.
   * @throws ForgeError "io" when it is in use and `lazyIfBusy` is not set.
   */
  unmount(options: { readonly lazyIfBusy: boolean }): Promise<"unmounted" | "detached">;
  /** Resolves when the kernel has let go of the mount, whoever unmounted it. */
  readonly closed: Promise<void>;
}

/** @param mountPoint An absolute path without symlinks that was checked by `checkMountPoint`. */
export type MountBackend = (
  fs: ReadonlyFs,
  mountPoint: string,
  options: BackendOptions,
) => Promise<BackendMount>;
