import { crc32 } from "node:zlib";
import { describe, expect, it } from "vitest";

import { type Bytes, concatBytes, equalBytes } from "../../../engine/base/bytes.ts";
import { crc32Zeros } from "../../../engine/base/crc32.ts";
import { nativeSyncPlatform } from "../../../engine/platform/node/native.ts";
import type { Hole } from "../../../engine/snapshots/tree-node.ts";
import { type DataExtent, type ReadResult, chunkFile } from "../../../engine/write/save-file.ts";
import { SMALL_CHUNKS } from "../../helpers/backup-fixture.ts";
import { SeededRandom, testSeed } from "../../helpers/seeded-random.ts";

const seed = testSeed();
const gearTable = new Uint32Array(256).map((_, i) => Math.imul(i + 1, 0x9e3779b1));

interface Reading {
  /** What stands in the file while it is read. */
  readonly content: Bytes;
  readonly extents: readonly DataExtent[];
  /** What it was before. */
  readonly sizeBytes: number;
  /** Bytes that one read gives at most. */
  readonly readMax?: number;
}

function save(reading: Reading): { result: ReadResult; chunks: Bytes[]; turns: number } {
  const { content, extents, sizeBytes, readMax = Number.POSITIVE_INFINITY } = reading;
  const chunks: Bytes[] = [];
  const steps = chunkFile(
    {
      readInto: (buffer, at, length, position) => {
        const part = content.subarray(position, position + Math.min(length, readMax));
        buffer.set(part, at);
        return part.length;
      },
      extents,
      sizeBytes,
      bytesMax: sizeBytes,
    },
    {
      platform: nativeSyncPlatform,
      chunker: SMALL_CHUNKS,
      gearTable,
      scratch: new Uint8Array(2 * SMALL_CHUNKS.maxBytes),
      onChunk: (chunk) => chunks.push(chunk.slice()),
    },
  );
  for (let turns = 0; ; turns++) {
    const step = steps.next();
    if (step.done === true) return { result: step.value, chunks, turns };
  }
}

const whole = (content: Bytes): Reading => ({
  content,
  extents: content.length === 0 ? [] : [{ offset: 0, length: content.length }],
  sizeBytes: content.length,
});

/** Chunks and holes put together again. */
function rebuild(chunks: readonly Bytes[], holes: readonly Hole[], sizeBytes: number): Bytes {
  const data = concatBytes(chunks);
  const out = new Uint8Array(sizeBytes);
  let from = 0;
  let at = 0;
  for (const { offset, length } of holes) {
    out.set(data.subarray(from, from + offset - at), at);
    from += offset - at;
    at = offset + length;
  }
  out.set(data.subarray(from), at);
  expect(data.length + holes.reduce((sum, hole) => sum + hole.length, 0)).toBe(sizeBytes);
  return out;
}

describe("chunkFile", () => {
  it("hands on every byte, whatever size the file has and however much a read gives", () => {
    const random = new SeededRandom(seed);
    const { minBytes, normalBytes, maxBytes } = SMALL_CHUNKS;
    const sizes = [0, 1, minBytes - 1, minBytes, minBytes + 1, normalBytes, maxBytes - 1];
    for (const size of [...sizes, maxBytes, maxBytes + 1, 2 * maxBytes, 20_000]) {
      const content = random.bytes(size);
      const { result, chunks } = save(whole(content));
      expect(equalBytes(concatBytes(chunks), content)).toBe(true);
      expect(result).toEqual({ sizeBytes: size, crc32: crc32(content), holes: [] });
      const slowly = save({ ...whole(content), readMax: 1 + random.below(100) });
      expect(slowly.chunks).toEqual(chunks);
      expect(slowly.result).toEqual(result);
    }
  });

  it("leaves holes out of the chunks and has them in the CRC", () => {
    const random = new SeededRandom(seed);
    for (let round = 0; round < 200; round++) {
      const sizeBytes = 1 + random.below(20_000);
      const content = new Uint8Array(sizeBytes);
      const extents: DataExtent[] = [];
      for (let at = random.below(2) * random.below(5000); at < sizeBytes;) {
        const length = Math.min(sizeBytes - at, 1 + random.below(3000));
        content.set(random.bytes(length), at);
        extents.push({ offset: at, length });
        at += length + random.below(3) * random.below(5000);
      }
      const { result, chunks } = save({ content, extents, sizeBytes });
      expect(result.sizeBytes).toBe(sizeBytes);
      expect(result.crc32, `seed ${seed}, round ${round}`).toBe(crc32(content));
      expect(equalBytes(rebuild(chunks, result.holes, sizeBytes), content)).toBe(true);
      for (const [i, hole] of result.holes.entries()) {
        const before = result.holes[i - 1];
        expect(hole.length).toBeGreaterThan(0);
        if (before !== undefined)
          expect(hole.offset).toBeGreaterThan(before.offset + before.length);
      }
    }
  });

  it("takes a file that is nothing but a hole", () => {
    const { result, chunks } = save({
      content: new Uint8Array(5000),
      extents: [],
      sizeBytes: 5000,
    });
    expect(chunks).toEqual([]);
    expect(result.holes).toEqual([{ offset: 0, length: 5000 }]);
    expect(result.crc32).toBe(crc32(new Uint8Array(5000)));
  });

  it("ends where a file ends that shrank while it was read", () => {
    const content = new SeededRandom(seed).bytes(3000);
    const extents = [
      { offset: 0, length: 2000 },
      { offset: 4000, length: 4000 },
    ];
    for (const left of [0, 1, 1500, 2000, 3000]) {
      const now = content.slice(0, left);
      const { result, chunks } = save({ content: now, extents, sizeBytes: 9000 });
      expect(result.sizeBytes).toBeLessThan(9000);
      const expected = new Uint8Array(result.sizeBytes);
      expected.set(now.subarray(0, Math.min(left, 2000)));
      expect(result.crc32).toBe(crc32(expected));
      expect(equalBytes(rebuild(chunks, result.holes, result.sizeBytes), expected)).toBe(true);
    }
  });

  it("stops at the size a file had before it grew", () => {
    const content = new SeededRandom(seed).bytes(5000);
    const { result, chunks } = save({
      content,
      extents: [{ offset: 0, length: 3000 }],
      sizeBytes: 3000,
    });
    expect(equalBytes(concatBytes(chunks), content.slice(0, 3000))).toBe(true);
    expect(result.sizeBytes).toBe(3000);
  });

  it("lets others run in the midst of a large file", () => {
    expect(save(whole(new Uint8Array(40 * 1024 * 1024))).turns).toBeGreaterThanOrEqual(2);
  });
});

describe("crc32Zeros", () => {
  it("is what zlib computes over zeros that are there", () => {
    const random = new SeededRandom(seed);
    const zeros = new Uint8Array(3_000_000);
    for (const length of [0, 1, 2, 7, 8, 255, 4096, 65_537, 1_000_003, 3_000_000]) {
      for (const before of [0, 1, 100]) {
        const crc = crc32(random.bytes(before));
        expect(crc32Zeros(crc, length)).toBe(crc32(zeros.subarray(0, length), crc));
      }
    }
  });

  it("adds up beyond what can be allocated", () => {
    const terabyte = 2 ** 40;
    const inSteps = Array.from({ length: 16 }).reduce<number>(
      (crc) => crc32Zeros(crc, terabyte / 16),
      0x12345678,
    );
    expect(crc32Zeros(0x12345678, terabyte)).toBe(inSteps);
  });
});
