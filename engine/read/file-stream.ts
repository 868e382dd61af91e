/**
 * A range of a file as a stream: what is ahead of the reader is loaded meanwhile, in a window that
 * grows as long as it goes on. WebDAV, the web and archives send files through this.
 */
import type { Bytes } from "../base/bytes.ts";
import { throwIfAborted } from "../base/concurrency.ts";
import { ForgeError } from "../base/errors.ts";
import type { FsFile } from "./readonly-fs.ts";

/** One read of the snapshot, and one piece on its way to a client: 1 MiB is some ten packets of a
 * fast network and little memory for many clients. */
const READ_BYTES: number = 1024 * 1024;
/** Loaded ahead of a reader: the window doubles as long as it goes on reading. */
const AHEAD_BYTES_MIN: number = 2 * 1024 * 1024;
const AHEAD_BYTES_MAX: number = 16 * 1024 * 1024;

/**
 * The bytes of a range in order, in fresh pieces of at most 1 MiB. The next piece is read while the
 * caller has the one before.
 *
 * @param range Inside the file.
 * @throws ForgeError of `FsFile.read`; "corrupt" when the content ends before the range; "aborted".
 */
export async function* streamFile(
  file: FsFile,
  range: { readonly offset: number; readonly length: number },
  signal: AbortSignal,
): AsyncGenerator<Bytes> {
  const end = range.offset + range.length;
  let loadedUntil = range.offset;
  let aheadBytes = AHEAD_BYTES_MIN;
  const read = (offset: number): Promise<Bytes> | undefined => {
    if (offset >= end) return undefined;
    const until = Math.min(end, offset + READ_BYTES);
    const reading = readExactly(file, { offset, length: until - offset }, signal);
    // It may fail while nobody waits for it yet, or when nobody will.
    reading.catch(() => undefined);
    loadedUntil = Math.max(loadedUntil, until);
    // Half a window at a time: few, large ranges coalesce better than many small ones.
    if (loadedUntil < end && loadedUntil - until <= aheadBytes / 2) {
      const wanted = Math.min(end, until + aheadBytes);
      file.prefetch({ offset: loadedUntil, length: wanted - loadedUntil });
      loadedUntil = wanted;
      aheadBytes = Math.min(AHEAD_BYTES_MAX, aheadBytes * 2);
    }
    return reading;
  };
  let offset = range.offset;
  let next = read(offset);
  while (next !== undefined) {
    const bytes = await next;
    offset += bytes.length;
    throwIfAborted(signal);
    next = read(offset);
    yield bytes;
  }
}

/** All bytes of a range. @throws ForgeError "corrupt" when the file has fewer. */
export async function readExactly(
  file: FsFile,
  range: { readonly offset: number; readonly length: number },
  signal: AbortSignal,
): Promise<Bytes> {
  const bytes = await file.read({ ...range, signal });
  if (bytes.length === range.length) return bytes;
  throw new ForgeError(
    "corrupt",
    `Cannot read ${range.length} bytes at offset ${range.offset} of a file: got ${bytes.length}`,
  );
}
