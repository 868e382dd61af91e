import { expect, it } from "vitest";

import { SeededRandom, testSeed } from "../helpers/seeded-random.ts";
import { simulateYear } from "./year.ts";

/** Two months; FORGE_TEST_BIG=1 makes it a whole one. */
const DAYS = process.env["FORGE_TEST_BIG"] === "1" ? 365 : 60;

const seed = testSeed();

it(`${DAYS} days of four clients lose nothing and keep what the oracle keeps, FORGE_TEST_SEED=${seed}`, async () => {
  const report = await simulateYear(new SeededRandom(seed), DAYS);
  expect(report.compared).toBeGreaterThan(DAYS * 0.9);
  expect(report.acknowledged).toBeGreaterThan(DAYS * 3);
  expect(report.reads).toBeGreaterThan(DAYS / 10);
  expect(report.sweptPacks).toBeGreaterThan(DAYS);
  // Four clients with at most 2 + 7 + 4 + 6 snapshots each, most of them the same ones.
  expect(report.snapshotsLeft).toBeLessThanOrEqual(4 * 19);
  expect(report.packBytes).toBeLessThanOrEqual(report.packBytesMost);
}, 600_000);
