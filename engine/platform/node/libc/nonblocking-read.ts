/**
 * Talking to a device without blocking the thread: reading at once what is there, waiting in another
 * thread for more, answering. What still waits keeps the process from ending, so how to end it all the same is here.
 */
import { constants } from "node:os";
import type { Bytes } from "../../../base/bytes.ts";
import { ErrnoError } from "../errno-error.ts";
import { fcntl } from "./fcntl.ts";
import { checked, lastErrno, libraryFunction } from "./library.ts";
import { O_NONBLOCK } from "./open-flags.ts";

// asm-generic/fcntl.h
const F_GETFL = 3;
const F_SETFL = 4;
// asm-generic/poll.h: int fd, short events, short revents
const POLLIN = 1;
const POLLFD_BYTES = 8;

/** Makes `readAvailable` answer at once. */
export function makeNonBlocking(fd: number): void {
  const flags = checked("fcntl", fcntl(fd, F_GETFL, 0));
  checked("fcntl", fcntl(fd, F_SETFL, flags | O_NONBLOCK));
}

/**
 * read(2) on a descriptor that does not block. Node's own answers "nothing there" by an exception,
 * which costs more than the call.
 * @returns bytes read; `undefined` when there is nothing to read now.
 */
export function readAvailable(fd: number, into: Bytes): number | undefined {
  const result = readOf()(fd, into, into.length);
  if (result >= 0) return result;
  const errno = lastErrno();
  if (errno === constants.errno.EAGAIN) return undefined;
  throw new ErrnoError(errno, "read");
}

/**
 * write(2) of the first `length` bytes in one call: for a device that takes a message whole or not at
 * all. Node's own costs three times the call.
 * @throws ErrnoError
 */
export function writeMessage(fd: number, bytes: Bytes, length: number): void {
  if (writeOf()(fd, bytes, length) < 0) throw new ErrnoError(lastErrno(), "write");
}

/** Waits in this thread, for at most so long. @returns whether there is something to read. */
export function isReadableWithin(fd: number, timeoutMs: number): boolean {
  pollRequest.setInt32(0, fd, true);
  // A failed poll shows in the read that follows.
  return pollOf()(pollRequestBytes, 1, timeoutMs) !== 0;
}

/** Resolves when there is something to read, or the other end is gone. Holds a thread of the pool. */
export function waitReadable(fd: number): Promise<void> {
  const request = newPollRequest();
  request.setInt32(0, fd, true);
  return new Promise((resolve, reject) => {
    pollOf().async(new Uint8Array(request.buffer), 1, -1, (error: Error | null) => {
      // A failed poll shows in the read that follows.
      if (error === null) resolve();
      else reject(error);
    });
  });
}

/**
 * _exit(2): the process ends at once, with this status. For when a thread that is blocked in a
 * system call would keep it from ending; nothing is flushed and no handler runs.
 */
export function exitNow(status: number): never {
  exitOf()(status);
  throw new Error("forge has a defect: _exit returned");
}

function newPollRequest(): DataView<ArrayBuffer> {
  const request = new DataView(new ArrayBuffer(POLLFD_BYTES));
  request.setInt16(4, POLLIN, true);
  return request;
}

/** Of `isReadableWithin`, which has one at a time. */
const pollRequest = newPollRequest();
const pollRequestBytes = new Uint8Array(pollRequest.buffer);

type C = Uint8Array;
const readOf = libraryFunction<(fd: number, into: C, size: number) => number>(
  "int64_t read(int fd, void *into, size_t size)",
);
const writeOf = libraryFunction<(fd: number, bytes: C, size: number) => number>(
  "int64_t write(int fd, const void *bytes, size_t size)",
);
const pollOf = libraryFunction<{
  (requests: C, count: number, timeoutMs: number): number;
  async(requests: C, count: number, timeoutMs: number, done: (error: Error | null) => void): void;
}>("int poll(void *requests, unsigned long count, int timeoutMs)");
const exitOf = libraryFunction<(status: number) => void>("void _exit(int status)");
