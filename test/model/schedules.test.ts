/**
 * Random schedules of the real code: a few hundred here, `npm run model:schedules -- --count 100000`
 * for the long run. A failure names its seed; FORGE_TEST_SEED runs it again.
 */
import { expect, it } from "vitest";

import { testSeed } from "../helpers/seeded-random.ts";
import { runSchedule } from "./schedules.ts";

const SCHEDULES = 200;

it(`nothing acknowledged is lost in ${SCHEDULES} random schedules`, async () => {
  const seed = testSeed();
  const total = { acknowledged: 0, deaths: 0, sweptPacks: 0, reads: 0, rescuedBlobs: 0 };
  for (let i = 0; i < SCHEDULES; i++) {
    const counts = await runSchedule((seed + i) >>> 0);
    for (const name of ["acknowledged", "deaths", "sweptPacks", "reads", "rescuedBlobs"] as const) {
      total[name] += counts[name];
    }
  }
  // The schedules are worth something only if much happens in them.
  expect(total.acknowledged).toBeGreaterThan(SCHEDULES);
  expect(total.deaths).toBeGreaterThan(SCHEDULES / 4);
  expect(total.sweptPacks).toBeGreaterThan(SCHEDULES);
  expect(total.reads).toBeGreaterThan(SCHEDULES / 8);
  expect(total.rescuedBlobs).toBeGreaterThan(0);
}, 300_000);
