/** The short run of the power failures; `npm run campaign -- power-loss` is the long one. */
import { mkdtempSync, rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { buildForge } from "../helpers/forge-program.ts";
import { need } from "../helpers/need.ts";
import { SeededRandom, testSeed } from "../helpers/seeded-random.ts";
import { FILE_SYSTEMS, PowerLoss, canLosePower } from "./power-loss.ts";

describe.each(FILE_SYSTEMS)("power failures on %s", (fileSystem) => {
  // Whoever is not root cannot; for root a machine without loop devices is worth a word.
  const can =
    process.geteuid?.() === 0 &&
    need(
      canLosePower(fileSystem),
      `loop devices, a kernel that knows ${fileSystem}, and its tools`,
    );
  let folder: string;
  let campaign: PowerLoss;

  beforeAll(() => {
    if (!can) return;
    buildForge();
    folder = mkdtempSync("/var/tmp/forge-power-");
    campaign = new PowerLoss(fileSystem, folder, new SeededRandom(testSeed()));
  });

  afterAll(() => {
    if (!can) return;
    campaign.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it.runIf(can)(
    "take nothing that was acknowledged",
    async () => {
      const wrong: string[] = [];
      let images = 0;
      let snapshots = 0;
      for await (const result of campaign.round({ copies: 6 })) {
        images++;
        snapshots += result.snapshots;
        if (result.wrong !== undefined) wrong.push(`${result.during}: ${result.wrong}`);
      }
      expect(wrong).toEqual([]);
      expect(images).toBeGreaterThanOrEqual(6);
      expect(snapshots).toBeGreaterThan(0);
    },
    300_000,
  );
});
