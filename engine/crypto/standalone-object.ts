/** Standalone objects: a snapshot, lease, tombstone or plan, sealed behind a small header. FORMAT.md "Envelope". */
import { type Bytes, ByteReader, ByteWriter, toHex } from "../base/bytes.ts";
import { readFormat } from "../base/format-header.ts";
import { CODECS } from "../platform/platform.ts";
import { readCodec } from "./codec-field.ts";
import {
  type AsyncOpeningPlatform,
  type AsyncSealingPlatform,
  type Compression,
  type SealExtra,
  open,
  seal,
} from "./envelope.ts";
import { type KeyRing, SEALED_KINDS } from "./key-ring.ts";

export type StandaloneKind = "snapshot" | "lease" | "tombstone" | "plan";

const MAGIC = Uint8Array.from("FOBJ", (letter) => letter.charCodeAt(0));
const VERSION = 1;
const HEADER_BYTES = 12;

export interface SealStandaloneRequest {
  readonly kind: StandaloneKind;
  /** 32 bytes: the object's name. */
  readonly objectId: Bytes;
  readonly plain: Bytes;
  /** Of a lease. */
  readonly beat?: number | undefined;
  /** Not compressed by default: these are small. */
  readonly compression?: Compression | undefined;
}

/** The bytes to store. @throws ForgeError "too-large" when `plain` is beyond its kind's limit. */
export async function sealStandalone(
  platform: AsyncSealingPlatform,
  keys: KeyRing,
  request: SealStandaloneRequest,
): Promise<Bytes> {
  const { kind, objectId, plain, beat } = request;
  const compression = request.compression ?? { codec: "none", level: 0 };
  const extra = extraOf(kind, beat);
  const sealed = await seal(platform, keys, { kind, objectId, plain, compression, extra });
  const writer = new ByteWriter(HEADER_BYTES + sealed.sealed.length);
  writer.bytes(MAGIC);
  writer.u8(VERSION);
  writer.u8(SEALED_KINDS[kind]);
  writer.u8(sealed.epoch);
  writer.u8(CODECS[sealed.codec]);
  writer.u32(sealed.plainBytes);
  writer.bytes(sealed.sealed);
  return writer.finish();
}

export interface OpenStandaloneRequest {
  readonly kind: StandaloneKind;
  /** 32 bytes: the object's name. */
  readonly objectId: Bytes;
  /** Of a lease: from its name. */
  readonly beat?: number | undefined;
  readonly bytes: Bytes;
}

/**
 * The plaintext of a stored object.
 * @throws ForgeError "corrupt"; "unsupported-version" when its header names a newer format.
 */
export async function openStandalone(
  platform: AsyncOpeningPlatform,
  keys: KeyRing,
  request: OpenStandaloneRequest,
): Promise<Bytes> {
  const { kind, objectId, beat, bytes } = request;
  const what = `${kind} ${toHex(objectId)}`;
  const reader = new ByteReader(bytes, what);
  readFormat(reader, { what, magic: MAGIC, version: VERSION });
  const kindNumber = reader.u8();
  if (kindNumber !== SEALED_KINDS[kind]) reader.fail(`it is of kind ${kindNumber}`);
  const epoch = reader.u8();
  const codec = readCodec(reader);
  const plainBytes = reader.u32();
  const sealed = reader.bytes(reader.remaining);
  const extra = extraOf(kind, beat);
  return open(platform, keys, { kind, objectId, codec, epoch, plainBytes, extra }, sealed);
}

/** The epoch that a stored object names; not authentic until it opens. `undefined` when it is too short. */
export function findStandaloneEpoch(bytes: Bytes): number | undefined {
  return bytes.length < HEADER_BYTES ? undefined : bytes[6];
}

/** A lease's beat is authenticated, so that an old sign of life cannot be shown as a new one. */
function extraOf(kind: StandaloneKind, beat: number | undefined): SealExtra | undefined {
  return kind === "lease" ? { first: beat ?? 0, second: 0 } : undefined;
}
