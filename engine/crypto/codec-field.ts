/** The codec as a stored byte: 0 none, 1 zstd, 2 lz4. FORMAT.md "Envelope". */
import type { ByteReader } from "../base/bytes.ts";
import { CODEC_BY_NUMBER, type Codec } from "../platform/platform.ts";

/** Reads one byte. @throws ForgeError "corrupt" for a number that names no codec. */
export function readCodec(reader: ByteReader): Codec {
  const number = reader.u8();
  return CODEC_BY_NUMBER[number] ?? reader.fail(`codec ${number}`);
}
