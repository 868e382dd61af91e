/** The short run of the race; `npm run campaign -- racer` is the long one. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { expect, it } from "vitest";

import { hasProgram, need } from "../helpers/need.ts";
import { testSeed } from "../helpers/seeded-random.ts";
import { SymlinkRace } from "./symlink-racer.ts";

const isRoot = process.geteuid?.() === 0;
const RESTORES = 50;

it.runIf(need(isRoot && hasProgram("python3"), "root and python3"))(
  "a restore by root, raced by somebody who swaps for symlinks, writes nothing outside",
  async () => {
    const folder = mkdtempSync(`${tmpdir()}/forge-race-`);
    const race = new SymlinkRace(folder);
    try {
      await race.start(testSeed());
      while (race.counts.restores < RESTORES) await race.restore();
      // Else the racer was never in time, and nothing was shown.
      expect(race.counts.met).toBeGreaterThan(0);
    } finally {
      race.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  },
  300_000,
);
