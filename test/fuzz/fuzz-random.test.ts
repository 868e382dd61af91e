import { expect, it } from "vitest";

import { SeededRandom, testSeed } from "../helpers/seeded-random.ts";
import { FuzzRandom } from "./fuzz-random.ts";

it("the fuzzer's numbers are those of SeededRandom", () => {
  const fast = new FuzzRandom();
  const first = testSeed() >>> 0;
  for (const seed of [0, 1, 2 ** 31, 2 ** 32 - 1, first, first + 1]) {
    const slow = new SeededRandom(seed);
    fast.restart(seed);
    for (let i = 0; i < 1000; i++) expect(fast.u32()).toBe(slow.u32());
    expect(fast.below(1000)).toBe(slow.below(1000));
    expect(fast.bytes(20)).toEqual(slow.bytes(20));
  }
});
