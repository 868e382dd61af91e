import { describe, expect, test } from "vitest";

import { type Bytes, concatBytes, utf8 } from "../../../engine/base/bytes.ts";
import { isForgeError } from "../../../engine/base/errors.ts";
import { decodeLz4Block } from "../../../engine/platform/lz4-block.ts";
import { nativeSyncPlatform } from "../../../engine/platform/node/native.ts";
import { expectBytes, seededBytes, seededText } from "../../helpers/vectors.ts";

const block = (...bytes: number[]): Bytes => Uint8Array.from(bytes);

describe("decodeLz4Block", () => {
  test("decodes sequences written by hand", () => {
    expect(decodeLz4Block(block(0x00), 0)).toEqual(new Uint8Array(0));
    expect(decodeLz4Block(concatBytes([block(0x30), utf8("abc")]), 3)).toEqual(utf8("abc"));
    // "ab", then 8 bytes from 2 before, which overlaps itself; then "c".
    const overlapping = concatBytes([block(0x24), utf8("ab"), block(2, 0, 0x10), utf8("c")]);
    expect(decodeLz4Block(overlapping, 11)).toEqual(utf8("ababababab" + "c"));
    // 15 + 255 + 0 literals.
    const long = concatBytes([block(0xf0, 255, 0), new Uint8Array(270).fill(7)]);
    expect(decodeLz4Block(long, 270)).toEqual(new Uint8Array(270).fill(7));
  });

  test("decodes what the native lz4 packs", () => {
    for (const plain of [seededText(200_000, 5), seededBytes(70_000, 6), new Uint8Array(500_000)]) {
      const packed = nativeSyncPlatform.compress("lz4", 0, plain);
      expectBytes(decodeLz4Block(packed, plain.length), plain);
    }
  });

  test.each([
    ["nothing", block(), 0],
    ["a literal count without end", block(0xf0, 255, 255), 600],
    ["fewer literals than promised", block(0x50, 1, 2), 5],
    ["literals beyond the size", concatBytes([block(0x50), utf8("abcde")]), 4],
    ["half a distance", concatBytes([block(0x14), utf8("a"), block(1)]), 9],
    ["distance 0", concatBytes([block(0x14), utf8("a"), block(0, 0, 0)]), 9],
    ["a distance before the beginning", concatBytes([block(0x14), utf8("a"), block(2, 0, 0)]), 9],
    ["a match beyond the size", concatBytes([block(0x14), utf8("a"), block(1, 0, 0)]), 8],
    ["no last sequence", concatBytes([block(0x14), utf8("a"), block(1, 0)]), 9],
    ["less than the size", concatBytes([block(0x30), utf8("abc")]), 4],
  ])("reports %s as corrupt", (_what, packed, plainBytes) => {
    expect(() => decodeLz4Block(packed, plainBytes)).toThrow(
      expect.objectContaining({ code: "corrupt" }),
    );
  });

  test("ends with a value or a ForgeError whatever it is given", () => {
    const packed = nativeSyncPlatform.compress("lz4", 0, seededText(600, 9));
    const noise = seededBytes(6000, 10);
    for (let round = 0; round < 2000; round++) {
      const mutated = packed.slice();
      for (let k = 0; k < 3; k++) {
        const at = ((noise[(round * 3 + k) % 6000] ?? 0) * 256 + round) % mutated.length;
        mutated[at] = noise[(round + k * 1999) % 6000] ?? 0;
      }
      try {
        expect(decodeLz4Block(mutated, 600)).toHaveLength(600);
      } catch (error) {
        if (!isForgeError(error, "corrupt")) throw error;
      }
    }
  });
});
