import { createHash } from "node:crypto";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";

import type { Bytes } from "../../../../engine/base/bytes.ts";
import { toHex } from "../../../../engine/base/bytes.ts";
import {
  BrokenExchangeError,
  ChunkOffers,
  type ExchangeMemory,
  type SealedChunk,
  breakExchange,
  createExchange,
  isOpen,
  wakeHelpers,
} from "../../../../engine/write/node/chunk-exchange.ts";
import type { SealingHelperData } from "../../../helpers/sealing-helper.ts";
import { SeededRandom, testSeed } from "../../../helpers/seeded-random.ts";

const seed = testSeed();
const SLOT_BYTES = 20_000;
const FAILING = 0xfe;
const DEADLY = 0xfd;

interface Helper {
  readonly worker: Worker;
  readonly leave: Int32Array;
  /** What it says when it stops helping. */
  readonly ended: Promise<{ readonly sealed?: number; readonly error?: string }>;
}

function startHelper(exchange: ExchangeMemory): Helper {
  const leave = new SharedArrayBuffer(4);
  const module = new URL("../../../helpers/sealing-helper.ts", import.meta.url);
  const data: SealingHelperData = { exchange, leave, failing: FAILING, deadly: DEADLY };
  const worker = new Worker(module, { workerData: data });
  const ended = Promise.race([
    once(worker, "message").then(([message]) => message as { sealed?: number; error?: string }),
    once(worker, "exit").then(([code]) => ({ error: `exit ${String(code)}` })),
  ]);
  return { worker, leave: new Int32Array(leave), ended };
}

function sealHere(chunk: Bytes, trust: boolean): SealedChunk {
  const id = new Uint8Array(createHash("sha256").update(chunk).digest());
  return { id, origin: trust ? 1 : 0, blobs: 0, plainBytes: 0, sealedBytes: 0 };
}

/** Helpers say nothing when they have begun, but take what is offered. */
async function untilTaken(offers: ChunkOffers): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (offers.offer(Uint8Array.of(1), false, () => undefined)) return;
    await sleep(10);
  }
  expect.fail("nobody helps");
}

interface Cut {
  readonly chunk: Bytes;
  readonly trust: boolean;
  sealed: SealedChunk[];
}

/** Offers chunks as a file's owner would, with turns of the event loop now and then. */
async function cutFile(
  offers: ChunkOffers,
  random: SeededRandom,
  count: number,
  onChunk?: (number: number) => void,
): Promise<{ readonly cuts: Cut[]; readonly offered: number }> {
  const cuts: Cut[] = [];
  let offered = 0;
  for (let i = 0; i < count; i++) {
    const chunk = random.bytes(1 + random.below(SLOT_BYTES));
    chunk[0] = 7;
    const cut: Cut = { chunk, trust: random.below(2) === 1, sealed: [] };
    cuts.push(cut);
    if (offers.offer(chunk, cut.trust, (sealed) => cut.sealed.push(sealed))) offered++;
    else cut.sealed.push(sealHere(chunk, cut.trust));
    onChunk?.(i);
    if (i % 16 === 0) await sleep(0);
  }
  offers.close(sealHere);
  return { cuts, offered };
}

function expectSealed(cuts: readonly Cut[]): void {
  for (const { chunk, trust, sealed } of cuts) {
    expect(sealed).toHaveLength(1);
    const { id, origin } = sealHere(chunk, trust);
    expect([toHex(sealed[0]?.id ?? chunk), sealed[0]?.origin]).toEqual([toHex(id), origin]);
  }
}

test("without helpers nothing is taken, and nobody waits", async () => {
  const exchange = createExchange(2, SLOT_BYTES);
  const offers = new ChunkOffers(exchange);
  expect(isOpen(exchange)).toBe(false);
  offers.open();
  expect(isOpen(exchange)).toBe(true);
  const { cuts, offered } = await cutFile(offers, new SeededRandom(seed), 50);
  expect(offered).toBe(0);
  expectSealed(cuts);
  expect(isOpen(exchange)).toBe(false);
});

test.each([1, 3])(
  `%d helpers and the owner seal every chunk once (seed ${seed})`,
  async (count) => {
    const random = new SeededRandom(seed);
    const exchange = createExchange(2 * count, SLOT_BYTES);
    const offers = new ChunkOffers(exchange);
    offers.open();
    const helpers = Array.from({ length: count }, () => startHelper(exchange));
    await untilTaken(offers);
    const { cuts, offered } = await cutFile(offers, random, 3000);
    expectSealed(cuts);
    expect(offered).toBeGreaterThan(100);
    const ends = await Promise.all(helpers.map(({ ended }) => ended));
    const byHelpers = ends.reduce((sum, { sealed = 0 }) => sum + sealed, 0);
    // What nobody had taken at the end was sealed by the owner.
    expect(byHelpers).toBeGreaterThan(100);
    expect(byHelpers).toBeLessThanOrEqual(offered + 1);
    const told = cuts.flatMap(({ sealed }) => sealed).reduce((sum, { blobs }) => sum + blobs, 0);
    expect(Math.abs(byHelpers - told)).toBeLessThanOrEqual(1);
  },
);

test(`helpers may leave and come back at any time (seed ${seed})`, async () => {
  const random = new SeededRandom(seed);
  const exchange = createExchange(4, SLOT_BYTES);
  const offers = new ChunkOffers(exchange);
  offers.open();
  const helpers = [startHelper(exchange), startHelper(exchange)];
  await untilTaken(offers);
  const { cuts } = await cutFile(offers, random, 2000, (number) => {
    const helper = helpers[number / 400];
    if (helper === undefined) return;
    Atomics.store(helper.leave, 0, 1);
    wakeHelpers(exchange);
    if (number === 400) helpers.push(startHelper(exchange));
  });
  expectSealed(cuts);
  for (const { error } of await Promise.all(helpers.map(({ ended }) => ended))) {
    expect(error).toBeUndefined();
  }
});

test.each([
  ["fails", FAILING, "Error: as told"],
  ["is gone", DEADLY, "exit 3"],
])("an owner does not wait for a helper that %s", async (_, first, said) => {
  const exchange = createExchange(2, SLOT_BYTES);
  const offers = new ChunkOffers(exchange);
  offers.open();
  const helper = startHelper(exchange);
  await untilTaken(offers);
  while (!offers.offer(Uint8Array.of(first, 1, 2), false, () => undefined)) await sleep(1);
  expect(await helper.ended).toEqual({ error: said });
  // What the pool does when a thread ends; of one that fails the owner knows already.
  if (first === DEADLY) breakExchange(exchange);
  expect(() => offers.close(sealHere)).toThrow(BrokenExchangeError);
});
