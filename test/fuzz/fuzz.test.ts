/** Every decoder on a few thousand mutated inputs; `npm run fuzz` is the long run. */
import { spawnSync } from "node:child_process";
import { expect, it } from "vitest";

import { testSeed } from "../helpers/seeded-random.ts";

const RUNS = 3000;

it("decoders return or throw a ForgeError, soon and in little memory", () => {
  const first = testSeed() % 2 ** 31;
  const script = `${import.meta.dirname}/fuzz.ts`;
  const words = ["--together", "--seed-range", `${first}..${first + RUNS}`];
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...words], {
    encoding: "utf8",
  });
  expect({ status, said: stdout + stderr }).toEqual({ status: 0, said: stdout });
}, 300_000);
