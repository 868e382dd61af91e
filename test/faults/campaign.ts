/**
 * The long runs of fault campaigns. Each prints what it reached, for `RESULTS.md`.
 *
 *     npm run campaign -- crash --seed-range 0..500
 *     npm run campaign -- io-errors --seed-range 0..20
 *     npm run campaign -- power-loss --file-system ext4 --images 500
 *     npm run campaign -- racer --runs 10000
 *     npm run campaign -- cli-errors --runs 100
 *     npm run campaign -- soak --seconds 600
 *
 * `--seconds N` ends any of them sooner, and so do SIGINT and SIGTERM: at the end of a session, and
 * what was reached is told.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { parseArgs } from "node:util";

import { messageOf } from "../../engine/base/errors.ts";
import { buildForge } from "../helpers/forge-program.ts";
import { SeededRandom, testSeed } from "../helpers/seeded-random.ts";
import { CliErrors } from "./cli-errors.ts";
import { crashSession, noCrashes } from "./crash-states.ts";
import { ioErrorsOf, noIoErrors } from "./io-errors.ts";
import { FILE_SYSTEMS, PowerLoss } from "./power-loss.ts";
import { Soak } from "./soak.ts";
import { SymlinkRace } from "./symlink-racer.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    "seed-range": { type: "string", default: "0..100" },
    seconds: { type: "string" },
    "file-system": { type: "string", default: "ext4" },
    images: { type: "string", default: "20" },
    runs: { type: "string", default: "50" },
  },
});

export interface CampaignRange {
  readonly first: number;
  readonly end: number;
  readonly isOver: () => boolean;
}

const [first = 0, end = 0] = values["seed-range"].split("..").map(Number);
const limitMs = Number(values.seconds ?? Number.POSITIVE_INFINITY) * 1000;
let isStopped = false;
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => (isStopped = true));
const isOver = (): boolean => isStopped || performance.now() > limitMs;
const range: CampaignRange = { first, end, isOver };

const CAMPAIGNS: Readonly<Record<string, () => Promise<number>>> = {
  crash: crashes,
  "io-errors": ioErrors,
  "power-loss": powerLoss,
  racer: races,
  "cli-errors": cliErrors,
  soak,
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

async function powerLoss(): Promise<number> {
  const fileSystem = FILE_SYSTEMS.find((one) => one === values["file-system"]);
  if (fileSystem === undefined) throw new Error(`--file-system is ${FILE_SYSTEMS.join(", ")}`);
  buildForge();
  const folder = mkdtempSync("/var/tmp/forge-power-");
  const seed = testSeed();
  const campaign = new PowerLoss(fileSystem, folder, new SeededRandom(seed));
  const counts: Record<string, number> = {};
  let images = 0;
  let snapshots = 0;
  let faults = 0;
  try {
    while (images < Number(values.images) && !range.isOver()) {
      for await (const result of campaign.round()) {
        images++;
        snapshots += result.snapshots;
        counts[result.during] = (counts[result.during] ?? 0) + 1;
        if (result.wrong === undefined) continue;
        faults++;
        console.log(`image ${images}, ${result.during}: ${result.wrong}`);
      }
    }
  } finally {
    campaign.close();
    rmSync(folder, { recursive: true, force: true });
  }
  const all = JSON.stringify(counts);
  console.log(`${fileSystem}, seed ${seed}: ${images} images, ${snapshots} snapshots read, ${all}`);
  return faults;
}

async function races(): Promise<number> {
  const folder = mkdtempSync("/var/tmp/forge-race-");
  const race = new SymlinkRace(folder);
  const seed = testSeed();
  try {
    await race.start(seed);
    while (race.counts.restores < Number(values.runs) && !range.isOver()) await race.restore();
    return 0;
  } catch (error) {
    console.log(messageOf(error));
    return 1;
  } finally {
    race.stop();
    console.log(`seed ${seed}: ${JSON.stringify(race.counts)}`);
    rmSync(folder, { recursive: true, force: true });
  }
}

async function cliErrors(): Promise<number> {
  buildForge();
  const folder = mkdtempSync("/var/tmp/forge-cli-");
  const seed = testSeed();
  const counts: Record<string, number> = {};
  let faults = 0;
  let hits = 0;
  try {
    const errors = new CliErrors(folder, new SeededRandom(seed));
    await errors.prepare();
    while (hits < Number(values.runs) && !range.isOver()) {
      const { operation, call, errno, number, code, hit, wrong } = await errors.point();
      if (hit) hits++;
      const key = `${operation} ${hit ? String(code) : "(not reached)"}`;
      counts[key] = (counts[key] ?? 0) + 1;
      if (wrong.length === 0) continue;
      faults++;
      console.log(`${operation} ${call} ${number} ${errno}: ${wrong.join("\n  ")}`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  console.log(`seed ${seed}: ${hits} calls failed, by exit status ${JSON.stringify(counts)}`);
  return faults;
}

async function soak(): Promise<number> {
  buildForge();
  const seed = testSeed();
  const one = new Soak(seed);
  try {
    await one.run(range.isOver);
  } finally {
    await one.close();
  }
  for (const what of one.wrong) console.log(what);
  console.log(`seed ${seed}: ${JSON.stringify(one.counts)}`);
  return one.wrong.length;
}
