import { expect, it } from "vitest";

import { toHex } from "../../../engine/base/bytes.ts";
import { BlobIdSet } from "../../../engine/base/blob-id-set.ts";
import { SeededRandom, testSeed } from "../../helpers/seeded-random.ts";

const seed = testSeed();

it(`knows exactly what was added, as a Set of strings does (seed ${seed})`, () => {
  const random = new SeededRandom(seed);
  const twin = new Map<string, number>();
  const ids = new BlobIdSet();
  for (let i = 0; i < 60_000; i++) {
    const id = new Uint8Array(40);
    // So few values that many ids are met again, and some agree in the bytes that place them: from the
    // ninth on. (All alike there, each look-up would meet all ids.)
    new DataView(id.buffer).setUint32(12, random.below(20_000) * 0x1_0003);
    id[35] = random.below(2);
    const name = toHex(id.subarray(4, 36));
    const known = twin.get(name);
    const found = ids.find(id, 4);
    const number = ids.intern(id, 4);
    if (found !== (known ?? -1) || number !== (known ?? twin.size)) {
      throw new Error(`${name} was found as ${found} and ${number}, not ${known ?? "new"}`);
    }
    twin.set(name, number);
    if (i % 1000 === 0) ids.setValue(number, i);
  }
  expect(ids.size).toBe(twin.size);
  expect([...twin].filter(([name, number]) => ids.idAt(number) !== name)).toEqual([]);
});

it("keeps a number with each id", () => {
  const ids = new BlobIdSet();
  for (let i = 0; i < 5000; i++) {
    const id = new Uint8Array(32);
    new DataView(id.buffer).setUint32(0, i);
    const number = ids.intern(id);
    if (i % 2 === 0) ids.setValue(number, 0xffff_ffff - i);
  }
  expect(ids.valueAt(10)).toBe(0xffff_ffff - 10);
  expect(ids.valueAt(11)).toBe(0);
  expect(ids.valueAt(4998)).toBe(0xffff_ffff - 4998);
});
