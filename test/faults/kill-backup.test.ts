/** The short run of the kill campaign; `npm run faults:kill` is the long one. */
import { mkdtempSync, rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { buildForge } from "../helpers/forge-program.ts";
import { hasProgram, need } from "../helpers/need.ts";
import { KillCampaign, type PhaseCounts } from "./kill-campaign.ts";

const POINTS: PhaseCounts = { packs: 10, index: 8, snapshots: 7, leases: 5 };

describe.runIf(need(hasProgram("strace"), "strace"))("kill -9 at system calls of a backup", () => {
  let folder: string;

  beforeAll(() => {
    buildForge();
    folder = mkdtempSync("/var/tmp/forge-kill-");
  });

  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it("loses no snapshot, and the next backup needs no help", async () => {
    const campaign = new KillCampaign(folder);
    await campaign.prepare();
    const wrong: string[] = [];
    let killed = 0;
    for await (const run of campaign.run(POINTS)) {
      killed++;
      wrong.push(...run.wrong.map((what) => `${run.phase} ${run.call} ${run.number}: ${what}`));
    }
    expect(wrong).toEqual([]);
    expect(killed).toBeGreaterThanOrEqual(30);
  }, 600_000);
});
