import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";

import type { Bytes } from "../../../engine/base/bytes.ts";
import { SessionTable } from "../../../engine/write/session-table.ts";

/** Id number `n`: as good as a hash, and the same in every thread. */
function idOfNumber(n: number): Bytes {
  const words = new Uint32Array(8);
  for (let i = 0; i < 8; i++) {
    let x = Math.imul(n * 8 + i + 1, 0x9e3779b1);
    x = Math.imul(x ^ (x >>> 15), 0x85ebca6b);
    words[i] = x ^ (x >>> 13);
  }
  words[7] = n;
  return new Uint8Array(words.buffer);
}

const CLAIMER = `
import { parentPort, workerData } from "node:worker_threads";
const { SessionTable } = await import(workerData.module);
const idOfNumber = ${idOfNumber.toString()};
const table = new SessionTable(workerData.buffer);
const claimed = [];
parentPort.postMessage("ready");
parentPort.once("message", () => {
  for (let n = 0; n < workerData.count; n++) if (table.claim(idOfNumber(n))) claimed.push(n);
  parentPort.postMessage(claimed);
});
`;

/** Two threads claim the same ids at once. */
async function claimAtOnce(count: number): Promise<{ table: SessionTable; claimed: number[][] }> {
  const table = new SessionTable();
  const module = new URL("../../../engine/write/session-table.ts", import.meta.url).href;
  const workers = [0, 1].map(
    () =>
      new Worker(new URL(`data:text/javascript,${encodeURIComponent(CLAIMER)}`), {
        workerData: { module, count, buffer: table.sharedBuffer },
      }),
  );
  const next = (worker: Worker): Promise<unknown> =>
    new Promise((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
    });
  try {
    await Promise.all(workers.map(next));
    const results = workers.map(next);
    for (const worker of workers) worker.postMessage("go");
    return { table, claimed: (await Promise.all(results)) as number[][] };
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

describe("claiming", () => {
  it("is granted once", () => {
    const table = new SessionTable();
    expect(table.claim(idOfNumber(1))).toBe(true);
    expect(table.claim(idOfNumber(1))).toBe(false);
    expect(table.claim(idOfNumber(2))).toBe(true);
    expect(table.size).toBe(2);
  });

  it("tells ids apart that differ in any byte, wherever they lie in memory", () => {
    const table = new SessionTable();
    const buffer = new Uint8Array(40);
    buffer.set(idOfNumber(5), 3);
    expect(table.claim(buffer.subarray(3, 35))).toBe(true);
    expect(table.claim(idOfNumber(5))).toBe(false);
    for (let i = 0; i < 32; i++) {
      const other = idOfNumber(5);
      other[i] = (other[i] ?? 0) ^ 1;
      expect(table.claim(other)).toBe(true);
    }
  });

  it("remembers what was claimed as it grows from level to level", () => {
    const table = new SessionTable();
    const count = 200_000;
    let granted = 0;
    for (let n = 0; n < count; n++) if (table.claim(idOfNumber(n))) granted++;
    expect(granted).toBe(count);
    expect(table.sharedBuffer.byteLength).toBeGreaterThan(30_000_000);
    for (let n = 0; n < count; n++) if (table.claim(idOfNumber(n))) granted++;
    expect(granted).toBe(count);
    expect(table.size).toBe(count);
  });

  it("by two threads at once grants every id, and hardly any twice", async () => {
    const count = 150_000;
    const { table, claimed } = await claimAtOnce(count);
    const [a = [], b = []] = claimed;
    const all = new Set([...a, ...b]);
    expect(all.size).toBe(count);
    const twice = a.length + b.length - count;
    // Only ids met while a level is just filling up may be granted to both.
    expect(twice).toBeLessThan(count / 1000);
    expect(table.size).toBe(count + twice);
    for (let n = 0; n < count; n += 97) expect(table.claim(idOfNumber(n))).toBe(false);
  });
});
