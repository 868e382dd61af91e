/** Size and CRC-32 of a file on disk. Holes are reckoned, not read: a file may be all hole. */
import { fstatSync, readSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { crc32 } from "node:zlib";
import { throwIfAborted } from "../../base/concurrency.ts";
import { crc32Zeros } from "../../base/crc32.ts";
import { seekData, seekHole } from "../../platform/node/libc.ts";

export interface FileChecksum {
  readonly sizeBytes: number;
  /** IEEE, holes as zeros. */
  readonly crc32: number;
}

const PIECE_BYTES: number = 1024 * 1024;
/** Bytes read at a stretch before others get their turn: some 20 ms. */
const STRETCH_BYTES: number = 32 * PIECE_BYTES;

/** @param fd Of a regular file; its position moves. */
export async function checksumFile(
  fd: number,
  signal: AbortSignal | undefined,
): Promise<FileChecksum> {
  const sizeBytes = fstatSync(fd).size;
  const buffer = new Uint8Array(Math.min(sizeBytes, PIECE_BYTES));
  let sum = 0;
  let stretch = 0;
  for (let offset = 0; offset < sizeBytes;) {
    const data = Math.min(sizeBytes, seekData(fd, offset) ?? sizeBytes);
    sum = crc32Zeros(sum, data - offset);
    offset = data;
    const end = data < sizeBytes ? (seekHole(fd, data) ?? sizeBytes) : sizeBytes;
    while (offset < end) {
      const length = readSync(fd, buffer, 0, Math.min(PIECE_BYTES, end - offset), offset);
      // Cut short meanwhile: the sum of what there is will not fit.
      if (length === 0) return { sizeBytes: offset, crc32: sum };
      sum = crc32(buffer.subarray(0, length), sum);
      offset += length;
      stretch += length;
      if (stretch < STRETCH_BYTES) continue;
      stretch = 0;
      throwIfAborted(signal);
      await setImmediate();
    }
  }
  return { sizeBytes, crc32: sum };
}
