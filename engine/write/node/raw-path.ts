/**
 * Raw paths: bytes in a string, one character a byte (latin1). The walk joins, compares and splits
 * them as strings, which is much cheaper than buffers, and nothing is lost of names that are not
 * UTF-8. Their order as strings is the order of their bytes.
 */
import { type Bytes, lossyUtf8, utf8 } from "../../base/bytes.ts";
import { displayName } from "../../read/readonly-fs.ts";

const BEYOND_ASCII = /[^\u0000-\u007f]/;

/** The bytes of a raw path; a fresh buffer of exactly their length. */
export function rawToBytes(raw: string): Bytes {
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes;
}

export function rawFromBytes(bytes: Bytes): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

export function rawFromText(text: string): string {
  return BEYOND_ASCII.test(text) ? rawFromBytes(utf8(text)) : text;
}

/** What Node's fs functions take: a string of ASCII is its own UTF-8. */
export function rawToFs(raw: string): string | Buffer {
  return BEYOND_ASCII.test(raw) ? Buffer.from(raw, "latin1") : raw;
}

/** Text to match patterns against: bytes that are not UTF-8 become U+FFFD. */
export function rawToText(raw: string): string {
  return BEYOND_ASCII.test(raw) ? lossyUtf8(rawToBytes(raw)) : raw;
}

/** Text for people. */
export function rawToDisplay(raw: string): string {
  return displayName(rawToBytes(raw));
}
