/**
 * What a retention policy keeps, the slow obvious way: every rule looks at every snapshot and asks
 * of all others whether they are newer. It shares no code with the one that is used; periods come from
 * another way of asking the calendar.
 */
import type { SnapshotId } from "../../engine/base/ids.ts";
import type { RetentionOptions } from "../../engine/snapshots/retention.ts";
import type { Snapshot } from "../../engine/snapshots/snapshot.ts";

type PeriodOf = (snapshot: Snapshot) => string;

export function keptByOracle(
  snapshots: readonly Snapshot[],
  options: RetentionOptions,
): Set<SnapshotId> {
  const kept = new Set<SnapshotId>();
  for (const snapshot of snapshots) {
    const group = snapshots.filter((other) => isSameGroup(snapshot, other, options));
    if (isKept(snapshot, group, options)) kept.add(snapshot.id);
    const nothing = group.every((other) => !isKept(other, group, options));
    const isNewest = group.every((other) => other === snapshot || isNewer(snapshot, other));
    if (nothing && isNewest && options.mayRemoveAll !== true) kept.add(snapshot.id);
  }
  return kept;
}

function isKept(
  snapshot: Snapshot,
  group: readonly Snapshot[],
  { policy, timeZone, nowNs }: RetentionOptions,
): boolean {
  const isFuture = (one: Snapshot): boolean => one.timeNs - nowNs > 86_400_000_000_000n;
  if (isFuture(snapshot)) return true;
  const present = group.filter((one) => !isFuture(one));
  const newer = present.filter((other) => isNewer(other, snapshot));
  if (policy.last !== undefined && newer.length < policy.last) return true;
  let reference = nowNs;
  if (present.every(({ timeNs }) => timeNs < nowNs)) {
    reference = present.reduce((most, { timeNs }) => (timeNs > most ? timeNs : most), -(2n ** 80n));
  }
  const ageNs = reference - snapshot.timeNs;
  if (policy.withinNs !== undefined && ageNs <= policy.withinNs) return true;
  for (const [period, periodOf] of Object.entries(periodsIn(timeZone))) {
    const isNewestOfIts = newer.every((other) => periodOf(other) !== periodOf(snapshot));
    if (!isNewestOfIts) continue;
    const key = period as keyof NonNullable<typeof policy.periods>;
    const newerPeriods = new Set(newer.map(periodOf)).size;
    if (newerPeriods < (policy.periods?.[key] ?? 0)) return true;
    const spanNs = policy.withinPeriodsNs?.[key];
    if (spanNs !== undefined && ageNs <= spanNs) return true;
  }
  return (policy.tags ?? []).some((set) => set.every((tag) => snapshot.tags.includes(tag)));
}

function isNewer(a: Snapshot, b: Snapshot): boolean {
  return a.timeNs > b.timeNs || (a.timeNs === b.timeNs && a.id > b.id);
}

function isSameGroup(a: Snapshot, b: Snapshot, { groupBy }: RetentionOptions): boolean {
  const set = (items: readonly unknown[]): string => JSON.stringify([...new Set(items)].sort());
  const paths = (one: Snapshot): string => set(one.paths.map((path) => path.join()));
  return (
    (!groupBy.includes("host") || a.hostname === b.hostname) &&
    (!groupBy.includes("label") || a.label === b.label) &&
    (!groupBy.includes("paths") || paths(a) === paths(b)) &&
    (!groupBy.includes("tags") || set(a.tags) === set(b.tags))
  );
}

const cache = new Map<string, Record<string, PeriodOf>>();

function periodsIn(timeZone: string): Record<string, PeriodOf> {
  const known = cache.get(timeZone);
  if (known !== undefined) return known;
  const days = new Intl.DateTimeFormat("sv-SE", { timeZone });
  const hours = new Intl.DateTimeFormat("sv-SE", {
    timeZone,
    hour: "2-digit",
    hourCycle: "h23",
    timeZoneName: "longOffset",
  });
  const names = new Map<bigint, { day: string; hour: string }>();
  const of = ({ timeNs }: Snapshot): { day: string; hour: string } => {
    let name = names.get(timeNs);
    if (name === undefined) {
      const date = new Date(Number(timeNs / 1_000_000n));
      name = { day: days.format(date), hour: hours.format(date) };
      names.set(timeNs, name);
    }
    return name;
  };
  const made: Record<string, PeriodOf> = {
    hourly: (one) => `${of(one).day} ${of(one).hour}`,
    daily: (one) => of(one).day,
    // The Monday before, counted in days.
    weekly: (one) => String(Math.floor((Date.parse(of(one).day) / 86_400_000 + 3) / 7)),
    monthly: (one) => of(one).day.slice(0, 7),
    yearly: (one) => of(one).day.slice(0, 4),
  };
  cache.set(timeZone, made);
  return made;
}
