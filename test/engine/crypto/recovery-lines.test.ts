import { describe, expect, test } from "vitest";

import { type Bytes, toHex } from "../../../engine/base/bytes.ts";
import {
  decodeRecoveryLine,
  decodeRecoveryLines,
  encodeRecoveryLines,
} from "../../../engine/crypto/recovery-lines.ts";
import { nativePlatform } from "../../../engine/platform/node/native.ts";
import { fromHex, readVectors, seededBytes } from "../../helpers/vectors.ts";

const vectors = readVectors<{
  readonly cases: readonly {
    readonly part: "A" | "B";
    readonly bytes: string;
    readonly lines: readonly string[];
  }[];
}>("recovery-lines");

const secret = seededBytes(45, 7);
const sheet = await encodeRecoveryLines(nativePlatform, "A", secret);
const read = (text: string): Promise<{ readonly A: Bytes; readonly B: Bytes }> =>
  decodeRecoveryLines(nativePlatform, text);

describe.each(vectors.cases)("lines of a second implementation, part $part", (vector) => {
  test("are written and read", async () => {
    const bytes = fromHex(vector.bytes);
    expect(await encodeRecoveryLines(nativePlatform, vector.part, bytes)).toEqual(vector.lines);
    const typed = (await read([...sheet, ...vector.lines].join("\n")))[vector.part];
    if (vector.part === "B") expect(toHex(typed.subarray(0, bytes.length))).toBe(vector.bytes);
  });
});

describe("what a person types", () => {
  test("may be in any order and case, with other groups, notes around, and O, I, L, U for 0, 1, V", async () => {
    const typed = [...sheet]
      .reverse()
      .map((line) =>
        line.toLowerCase().replaceAll("-", " ").replaceAll("0", "o").replaceAll("1", "l"),
      )
      .map((line) => line.replace(/^al/, "A1"));
    const text = ["My sheet", "", ...typed, "Key  3f2a91bc", "put away 2026"].join("\n");
    expect(toHex((await read(text)).A)).toBe(toHex(secret));
    expect((await read(text)).B).toHaveLength(0);
  });

  test("with a slip is told the line: every digit replaced by every other, and neighbours swapped", async () => {
    const [line = ""] = sheet;
    const typed = line.slice(2).replaceAll(/[ -]/g, "");
    let slips = 0;
    let missed = 0;
    const tryLine = async (slip: string): Promise<void> => {
      if (slip === typed) return;
      slips++;
      const found = await decodeRecoveryLine(nativePlatform, { part: "A", number: 1, typed: slip });
      if (typeof found === "string") expect(found).toContain("line A1");
      else missed++;
    };
    for (let i = 0; i < typed.length; i++) {
      for (const digit of "0123456789ABCDEFGHJKMNPQRSTVWXYZ") {
        await tryLine(typed.slice(0, i) + digit + typed.slice(i + 1));
      }
      await tryLine(
        typed.slice(0, i) + (typed[i + 1] ?? "") + (typed[i] ?? "") + typed.slice(i + 2),
      );
    }
    expect(slips).toBeGreaterThan(800);
    // One in 32,768 slips passes the check by chance; the key slot's commitment has the last word.
    expect(missed).toBeLessThan(2);
  });

  test("is told every faulty, missing and swapped line at once", async () => {
    const [one = "", two = "", three = ""] = sheet;
    await expect(read([one, three].join("\n"))).rejects.toThrow(/line A2 is missing/);
    const swapped = [one, two.replace("A2", "A3"), three.replace("A3", "A2")].join("\n");
    await expect(read(swapped)).rejects.toThrow(
      /line A3 has a mistake in it; line A2 has a mistake/,
    );
    await expect(read([`${one}X`, two, three].join("\n"))).rejects.toThrow(/has 28 letters/);
    await expect(read([one, `${two.slice(0, -1)}!`, three].join("\n"))).rejects.toThrow(/"!"/);
    await expect(read("nothing here")).rejects.toMatchObject({ code: "usage" });
    await expect(read(`A9999 ${one.slice(2)}`)).rejects.toMatchObject({ code: "usage" });
  });
});
