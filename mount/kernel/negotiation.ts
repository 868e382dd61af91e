/** INIT: what the kernel offers, what is wanted of it, and the answer. Pure. */
import { type Bytes, ByteReader } from "../../engine/base/bytes.ts";
import { ForgeError } from "../../engine/base/errors.ts";
import { INIT_FLAG, PROTOCOL_MAJOR, PROTOCOL_MINOR, PROTOCOL_MINOR_MIN } from "./protocol.ts";

/** Requests of 1 MiB: with latency behind a read, large requests are what makes a mount fast. */
export const READ_BYTES_MAX = 1024 * 1024;

const PAGE_BYTES = 4096;
/** The kernel's smallest; it sets the size of the read buffer, and nothing is ever written. */
const WRITE_BYTES_MAX = PAGE_BYTES;
/** Reads the kernel may have on the way at once for its own read-ahead. */
const BACKGROUND_MAX = 64;
/** The kernel lowers its read-ahead to this, it never raises it: no limit from here. */
const READ_AHEAD_BYTES_MAX = 128 * 1024 * 1024;

const WANTED_FLAGS =
  INIT_FLAG.asyncRead |
  INIT_FLAG.autoInvalidateData |
  INIT_FLAG.doReaddirplus |
  INIT_FLAG.asyncDirectIo |
  INIT_FLAG.noOpenSupport |
  INIT_FLAG.parallelDirops |
  INIT_FLAG.maxPages |
  INIT_FLAG.cacheSymlinks |
  INIT_FLAG.noOpendirSupport;

export interface Negotiated {
  /** What both sides can do: some of `INIT_FLAG`. */
  readonly flags: number;
  readonly minor: number;
  /** The body of the answer. */
  readonly reply: Bytes;
  /** The kernel speaks a later major version and will send INIT again for ours. */
  readonly again: boolean;
}

/**
 * fuse_init_in: major, minor, largest read-ahead, flags (4×4), and more in newer kernels.
 *
 * fuse_init_out, 64 bytes:
 *
 * | offset | size | field                             |
 * |-------:|-----:|-----------------------------------|
 * |      0 |  2×4 | major, minor                      |
 * |      8 |    4 | largest read-ahead, bytes         |
 * |     12 |    4 | flags                             |
 * |     16 |  2×2 | background requests, congestion   |
 * |     20 |    4 | largest write, bytes              |
 * |     24 |    4 | granularity of times, ns          |
 * |     28 |    2 | largest request, pages            |
 * |     30 |   34 | alignment, more flags, unused     |
 *
 * @param enforceAcls The kernel checks permissions and must know POSIX ACLs to do it right.
 * @throws ForgeError "not-supported" when the kernel is too old, "corrupt" for a broken request.
 */
export function negotiate(body: Bytes, options: { readonly enforceAcls: boolean }): Negotiated {
  const reader = new ByteReader(body, "FUSE INIT request");
  const major = reader.u32();
  const minor = reader.u32();
  const reply = new Uint8Array(64);
  const view = new DataView(reply.buffer);
  view.setUint32(0, PROTOCOL_MAJOR, true);
  view.setUint32(4, PROTOCOL_MINOR, true);
  if (major > PROTOCOL_MAJOR) return { flags: 0, minor, reply, again: true };
  if (major < PROTOCOL_MAJOR || minor < PROTOCOL_MINOR_MIN) {
    throw new ForgeError(
      "not-supported",
      `Cannot mount: this kernel speaks FUSE ${major}.${minor}, and ` +
        `${PROTOCOL_MAJOR}.${PROTOCOL_MINOR_MIN} (Linux 3.15) is needed`,
    );
  }
  const readAheadBytes = reader.u32();
  const offered = reader.u32();
  const flags = offered & (WANTED_FLAGS | (options.enforceAcls ? INIT_FLAG.posixAcl : 0));
  view.setUint32(8, Math.min(readAheadBytes, READ_AHEAD_BYTES_MAX), true);
  view.setUint32(12, flags, true);
  view.setUint16(16, BACKGROUND_MAX, true);
  view.setUint16(18, (BACKGROUND_MAX * 3) / 4, true);
  view.setUint32(20, WRITE_BYTES_MAX, true);
  view.setUint32(24, 1, true);
  if ((flags & INIT_FLAG.maxPages) !== 0) view.setUint16(28, READ_BYTES_MAX / PAGE_BYTES, true);
  return { flags, minor, reply, again: false };
}
