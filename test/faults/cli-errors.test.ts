/** The short run of failing system calls; `npm run campaign -- cli-errors` is the long one. */
import { mkdtempSync, rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { buildForge } from "../helpers/forge-program.ts";
import { hasProgram, need } from "../helpers/need.ts";
import { SeededRandom, testSeed } from "../helpers/seeded-random.ts";
import { CliErrors } from "./cli-errors.ts";

const POINTS = 8;

describe.runIf(need(hasProgram("strace"), "strace"))("a system call that fails", () => {
  let folder: string;

  beforeAll(() => {
    buildForge();
    folder = mkdtempSync("/var/tmp/forge-cli-");
  });

  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it("ends the program with the right status and a sentence, and the next run succeeds", async () => {
    const errors = new CliErrors(folder, new SeededRandom(testSeed()));
    await errors.prepare();
    for (let hits = 0; hits < POINTS;) {
      const point = await errors.point();
      expect(point).toMatchObject({ wrong: [] });
      if (point.hit) hits++;
    }
  }, 300_000);
});
