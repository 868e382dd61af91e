/**
 * Frees buffers that left a cache, once everybody who was just given them has gone on. Left to the
 * collector, which does not see how large they are, a hundred MB of them lie about.
 */
import { type Bytes, releaseBytes } from "../base/bytes.ts";

/** To free a buffer costs a microsecond, to open a blob of this size twenty. */
const RELEASE_BYTES_MIN: number = 4 * 1024;
let leaving: Bytes[] = [];

/**
 * Frees `bytes` at the next turn of the event loop. Whoever has them by then must have copied what it
 * wants; what only promises keep waiting comes before.
 *
 * @param bytes All of its buffer, which nobody else has.
 */
export function releaseSoon(bytes: Bytes): void {
  if (bytes.buffer.byteLength < RELEASE_BYTES_MIN) return;
  if (leaving.length === 0) setTimeout(releaseLeaving, 0);
  leaving.push(bytes);
}

function releaseLeaving(): void {
  const released = leaving;
  leaving = [];
  for (const bytes of released) releaseBytes(bytes);
}
