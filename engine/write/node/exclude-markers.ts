/** Marker files: their presence in a directory says that its contents are not to be backed up. */
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from "node:fs";
import { ForgeError } from "../../base/errors.ts";
import { rawFromText, rawToFs } from "./raw-path.ts";

export interface ExcludeMarker {
  /** Raw file name. */
  readonly name: string;
  /** What the file must begin with, raw; empty: anything, of any type. */
  readonly header: string;
}

/** @see https://bford.info/cachedir/ */
export const CACHE_DIRECTORY_MARKER: ExcludeMarker = {
  name: "CACHEDIR.TAG",
  header: "Signature: 8a477f597d28d172789f06886806bc55",
};

/** @param text `name` or `name:header`. @throws ForgeError "usage". */
export function parseExcludeMarker(text: string): ExcludeMarker {
  const raw = rawFromText(text);
  const colon = raw.indexOf(":");
  const name = colon < 0 ? raw : raw.slice(0, colon);
  if (name === "" || name.includes("/") || name.includes("\0")) {
    throw new ForgeError(
      "usage",
      `Cannot exclude directories that hold "${text}": give a file name, or a file name, a colon and what the file begins with`,
    );
  }
  return { name, header: colon < 0 ? "" : raw.slice(colon + 1) };
}

/**
 * The marker files among `names` that apply; empty when the directory is to be backed up.
 * @param base Raw path of the directory with a final slash.
 */
export function appliedMarkers(
  markers: readonly ExcludeMarker[],
  base: string,
  names: readonly string[],
): string[] {
  return markers
    .filter(({ name, header }) => names.includes(name) && beginsWith(base + name, header))
    .map(({ name }) => name);
}

function beginsWith(path: string, header: string): boolean {
  if (header === "") return true;
  try {
    if (!lstatSync(rawToFs(path)).isFile()) return false;
    // O_NONBLOCK: a fifo put in its place must not hang the backup.
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    const fd = openSync(rawToFs(path), flags);
    try {
      if (!fstatSync(fd).isFile()) return false;
      const bytes = Buffer.alloc(header.length);
      const got = readSync(fd, bytes, 0, bytes.length, 0);
      return bytes.toString("latin1", 0, got) === header;
    } finally {
      closeSync(fd);
    }
  } catch {
    // Unreadable is no reason to leave the directory out.
    return false;
  }
}
