/** The short soak; `npm run campaign -- soak --seconds N` is the long one. */
import { beforeAll, expect, it } from "vitest";

import { buildForge } from "../helpers/forge-program.ts";
import { needFuse } from "../helpers/need.ts";
import { testSeed } from "../helpers/seeded-random.ts";
import { Soak } from "./soak.ts";

const SECONDS = 20;

beforeAll(buildForge, 120_000);

it.runIf(needFuse())(
  "backups, prunes, compactions, checks and a mount at once, and kills: nothing is lost",
  async () => {
    const soak = new Soak(testSeed());
    const endMs = performance.now() + SECONDS * 1000;
    try {
      await soak.run(() => performance.now() > endMs);
      expect(soak.wrong).toEqual([]);
      for (const what of ["backup", "backup killed", "prune", "mounts", "snapshots read"]) {
        expect([what, soak.counts[what] ?? 0]).not.toEqual([what, 0]);
      }
    } finally {
      await soak.close();
    }
  },
  300_000,
);
