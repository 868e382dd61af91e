/**
 * The model is of this program: what the real code does to a storage, operation by operation, is a
 * run of the model. Every change must be one that the model can make then; listings that the model
 * asks for must come where it asks for them, others may come beside them.
 */
import { expect, it } from "vitest";

import { SeededRandom } from "../helpers/seeded-random.ts";
import { Simulation } from "../helpers/simulation.ts";
import { GcModel, type Scenario, type State } from "./gc-model.ts";
import { SCENARIOS } from "./gc-scenarios.ts";

/** Steps of the model that are no storage operation. */
const THOUGHT = /(relies|acknowledges|finds|has deleted|chooses|plans nothing|spares)/;

/** "put packs" of "backup a put packs/12/…". */
function operationOf(line: string): string {
  return line.replace(/^(backup \w|collector|deleter) /, "").replace(/\/.*/, "");
}

/** The first operation that the model cannot follow, or `undefined`. */
function findDeviation(
  scenario: Scenario,
  process: string,
  operations: readonly string[],
  before: readonly string[] = [],
): string | undefined {
  const model = new GcModel({ ...scenario, crashes: false });
  let states = closure(model, process, [model.walk(before)]);
  let last = "";
  for (const operation of operations) {
    const isChange = !/^(list|stat)/.test(operation);
    // Several packs, segments or beats in a row are one in the model.
    const repeats = operation === last;
    last = operation;
    const next: State[] = isChange && !repeats ? [] : [...states];
    for (const state of states) {
      model.successors(state, (label, successor) => {
        if (label.startsWith(`${process} ${operation}`)) next.push(successor);
      });
    }
    if (next.length === 0) return `${operation}, after ${operations.slice(0, 99).join(", ")}`;
    states = closure(model, process, next);
  }
  const isEnded = states.some((state) => {
    let can = false;
    model.successors(state, (label) => (can ||= label.startsWith(process)));
    return !can;
  });
  return isEnded ? undefined : `the end, after ${operations.join(", ")}`;
}

function closure(model: GcModel, process: string, states: readonly State[]): State[] {
  const all = new Map(states.map((state) => [String(state), state]));
  for (const state of all.values()) {
    model.successors(state, (label, successor) => {
      if (label.startsWith(process) && THOUGHT.test(label)) all.set(String(successor), successor);
    });
  }
  return [...all.values()];
}

/** Reads tell nothing the model knows; a beat's predecessor goes with the look at it. */
function relevant(lines: readonly string[], process: "backup" | "collector"): string[] {
  const operations = lines
    .filter((line) => line.startsWith(process))
    .map(operationOf)
    // One step of the model: a new segment in the place of old ones, or nothing in their place.
    .map((operation) => (operation === "delete index" ? "put index" : operation));
  return operations.filter((operation, i) => {
    if (operation.startsWith("read")) return false;
    if (/tombstones/.test(operation)) return false;
    // The collector's own lease is not in the model; a listing of leases is.
    if (process === "collector" && /^(put|stat|delete) leases/.test(operation)) return false;
    const isBeat = operation === "delete leases" && operations[i - 1] === "stat leases";
    return !isBeat;
  });
}

it("backups and collections of the real code are runs of the model", async () => {
  const log: string[] = [];
  const random = new SeededRandom(5);
  const simulation = await Simulation.create({
    random,
    deaths: 0,
    jumps: 0,
    onOperation: (operation) => log.push(operation),
  });
  const doing = async (
    name: string,
    work: Parameters<Simulation["start"]>[1],
  ): Promise<string[]> => {
    log.length = 0;
    simulation.start(name, work);
    await simulation.run();
    simulation.advance(1000);
    return [...log];
  };
  const backUp = (tree: readonly number[]): Promise<string[]> =>
    doing("backup a", (repository) => simulation.backUp(repository, "a", tree));
  const collect = (graceMs: number): Promise<string[]> =>
    doing("collector", (repository) =>
      simulation.collect(repository, { graceMs, threshold: 0.05 }),
    );

  const fresh = relevant(await backUp([1, 2, 3, 4]), "backup");
  expect(findDeviation({ ...SCENARIOS.garbage, packs: [1, 4] }, "backup 0", fresh)).toBeUndefined();
  const again = relevant(await backUp([1, 2, 3, 4]), "backup");
  expect(findDeviation(SCENARIOS.one, "backup 0", again)).toBeUndefined();
  await backUp([1, 2, 5, 6]);
  await doing("deleter", (repository) => simulation.delete(repository, (all) => all.slice(0, 2)));
  const moving = relevant(await collect(0), "collector");
  expect(moving).toContain("put packs");
  expect(moving).toContain("delete packs");
  expect(findDeviation(SCENARIOS.move, "collector 0", moving)).toBeUndefined();

  await backUp([7, 8]);
  await doing("deleter", (repository) => simulation.delete(repository, (all) => all.slice(-1)));
  simulation.advance(48 * 3_600_000);
  const planned = relevant(await collect(3_600_000), "collector");
  expect(planned).toContain("put gc");
  expect(planned).not.toContain("delete packs");
  const during = relevant(await backUp([7, 8]), "backup");
  expect(
    findDeviation({ ...SCENARIOS.garbage, deletion: true }, "backup 0", during, [
      "collector 0 list gc",
      "collector 0 list snapshots",
      "collector 0 list packs",
      "collector 0 list index",
      "collector 0 chooses to condemn 10",
      "collector 0 put gc",
    ]),
  ).toBeUndefined();
  await simulation.finish();
});

it("a run that does things in another order is none of the model", () => {
  const backup = [
    "list index",
    "put leases",
    "list gc",
    "list packs",
    "put packs",
    "put index",
    "put leases",
    "stat leases",
    "list packs",
    "put snapshots",
    "put leases",
    "stat leases",
    "delete leases",
  ];
  const scenario = { ...SCENARIOS.garbage, packs: [1, 4] };
  expect(findDeviation(scenario, "backup 0", backup)).toBeUndefined();
  for (const [i, j] of [
    [1, 2],
    [4, 5],
    [6, 9],
    [9, 11],
    [10, 11],
  ] as const) {
    const wrong = [...backup];
    [wrong[i], wrong[j]] = [backup[j] ?? "", backup[i] ?? ""];
    expect(findDeviation(scenario, "backup 0", wrong), `${i} and ${j}`).toBeDefined();
  }
  const without = backup.filter((_, i) => i !== 2);
  expect(findDeviation(scenario, "backup 0", without)).toBeDefined();
});
