import { expect, test } from "vitest";
import type { FsFile, FsHole } from "../../engine/read/readonly-fs.ts";
import { HoleCache } from "../../mount/hole-cache.ts";
import { file } from "../helpers/memory-fs.ts";

function sparse(holes: number, asked: { times: number }): FsFile {
  const list: readonly FsHole[] = Array.from({ length: holes }, (_, i) => ({
    offset: i * 2,
    length: 1,
  }));
  const holesOf = (): Promise<readonly FsHole[]> => {
    asked.times++;
    return asked.times === 0 ? Promise.reject(new Error("not now")) : Promise.resolve(list);
  };
  return { ...file("sparse", ""), holes: holesOf };
}

test("the holes of a file are loaded once, however many ask", async () => {
  const asked = { times: 0 };
  const cache = new HoleCache();
  const one = sparse(10, asked);
  const both = await Promise.all([cache.holesOf(one), cache.holesOf(one)]);
  expect(both.map((holes) => holes.length)).toEqual([10, 10]);
  expect(await cache.holesOf(one)).toHaveLength(10);
  expect(asked.times).toBe(1);
});

test("a failure is not remembered", async () => {
  const cache = new HoleCache();
  const one = sparse(1, { times: -1 });
  await expect(cache.holesOf(one)).rejects.toThrow("not now");
  expect(await cache.holesOf(one)).toHaveLength(1);
});

test("files not asked for lately are forgotten, by number and by size", async () => {
  const cache = new HoleCache();
  const asked = { times: 0 };
  const first = sparse(5, asked);
  await cache.holesOf(first);
  for (let i = 0; i < 7; i++) await cache.holesOf(sparse(5, { times: 0 }));
  await cache.holesOf(first);
  expect(asked.times).toBe(1);
  for (let i = 0; i < 8; i++) await cache.holesOf(sparse(5, { times: 0 }));
  await cache.holesOf(first);
  expect(asked.times).toBe(2);
  await cache.holesOf(sparse(500_000, { times: 0 }));
  await cache.holesOf(first);
  expect(asked.times).toBe(3);
});
