/** Pipes and sockets between processes, and descriptors sent through them. @see unix(7) */
import { constants } from "node:os";
import { addressOf, checked, lastErrno, libraryFunction } from "./library.ts";
import { O_CLOEXEC } from "./open-flags.ts";

/**
 * Two connected stream sockets, closed on exec. One that stands in `stdio` of `child_process.spawn`
 * is open in the child all the same, under its place there.
 */
export function socketPair(): readonly [number, number] {
  const AF_UNIX = 1;
  const SOCK_STREAM = 1;
  const fds = new Int32Array(2);
  checked("socketpair", socketpairOf()(AF_UNIX, SOCK_STREAM | O_CLOEXEC, 0, fds));
  return [fds[0] ?? -1, fds[1] ?? -1];
}

/** [reading end, writing end], closed on exec. */
export function pipe(): readonly [number, number] {
  const fds = new Int32Array(2);
  checked("pipe2", pipe2Of()(fds, O_CLOEXEC));
  return [fds[0] ?? -1, fds[1] ?? -1];
}

/**
 * Receives one descriptor that the other end sends with SCM_RIGHTS; it is closed on exec.
 *
 * ```text
 * msghdr   0 name  8 name length  16 iov → 64  24 iov count  32 control → 96  40 control length
 * iovec   64 base → 80  72 length 1          cmsg  96 length u64  104 level i32  108 type i32  112 fd
 * ```
 * @param options.wait false: ErrnoError "EAGAIN" when nothing is there yet. It blocks the thread.
 * @returns `undefined` when the other end was closed, or sent bytes without a descriptor.
 */
export function receiveFd(
  socketFd: number,
  options: { readonly wait: boolean } = { wait: true },
): number | undefined {
  const SOL_SOCKET = 1;
  const SCM_RIGHTS = 1;
  const MSG_DONTWAIT = 0x40;
  const MSG_CMSG_CLOEXEC = 0x40000000;
  const memory = new ArrayBuffer(128);
  const base = addressOf(memory);
  const view = new DataView(memory);
  view.setBigUint64(16, base + 64n, true);
  view.setBigUint64(24, 1n, true);
  view.setBigUint64(32, base + 96n, true);
  view.setBigUint64(40, 24n, true);
  view.setBigUint64(64, base + 80n, true);
  view.setBigUint64(72, 1n, true);
  const flags = MSG_CMSG_CLOEXEC | (options.wait ? 0 : MSG_DONTWAIT);
  for (;;) {
    const received = recvmsgOf()(socketFd, new Uint8Array(memory), flags);
    if (received < 0 && lastErrno() === constants.errno.EINTR) continue;
    if (checked("recvmsg", received) === 0) return undefined;
    break;
  }
  const sent =
    view.getBigUint64(40, true) >= 20n &&
    view.getInt32(104, true) === SOL_SOCKET &&
    view.getInt32(108, true) === SCM_RIGHTS;
  return sent ? view.getInt32(112, true) : undefined;
}

const socketpairOf = libraryFunction<
  (domain: number, type: number, protocol: number, fds: Int32Array) => number
>("int socketpair(int domain, int type, int protocol, void *fds)");
const pipe2Of = libraryFunction<(fds: Int32Array, flags: number) => number>(
  "int pipe2(void *fds, int flags)",
);
const recvmsgOf = libraryFunction<(fd: number, message: Uint8Array, flags: number) => number>(
  "int64_t recvmsg(int fd, void *message, int flags)",
);
