/**
 * One connection to the kernel: reads requests from `/dev/fuse`, hands them on, writes answers.
 *
 * A few reads are always outstanding in Node's thread pool, so all state stays in the thread that
 * owns the read side. Each takes one of the pool's threads for as long as the mount lives, which is
 * why they are few. A read that blocks keeps `process.exit()` from ending: unmount first.
 */
import { close, read, writeSync, writevSync } from "node:fs";
import type { Bytes } from "../../engine/base/bytes.ts";
import { ERRNO } from "../errno.ts";
import { errnoNameOf } from "../native.ts";
import { REPLY_HEADER_BYTES, type Request, decodeRequest } from "./protocol.ts";

/** The kernel asks for at least 8 KiB; more lets it hand back many forgotten nodes at once. */
const REQUEST_BYTES_MAX = 64 * 1024;

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
  /** Reads kept outstanding. */
  readonly readers: number;
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
  #activeReaders = 0;
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
    for (let i = 0; i < this.#options.readers; i++) {
      this.#activeReaders++;
      this.#read(new Uint8Array(REQUEST_BYTES_MAX));
    }
  }

  reply(unique: bigint, ...body: readonly Uint8Array[]): boolean {
    return this.#write(unique, 0, body);
  }

  replyError(unique: bigint, errno: number): void {
    this.#write(unique, errno, []);
  }

  #read(buffer: Bytes): void {
    read(this.#fd, buffer, 0, buffer.length, null, (error, length) => {
      if (error === null) this.#receive(buffer.subarray(0, length));
      else if (!isPassing(error)) this.#end(error);
      if (!this.#ended) this.#read(buffer);
      else if (--this.#activeReaders === 0) this.#close();
    });
  }

  #receive(bytes: Bytes): void {
    if (bytes.length === 0) return;
    try {
      this.#options.onRequest(decodeRequest(bytes), this);
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

  #end(error: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    // ENODEV: unmounted, the ordinary end. ECONNABORTED: ended through /sys/fs/fuse/connections.
    const name = errnoNameOf(error);
    if (name !== "ENODEV" && name !== "ECONNABORTED") this.#options.onError(error);
  }

  #close(): void {
    close(this.#fd, () => this.#resolveClosed());
  }
}

/** Errors after which the next read may be fine: a request that was withdrawn, a signal. */
function isPassing(error: Error): boolean {
  const name = errnoNameOf(error);
  return name === "ENOENT" || name === "EINTR" || name === "EAGAIN";
}
