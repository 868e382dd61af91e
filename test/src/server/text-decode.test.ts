import { describe, expect, test } from "vitest";
import { utf8 } from "../../../engine/base/bytes.ts";
import { decodeText, isTextual } from "../../../src/server/text-decode.ts";

const bytes = (...values: number[]): Uint8Array => new Uint8Array(values);

describe("text", () => {
  test.each([
    ["UTF-8", utf8("naïve 😀\n"), "utf-8", "naïve 😀\n"],
    ["UTF-8 with a mark", bytes(0xef, 0xbb, 0xbf, 0x61), "utf-8", "a"],
    ["UTF-16 little-endian", bytes(0xff, 0xfe, 0x61, 0, 0xac, 0x20), "utf-16le", "a€"],
    ["UTF-16 big-endian", bytes(0xfe, 0xff, 0, 0x61, 0x20, 0xac), "utf-16be", "a€"],
    ["Latin-1, as browsers read it", bytes(0x63, 0x61, 0x66, 0xe9, 0x80), "latin1", "café€"],
    [
      "a colourful log",
      utf8("\u001b[31mred\u001b[0m\r\n\f"),
      "utf-8",
      "\u001b[31mred\u001b[0m\r\n\f",
    ],
    ["nothing", bytes(), "utf-8", ""],
  ])("%s", (_, content, encoding, text) => {
    const decoded = decodeText(content, true);
    expect(decoded).toEqual({ text, encoding, binary: false, usedBytes: content.length });
  });

  test("is never cut inside a character", () => {
    const whole = utf8("aä€😀");
    for (let length = 0; length <= whole.length; length++) {
      const { text, encoding, usedBytes } = decodeText(whole.subarray(0, length), false);
      expect(encoding, `${length} bytes`).toBe("utf-8");
      expect("aä€😀".startsWith(text)).toBe(true);
      expect(utf8(text).length).toBe(usedBytes);
    }
    const odd = decodeText(bytes(0xff, 0xfe, 0x61, 0, 0x62), false);
    expect(odd).toMatchObject({ text: "a", usedBytes: 4 });
  });

  test("a broken end of a whole file is no cut", () => {
    expect(decodeText(bytes(0x61, 0xc3), true)).toMatchObject({ encoding: "latin1", text: "aÃ" });
  });
});

test("programs and pictures are no text", () => {
  expect(isTextual(bytes(0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0))).toBe(false);
  expect(isTextual(bytes(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 1, 2, 3))).toBe(false);
  expect(isTextual(bytes(0xff, 0xfe, 0, 0, 0x61, 0, 0, 0))).toBe(false);
  expect(isTextual(utf8(`one \u0001 in a long line${" ".repeat(100)}`))).toBe(true);
});
