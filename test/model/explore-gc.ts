/**
 * Explores the large scenarios of the collection model: `npm run model:gc [-- --states N]`, N being
 * how many states of each scenario at most (default: 10 million; a few gigabytes).
 */
import { GcModel } from "./gc-model.ts";
import { SCENARIOS } from "./gc-scenarios.ts";

const given = process.argv.indexOf("--states");
const statesMax = given === -1 ? 10_000_000 : Number(process.argv[given + 1]);

let total = 0;
for (const [name, scenario] of Object.entries(SCENARIOS)) {
  const startMs = performance.now();
  const { states, complete, violation } = new GcModel(scenario).explore({ statesMax });
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  total += states;
  const extent = complete ? "all states" : "the nearest states";
  const outcome = violation === undefined ? "nothing lost" : `LOST: ${violation.join("; ")}`;
  process.stdout.write(`${name}: ${states} states (${extent}), ${seconds} s: ${outcome}\n`);
  if (violation !== undefined) process.exitCode = 1;
}
process.stdout.write(`together ${total} states\n`);
