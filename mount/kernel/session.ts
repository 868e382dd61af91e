/**
 * One connection to the kernel: reads requests from `/dev/fuse`, hands them on, writes answers.
 *
 * Everything happens in the thread that owns the read side; only the waiting, poll(2), is done in a
 * thread of Node's pool. A program that reads files one after another sends a request as soon as it
 * has the answer to the last. Two changes of threads for each, in and out of the pool, cost more
 * than the answers, so after an answer the next request is looked for at once for a moment.
 *
 * A poll that waits keeps `process.exit()` from ending: unmount first.
 */
import { close, writeSync, writevSync } from "node:fs";
import type { Bytes } from "../../engine/base/bytes.ts";
import { ERRNO } from "../errno.ts";
import { type MountNative, errnoNameOf } from "../native.ts";
import { REPLY_HEADER_BYTES, type Request, decodeRequest, isOneWay } from "./protocol.ts";

/** The kernel asks for at least 8 KiB; more lets it hand back many forgotten nodes at once. */
const REQUEST_BYTES_MAX = 64 * 1024;

/** A program that goes on at once is back after 10 to 30 µs. */
const LINGER_MS = 0.05;
/** Timers, storage and threads get their turn at least this often. */
const TURN_MS = 5;

export interface Channel {
  /**
   * Answers a request with a body in one or more parts. @returns false when nobody waits for it any more (the program was killed):
   * what the answer would have given to the kernel, the kernel does not have.
   */
  reply(unique: bigint, ...body: readonly Uint8Array[]): boolean;
  /** @param errno Positive. */
  replyError(unique: bigint, errno: number): void;
}

export interface SessionOptions {
  readonly native: Pick<MountNative, "makeNonBlocking" | "readAvailable" | "waitReadable">;
  /** Called once for each request; `body` is gone when it returns. Must not throw. */
  readonly onRequest: (request: Request, channel: Channel) => void;
  readonly onError: (error: unknown) => void;
}

export class Session implements Channel {
  readonly closed: Promise<void>;
  readonly #fd: number;
  readonly #options: SessionOptions;
  readonly #header = new DataView(new ArrayBuffer(REPLY_HEADER_BYTES));
  readonly #headerBytes = new Uint8Array(this.#header.buffer);
  readonly #buffer: Bytes = new Uint8Array(REQUEST_BYTES_MAX);
  /** Requests that wait for something to be loaded. */
  #unanswered = 0;
  #ended = false;
  #resolveClosed: () => void = () => undefined;

  /** @param fd A descriptor of `/dev/fuse` that is mounted; the session closes it. */
  constructor(fd: number, options: SessionOptions) {
    this.#fd = fd;
    this.#options = options;
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
  }

  start(): void {
    this.#options.native.makeNonBlocking(this.#fd);
    void this.#serve();
  }

  reply(unique: bigint, ...body: readonly Uint8Array[]): boolean {
    this.#unanswered--;
    return this.#write(unique, 0, body);
  }

  replyError(unique: bigint, errno: number): void {
    this.#unanswered--;
    this.#write(unique, errno, []);
  }

  async #serve(): Promise<void> {
    while (!this.#ended) {
      try {
        if (this.#takeTurn() === "idle") await this.#options.native.waitReadable(this.#fd);
        else await nextTurn();
      } catch (error) {
        if (!isPassing(error)) this.#end(error);
      }
    }
    close(this.#fd, () => this.#resolveClosed());
  }

  /** Serves what is there, and what comes while somebody may be about to ask. */
  #takeTurn(): "idle" | "more" {
    const begunMs = performance.now();
    let servedMs = begunMs;
    for (;;) {
      const length = this.#options.native.readAvailable(this.#fd, this.#buffer);
      if (length !== undefined) this.#receive(this.#buffer.subarray(0, length));
      const nowMs = performance.now();
      if (nowMs - begunMs > TURN_MS) return "more";
      if (length !== undefined) servedMs = nowMs;
      // What is being loaded needs this thread to come back to the event loop.
      else if (this.#unanswered > 0 || nowMs - servedMs > LINGER_MS) return "idle";
    }
  }

  #receive(bytes: Bytes): void {
    if (bytes.length === 0) return;
    try {
      const request = decodeRequest(bytes);
      if (!isOneWay(request.opcode)) this.#unanswered++;
      this.#options.onRequest(request, this);
    } catch (error) {
      this.#options.onError(error);
    }
  }

  #write(unique: bigint, errno: number, body: readonly Uint8Array[]): boolean {
    const bodyBytes = body.reduce((sum, part) => sum + part.length, 0);
    this.#header.setUint32(0, REPLY_HEADER_BYTES + bodyBytes, true);
    this.#header.setInt32(4, -errno, true);
    this.#header.setBigUint64(8, unique, true);
    try {
      // One write is one answer: the kernel takes it whole or not at all.
      if (bodyBytes === 0) writeSync(this.#fd, this.#headerBytes);
      else writevSync(this.#fd, [this.#headerBytes, ...body]);
      return true;
    } catch (error) {
      // ENOENT: interrupted, nobody waits. ENODEV, EPERM, EBADF: the mount is gone.
      if (errnoNameOf(error) === "ENOENT" || this.#ended) return false;
      if (errnoNameOf(error) !== "ENODEV") this.#options.onError(error);
      // A refused answer leaves the program waiting: a plain error is always accepted.
      if (errno === 0 && errnoNameOf(error) === "EINVAL") this.#write(unique, ERRNO.EIO, []);
      return false;
    }
  }

  #end(error: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    // ENODEV: unmounted, the ordinary end. ECONNABORTED: ended through /sys/fs/fuse/connections.
    const name = errnoNameOf(error);
    if (name !== "ENODEV" && name !== "ECONNABORTED") this.#options.onError(error);
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Errors after which the next read may be fine: a request that was withdrawn, a signal. */
function isPassing(error: unknown): boolean {
  const name = errnoNameOf(error);
  return name === "ENOENT" || name === "EINTR" || name === "EAGAIN";
}
