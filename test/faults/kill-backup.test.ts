/** The short runs of the kill campaigns; `npm run faults:kill` has the long ones. */
import { mkdtempSync, rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { buildForge } from "../helpers/forge-program.ts";
import { hasProgram, need } from "../helpers/need.ts";
import { testSeed } from "../helpers/seeded-random.ts";
import { CallKills } from "./kill-calls.ts";
import { KillCampaign, type PhaseCounts } from "./kill-campaign.ts";
import { KILLED_OPERATIONS, type KilledOperation } from "./kill-world.ts";

const POINTS: PhaseCounts = { packs: 1, index: 1, snapshots: 1, leases: 1 };
const OPERATIONS: readonly KilledOperation[] = [
  "backup",
  "init",
  "repair",
  "compact",
  "key rotate",
];
const POINTS_OF_EACH = 2;

let folder: string;
let wrong: string[];

beforeAll(() => {
  buildForge();
  folder = mkdtempSync("/var/tmp/forge-kill-");
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe.runIf(need(hasProgram("strace"), "strace"))("kill -9 at system calls of a backup", () => {
  it("loses no snapshot, and the next backup needs no help", async () => {
    wrong = [];
    const campaign = new KillCampaign(`${folder}/strace`);
    await campaign.prepare();
    let killed = 0;
    for await (const run of campaign.run(POINTS)) {
      killed++;
      wrong.push(...run.wrong.map((what) => `${run.phase} ${run.call} ${run.number}: ${what}`));
    }
    expect(wrong).toEqual([]);
    expect(killed).toBeGreaterThanOrEqual(4);
  }, 600_000);
});

describe("kill -9 at calls of the commands that write", () => {
  const world = testSeed() % 100_000;
  let kills: CallKills;

  beforeAll(() => {
    kills = new CallKills(`${folder}/calls`);
  });

  it.each(OPERATIONS)(
    "%s",
    async (operation) => {
      const seed = world * KILLED_OPERATIONS.length + KILLED_OPERATIONS.indexOf(operation);
      let killed = 0;
      for await (const point of kills.seed(seed, { pointsMax: POINTS_OF_EACH })) {
        const { call, when } = point;
        killed++;
        const where = `seed ${seed}, ${when} ${call.number} ${call.name}`;
        expect(point.wrong, where).toEqual([]);
      }
      expect(killed, `seed ${seed}`).toBeGreaterThan(0);
    },
    300_000,
  );
});
