/**
 * Headers of a tar archive: POSIX ustar, with a PAX header before it for what does not fit. Written
 * here because PAX values are bytes (access control lists, capabilities, names that are not UTF-8)
 * and tar libraries of the registry write text.
 *
 * | offset | size | field |      | offset | size | field |
 * |---|---|---|---|---|---|---|
 * | 0 | 100 | name |            | 157 | 100 | link name |
 * | 100 | 8 | mode, octal |      | 257 | 8 | "ustar" NUL "00" |
 * | 108 | 8 | uid |              | 265 | 32 | user name |
 * | 116 | 8 | gid |              | 297 | 32 | group name |
 * | 124 | 12 | size |            | 329 | 8 | device major |
 * | 136 | 12 | mtime |           | 337 | 8 | device minor |
 * | 148 | 8 | checksum |         | 345 | 155 | prefix, not used |
 * | 156 | 1 | type |             | 500 | 12 | zeros |
 *
 * @see POSIX.1-2017 pax, "ustar Interchange Format" and "pax Header Block"
 */
import { type Bytes, concatBytes, findUtf8, utf8 } from "../../engine/base/bytes.ts";

export type TarType =
  "file" | "hard-link" | "symlink" | "char-device" | "block-device" | "directory" | "fifo";

const TYPE_FLAGS: Readonly<Record<TarType | "pax", string>> = {
  file: "0",
  "hard-link": "1",
  symlink: "2",
  "char-device": "3",
  "block-device": "4",
  directory: "5",
  fifo: "6",
  pax: "x",
};

export interface TarEntry {
  readonly type: TarType;
  /** A directory's ends in a slash. */
  readonly name: Bytes;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly user: string;
  readonly group: string;
  readonly mtimeNs: bigint;
  /** Of the content that follows: files only. */
  readonly sizeBytes: number;
  /** Of symlinks and hard links. */
  readonly linkName: Bytes;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  readonly xattrs: readonly { readonly name: Bytes; readonly value: Bytes }[];
}

export const TAR_BLOCK_BYTES = 512;
const NAME_BYTES = 100;
const OWNER_BYTES = 31;
const OCTAL_7_MAX = 0o7777777;
const OCTAL_11_MAX = 0o77777777777;

/** The header blocks of an entry: its content follows, padded by `tarPadding`. */
export function encodeTarHeader(entry: TarEntry): Bytes {
  const records = paxRecords(entry);
  const header = encodeUstar(entry, TYPE_FLAGS[entry.type]);
  if (records.length === 0) return header;
  const body = concatBytes(records);
  const pax = encodeUstar(
    {
      ...entry,
      name: utf8("PaxHeaders/entry"),
      linkName: new Uint8Array(0),
      mode: 0o644,
      sizeBytes: body.length,
    },
    TYPE_FLAGS.pax,
  );
  return concatBytes([pax, body, tarPadding(body.length), header]);
}

/** Zeros that fill the last block of a content. */
export function tarPadding(sizeBytes: number): Bytes {
  return new Uint8Array((TAR_BLOCK_BYTES - (sizeBytes % TAR_BLOCK_BYTES)) % TAR_BLOCK_BYTES);
}

/** The end of an archive: two empty blocks. */
export function tarEnd(): Bytes {
  return new Uint8Array(2 * TAR_BLOCK_BYTES);
}

function paxRecords(entry: TarEntry): Bytes[] {
  const records: Bytes[] = [];
  const add = (key: string | Bytes, value: string | Bytes): number =>
    records.push(paxRecord(toBytes(key), toBytes(value)));
  const longNames = [
    ["path", entry.name],
    ["linkpath", entry.linkName],
  ] as const;
  for (const [key, name] of longNames) {
    const isText = findUtf8(name) !== undefined;
    // Bytes that are no text stand in the plain header, which nobody decodes, as long as they fit.
    if (isText ? fits(name, NAME_BYTES) : name.length <= NAME_BYTES) continue;
    // Without this a reader may take the name for UTF-8 and refuse or change it.
    if (!isText) add("hdrcharset", "BINARY");
    add(key, name);
  }
  if (entry.sizeBytes > OCTAL_11_MAX) add("size", String(entry.sizeBytes));
  if (entry.uid > OCTAL_7_MAX) add("uid", String(entry.uid));
  if (entry.gid > OCTAL_7_MAX) add("gid", String(entry.gid));
  if (!fits(utf8(entry.user), OWNER_BYTES)) add("uname", entry.user);
  if (!fits(utf8(entry.group), OWNER_BYTES)) add("gname", entry.group);
  const whole = entry.mtimeNs >= 0n && entry.mtimeNs % 1_000_000_000n === 0n;
  if (!whole || entry.mtimeNs / 1_000_000_000n > BigInt(OCTAL_11_MAX)) {
    add("mtime", decimalSeconds(entry.mtimeNs));
  }
  for (const xattr of entry.xattrs) {
    add(concatBytes([utf8("SCHILY.xattr."), xattr.name]), xattr.value);
  }
  return records;
}

/** `length SP key "=" value LF`, the length counting itself. */
function paxRecord(key: Bytes, value: Bytes): Bytes {
  const rest = concatBytes([utf8(" "), key, utf8("="), value, utf8("\n")]);
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) {
    length = String(length).length + rest.length;
  }
  return concatBytes([utf8(String(length)), rest]);
}

function encodeUstar(entry: TarEntry, typeFlag: string): Bytes {
  const block = new Uint8Array(TAR_BLOCK_BYTES);
  const seconds = Number(entry.mtimeNs / 1_000_000_000n);
  block.set(entry.name.subarray(0, NAME_BYTES), 0);
  putOctal(block, { at: 100, width: 8, value: entry.mode });
  putOctal(block, { at: 108, width: 8, value: Math.min(entry.uid, OCTAL_7_MAX) });
  putOctal(block, { at: 116, width: 8, value: Math.min(entry.gid, OCTAL_7_MAX) });
  putOctal(block, { at: 124, width: 12, value: Math.min(entry.sizeBytes, OCTAL_11_MAX) });
  putOctal(block, {
    at: 136,
    width: 12,
    value: Math.min(Math.max(0, seconds), OCTAL_11_MAX),
  });
  block.set(utf8("        "), 148);
  block.set(utf8(typeFlag), 156);
  block.set(entry.linkName.subarray(0, NAME_BYTES), 157);
  block.set(utf8("ustar\u000000"), 257);
  block.set(utf8(entry.user).subarray(0, OWNER_BYTES), 265);
  block.set(utf8(entry.group).subarray(0, OWNER_BYTES), 297);
  putOctal(block, { at: 329, width: 8, value: Math.min(entry.deviceMajor, OCTAL_7_MAX) });
  putOctal(block, { at: 337, width: 8, value: Math.min(entry.deviceMinor, OCTAL_7_MAX) });
  // The sum of all bytes, its own field counted as spaces.
  let sum = 0;
  for (const byte of block) sum += byte;
  putOctal(block, { at: 148, width: 7, value: sum });
  return block;
}

/** Digits that fill the field but for the NUL at its end. */
function putOctal(
  block: Bytes,
  field: { readonly at: number; readonly width: number; readonly value: number },
): void {
  const digits = field.value.toString(8).padStart(field.width - 1, "0");
  block.set(utf8(`${digits}\0`), field.at);
}

/** Whether the plain header can say it: short enough, and ASCII, which means the same everywhere. */
function fits(bytes: Bytes, bytesMax: number): boolean {
  return bytes.length <= bytesMax && bytes.every((byte) => byte < 0x80);
}

function decimalSeconds(ns: bigint): string {
  const sign = ns < 0n ? "-" : "";
  const magnitude = ns < 0n ? -ns : ns;
  const fraction = String(magnitude % 1_000_000_000n).padStart(9, "0");
  return `${sign}${magnitude / 1_000_000_000n}.${fraction}`;
}

function toBytes(value: string | Bytes): Bytes {
  return typeof value === "string" ? utf8(value) : value;
}
