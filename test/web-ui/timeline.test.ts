import { expect, test } from "vitest";

import { densityOf, spacedLabels } from "../../web-ui/src/features/timeline/density.ts";
import {
  filterChoices,
  filterOf,
  filterSnapshots,
  isFiltering,
} from "../../web-ui/src/features/timeline/snapshot-filter.ts";
import { timelineRows } from "../../web-ui/src/features/timeline/timeline-rows.ts";
import { sampleSnapshot } from "./sample.ts";

const at = (year: number, month: number, day: number, hour = 12): number =>
  new Date(year, month - 1, day, hour).getTime();

test("snapshots stand under their months, and the first of a day says so", () => {
  const rows = timelineRows([
    sampleSnapshot("c", { timeMs: at(2026, 3, 2, 18) }),
    sampleSnapshot("b", { timeMs: at(2026, 3, 2, 1) }),
    sampleSnapshot("a", { timeMs: at(2026, 2, 2) }),
  ]);
  expect(
    rows.map((row) => (row.kind === "month" ? row.count : [row.snapshot.id, row.startsDay])),
  ).toEqual([2, ["c", true], ["b", false], 1, ["a", true]]);
});

test("filters are read from the address and hold together", () => {
  const snapshots = [
    sampleSnapshot("one", { hostname: "atlas", tags: ["daily"] }),
    sampleSnapshot("two", { hostname: "birch", tags: ["daily", "offsite"], label: "Photos" }),
    sampleSnapshot("three", { hostname: "birch", paths: [{ name: "/etc", path: "etc" }] }),
  ];
  const ids = (query: string): string[] =>
    filterSnapshots(snapshots, filterOf(new URLSearchParams(query))).map(({ id }) => id);
  expect(ids("")).toEqual(["one", "two", "three"]);
  expect(ids("host=birch&tag=daily")).toEqual(["two"]);
  expect(ids("path=/etc")).toEqual(["three"]);
  expect(ids("text=PHOTO+birch")).toEqual(["two"]);
  expect(ids("host=nobody")).toEqual([]);
  expect(isFiltering(filterOf(new URLSearchParams("other=1")))).toBe(false);
  expect(filterChoices(snapshots)).toEqual({
    hosts: ["atlas", "birch"],
    tags: ["daily", "offsite"],
    paths: ["/etc", "/home"],
  });
});

test("the strip has a bar for each day, week or month between the oldest and the newest", () => {
  const days = densityOf([
    sampleSnapshot("b", { timeMs: at(2026, 3, 30) }),
    sampleSnapshot("a", { timeMs: at(2026, 3, 1) }),
  ]);
  expect(days.unit).toBe("day");
  expect(days.buckets).toHaveLength(30);
  const years = Array.from({ length: 1000 }, (_, index) =>
    sampleSnapshot(String(index), { timeMs: at(2026, 3, 30) - index * 4 * 86_400_000 }),
  );
  const months = densityOf(years);
  expect(months.unit).toBe("month");
  expect(months.buckets.reduce((sum, { count }) => sum + count, 0)).toBe(
    years.filter(({ timeMs }) => timeMs >= (months.buckets[0]?.startMs ?? 0)).length,
  );
  expect(months.buckets.length).toBeLessThanOrEqual(120);
});

test("every bar ends where the next begins, through changes of the clock", () => {
  const { buckets } = densityOf([
    sampleSnapshot("b", { timeMs: at(2026, 12, 1) }),
    sampleSnapshot("a", { timeMs: at(2026, 1, 1) }),
  ]);
  for (const [index, bucket] of buckets.entries())
    if (index > 0) expect(buckets[index - 1]?.endMs).toBe(bucket.startMs);
});

test("no snapshots and one snapshot make no strip that breaks", () => {
  expect(densityOf([]).buckets).toEqual([]);
  expect(densityOf([sampleSnapshot("a", { timeMs: at(2026, 3, 1) })]).buckets).toHaveLength(1);
});

test("labels of the strip keep their distance, and years go before months", () => {
  const { buckets } = densityOf([
    sampleSnapshot("b", { timeMs: at(2026, 11, 21) }),
    sampleSnapshot("a", { timeMs: at(2025, 5, 30) }),
  ]);
  const labels = spacedLabels(buckets, 6);
  const places = buckets.flatMap(({ startMs }, index) => (labels.has(startMs) ? [index] : []));
  for (const [index, place] of places.entries())
    if (index > 0) expect(place - (places[index - 1] ?? 0)).toBeGreaterThanOrEqual(6);
  expect([...labels.values()]).toContain("2026");
  expect(places.length).toBeGreaterThan(5);
});
