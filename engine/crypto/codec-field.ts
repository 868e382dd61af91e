/** The codec as a stored byte: 0 none, 1 zstd, 2 lz4. FORMAT.md "Envelope". */
import type { ByteReader } from "../base/bytes.ts";
import { CODECS, type Codec } from "../platform/platform.ts";

/** Reads one byte. @throws ForgeError "corrupt" for a number that names no codec. */
export function readCodec(reader: ByteReader): Codec {
  const number = reader.u8();
  switch (number) {
    case CODECS.none:
      return "none";
    case CODECS.zstd:
      return "zstd";
    case CODECS.lz4:
      return "lz4";
    default:
      return reader.fail(`codec ${number}`);
  }
}
