/** What a stored object begins with in clear: four letters, and the version of its format. */
import { type ByteReader, type Bytes, toHex } from "./bytes.ts";
import { ForgeError } from "./errors.ts";

/** Reads as many bytes as `magic` has. @throws ForgeError "corrupt" when they are others. */
export function readMagic(reader: ByteReader, magic: Bytes): void {
  const found = reader.bytes(magic.length);
  if (!found.every((byte, i) => byte === magic[i])) reader.fail(`it begins with ${toHex(found)}`);
}

/**
 * Reads `magic` and a version of one byte.
 *
 * @param format.what For the message: "a pack".
 * @throws ForgeError "corrupt", or "unsupported-version" when a newer forge wrote it.
 */
export function readFormat(
  reader: ByteReader,
  format: { readonly what: string; readonly magic: Bytes; readonly version: number },
): void {
  readMagic(reader, format.magic);
  const version = reader.u8();
  if (version > format.version) {
    throw new ForgeError(
      "unsupported-version",
      `Cannot read ${format.what}: it has format ${version}, this forge knows ${format.version}; use a newer forge`,
    );
  }
  if (version !== format.version) reader.fail(`version ${version}`);
}
