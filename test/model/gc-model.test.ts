/**
 * The collection protocol, explored: with all its rules nothing is ever lost, and without any one of
 * them something is. `npm run model:gc` explores the large scenarios.
 */
import { describe, expect, it } from "vitest";

import { ALL_RULES, GcModel, type Rules } from "./gc-model.ts";
import { SCENARIOS, type ScenarioName } from "./gc-scenarios.ts";

describe("with all rules", () => {
  it.each(["one", "garbage", "move", "twins"] as const)(
    "scenario %s loses nothing in any state",
    (name) => {
      const result = new GcModel(SCENARIOS[name]).explore();
      expect(result).toMatchObject({ complete: true, violation: undefined });
      expect(result.states).toBeGreaterThan(4000);
    },
  );

  it.each(["two backups", "two collectors", "twins and a backup"] as const)(
    "scenario %s loses nothing in the states nearest to the beginning",
    (name) => {
      const result = new GcModel(SCENARIOS[name]).explore({ statesMax: 150_000 });
      expect(result.violation).toBeUndefined();
    },
  );

  it("lets backups and collectors finish: nobody blocks anybody for ever", () => {
    const alone = new GcModel(SCENARIOS.one).walk([...WHOLE_BACKUP, ...wholeCollection(0)]);
    expect(alone).toBeDefined();
  });
});

/** Each rule that is switched off, and a scenario in which that loses something. */
const NEEDED: readonly (readonly [Partial<Rules>, ScenarioName])[] = [
  [{ leaseBeforePlans: false }, "one"],
  [{ honourPlans: false }, "one"],
  [{ sweepWaits: "never" }, "one"],
  [{ sweepWaits: "for a commit" }, "another backup"],
  [{ endDeadLeases: false }, "one"],
  [{ listAgain: false }, "one"],
  [{ beatThenLook: false }, "one"],
  [{ confirmAfter: false }, "one"],
  [{ remark: false }, "one"],
  [{ leasesBeforeSnapshots: false }, "one"],
  [{ outsideAllPlans: false }, "twins"],
  [{ plansBeforePacks: false }, "twins"],
  [{ packsBeforePlan: false }, "one"],
  [{ copyBeforeDelete: false }, "one"],
];

describe("without a rule", () => {
  it.each(NEEDED)("%j something is lost", (off, name) => {
    const { violation } = new GcModel(SCENARIOS[name], { ...ALL_RULES, ...off }).explore({
      trace: true,
      statesMax: 400_000,
    });
    expect(violation).toBeDefined();
  });

  it("every rule is switched off by one of these", () => {
    const off = new Set(NEEDED.flatMap(([rules]) => Object.keys(rules)));
    // The case of overlapping collections below shows this one.
    off.add("condemnedForEver");
    expect([...off].sort()).toEqual(Object.keys(ALL_RULES).sort());
  });
});

const WHOLE_BACKUP = [
  "backup 0 list index",
  "backup 0 put leases",
  "backup 0 list gc",
  "backup 0 list packs",
  "backup 0 relies",
  "backup 0 put leases",
  "backup 0 stat leases",
  "backup 0 list packs",
  "backup 0 put snapshots",
  "backup 0 put leases",
  "backup 0 stat leases",
  "backup 0 acknowledges",
  "backup 0 delete leases",
];

function marked(collector: number): string[] {
  return ["list gc", "list snapshots", "list packs", "list index"].map(
    (step) => `collector ${collector} ${step}`,
  );
}

/** From the choice of the plan to the judgement. */
function looked(collector: number): string[] {
  const steps = [
    "list gc, to",
    "list leases",
    "list gc",
    "list snapshots",
    "list packs",
    "list index",
  ];
  return steps.map((step) => `collector ${collector} ${step}`);
}

function wholeCollection(collector: number): string[] {
  const copy = ["put packs, a copy", "put index", "put gc"].map(
    (step) => `collector ${collector} ${step}`,
  );
  const end = ["finds all", "put index", "delete packs", "has deleted", "delete gc"];
  const ending = end.map((step) => `collector ${collector} ${step}`);
  return [...marked(collector), ...copy, ...looked(collector), ...ending];
}

describe("what others met", () => {
  it("two overlapping collections, one of which gives a pack back that the other deletes (duplicacy t/9500)", () => {
    const scenario = SCENARIOS["two collectors"];
    // The second marks; then the snapshot goes; the first plans and judges, and pauses; the second
    // finds the pack needed, by what it marked.
    const before = [
      ...marked(1),
      "delete the first snapshot",
      ...marked(0),
      "collector 0 chooses",
      "collector 0 put gc",
      ...looked(0),
      "collector 0 finds all",
      "collector 1 plans nothing",
      ...looked(1),
    ];
    const without = new GcModel(scenario, { ...ALL_RULES, condemnedForEver: false });
    const given = without.walk([...before, "collector 1 spares"]);
    expect(without.explore({ from: given, trace: true }).violation).toContain(
      "backup 0 acknowledges",
    );
    const model = new GcModel(scenario);
    const copied = model.walk([...before, "collector 1 put packs, a copy"]);
    expect(model.explore({ from: copied })).toMatchObject({ complete: true, violation: undefined });
  });

  it("one of two concurrent backups ends, and the other's packs go (duplicacy t/8985)", () => {
    const scenario = SCENARIOS["another backup"];
    const rules: Rules = { ...ALL_RULES, sweepWaits: "for a commit" };
    const { violation } = new GcModel(scenario, rules).explore({ trace: true });
    const commits = (violation ?? []).filter((step) => step.endsWith("acknowledges"));
    expect(commits).toEqual(["backup 1 acknowledges", "backup 0 acknowledges"]);
    expect(new GcModel(scenario).explore({ statesMax: 400_000 }).violation).toBeUndefined();
  });

  it("two holders of one lock, each taking the other's copy for the one that stays (vykar)", () => {
    const scenario = SCENARIOS.twins;
    const { violation } = new GcModel(scenario, { ...ALL_RULES, outsideAllPlans: false }).explore({
      trace: true,
    });
    const judged = (violation ?? []).filter((step) => step.includes("finds all"));
    expect(new Set(judged).size).toBe(2);
    expect(new GcModel(scenario).explore()).toMatchObject({ complete: true, violation: undefined });
  });

  it("a clock that jumps: a living backup is taken for dead at the worst moment", () => {
    // It has just been confirmed, and is about to store the snapshot.
    const scenario = SCENARIOS.one;
    const before = [
      ...WHOLE_BACKUP.slice(0, 8),
      "delete the first snapshot",
      ...marked(0),
      "collector 0 chooses",
      "collector 0 put gc",
      "collector 0 list gc, to",
      "collector 0 list leases, and all in the way are dead",
    ];
    const model = new GcModel(scenario);
    expect(model.explore({ from: model.walk(before) })).toMatchObject({ violation: undefined });
    const without = new GcModel(scenario, { ...ALL_RULES, confirmAfter: false });
    expect(without.explore({ from: without.walk(before) }).violation).toBeDefined();
  });
});
