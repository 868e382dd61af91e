/**
 * The layout of a pack: `blob ‖ blob ‖ … ‖ directory ‖ trailer`. The directory says where each blob
 * stands and is sealed; the trailer, in clear, is what is needed to open the directory. FORMAT.md
 * "Packs".
 */
import { type Bytes, ByteReader, ByteWriter } from "../base/bytes.ts";
import { ForgeError } from "../base/errors.ts";
import { readFormat } from "../base/format-header.ts";
import { ID_BYTES } from "../base/ids.ts";
import { BLOB_BYTES_MAX, PACK_BYTES_MAX, PACK_DIRECTORY_BYTES_MAX } from "../base/limits.ts";
import { readCodec } from "../crypto/codec-field.ts";
import {
  type AsyncOpeningPlatform,
  type OpenRequest,
  type OpeningPlatform,
  SEAL_OVERHEAD_BYTES,
  open,
  openSync,
} from "../crypto/envelope.ts";
import { type BlobKind, type KeyRing, SEALED_KINDS } from "../crypto/key-ring.ts";
import { CODECS, type Codec } from "../platform/platform.ts";

export const PACK_TRAILER_BYTES = 48;
const MAGIC = Uint8Array.from("FPAK", (letter) => letter.charCodeAt(0));
const VERSION = 1;
/** In the directory: id 32, kind, codec, epoch, three u32. */
const ENTRY_BYTES = 32 + 3 + 12;

/** One blob of a pack. */
export interface PackEntry {
  /** 32 bytes. */
  readonly id: Bytes;
  readonly kind: BlobKind;
  readonly codec: Codec;
  readonly epoch: number;
  /** Bytes from the beginning of the pack. */
  readonly offset: number;
  readonly sealedBytes: number;
  readonly plainBytes: number;
}

/** The clear end of a pack. */
export interface PackTrailer {
  readonly epoch: number;
  readonly codec: Codec;
  readonly sealedBytes: number;
  readonly plainBytes: number;
  /** The directory's own random id, 32 bytes. */
  readonly objectId: Bytes;
}

/** Where a pack's sealed directory stands, and where its blobs must end. */
export interface PackTail {
  readonly trailer: PackTrailer;
  readonly directoryOffset: number;
}

/** 48 bytes. */
export function encodePackTrailer(trailer: PackTrailer): Bytes {
  const writer = new ByteWriter(PACK_TRAILER_BYTES);
  writer.bytes(MAGIC);
  writer.u8(VERSION);
  writer.u8(trailer.epoch);
  writer.u8(CODECS[trailer.codec]);
  writer.u8(0);
  writer.u32(trailer.sealedBytes);
  writer.u32(trailer.plainBytes);
  writer.bytes(trailer.objectId);
  return writer.finish();
}

/**
 * @param bytes The last 48 bytes of the pack; `objectId` is a view of them.
 * @param packBytes The size of the whole pack.
 * @throws ForgeError "corrupt", or "unsupported-version" when a newer forge wrote it.
 */
export function decodePackTrailer(bytes: Bytes, packBytes: number): PackTail {
  const reader = new ByteReader(bytes, "the trailer of a pack");
  if (packBytes > PACK_BYTES_MAX) reader.fail(`the pack has ${packBytes} bytes`);
  readFormat(reader, { what: "a pack", magic: MAGIC, version: VERSION });
  const epoch = reader.u8();
  const codec = readCodec(reader);
  const zero = reader.u8();
  if (zero !== 0) reader.fail(`byte 7 is ${zero}`);
  const sealedBytes = reader.u32();
  const plainBytes = reader.u32();
  const objectId = reader.bytes(ID_BYTES);
  reader.end();
  const directoryOffset = packBytes - PACK_TRAILER_BYTES - sealedBytes;
  if (sealedBytes < SEAL_OVERHEAD_BYTES || directoryOffset < 0) {
    reader.fail(`a directory of ${sealedBytes} bytes in a pack of ${packBytes}`);
  }
  if (plainBytes < 4 || plainBytes > PACK_DIRECTORY_BYTES_MAX) {
    reader.fail(`a directory of ${plainBytes} bytes in plain`);
  }
  return { trailer: { epoch, codec, sealedBytes, plainBytes, objectId }, directoryOffset };
}

/** The directory's plaintext. @param entries sorted by offset. */
export function encodePackDirectory(entries: readonly PackEntry[]): Bytes {
  const writer = new ByteWriter(4 + entries.length * ENTRY_BYTES);
  writer.u32(entries.length);
  for (const entry of entries) writer.bytes(entry.id);
  for (const entry of entries) writer.u8(SEALED_KINDS[entry.kind]);
  for (const entry of entries) writer.u8(CODECS[entry.codec]);
  for (const entry of entries) writer.u8(entry.epoch);
  for (const entry of entries) writer.u32(entry.offset);
  for (const entry of entries) writer.u32(entry.sealedBytes);
  for (const entry of entries) writer.u32(entry.plainBytes);
  return writer.finish();
}

/**
 * @param plain The opened directory; the entries' ids are views of it.
 * @param directoryOffset Where the blobs must have ended.
 * @throws ForgeError "corrupt" when a count, length, kind or order cannot be.
 */
export function decodePackDirectory(plain: Bytes, directoryOffset: number): readonly PackEntry[] {
  const reader = new ByteReader(plain, "the directory of a pack");
  const count = reader.u32();
  if (reader.remaining !== count * ENTRY_BYTES) {
    reader.fail(`${count} entries in ${reader.remaining} bytes`);
  }
  const column = <Value>(read: () => Value): Value[] => Array.from({ length: count }, read);
  const ids = column(() => reader.bytes(ID_BYTES));
  const kinds = column(() => readBlobKind(reader));
  const codecs = column(() => readCodec(reader));
  const epochs = column(() => reader.u8());
  const offsets = column(() => reader.u32());
  const sealedLengths = column(() => reader.u32());
  const plainLengths = column(() => reader.u32());
  reader.end();

  const entries: PackEntry[] = [];
  let end = 0;
  for (const [i, id] of ids.entries()) {
    const entry: PackEntry = {
      id,
      kind: kinds[i] as BlobKind,
      codec: codecs[i] as Codec,
      epoch: epochs[i] as number,
      offset: offsets[i] as number,
      sealedBytes: sealedLengths[i] as number,
      plainBytes: plainLengths[i] as number,
    };
    const problem = findEntryProblem(entry, end, entries[0]?.kind ?? entry.kind);
    if (problem !== undefined) reader.fail(`entry ${i}: ${problem}`);
    end = entry.offset + entry.sealedBytes;
    entries.push(entry);
  }
  if (end > directoryOffset) {
    reader.fail(`its blobs end at ${end}, behind its own beginning at ${directoryOffset}`);
  }
  return entries;
}

/**
 * Opens and decodes the directory of a pack.
 *
 * @param sealed The `tail.trailer.sealedBytes` bytes from `tail.directoryOffset`.
 * @throws ForgeError "corrupt".
 */
export async function openPackDirectory(
  platform: AsyncOpeningPlatform,
  keys: KeyRing,
  tail: PackTail,
  sealed: Bytes,
): Promise<readonly PackEntry[]> {
  const plain = await open(platform, keys, directoryRequest(tail.trailer), sealed);
  return decodePackDirectory(plain, tail.directoryOffset);
}

/** `openPackDirectory` of a pack that is in memory as a whole, synchronously. */
export function openPackDirectorySync(
  platform: OpeningPlatform,
  keys: KeyRing,
  pack: Bytes,
): readonly PackEntry[] {
  const tail = decodePackTrailer(trailerOf(pack), pack.length);
  const { directoryOffset, trailer } = tail;
  const sealed = pack.subarray(directoryOffset, directoryOffset + trailer.sealedBytes);
  const plain = openSync(platform, keys, directoryRequest(trailer), sealed);
  return decodePackDirectory(plain, directoryOffset);
}

/** The last 48 bytes of a whole pack, a view. @throws ForgeError "corrupt" when it is shorter. */
export function trailerOf(pack: Bytes): Bytes {
  if (pack.length < PACK_TRAILER_BYTES) {
    throw new ForgeError("corrupt", `Cannot read a pack: it has only ${pack.length} bytes`);
  }
  return pack.subarray(pack.length - PACK_TRAILER_BYTES);
}

function directoryRequest({ objectId, codec, epoch, plainBytes }: PackTrailer): OpenRequest {
  return { kind: "pack-directory", objectId, codec, epoch, plainBytes };
}

/** @param end Where the entry before ends. */
function findEntryProblem(entry: PackEntry, end: number, firstKind: BlobKind): string | undefined {
  const { offset, sealedBytes, plainBytes, codec, kind } = entry;
  if (offset < end) return `begins at ${offset}, before ${end}`;
  if (sealedBytes < SEAL_OVERHEAD_BYTES) return `${sealedBytes} bytes are too short to be sealed`;
  if (plainBytes > BLOB_BYTES_MAX) return `a blob of ${plainBytes} bytes`;
  if (codec === "none" && sealedBytes !== plainBytes + SEAL_OVERHEAD_BYTES) {
    return `${plainBytes} bytes not compressed in ${sealedBytes} sealed`;
  }
  if ((kind === "data") !== (firstKind === "data")) return `a ${kind} blob among others`;
  return undefined;
}

function readBlobKind(reader: ByteReader): BlobKind {
  const number = reader.u8();
  switch (number) {
    case SEALED_KINDS.data:
      return "data";
    case SEALED_KINDS.tree:
      return "tree";
    case SEALED_KINDS.list:
      return "list";
    default:
      return reader.fail(`blob kind ${number}`);
  }
}
