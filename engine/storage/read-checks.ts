/** What every backend that knows an object's size checks before it reads. */
import { ForgeError } from "../base/errors.ts";
import type { ByteSpan } from "./backend.ts";

/**
 * Largest object that is read whole. An index segment of the most records is 816 MiB and is read by
 * pages; this keeps a hostile storage from having gigabytes allocated.
 */
const WHOLE_OBJECT_BYTES_MAX: number = 1024 * 1024 * 1024;

/** @throws ForgeError "corrupt" when the object ends before the span does. */
export function checkSpan(path: string, span: ByteSpan, sizeBytes: number): void {
  const { offset, length } = span;
  if (!Number.isSafeInteger(offset) || offset < 0 || !Number.isSafeInteger(length) || length < 1) {
    throw new ForgeError(
      "usage",
      `Cannot read ${path}: ${length} bytes at offset ${offset} is no range`,
    );
  }
  if (offset + length > sizeBytes) {
    throw new ForgeError(
      "corrupt",
      `Cannot read ${length} bytes at offset ${offset} of ${path}: it ends at ${sizeBytes}`,
      { context: { path, sizeBytes } },
    );
  }
}

/** @throws ForgeError "too-large" when the whole object is larger than the reader takes. */
export function checkObjectBytes(
  path: string,
  sizeBytes: number,
  bytesMax: number = WHOLE_OBJECT_BYTES_MAX,
): void {
  if (sizeBytes <= bytesMax) return;
  throw new ForgeError(
    "too-large",
    `Cannot read ${path}: it has ${sizeBytes} bytes, more than the ${bytesMax} it may have`,
    { context: { path, sizeBytes, bytesMax } },
  );
}
