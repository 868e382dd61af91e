/**
 * A year of four clients in simulated time: a backup a day each, a prune and a compact a day, clocks
 * that are hours apart, now and then a day that is missed or a process that dies. What is there at
 * the end of each month is what the slow oracle of retention keeps, and all of it is whole.
 */
import { planRetention } from "../../engine/snapshots/retention.ts";
import type { RetentionOptions } from "../../engine/snapshots/retention.ts";
import { keptByOracle } from "../helpers/retention-oracle.ts";
import type { SeededRandom } from "../helpers/seeded-random.ts";
import { Simulation, type SimulationCounts } from "../helpers/simulation.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const HOSTS = ["a", "b", "c", "d"] as const;

export interface YearReport extends SimulationCounts {
  readonly days: number;
  /** Days on which what was kept was compared with the oracle. */
  readonly compared: number;
  readonly snapshotsLeft: number;
  /** Bytes of packs at the end, and the most there ever were. */
  readonly packBytes: number;
  readonly packBytesMost: number;
}

export async function simulateYear(random: SeededRandom, days: number): Promise<YearReport> {
  const simulation = await Simulation.create({ random, deaths: 0.0005, jumps: 0 });
  const trees = new Map<string, number[]>(
    HOSTS.map((host, i) => [host, [i, i + 10, i + 20, i + 30]]),
  );
  let compared = 0;
  let packBytesMost = 0;
  for (let day = 0; day < days; day++) {
    const began = simulation.nowMs;
    for (const host of HOSTS) {
      if (random.chance(0.05)) continue;
      const tree = trees.get(host) ?? [];
      tree[random.below(tree.length)] = random.below(400);
      const saved = [...tree];
      simulation.start(`backup ${host}`, (repository) =>
        simulation.backUp(repository, host, saved),
      );
    }
    if (random.chance(0.9)) {
      simulation.start("collector", (repository) =>
        simulation.collect(repository, { graceMs: 24 * HOUR_MS, threshold: 0.1 }),
      );
    }
    await simulation.run();
    compared += await prune(simulation, random);
    const bytes = (await simulation.memory.list("packs")).reduce(
      (sum, one) => sum + one.sizeBytes,
      0,
    );
    packBytesMost = Math.max(packBytesMost, bytes);
    simulation.advance(DAY_MS - (simulation.nowMs - began) + random.below(HOUR_MS) - HOUR_MS / 2);
  }
  await simulation.finish();
  const left = await simulation.memory.list("packs");
  return {
    ...simulation.counts,
    days,
    compared,
    snapshotsLeft: simulation.promised.size,
    packBytes: left.reduce((sum, one) => sum + one.sizeBytes, 0),
    packBytesMost,
  };
}

/** @returns how often what is left was compared with the oracle. */
async function prune(simulation: Simulation, random: SeededRandom): Promise<number> {
  let compared = 0;
  const options: RetentionOptions = {
    policy: { last: 2, periods: { daily: 7, weekly: 4, monthly: 6 } },
    groupBy: ["host", "label"],
    timeZone: "Europe/Berlin",
    nowNs: BigInt(simulation.nowMs) * 1_000_000n,
  };
  simulation.start("pruner", (repository) =>
    simulation.delete(repository, (snapshots) => {
      const wanted = keptByOracle(snapshots, options);
      const decisions = planRetention(snapshots, options).flatMap((group) => group.decisions);
      const kept = decisions.filter(({ keep }) => keep).map(({ snapshot }) => snapshot.id);
      if (kept.length !== wanted.size || kept.some((id) => !wanted.has(id))) {
        throw new Error(`retention keeps ${kept.length}, the oracle ${wanted.size}`);
      }
      compared++;
      return decisions.filter(({ keep }) => !keep).map(({ snapshot }) => snapshot);
    }),
  );
  if (random.chance(0.3)) {
    simulation.start("reader", (repository) => simulation.read(repository, random));
  }
  await simulation.run();
  return compared;
}
