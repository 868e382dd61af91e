/**
 * MountNative: the few system calls a mount needs and Node does not have. They are handed in
 * (`engine/platform/node/libc.ts` has them all), so that one file of the program knows how native
 * code is called. A failed call throws an error whose `code` is the errno's name: "EBUSY".
 */
import type { Bytes } from "../engine/base/bytes.ts";

export interface MountNative {
  /** mount(2). `data` is the file system's own options as text. */
  mount(options: {
    readonly source: Bytes;
    readonly target: Bytes;
    readonly type: Bytes;
    readonly flags: number;
    readonly data: Bytes;
  }): void;
  /** umount2(2). */
  umount2(path: Bytes, flags: number): void;
  /** _exit(2): ends the process where a blocked thread would keep it from ending. */
  exitNow?(status: number): never;
  /** fcntl(2): sets O_NONBLOCK. */
  makeNonBlocking(fd: number): void;
  /** read(2) at once. @returns bytes read; `undefined` when there is nothing to read now. */
  readAvailable(fd: number, into: Bytes): number | undefined;
  /** write(2) of the first `length` bytes, in one call. */
  writeMessage(fd: number, bytes: Bytes, length: number): void;
  /** poll(2) in this thread, for at most so long. @returns whether there is something to read. */
  isReadableWithin(fd: number, timeoutMs: number): boolean;
  /** poll(2) in another thread: resolves when a read would give something, or fail. */
  waitReadable(fd: number): Promise<void>;
  /** A connected pair of Unix stream sockets, both close-on-exec; the caller closes them. */
  socketPair(): readonly [number, number];
  /**
   * Takes a descriptor that was sent through a Unix socket (SCM_RIGHTS); the caller closes it.
   * @returns `undefined` when the other end was closed without sending one.
   */
  receiveFd(socketFd: number, options: { readonly wait: boolean }): number | undefined;
}

/** linux/mount.h */
export const MOUNT_FLAG = { readOnly: 1, noSetuid: 2, noDevices: 4 } as const;
/** linux/fs.h, umount2 */
export const UMOUNT_FLAG = { detach: 2, noFollow: 8 } as const;

/** The errno name of a thrown system error, Node's or a native call's. */
export function errnoNameOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
