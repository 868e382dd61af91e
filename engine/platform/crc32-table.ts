/** CRC-32 (IEEE 802.3, as in ZIP and zlib) by table, for where zlib's own is not at hand. */
import type { Bytes } from "../base/bytes.ts";

const POLYNOMIAL = 0xedb88320;

/** What eight steps of the shift register make of each byte. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
  return crc;
});

/** @param seed The CRC-32 of what comes before `data`, 0 to begin. @returns unsigned. */
export function tableCrc32(data: Bytes, seed: number): number {
  let crc = ~seed;
  for (const byte of data) crc = (TABLE[(crc ^ byte) & 0xff] as number) ^ (crc >>> 8);
  return ~crc >>> 0;
}
