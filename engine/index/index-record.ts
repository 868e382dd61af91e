/**
 * Records: where one blob stands, 51 bytes, sorted by blob id inside pages. FORMAT.md "Index segments".
 *
 * | offset | size | field |
 * |---|---|---|
 * | 0 | 32 | blob id |
 * | 32 | 4 | pack number |
 * | 36 | 4 | offset |
 * | 40 | 4 | sealed length |
 * | 44 | 4 | plain length |
 * | 48 | 1 each | kind, codec, epoch |
 */
import type { Bytes } from "../base/bytes.ts";
import { ForgeError } from "../base/errors.ts";
import { ID_BYTES } from "../base/ids.ts";
import { BLOB_BYTES_MAX, KEY_EPOCHS_MAX } from "../base/limits.ts";
import { type BlobKind, SEALED_KINDS } from "../crypto/key-ring.ts";
import { CODECS, CODEC_BY_NUMBER, type Codec } from "../platform/platform.ts";

export const RECORD_BYTES = 51;
/** Where the fields stand, for who looks at millions of records and wants no object for each. */
export const PACK_AT = 32;
export const OFFSET_AT = 36;
export const SEALED_BYTES_AT = 40;
export const PLAIN_BYTES_AT = 44;
export const KIND_AT = 48;
export const CODEC_AT = 49;
export const EPOCH_AT = 50;

/** A record without its id and with the number of its pack in the segment. */
export interface PlacedBlob {
  readonly packNumber: number;
  readonly offset: number;
  readonly sealedBytes: number;
  readonly plainBytes: number;
  readonly kind: BlobKind;
  readonly codec: Codec;
  readonly epoch: number;
}

export function writeRecord(page: DataView, at: number, id: Bytes, blob: PlacedBlob): void {
  new Uint8Array(page.buffer, page.byteOffset + at, ID_BYTES).set(id);
  page.setUint32(at + PACK_AT, blob.packNumber, true);
  page.setUint32(at + OFFSET_AT, blob.offset, true);
  page.setUint32(at + SEALED_BYTES_AT, blob.sealedBytes, true);
  page.setUint32(at + PLAIN_BYTES_AT, blob.plainBytes, true);
  page.setUint8(at + KIND_AT, SEALED_KINDS[blob.kind]);
  page.setUint8(at + CODEC_AT, CODECS[blob.codec]);
  page.setUint8(at + EPOCH_AT, blob.epoch);
}

const KINDS: readonly (BlobKind | undefined)[] = [undefined, "data", "tree", "list"];

/** @param page Checked by `checkRecordPage`. */
export function readRecord(page: Bytes, slot: number): PlacedBlob {
  const at = slot * RECORD_BYTES;
  return {
    packNumber: readU32(page, at + PACK_AT),
    offset: readU32(page, at + OFFSET_AT),
    sealedBytes: readU32(page, at + SEALED_BYTES_AT),
    plainBytes: readU32(page, at + PLAIN_BYTES_AT),
    kind: KINDS[page[at + KIND_AT] as number] as BlobKind,
    codec: CODEC_BY_NUMBER[page[at + CODEC_AT] as number] as Codec,
    epoch: page[at + EPOCH_AT] as number,
  };
}

/** Without a DataView, which costs more to make than the four numbers to read. */
function readU32(page: Bytes, at: number): number {
  const low = (page[at] as number) | ((page[at + 1] as number) << 8);
  const high = (page[at + 2] as number) | ((page[at + 3] as number) << 8);
  return (low | (high << 16)) >>> 0;
}

/** The blob id of a record, a view of the page. */
export function recordId(page: Bytes, slot: number): Bytes {
  return page.subarray(slot * RECORD_BYTES, slot * RECORD_BYTES + ID_BYTES);
}

/** Whether record `slot` is of the blob with the 32 bytes of `id` from `from` on. */
export function isRecordOf(page: Bytes, slot: number, id: Bytes, from = 0): boolean {
  const at = slot * RECORD_BYTES;
  for (let i = 0; i < ID_BYTES; i++) if (page[at + i] !== id[from + i]) return false;
  return true;
}

/** `readRecord(…).packNumber` alone. */
export function packNumberOf(page: Bytes, slot: number): number {
  return readU32(page, slot * RECORD_BYTES + PACK_AT);
}

/**
 * Checks every record of an opened page, so that reading one needs no further look.
 *
 * @param packBytes Size of each pack of the segment.
 * @throws ForgeError "corrupt".
 */
export function checkRecordPage(page: Bytes, packBytes: Uint32Array): void {
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
  for (let at = 0; at < page.length; at += RECORD_BYTES) {
    const pack = packBytes[view.getUint32(at + PACK_AT, true)];
    const offset = view.getUint32(at + OFFSET_AT, true);
    const sealedBytes = view.getUint32(at + SEALED_BYTES_AT, true);
    if (pack === undefined || offset + sealedBytes > pack) fault("a blob lies outside its pack");
    if (sealedBytes === 0) fault("a blob has no bytes");
    if (view.getUint32(at + PLAIN_BYTES_AT, true) > BLOB_BYTES_MAX) fault("a blob is too large");
    if (KINDS[view.getUint8(at + KIND_AT)] === undefined) fault("a blob is of no known kind");
    if (view.getUint8(at + CODEC_AT) >= CODEC_BY_NUMBER.length) fault("a codec is unknown");
    if (view.getUint8(at + EPOCH_AT) >= KEY_EPOCHS_MAX) fault("a key epoch is impossible");
    if (at > 0 && !ascends(page, at)) fault("its records are not sorted");
  }
}

/** Whether the record at `at` does not come before the one in front of it. */
function ascends(page: Bytes, at: number): boolean {
  for (let i = at; i < at + ID_BYTES; i++) {
    const difference = (page[i] as number) - (page[i - RECORD_BYTES] as number);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

function fault(found: string): never {
  throw new ForgeError("corrupt", `Cannot decode a page of the index: ${found}`);
}
