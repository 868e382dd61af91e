/**
 * Names in URLs: a name is bytes in the snapshot and text in WebDAV. UTF-8 names are shown as they
 * are. A name that is not UTF-8 is shown by an alias in ASCII, its bytes in the notation of URLs: the
 * bytes 66 FF 6F as the text `f%FFo`, whose link is `f%25FFo`. A raw `%FF` in a link would make
 * JavaScript clients lose the whole directory. What asks for the raw link finds the file as well.
 */
import { type Bytes, equalBytes, findUtf8, utf8 } from "../engine/base/bytes.ts";
import type { FsDirectory, FsEntry } from "../engine/read/readonly-fs.ts";

/**
 * The alias of a name that is not UTF-8. The short form keeps letters and digits legible; a directory
 * that really holds a file of that name gets the other form: every byte in small hex digits.
 */
export async function aliasOf(directory: FsDirectory, name: Bytes): Promise<string> {
  const short = escapeBytes(name, (byte) => byte > 0x20 && byte < 0x7f && byte !== 0x25);
  const taken = await directory.lookup(utf8(short));
  return taken === undefined ? short : escapeBytes(name, () => false).toLowerCase();
}

/** The entry of a name as it stood in a URL: exactly that name, or the one whose alias it is. */
export async function lookupShown(
  directory: FsDirectory,
  name: Bytes,
): Promise<FsEntry | undefined> {
  const exact = await directory.lookup(name);
  if (exact !== undefined) return exact;
  const text = findUtf8(name);
  if (text?.includes("%") !== true) return undefined;
  const bytes = decodePercent(text);
  if (bytes === undefined || findUtf8(bytes) !== undefined || !isName(bytes)) return undefined;
  return directory.lookup(bytes);
}

/** A name as it came in a URL, for answering with the same link. */
export function encodeName(name: Bytes): string {
  const text = findUtf8(name);
  return text === undefined ? escapeBytes(name, isUnreserved) : encodeSegment(text);
}

/** One component of a link: all but unreserved characters are escaped. */
export function encodeSegment(text: string): string {
  // In a listing most names are plain, and testing is cheaper than encoding.
  return /^[\w.~-]*$/.test(text) ? text : encodeURIComponent(text);
}

/**
 * The names in the path of a request, decoded once; `undefined` when it is no path that could name
 * something: broken escapes, NUL, an escaped slash, and `.` and `..` in any spelling.
 */
export function decodePath(path: string): readonly Bytes[] | undefined {
  const names: Bytes[] = [];
  for (const segment of path.split("/")) {
    if (segment === "") continue;
    const name = decodePercent(segment);
    if (name === undefined || !isName(name)) return undefined;
    names.push(name);
  }
  return names;
}

function isUnreserved(byte: number): boolean {
  return /[\w.~-]/.test(String.fromCharCode(byte));
}

function isName(bytes: Bytes): boolean {
  if (bytes.includes(0) || bytes.includes(0x2f)) return false;
  return !equalBytes(bytes, utf8(".")) && !equalBytes(bytes, utf8(".."));
}

function decodePercent(text: string): Bytes | undefined {
  if (!text.includes("%")) return utf8(text);
  const raw = utf8(text);
  const out = new Uint8Array(raw.length);
  let length = 0;
  for (let i = 0; i < raw.length; i++) {
    let byte = raw[i] ?? 0;
    if (byte === 0x25) {
      const digits = String.fromCharCode(raw[i + 1] ?? 0, raw[i + 2] ?? 0);
      if (!/^[0-9a-f]{2}$/i.test(digits)) return undefined;
      byte = Number.parseInt(digits, 16);
      i += 2;
    }
    out[length++] = byte;
  }
  return out.slice(0, length);
}

function escapeBytes(bytes: Bytes, isPlain: (byte: number) => boolean): string {
  let out = "";
  for (const byte of bytes) {
    out += isPlain(byte)
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return out;
}
