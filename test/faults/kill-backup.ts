/**
 * The long runs of the kill campaigns. Need the built program.
 *
 *     npm run faults:kill -- --seed-range A..B [--seconds N]
 *     npm run faults:kill -- --points 200
 *
 * By seeds: the program's commands that write, killed at every file system call they make; seed n is
 * the same command on the same repository in every run, so ranges add up. `--seconds`, SIGINT and
 * SIGTERM end it at the end of a seed. By points: a backup under strace, killed at chosen system calls.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { parseArgs } from "node:util";

import { buildForge } from "../helpers/forge-program.ts";
import { CallKills } from "./kill-calls.ts";
import { KillCampaign, sharesOf } from "./kill-campaign.ts";

const { values } = parseArgs({
  options: {
    "seed-range": { type: "string" },
    seconds: { type: "string" },
    points: { type: "string", default: "200" },
  },
});

buildForge();
const folder = mkdtempSync("/var/tmp/forge-kill-");
const killed = new Map<string, number>();
const calls = new Map<string, number>();
let failed = 0;
try {
  const range = values["seed-range"];
  if (range === undefined) await killByStrace(Number(values.points));
  else await killAtCalls(range);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const { user, system } = process.cpuUsage();
const kills = [...killed.values()].reduce((sum, n) => sum + n, 0);
console.log(`kills: ${kills} ${JSON.stringify(Object.fromEntries([...killed].sort()))}`);
console.log(`by call: ${JSON.stringify(Object.fromEntries([...calls].sort()))}`);
console.log(
  `${failed} with something wrong, ${Math.round(performance.now() / 1000)} s, ` +
    `${Math.round((user + system) / 1e6)} s of processor time in this process`,
);
process.exitCode = failed > 0 ? 1 : 0;

async function killAtCalls(range: string): Promise<void> {
  const [first = 0, end = 0] = range.split("..").map(Number);
  const limitMs = Number(values.seconds ?? Number.POSITIVE_INFINITY) * 1000;
  const stopping = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      stopping.abort();
    });
  }
  const isOver = (): boolean => stopping.signal.aborted || performance.now() > limitMs;
  const campaign = new CallKills(folder);
  let seed = first;
  let byProgram = 0;
  for (; seed < end && !isOver(); seed++) {
    let points = 0;
    for await (const point of campaign.seed(seed)) {
      const { operation, call, when, place, wrong } = point;
      points++;
      if (point.byProgram) byProgram++;
      count(killed, operation);
      count(calls, `${place} ${call.name} ${when}`);
      tell(`seed ${seed}, ${operation}, ${when} ${call.number} ${call.name} ${call.path}`, wrong);
    }
    console.log(`seed ${seed}: ${points} kills`);
  }
  console.log(`seeds ${first}..${seed}; after ${byProgram} kills the program went on`);
}

async function killByStrace(points: number): Promise<void> {
  if (!Number.isSafeInteger(points) || points < 4) {
    throw new Error("--points takes a number from 4");
  }
  const campaign = new KillCampaign(folder);
  await campaign.prepare();
  for await (const { phase, call, number, wrong } of campaign.run(sharesOf(points))) {
    count(killed, phase);
    count(calls, `${phase} ${call}`);
    tell(`${phase} ${call} ${number}`, wrong);
  }
}

function tell(where: string, wrong: readonly string[]): void {
  if (wrong.length === 0) return;
  failed++;
  const [first = ""] = wrong;
  console.log(
    `${where}: ${first.trim()}${wrong.length > 1 ? ` (and ${wrong.length - 1} more)` : ""}`,
  );
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
