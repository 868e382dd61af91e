import { describe, expect, it } from "vitest";

import type { SnapshotId } from "../../../engine/base/ids.ts";
import { PERIODS, createCalendar } from "../../../engine/snapshots/calendar.ts";
import {
  type GroupKey,
  type RetentionOptions,
  type RetentionPolicy,
  planRetention,
} from "../../../engine/snapshots/retention.ts";
import type { Snapshot } from "../../../engine/snapshots/snapshot.ts";
import { SeededRandom, testSeed } from "../../helpers/seeded-random.ts";
import { keptByOracle } from "../../helpers/retention-oracle.ts";
import { snapshotRecord } from "../../helpers/snapshot-fields.ts";

const seed = testSeed();
const HOUR_NS = 3_600_000_000_000n;
const DAY_NS = 24n * HOUR_NS;

let made = 0;

function snapshotAt(time: string | bigint, fields: Partial<Snapshot> = {}): Snapshot {
  made++;
  const timeNs = typeof time === "bigint" ? time : BigInt(Date.parse(time)) * 1_000_000n;
  const id = made.toString(16).padStart(64, "0");
  return snapshotRecord(id, { timeNs, endTimeNs: timeNs, ...fields });
}

function plan(
  snapshots: readonly Snapshot[],
  policy: RetentionPolicy,
  options: Partial<RetentionOptions> = {},
): ReturnType<typeof planRetention> {
  return planRetention(snapshots, {
    policy,
    groupBy: ["host", "label"],
    timeZone: "UTC",
    nowNs: BigInt(Date.parse("2026-06-01T00:00:00Z")) * 1_000_000n,
    ...options,
  });
}

function kept(groups: ReturnType<typeof planRetention>): Set<SnapshotId> {
  const decisions = groups.flatMap((group) => group.decisions);
  return new Set(decisions.filter(({ keep }) => keep).map(({ snapshot }) => snapshot.id));
}

describe("the calendar", () => {
  const utc = createCalendar("UTC");
  const ns = (time: string): bigint => BigInt(Date.parse(time)) * 1_000_000n;

  it("knows ISO weeks around new year", () => {
    // From the table in ISO 8601 and the calendars of these years.
    for (const [time, week] of [
      ["2026-01-01T12:00:00Z", "2026-W01"],
      ["2025-12-29T00:00:00Z", "2026-W01"],
      ["2025-12-28T23:59:59Z", "2025-W52"],
      ["2027-01-03T12:00:00Z", "2026-W53"],
      ["2027-01-04T00:00:00Z", "2027-W01"],
      ["2021-01-03T00:00:00Z", "2020-W53"],
      ["2024-12-30T00:00:00Z", "2025-W01"],
    ] as const) {
      expect(utc(ns(time)).weekly, time).toBe(week);
    }
  });

  it("begins days where the time zone does", () => {
    const time = ns("2026-03-01T23:30:00Z");
    expect(utc(time).daily).toBe("2026-03-01");
    expect(createCalendar("Europe/Berlin")(time).daily).toBe("2026-03-02");
    expect(createCalendar("America/New_York")(time).daily).toBe("2026-03-01");
    expect(createCalendar("Asia/Kathmandu")(time).daily).toBe("2026-03-02");
  });

  it("tells the two hours apart that have one name when clocks go back", () => {
    const berlin = createCalendar("Europe/Berlin");
    const first = berlin(ns("2026-10-25T00:30:00Z")).hourly;
    const second = berlin(ns("2026-10-25T01:30:00Z")).hourly;
    expect(first).not.toBe(second);
    expect(berlin(ns("2026-10-25T00:59:59Z")).hourly).toBe(first);
  });

  it("takes moments before 1970 and between milliseconds", () => {
    expect(utc(-1n).daily).toBe("1969-12-31");
    expect(utc(-1n).hourly).toBe(utc(-1_000_000_000n).hourly);
    expect(utc(0n).yearly).toBe("1970");
  });

  it("refuses a zone that does not exist", () => {
    expect(() => createCalendar("Mars/Olympus")).toThrow(/time zone/);
  });
});

describe("retention", () => {
  it("keeps the newest of each period, and says why for each", () => {
    const all = [
      snapshotAt("2026-05-29T08:00:00Z"),
      snapshotAt("2026-05-30T08:00:00Z"),
      snapshotAt("2026-05-30T20:00:00Z"),
      snapshotAt("2026-05-31T08:00:00Z"),
    ];
    const [group] = plan(all, { last: 1, periods: { daily: 2 } });
    expect(group?.decisions.map(({ keep, reasons }) => [keep, reasons])).toEqual([
      [true, ["last 1 of 1", "daily 1 of 2"]],
      [true, ["daily 2 of 2"]],
      [false, ["not among the last 1", "a newer one of its day"]],
      [false, ["not among the last 1", "beyond 2 daily"]],
    ]);
  });

  it("counts only periods that have snapshots: a machine that was off loses nothing", () => {
    const all = [snapshotAt("2020-01-01T00:00:00Z"), snapshotAt("2023-01-01T00:00:00Z")];
    expect(kept(plan(all, { periods: { daily: 2 } })).size).toBe(2);
  });

  it("measures a time to keep from the newest of the group, not from today", () => {
    const all = [snapshotAt("2020-01-01T00:00:00Z"), snapshotAt("2020-01-05T00:00:00Z")];
    expect(kept(plan(all, { withinNs: 4n * DAY_NS })).size).toBe(2);
    expect(kept(plan(all, { withinNs: 3n * DAY_NS })).size).toBe(1);
  });

  it("never removes the last of a group unless told so", () => {
    const all = [snapshotAt("2026-05-01T00:00:00Z"), snapshotAt("2026-05-02T00:00:00Z")];
    const policy = { tags: [["important"]] };
    const [group] = plan(all, policy);
    expect(group?.decisions.map(({ keep }) => keep)).toEqual([true, false]);
    expect(group?.decisions[0]?.reasons).toEqual(["the last one of its group"]);
    expect(kept(plan(all, policy, { mayRemoveAll: true })).size).toBe(0);
  });

  it("refuses a policy without rules", () => {
    expect(() => plan([], {})).toThrow(/without a rule/);
    expect(() => plan([], { periods: {}, tags: [] })).toThrow(/without a rule/);
  });

  it("lets no snapshot from the future push out those from the past", () => {
    const future = [1, 2, 3].map((year) => snapshotAt(`204${year}-01-01T00:00:00Z`));
    const past = [snapshotAt("2026-05-30T00:00:00Z"), snapshotAt("2026-05-31T00:00:00Z")];
    const groups = plan([...future, ...past], { last: 2, withinNs: DAY_NS });
    expect(kept(groups).size).toBe(5);
    expect(groups[0]?.decisions[0]?.reasons).toEqual(["its time lies in the future"]);
  });

  it("looks at each group alone", () => {
    const all = [
      snapshotAt("2026-05-01T00:00:00Z", { hostname: "a" }),
      snapshotAt("2026-05-02T00:00:00Z", { hostname: "a", label: "x" }),
      snapshotAt("2026-05-03T00:00:00Z", { hostname: "b" }),
      snapshotAt("2026-05-04T00:00:00Z", { hostname: "b", tags: ["t"] }),
    ];
    expect(plan(all, { last: 1 })).toHaveLength(3);
    expect(kept(plan(all, { last: 1 })).size).toBe(3);
    expect(kept(plan(all, { last: 1 }, { groupBy: [] })).size).toBe(1);
    expect(kept(plan(all, { last: 1 }, { groupBy: ["host", "tags"] })).size).toBe(3);
  });

  it("holds tags that are all there", () => {
    const all = [
      snapshotAt("2026-05-01T00:00:00Z", { tags: ["a", "b"] }),
      snapshotAt("2026-05-02T00:00:00Z", { tags: ["a"] }),
      snapshotAt("2026-05-03T00:00:00Z"),
    ];
    const ids = kept(plan(all, { last: 1, tags: [["a", "b"]] }));
    expect([...ids].sort()).toEqual([all[0]?.id, all[2]?.id].sort());
  });

  it(`agrees with a slow oracle, FORGE_TEST_SEED=${seed}`, () => {
    const random = new SeededRandom(seed);
    for (let round = 0; round < 400; round++) {
      const options = randomOptions(random);
      const all = randomSnapshots(random);
      const wanted = keptByOracle(all, options);
      const groups = planRetention(all, options);
      expect([...kept(groups)].sort(), `round ${round}`).toEqual([...wanted].sort());
      const decided = groups.flatMap((group) => group.decisions);
      expect(decided).toHaveLength(all.length);
      for (const { reasons } of decided) expect(reasons.length).toBeGreaterThan(0);
      // Applying the same policy to what it kept removes nothing more.
      const again = all.filter(({ id }) => wanted.has(id));
      expect(kept(planRetention(again, options)).size, `round ${round}`).toBe(again.length);
    }
  });
});

function randomOptions(random: SeededRandom): RetentionOptions {
  const maybe = <Value>(make: () => Value): Value | undefined =>
    random.chance(0.4) ? make() : undefined;
  const count = (): number => 1 + random.below(6);
  const span = (): bigint => BigInt(1 + random.below(200)) * 12n * HOUR_NS;
  const of = <Value>(make: () => Value): Partial<Record<(typeof PERIODS)[number], Value>> =>
    Object.fromEntries(PERIODS.filter(() => random.chance(0.3)).map((period) => [period, make()]));
  const groupKeys: readonly GroupKey[] = ["host", "label", "paths", "tags"];
  return {
    policy: {
      last: random.chance(0.3) ? undefined : count(),
      periods: of(count),
      withinNs: maybe(span),
      withinPeriodsNs: of(span),
      tags: maybe(() => [["a"], ["b", "c"]]) ?? [["c"]],
    },
    groupBy: groupKeys.filter(() => random.chance(0.5)),
    timeZone: random.pick(["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Auckland"]),
    nowNs: BigInt(Date.parse("2026-06-01T00:00:00Z")) * 1_000_000n,
    mayRemoveAll: random.chance(0.2),
  };
}

function randomSnapshots(random: SeededRandom): Snapshot[] {
  const nowNs = BigInt(Date.parse("2026-06-01T00:00:00Z")) * 1_000_000n;
  const rangeHours = random.pick([48, 24 * 40, 24 * 1000]);
  return Array.from({ length: random.below(60) }, () => {
    const back = BigInt(random.below(rangeHours)) * HOUR_NS + BigInt(random.below(3_600_000));
    const ahead = random.chance(0.03) ? 30n * DAY_NS + back : 0n;
    return snapshotAt(nowNs - back + ahead, {
      hostname: random.pick(["a", "b"]),
      label: random.chance(0.3) ? undefined : random.pick(["x", "y"]),
      tags: ["a", "b", "c"].filter(() => random.chance(0.2)),
      paths: random.chance(0.5) ? [new Uint8Array([0x2f])] : [],
    });
  });
}
