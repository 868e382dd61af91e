/**
 * Paths on the command line as bytes. Node decodes arguments as UTF-8 and loses what is not; the
 * kernel still has the bytes. Paths inside a snapshot may also be given the way forge prints them,
 * with `\xff` for a byte.
 */
import { readFileSync } from "node:fs";
import { isAbsolute, resolve } from "node:path";
import { type Bytes, concatBytes, lossyUtf8, utf8 } from "../../engine/base/bytes.ts";

const REPLACEMENT = "\ufffd";

/** The bytes of an argument as it was typed. */
export function argumentBytes(text: string): Bytes {
  if (!text.includes(REPLACEMENT)) return utf8(text);
  for (const raw of rawArguments()) {
    const shown = lossyUtf8(raw);
    if (shown === text) return raw;
    // `--option=value`, or `SNAPSHOT:PATH`: the value is the end of a longer argument.
    const before = shown.length - text.length;
    if (shown.endsWith(text) && before > 0) return raw.slice(utf8(shown.slice(0, before)).length);
  }
  return utf8(text);
}

/** An absolute path of this machine; a relative one begins in the working folder. */
export function localPathBytes(text: string): Bytes {
  if (!text.includes(REPLACEMENT)) return utf8(resolve(text));
  const bytes = argumentBytes(text);
  return isAbsolute(text) ? bytes : concatBytes([utf8(`${process.cwd()}/`), bytes]);
}

/** The path that `text` shows, when it has `\xff` escapes of `displayName`. */
export function findShownPath(text: string): Bytes | undefined {
  if (!/\\x[0-9a-f]{2}/.test(text)) return undefined;
  const parts = text
    .split(/(\\x[0-9a-f]{2})/)
    .map((part) =>
      /^\\x[0-9a-f]{2}$/.test(part) ? new Uint8Array([parseInt(part.slice(2), 16)]) : utf8(part),
    );
  return concatBytes(parts);
}

function rawArguments(): Bytes[] {
  let line: Uint8Array;
  try {
    line = readFileSync("/proc/self/cmdline");
  } catch {
    return [];
  }
  const found: Bytes[] = [];
  let start = 0;
  for (let end = line.indexOf(0); end !== -1; end = line.indexOf(0, start)) {
    found.push(new Uint8Array(line.subarray(start, end)));
    start = end + 1;
  }
  return found;
}
