import { expect, test } from "vitest";
import type { FsFile } from "../../engine/read/readonly-fs.ts";
import { Prefetcher } from "../../mount/prefetch.ts";
import { file } from "../helpers/memory-fs.ts";

const MIB = 1024 * 1024;
const REQUEST = 128 * 1024;

interface Range {
  readonly offset: number;
  readonly length: number;
}

function recordedFile(sizeBytes: number): { file: FsFile; ranges: Range[] } {
  const ranges: Range[] = [];
  const content = {
    sizeBytes,
    contentKey: "k",
    read: () => new Uint8Array(0),
    prefetch: (range: Range) => ranges.push(range),
  };
  return { file: file("f", content), ranges };
}

function readThrough(prefetcher: Prefetcher, target: FsFile, range: Range): void {
  for (let offset = range.offset; offset < range.offset + range.length; offset += REQUEST) {
    prefetcher.onRead(target, { offset, length: REQUEST });
  }
}

test("a sequential reader has what follows loaded once, without gaps, in windows that grow", () => {
  const prefetcher = new Prefetcher({ budgetBytes: 32 * MIB });
  const { file: target, ranges } = recordedFile(200 * MIB);
  readThrough(prefetcher, target, { offset: 0, length: 150 * MIB });
  expect(ranges[0]).toEqual({ offset: 2 * REQUEST, length: MIB });
  for (const [i, range] of ranges.entries()) {
    const before = ranges[i - 1];
    if (before !== undefined) expect(range.offset).toBe(before.offset + before.length);
  }
  const last = ranges.at(-1) ?? { offset: 0, length: 0 };
  const ahead = last.offset + last.length - 150 * MIB;
  expect(ahead).toBeGreaterThan(15 * MIB);
  expect(ahead).toBeLessThanOrEqual(32 * MIB);
});

test("nothing beyond the end is asked for, and nothing for a file read in one piece", () => {
  const prefetcher = new Prefetcher({ budgetBytes: 32 * MIB });
  const { file: target, ranges } = recordedFile(3 * MIB);
  readThrough(prefetcher, target, { offset: 0, length: 3 * MIB });
  const last = ranges.at(-1) ?? { offset: 0, length: 0 };
  expect(last.offset + last.length).toBe(3 * MIB);
  const small = recordedFile(REQUEST);
  prefetcher.onRead(small.file, { offset: 0, length: REQUEST });
  expect(small.ranges).toEqual([]);
});

test("random reads load nothing ahead", () => {
  const prefetcher = new Prefetcher({ budgetBytes: 32 * MIB });
  const { file: target, ranges } = recordedFile(2 ** 32);
  let place = 1;
  for (let i = 0; i < 300; i++) {
    place = (place * 48_271) % 2_147_483_647;
    prefetcher.onRead(target, { offset: place - (place % 4096), length: 4096 });
  }
  expect(ranges).toEqual([]);
});

test("requests of the kernel's read-ahead may arrive out of order", () => {
  const prefetcher = new Prefetcher({ budgetBytes: 32 * MIB });
  const { file: target, ranges } = recordedFile(200 * MIB);
  for (let group = 0; group < 40; group++) {
    for (const i of [2, 0, 3, 1]) {
      prefetcher.onRead(target, { offset: (group * 4 + i) * MIB, length: MIB });
    }
  }
  const loaded = ranges.reduce((sum, range) => sum + range.length, 0);
  expect(loaded).toBeGreaterThan(150 * MIB);
});

test("several readers of one file are told apart and share the budget", () => {
  const prefetcher = new Prefetcher({ budgetBytes: 16 * MIB });
  const { file: target, ranges } = recordedFile(2 ** 32);
  const starts = [0, 500 * MIB, 1000 * MIB, 2000 * MIB];
  for (let offset = 0; offset < 64 * MIB; offset += REQUEST) {
    for (const start of starts) {
      prefetcher.onRead(target, { offset: start + offset, length: REQUEST });
    }
  }
  for (const start of starts) {
    const own = ranges.filter((range) => range.offset >= start && range.offset < start + 100 * MIB);
    const loadedUntil = Math.max(...own.map((range) => range.offset + range.length));
    expect(loadedUntil - start).toBeGreaterThan(64 * MIB);
    expect(loadedUntil - start).toBeLessThanOrEqual(68 * MIB);
  }
});
