/**
 * The records of a ZIP archive of stored entries: sizes and checksums stand in front of the content,
 * so nothing follows it. ZIP64 fields appear where a number does not fit, and only there.
 *
 * Local header, then the content:
 *
 * | offset | size | field |            | offset | size | field |
 * |---|---|---|---|---|---|---|
 * | 0 | 4 | `PK\3\4` |                 | 14 | 4 | CRC-32 |
 * | 4 | 2 | version needed |           | 18 | 4 | compressed size |
 * | 6 | 2 | flags: bit 11, UTF-8 |     | 22 | 4 | size |
 * | 8 | 2 | method: 0, stored |        | 26 | 2 | name length |
 * | 10 | 2 | DOS time |                | 28 | 2 | extra length |
 * | 12 | 2 | DOS date |                | 30 | … | name, extra |
 *
 * Central header: `PK\1\2`, version made by (2), then the fields 4 … 29 of the local header, comment
 * length (2), disk (2), internal attributes (2), external attributes (4), offset of the local header
 * (4), name, extra: 46 bytes and what varies.
 *
 * @see PKWARE APPNOTE.TXT 6.3.10, sections 4.3 and 4.5.3; Info-ZIP extra field 0x5455
 */
import type { Bytes } from "../../engine/base/bytes.ts";

/** What the records say of one entry. */
export interface ZipFields {
  /** UTF-8, of a directory with a slash at the end. At most 65,535 bytes. */
  readonly name: Bytes;
  /** File type and permission bits, as `st_mode`. */
  readonly unixMode: number;
  /** Since 1970, rounded down. */
  readonly mtimeSeconds: number;
  /** Of the content. */
  readonly sizeBytes: number;
  readonly crc32: number;
  /** Where its local header begins. */
  readonly offset: number;
}

const LOCAL_BYTES = 30;
const CENTRAL_BYTES = 46;
const END_BYTES = 22;
const END_64_BYTES = 56;
const LOCATOR_64_BYTES = 20;
const UTF8_NAMES = 1 << 11;
const U16_MAX = 0xffff;
const U32_MAX = 0xffff_ffff;
const VERSION_PLAIN = 10;
const VERSION_FOLDER = 20;
const VERSION_64 = 45;
const MADE_ON_UNIX = 3 << 8;
const S_IFMT = 0o170000;
const S_IFDIR = 0o040000;
const DOS_DIRECTORY = 0x10;
const TIME_EXTRA_BYTES = 9;
export const ZIP_NAME_BYTES_MAX: number = U16_MAX;

/** The sizes alone decide what a header takes, so offsets are known before any is written. */
export function localHeaderBytes(
  fields: Pick<ZipFields, "sizeBytes" | "mtimeSeconds">,
  nameBytes: number,
): number {
  const large = fields.sizeBytes >= U32_MAX ? 20 : 0;
  return LOCAL_BYTES + nameBytes + timeExtraBytes(fields.mtimeSeconds) + large;
}

export function centralHeaderBytes(
  fields: Pick<ZipFields, "sizeBytes" | "mtimeSeconds" | "offset">,
  nameBytes: number,
): number {
  return CENTRAL_BYTES + nameBytes + timeExtraBytes(fields.mtimeSeconds) + large64Bytes(fields);
}

export function encodeLocalHeader(fields: ZipFields): Bytes {
  const { name, sizeBytes } = fields;
  const out = new Uint8Array(localHeaderBytes(fields, name.length));
  const view = new DataView(out.buffer);
  const isLarge = sizeBytes >= U32_MAX;
  view.setUint32(0, 0x04034b50, true);
  const extraBytes = out.length - LOCAL_BYTES - name.length;
  putCommon(view, 4, fields, { extraBytes, version: versionOf(fields, isLarge) });
  out.set(name, LOCAL_BYTES);
  let at = putTimeExtra(view, LOCAL_BYTES + name.length, fields.mtimeSeconds);
  if (isLarge) {
    // In a local header both sizes must be there (4.5.3).
    at = putHead(view, at, 0x0001, 16);
    at = putU64(view, at, sizeBytes);
    putU64(view, at, sizeBytes);
  }
  return out;
}

export function encodeCentralHeader(fields: ZipFields): Bytes {
  const { name, sizeBytes, offset, unixMode } = fields;
  const out = new Uint8Array(centralHeaderBytes(fields, name.length));
  const view = new DataView(out.buffer);
  const largeBytes = large64Bytes(fields);
  const version = versionOf(fields, largeBytes > 0);
  view.setUint32(0, 0x02014b50, true);
  view.setUint16(4, MADE_ON_UNIX | VERSION_64, true);
  const extraBytes = out.length - CENTRAL_BYTES - name.length;
  putCommon(view, 6, fields, { extraBytes, version });
  const isDirectory = (unixMode & S_IFMT) === S_IFDIR;
  view.setUint32(38, ((unixMode << 16) | (isDirectory ? DOS_DIRECTORY : 0)) >>> 0, true);
  view.setUint32(42, Math.min(offset, U32_MAX), true);
  out.set(name, CENTRAL_BYTES);
  let at = putTimeExtra(view, CENTRAL_BYTES + name.length, fields.mtimeSeconds);
  if (largeBytes > 0) {
    at = putHead(view, at, 0x0001, largeBytes - 4);
    if (sizeBytes >= U32_MAX) at = putU64(view, putU64(view, at, sizeBytes), sizeBytes);
    if (offset >= U32_MAX) putU64(view, at, offset);
  }
  return out;
}

/** The end of an archive: with ZIP64's two records in front when a number needs them. */
export function encodeZipEnd(central: {
  readonly entries: number;
  readonly offset: number;
  readonly sizeBytes: number;
}): Bytes {
  const { entries, offset, sizeBytes } = central;
  const isLarge = entries >= U16_MAX || offset >= U32_MAX || sizeBytes >= U32_MAX;
  const out = new Uint8Array((isLarge ? END_64_BYTES + LOCATOR_64_BYTES : 0) + END_BYTES);
  const view = new DataView(out.buffer);
  let at = 0;
  if (isLarge) {
    view.setUint32(0, 0x06064b50, true);
    putU64(view, 4, END_64_BYTES - 12);
    view.setUint16(12, MADE_ON_UNIX | VERSION_64, true);
    view.setUint16(14, VERSION_64, true);
    putU64(view, 24, entries);
    putU64(view, 32, entries);
    putU64(view, 40, sizeBytes);
    putU64(view, 48, offset);
    view.setUint32(END_64_BYTES, 0x07064b50, true);
    putU64(view, END_64_BYTES + 8, offset + sizeBytes);
    view.setUint32(END_64_BYTES + 16, 1, true);
    at = END_64_BYTES + LOCATOR_64_BYTES;
  }
  view.setUint32(at, 0x06054b50, true);
  view.setUint16(at + 8, Math.min(entries, U16_MAX), true);
  view.setUint16(at + 10, Math.min(entries, U16_MAX), true);
  view.setUint32(at + 12, Math.min(sizeBytes, U32_MAX), true);
  view.setUint32(at + 16, Math.min(offset, U32_MAX), true);
  return out;
}

/** From "version needed" to "extra length": 26 bytes that both headers have. */
function putCommon(
  view: DataView,
  at: number,
  fields: ZipFields,
  more: { readonly extraBytes: number; readonly version: number },
): void {
  const dos = dosTime(fields.mtimeSeconds);
  const size32 = Math.min(fields.sizeBytes, U32_MAX);
  view.setUint16(at, more.version, true);
  view.setUint16(at + 2, UTF8_NAMES, true);
  view.setUint16(at + 6, dos.time, true);
  view.setUint16(at + 8, dos.date, true);
  view.setUint32(at + 10, fields.crc32, true);
  view.setUint32(at + 14, size32, true);
  view.setUint32(at + 18, size32, true);
  view.setUint16(at + 22, fields.name.length, true);
  view.setUint16(at + 24, more.extraBytes, true);
}

function versionOf({ unixMode }: ZipFields, isLarge: boolean): number {
  if (isLarge) return VERSION_64;
  return (unixMode & S_IFMT) === S_IFDIR ? VERSION_FOLDER : VERSION_PLAIN;
}

function large64Bytes({ sizeBytes, offset }: Pick<ZipFields, "sizeBytes" | "offset">): number {
  const fields = (sizeBytes >= U32_MAX ? 16 : 0) + (offset >= U32_MAX ? 8 : 0);
  return fields === 0 ? 0 : 4 + fields;
}

/** The extended timestamp has 32 bits with a sign: other times have the DOS field alone. */
function timeExtraBytes(mtimeSeconds: number): number {
  return mtimeSeconds === (mtimeSeconds | 0) ? TIME_EXTRA_BYTES : 0;
}

function putTimeExtra(view: DataView, at: number, mtimeSeconds: number): number {
  if (timeExtraBytes(mtimeSeconds) === 0) return at;
  putHead(view, at, 0x5455, 5);
  // Bit 0: the time of modification is there.
  view.setUint8(at + 4, 1);
  view.setInt32(at + 5, mtimeSeconds, true);
  return at + TIME_EXTRA_BYTES;
}

function putHead(view: DataView, at: number, id: number, sizeBytes: number): number {
  view.setUint16(at, id, true);
  view.setUint16(at + 2, sizeBytes, true);
  return at + 4;
}

function putU64(view: DataView, at: number, value: number): number {
  view.setBigUint64(at, BigInt(value), true);
  return at + 8;
}

/** Years 1980 to 2107, in steps of two seconds. It names no zone; UTC gives everybody equal bytes. */
function dosTime(mtimeSeconds: number): { readonly time: number; readonly date: number } {
  const ms = Math.min(Math.max(mtimeSeconds * 1000, DOS_FIRST_MS), DOS_LAST_MS);
  const at = new Date(ms);
  return {
    time: (at.getUTCHours() << 11) | (at.getUTCMinutes() << 5) | (at.getUTCSeconds() >> 1),
    date: ((at.getUTCFullYear() - 1980) << 9) | ((at.getUTCMonth() + 1) << 5) | at.getUTCDate(),
  };
}

const DOS_FIRST_MS = Date.UTC(1980, 0, 1);
const DOS_LAST_MS = Date.UTC(2107, 11, 31, 23, 59, 58);
