/** Every decoder on a few thousand mutated inputs; `npm run fuzz` is the long run. */
import { spawnSync } from "node:child_process";
import { expect, it } from "vitest";

import { testSeed } from "../helpers/seeded-random.ts";

const RUNS = 3000;

it("decoders return or throw a ForgeError, soon and in little memory", () => {
  const first = testSeed() % 2 ** 31;
  fuzz("--together", "--seed-range", `${first}..${first + RUNS}`);
}, 300_000);

it.each([["settings-yaml", 1930063]])(
  "what once failed does so no more: %s %d",
  (decoder, seed) => {
    fuzz("--decoder", decoder, "--seed-range", `${seed}..${seed + 1}`);
  },
);

function fuzz(...words: string[]): void {
  const script = `${import.meta.dirname}/fuzz.ts`;
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...words], {
    encoding: "utf8",
  });
  expect({ status, said: stdout + stderr }).toEqual({ status: 0, said: stdout });
}
