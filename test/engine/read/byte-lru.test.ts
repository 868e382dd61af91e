import { expect, test } from "vitest";

import type { Bytes } from "../../../engine/base/bytes.ts";
import { ForgeError } from "../../../engine/base/errors.ts";
import { ByteLru } from "../../../engine/read/byte-lru.ts";
import { createChunkCache } from "../../../engine/read/chunk-cache.ts";

function deferred<T>(): {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (error: unknown) => void;
} {
  return Promise.withResolvers<T>();
}

test("however many wait for a blob, it is loaded once", async () => {
  const cache = createChunkCache(1000);
  let loads = 0;
  const load = async (): Promise<Bytes> => {
    loads++;
    await Promise.resolve();
    return new Uint8Array(10);
  };
  const results = await Promise.all(Array.from({ length: 20 }, () => cache.fetch("a", load)));
  expect(new Set(results).size).toBe(1);
  await cache.fetch("a", load);
  expect(loads).toBe(1);
});

test("a value weighs what it keeps alive, and the least recently used leaves first", () => {
  const cache = createChunkCache(1000);
  cache.set("view", new Uint8Array(400).subarray(0, 1));
  expect(cache.usedBytes).toBe(400);
  cache.set("b", new Uint8Array(400));
  cache.get("view");
  cache.set("c", new Uint8Array(400));
  expect(cache.get("b")).toBeUndefined();
  expect(cache.get("view")).toBeDefined();
  expect(cache.usedBytes).toBeLessThanOrEqual(1000);
});

test("a value beyond half of the bound is given out and not kept", async () => {
  const cache = createChunkCache(1000);
  const value = await cache.fetch("large", () => Promise.resolve(new Uint8Array(900)));
  expect(value).toHaveLength(900);
  expect(cache.usedBytes).toBe(0);
});

test("one who gives up does not make the others fail", async () => {
  const cache = new ByteLru<Bytes>({ bytesMax: 1000, weigh: () => 1 });
  const { promise, resolve } = deferred<Bytes>();
  let stopped = false;
  const load = (signal: AbortSignal): Promise<Bytes> => {
    signal.addEventListener("abort", () => (stopped = true));
    return promise;
  };
  const impatient = new AbortController();
  const first = cache.fetch("a", load, impatient.signal);
  const second = cache.fetch("a", load);
  impatient.abort();
  await expect(first).rejects.toMatchObject({ code: "aborted" });
  resolve(new Uint8Array(3));
  expect(await second).toHaveLength(3);
  expect(stopped).toBe(false);
});

test("when the last gives up the load is told to stop, and the next caller starts afresh", async () => {
  const cache = new ByteLru<Bytes>({ bytesMax: 1000, weigh: () => 1 });
  let loads = 0;
  const load = (signal: AbortSignal): Promise<Bytes> =>
    new Promise((resolve, reject) => {
      loads++;
      if (loads === 2) resolve(new Uint8Array(1));
      signal.addEventListener("abort", () => reject(new ForgeError("aborted", "stopped")));
    });
  const controllers = [new AbortController(), new AbortController()];
  const waiting = controllers.map(({ signal }) => cache.fetch("a", load, signal));
  for (const controller of controllers) controller.abort();
  const settled = await Promise.allSettled(waiting);
  expect(settled.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(await cache.fetch("a", load)).toHaveLength(1);
});

test("a failed load is not remembered, and reaches all who wait", async () => {
  const cache = createChunkCache(1000);
  let loads = 0;
  const load = (): Promise<Bytes> =>
    ++loads === 1
      ? Promise.reject(new ForgeError("io", "broken"))
      : Promise.resolve(new Uint8Array(1));
  const both = await Promise.allSettled([cache.fetch("a", load), cache.fetch("a", load)]);
  expect(both.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(await cache.fetch("a", load)).toHaveLength(1);
  expect(loads).toBe(2);
});

test("a bound of 0 keeps nothing and still shares a load", async () => {
  const cache = createChunkCache(0);
  let loads = 0;
  const load = (): Promise<Bytes> => Promise.resolve(new Uint8Array(++loads));
  const [a, b] = await Promise.all([cache.fetch("a", load), cache.fetch("a", load)]);
  expect(a).toBe(b);
  expect(await cache.fetch("a", load)).toHaveLength(2);
});

test("a chunk that leaves the cache is there until the turn of the event loop ends, and then freed", async () => {
  const cache = createChunkCache(400 * 1024);
  const leaving = new Uint8Array(150 * 1024).fill(7);
  const small = new Uint8Array(1024).fill(8);
  cache.set("small", small);
  cache.set("leaving", leaving);
  cache.set("b", new Uint8Array(150 * 1024));
  cache.set("c", new Uint8Array(150 * 1024));
  expect(cache.get("leaving")).toBeUndefined();
  await Promise.resolve();
  expect(leaving[0]).toBe(7);
  await new Promise((resolve) => setTimeout(resolve, 0));
  await new Promise((resolve) => setTimeout(resolve, 0));
  expect(leaving).toHaveLength(0);
  expect(small[0]).toBe(8);
});
