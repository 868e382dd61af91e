/** Bytes of a file as text: in which encoding they are, and whether they are text at all. */
import type { TextPreview } from "./api.ts";

export interface DecodedText {
  readonly text: string;
  readonly encoding: TextPreview["encoding"];
  readonly binary: boolean;
  /** Bytes that `text` was made from: a character that was cut at the end is left out. */
  readonly usedBytes: number;
}

/** Control characters that text has: tab, line feed, form feed, carriage return, escape (colours). */
const TEXT_CONTROLS = new Set([0x08, 0x09, 0x0a, 0x0c, 0x0d, 0x1b]);
const LOOKED_AT_BYTES = 8192;

/**
 * @param bytes The beginning of a file.
 * @param isWhole Whether it is all of the file, so that a broken end is one.
 */
export function decodeText(bytes: Uint8Array, isWhole: boolean): DecodedText {
  const marked = encodingOfMark(bytes);
  if (marked !== undefined && marked !== "utf-8") {
    const usedBytes = bytes.length - (bytes.length % 2);
    const text = new TextDecoder(marked).decode(bytes.subarray(0, usedBytes));
    return { text, encoding: marked, binary: false, usedBytes };
  }
  if (!isTextual(bytes)) return { text: "", encoding: "latin1", binary: true, usedBytes: 0 };
  const usedBytes = isWhole ? bytes.length : bytes.length - cutCharacterBytes(bytes);
  try {
    // Drops the mark itself.
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, usedBytes));
    return { text, encoding: "utf-8", binary: false, usedBytes };
  } catch {
    // What calls itself Latin-1 is Windows-1252 nearly always, and browsers read it so too.
    const text = new TextDecoder("windows-1252").decode(bytes);
    return { text, encoding: "latin1", binary: false, usedBytes: bytes.length };
  }
}

/** Whether bytes look like text in an encoding that `decodeText` reads. */
export function isTextual(bytes: Uint8Array): boolean {
  if (encodingOfMark(bytes) !== undefined) return true;
  const head = bytes.subarray(0, LOOKED_AT_BYTES);
  let odd = 0;
  for (const byte of head) {
    if (byte === 0) return false;
    if (byte < 0x20 && !TEXT_CONTROLS.has(byte)) odd++;
  }
  // A log may hold a few; a program is full of them.
  return odd * 50 <= head.length;
}

function encodingOfMark(bytes: Uint8Array): "utf-8" | "utf-16le" | "utf-16be" | undefined {
  const [a, b, c] = bytes;
  if (a === 0xef && b === 0xbb && c === 0xbf) return "utf-8";
  // FF FE 00 00 marks UTF-32, which nobody has.
  if (a === 0xff && b === 0xfe && !(c === 0 && bytes[3] === 0)) return "utf-16le";
  if (a === 0xfe && b === 0xff) return "utf-16be";
  return undefined;
}

/** How many bytes at the end begin a character of UTF-8 that is not complete. */
function cutCharacterBytes(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? back : 0;
  }
  return 0;
}
