/**
 * The long runs of fault campaigns. Each prints what it reached, for `RESULTS.md`.
 *
 *     npm run campaign -- crash --seed-range 0..500
 *     npm run campaign -- io-errors --seed-range 0..20
 *     npm run campaign -- power-loss --file-system ext4 --images 500
 *     npm run campaign -- racer --runs 10000
 *
 * `--seconds N` ends any of them sooner, at the end of a session.
 */
import { parseArgs } from "node:util";

import { crashSession, noCrashes } from "./crash-states.ts";
import { ioErrorsOf, noIoErrors } from "./io-errors.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    "seed-range": { type: "string", default: "0..100" },
    seconds: { type: "string" },
  },
});

export interface CampaignRange {
  readonly first: number;
  readonly end: number;
  readonly isOver: () => boolean;
}

const [first = 0, end = 0] = values["seed-range"].split("..").map(Number);
const limitMs = Number(values.seconds ?? Number.POSITIVE_INFINITY) * 1000;
const range: CampaignRange = { first, end, isOver: () => performance.now() > limitMs };

const CAMPAIGNS: Readonly<Record<string, () => Promise<number>>> = {
  crash: crashes,
  "io-errors": ioErrors,
};

const [name = ""] = positionals;
const run = CAMPAIGNS[name];
if (run === undefined) throw new Error(`campaigns are ${Object.keys(CAMPAIGNS).join(", ")}`);
const wrong = await run();
console.log(`${wrong} with something wrong, ${Math.round(performance.now() / 1000)} s`);
process.exitCode = wrong > 0 ? 1 : 0;

async function crashes(): Promise<number> {
  const counts = noCrashes();
  let faults = 0;
  let seed = range.first;
  for (; seed < range.end && !range.isOver(); seed++) {
    for (const fault of await crashSession(seed, counts)) {
      faults++;
      console.log(`seed ${fault.seed}, ${fault.state}: ${fault.what}`);
    }
    if (seed % 50 === 49) console.log(`up to seed ${seed}: ${counts.states} states`);
  }
  console.log(`seeds ${range.first}..${seed}: ${JSON.stringify(counts)}`);
  return faults;
}

async function ioErrors(): Promise<number> {
  const counts = noIoErrors();
  let faults = 0;
  let seed = range.first;
  for (; seed < range.end && !range.isOver(); seed++) {
    for (const { operation, fault, what } of await ioErrorsOf(seed, counts)) {
      faults++;
      console.log(`seed ${seed}, ${operation} ${JSON.stringify(fault)}: ${what}`);
    }
  }
  console.log(`seeds ${range.first}..${seed}: ${JSON.stringify(counts)}`);
  return faults;
}
