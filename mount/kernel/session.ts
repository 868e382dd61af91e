/**
 * One connection to the kernel: reads requests from `/dev/fuse`, hands them on, writes answers.
 *
 * Everything happens in the thread that owns the read side; only the waiting, poll(2), is done in a
 * thread of Node's pool. A program that reads files one after another sends a request as soon as it
 * has the answer to the last. Two changes of threads for each, in and out of the pool, cost more
 * than the answers, so after an answer this thread itself waits for the next, for a moment.
 *
 * A poll that waits keeps `process.exit()` from ending: unmount first.
 */
import { close, writevSync } from "node:fs";
import type { Bytes } from "../../engine/base/bytes.ts";
import { ERRNO } from "../errno.ts";
import { type MountNative, errnoNameOf } from "../native.ts";
import { REPLY_HEADER_BYTES, type Request, decodeRequest, isOneWay } from "./protocol.ts";

/** The kernel asks for at least 8 KiB; more lets it hand back many forgotten nodes at once. */
const REQUEST_BYTES_MAX = 64 * 1024;

/**
 * Answers up to this size are put together in one buffer and written by a direct call; beyond, copying
 * costs more than Node's gathering write, which takes their parts as they lie.
 */
const COPIED_BYTES_MAX = 32 * 1024;

/**
 * A program that only reads is back after 10 to 30 µs, sooner than a thread that sleeps wakes up; one that
 * copies, mostly within this.
 */
const SPIN_MS = 0.1;
/** One that does more is waited for in poll(2). */
const LINGER_MS = 1;
/** Timers, storage and threads get their turn at least this often. */
const TURN_MS = 5;

export interface Channel {
  /**
   * Answers a request with a body in one or more parts.
   * @returns false when nobody waits for it any more (the program was killed): what the answer would
   * have given to the kernel, the kernel does not have.
   */
  reply(unique: bigint, ...body: readonly Uint8Array[]): boolean;
  /** @param errno Positive. */
  replyError(unique: bigint, errno: number): void;
}

export interface SessionOptions {
  readonly native: Pick<
    MountNative,
    "isReadableWithin" | "makeNonBlocking" | "readAvailable" | "waitReadable" | "writeMessage"
  >;
  /** Called once for each request; `body` is gone when it returns. Must not throw. */
  readonly onRequest: (request: Request, channel: Channel) => void;
  /**
   * Does a little, some 60 µs, while nobody asks for anything.
   * @returns "loading" when the event loop has to turn before more can be done. Must not throw.
   */
  readonly work?: () => "done" | "loading" | "nothing";
  readonly onError: (error: unknown) => void;
}

export class Session implements Channel {
  readonly closed: Promise<void>;
  readonly #fd: number;
  readonly #options: SessionOptions;
  /** Header and body of one answer at a time. */
  readonly #answer = new Uint8Array(REPLY_HEADER_BYTES + COPIED_BYTES_MAX);
  readonly #header = new DataView(this.#answer.buffer, 0, REPLY_HEADER_BYTES);
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
    const { native } = this.#options;
    const begunMs = performance.now();
    let servedMs = begunMs;
    for (;;) {
      const length = native.readAvailable(this.#fd, this.#buffer);
      if (length !== undefined) this.#receive(this.#buffer.subarray(0, length));
      const nowMs = performance.now();
      if (nowMs - begunMs > TURN_MS) return "more";
      if (length !== undefined) {
        servedMs = nowMs;
        continue;
      }
      // What is being loaded needs this thread to come back to the event loop.
      if (this.#unanswered > 0) return "idle";
      const worked = this.#options.work?.() ?? "nothing";
      if (worked === "loading") return "idle";
      if (worked === "done" || nowMs - servedMs < SPIN_MS) continue;
      if (!native.isReadableWithin(this.#fd, LINGER_MS)) return "idle";
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
    // The number may belong to another file by now.
    if (this.#ended) return false;
    let bytes = REPLY_HEADER_BYTES;
    for (const part of body) bytes += part.length;
    this.#header.setUint32(0, bytes, true);
    this.#header.setInt32(4, -errno, true);
    this.#header.setBigUint64(8, unique, true);
    try {
      // One write is one answer: the kernel takes it whole or not at all.
      if (bytes > this.#answer.length) {
        writevSync(this.#fd, [this.#answer.subarray(0, REPLY_HEADER_BYTES), ...body]);
        return true;
      }
      let at = REPLY_HEADER_BYTES;
      for (const part of body) {
        this.#answer.set(part, at);
        at += part.length;
      }
      this.#options.native.writeMessage(this.#fd, this.#answer, bytes);
      return true;
    } catch (error) {
      // ENOENT: interrupted, nobody waits. ENODEV, EPERM, EBADF: the mount is gone.
      if (errnoNameOf(error) === "ENOENT") return false;
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
