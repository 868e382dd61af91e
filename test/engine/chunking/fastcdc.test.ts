import { describe, expect, test } from "vitest";

import { toHex } from "../../../engine/base/bytes.ts";
import {
  type ChunkerParameters,
  findChunkerProblem,
  findCut,
} from "../../../engine/chunking/fastcdc.ts";
import { fromHex, readVectors, seededBytes } from "../../helpers/vectors.ts";

interface ChunkVectors {
  readonly gearTable: string;
  readonly cases: readonly (ChunkerParameters & {
    readonly seed: number;
    readonly bytes: number;
    readonly lengths: readonly number[];
  })[];
}

const vectors = readVectors<ChunkVectors>("chunks");
const gear = new Uint32Array(fromHex(vectors.gearTable).buffer);
const SMALL: ChunkerParameters = {
  minBytes: 256,
  normalBytes: 1024,
  maxBytes: 4096,
  normalization: 2,
};

function lengthsOf(data: Uint8Array, parameters: ChunkerParameters): number[] {
  const lengths: number[] = [];
  for (let start = 0; start < data.length;) {
    const cut = findCut(data, start, data.length, parameters, gear);
    lengths.push(cut - start);
    start = cut;
  }
  return lengths;
}

/** The slow twin: FORMAT.md letter by letter. */
function slowCut(
  d: Uint8Array,
  { minBytes, normalBytes, maxBytes, normalization }: ChunkerParameters,
): number {
  const n = d.length;
  if (n <= minBytes) return n;
  const strict = 32 - (Math.log2(normalBytes) + normalization);
  const loose = 32 - (Math.log2(normalBytes) - normalization);
  let h = 0;
  let i = minBytes;
  while (i < Math.min(n, maxBytes)) {
    const shift = i < normalBytes ? strict : loose;
    h = (h * 2 + (gear[d[i] ?? 0] ?? 0)) % 2 ** 32;
    i++;
    if (Math.floor(h / 2 ** shift) === 0) return i;
  }
  return Math.min(n, maxBytes);
}

test.each(vectors.cases)("cuts stream $seed where a second implementation cuts it", (vector) => {
  expect(lengthsOf(seededBytes(vector.bytes, vector.seed), vector)).toEqual(vector.lengths);
});

describe("findCut", () => {
  test("agrees with its slow twin at every length and offset", () => {
    for (let seed = 1; seed <= 300; seed++) {
      const noise = seededBytes(6000, seed);
      const length = ((noise[0] ?? 0) * 256 + (noise[1] ?? 0)) % 5000;
      const offset = (noise[2] ?? 0) % 13;
      const shown = `seed ${seed}`;
      for (const normalization of [0, 1, 2, 4]) {
        const parameters = { ...SMALL, normalization };
        const expected = slowCut(noise.slice(offset, offset + length), parameters) + offset;
        const found = findCut(noise, offset, offset + length, parameters, gear);
        expect(found, shown).toBe(expected);
      }
    }
  });

  test("chunks join to the input and keep to minimum and maximum", () => {
    const data = seededBytes(300_000, 77);
    const lengths = lengthsOf(data, SMALL);
    expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(data.length);
    for (const length of lengths) expect(length).toBeLessThanOrEqual(SMALL.maxBytes);
    for (const length of lengths.slice(0, -1)) {
      expect(length).toBeGreaterThanOrEqual(SMALL.minBytes);
    }
  });

  test("an insertion moves only the chunks around it", () => {
    const data = seededBytes(300_000, 78);
    const changed = new Uint8Array(data.length + 3);
    changed.set(data.subarray(0, 100_000));
    changed.set(data.subarray(100_000), 100_003);
    const chunksOf = (bytes: Uint8Array): string[] => {
      let end = 0;
      return lengthsOf(bytes, SMALL).map((length) => toHex(bytes.subarray(end, (end += length))));
    };
    const before = new Set(chunksOf(data));
    const fresh = chunksOf(changed).filter((chunk) => !before.has(chunk));
    expect(before.size).toBeGreaterThan(150);
    expect(fresh.length).toBeLessThan(8);
  });

  test("what follows the largest chunk does not matter", () => {
    const data = seededBytes(20_000, 79);
    const whole = findCut(data, 100, data.length, SMALL, gear);
    expect(findCut(data, 100, 100 + SMALL.maxBytes, SMALL, gear)).toBe(whole);
  });

  test("nothing is a chunk of no bytes", () => {
    expect(findCut(new Uint8Array(5), 5, 5, SMALL, gear)).toBe(5);
  });
});

describe("findChunkerProblem", () => {
  test("accepts the default and the vectors' parameters", () => {
    const [kib, mib] = [1024, 1024 * 1024];
    const usual = {
      minBytes: 256 * kib,
      normalBytes: 512 * kib,
      maxBytes: 4 * mib,
      normalization: 2,
    };
    const before = { minBytes: 512 * kib, normalBytes: mib, maxBytes: 8 * mib, normalization: 2 };
    expect(findChunkerProblem(usual)).toBeUndefined();
    expect(findChunkerProblem(before)).toBeUndefined();
    for (const parameters of vectors.cases) expect(findChunkerProblem(parameters)).toBeUndefined();
  });

  test.each([
    { minBytes: 0 },
    { minBytes: 2048 },
    { minBytes: 1.5 },
    { normalBytes: 1000 },
    { normalBytes: 128, minBytes: 64 },
    { maxBytes: 512 },
    { maxBytes: 8 * 1024 * 1024 + 1 },
    { normalization: 5 },
    { normalization: -1 },
    { normalization: Number.NaN },
  ])("refuses %o", (change) => {
    expect(findChunkerProblem({ ...SMALL, ...change })).toBeTypeOf("string");
  });
});
