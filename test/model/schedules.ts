/** One random schedule of real clients: several rounds of processes that run into each other. */
import { SeededRandom } from "../helpers/seeded-random.ts";
import { Simulation, type SimulationCounts } from "../helpers/simulation.ts";

const HOUR_MS = 3_600_000;
const CONTENTS = 9;
const HOSTS = ["a", "b", "c"] as const;

/** @throws Error with the seed when something acknowledged is lost or anything is wrong at the end. */
export async function runSchedule(seed: number): Promise<SimulationCounts> {
  const random = new SeededRandom(seed);
  const simulation = await Simulation.create({
    random,
    deaths: random.pick([0, 0.005, 0.02]),
    jumps: random.pick([0, 0.002, 0.02]),
  });
  try {
    const rounds = 2 + random.below(3);
    for (let round = 0; round < rounds; round++) {
      for (const host of HOSTS.slice(0, 1 + random.below(3))) startBackup(simulation, random, host);
      if (round > 0) {
        for (let i = random.below(3); i > 0; i--) startCollection(simulation, random);
        if (random.chance(0.7)) startDeletion(simulation, random);
        if (random.chance(0.5)) {
          simulation.start("reader", (repository) => simulation.read(repository, random));
        }
      }
      await simulation.run();
      simulation.advance(random.pick([0, 10, 24 * 60]) * 60_000);
    }
    await simulation.finish();
  } catch (error) {
    throw new Error(
      `FORGE_TEST_SEED=${seed}: ${error instanceof Error ? error.message : String(error)}`,
      {
        cause: error,
      },
    );
  }
  return simulation.counts;
}

function startBackup(simulation: Simulation, random: SeededRandom, host: string): void {
  const tree = Array.from({ length: 1 + random.below(4) }, () => random.below(CONTENTS));
  simulation.start(`backup ${host}`, (repository) => simulation.backUp(repository, host, tree));
}

function startCollection(simulation: Simulation, random: SeededRandom): void {
  const graceMs = random.pick([0, 0, 0, HOUR_MS, 24 * HOUR_MS]);
  const threshold = random.pick([0.05, 0.5, 1]);
  simulation.start("collector", (repository) =>
    simulation.collect(repository, { graceMs, threshold }),
  );
}

function startDeletion(simulation: Simulation, random: SeededRandom): void {
  simulation.start("deleter", (repository) =>
    simulation.delete(repository, (from) => from.filter(() => random.chance(0.5))),
  );
}
