/** How many snapshots each stretch of time has, for the strip above the timeline. Pure. */
import type { SnapshotInfo, TimeMs } from "../../../../src/server/api.ts";

export interface TimeBucket {
  /** Beginning, in local time. */
  readonly startMs: TimeMs;
  readonly endMs: TimeMs;
  readonly count: number;
  /** Shown below: of the first bucket of a month, or of a year. */
  readonly label: string | undefined;
}

export type BucketUnit = "day" | "week" | "month";

/** A strip of more bars is a grey surface. */
const BUCKETS_MAX = 120;
const DAY_MS = 86_400_000;

/**
 * Buckets from the oldest snapshot to the newest, without gaps, in the smallest unit of which no more
 * than 120 are needed. More than 120 months keep the newest 120.
 *
 * @param snapshots  The newest first.
 */
export function densityOf(snapshots: readonly SnapshotInfo[]): {
  readonly unit: BucketUnit;
  readonly buckets: readonly TimeBucket[];
} {
  const newest = snapshots[0];
  const oldest = snapshots.at(-1);
  if (newest === undefined || oldest === undefined) return { unit: "month", buckets: [] };
  const days = (newest.timeMs - oldest.timeMs) / DAY_MS;
  const unit = days < BUCKETS_MAX - 2 ? "day" : days < 7 * (BUCKETS_MAX - 2) ? "week" : "month";
  const starts: TimeMs[] = [];
  for (
    let start = startOf(unit, newest.timeMs);
    starts.length < BUCKETS_MAX;
    start = before(unit, start)
  ) {
    starts.unshift(start);
    if (start <= oldest.timeMs) break;
  }
  const counts = new Map<TimeMs, number>();
  for (const { timeMs } of snapshots) {
    const start = startOf(unit, timeMs);
    counts.set(start, (counts.get(start) ?? 0) + 1);
  }
  const end = after(unit, starts.at(-1) ?? newest.timeMs);
  const buckets = starts.map((startMs, index) => ({
    startMs,
    endMs: starts[index + 1] ?? end,
    count: counts.get(startMs) ?? 0,
    label: labelOf(unit, startMs, starts[index - 1]),
  }));
  return { unit, buckets };
}

/**
 * The labels that have room: years first, then months from the newest on, each `gap` buckets away from
 * the others.
 */
export function spacedLabels(
  buckets: readonly TimeBucket[],
  gap: number,
): ReadonlyMap<TimeMs, string> {
  const labelled = buckets.flatMap(({ label }, at) => (label === undefined ? [] : [{ at, label }]));
  const isYear = ({ label }: { readonly label: string }): boolean => /^\d{4}$/.test(label);
  const newestFirst = labelled.toReversed();
  const kept: { readonly at: number; readonly label: string }[] = [];
  for (const one of [
    ...newestFirst.filter(isYear),
    ...newestFirst.filter((other) => !isYear(other)),
  ]) {
    const last = buckets.length - gap * 0.6;
    if (one.at <= last && kept.every(({ at }) => Math.abs(at - one.at) >= gap)) kept.push(one);
  }
  return new Map(kept.map(({ at, label }) => [buckets[at]?.startMs ?? 0, label]));
}

function startOf(unit: BucketUnit, timeMs: TimeMs): TimeMs {
  const date = new Date(timeMs);
  date.setHours(0, 0, 0, 0);
  if (unit === "week") date.setDate(date.getDate() - ((date.getDay() + 6) % 7));
  if (unit === "month") date.setDate(1);
  return date.getTime();
}

function moved(unit: BucketUnit, startMs: TimeMs, steps: number): TimeMs {
  const date = new Date(startMs);
  if (unit === "month") date.setMonth(date.getMonth() + steps);
  else date.setDate(date.getDate() + steps * (unit === "week" ? 7 : 1));
  return date.getTime();
}

function before(unit: BucketUnit, startMs: TimeMs): TimeMs {
  return moved(unit, startMs, -1);
}

function after(unit: BucketUnit, startMs: TimeMs): TimeMs {
  return moved(unit, startMs, 1);
}

const shortMonth = new Intl.DateTimeFormat(undefined, { month: "short" });

function labelOf(
  unit: BucketUnit,
  startMs: TimeMs,
  previousMs: TimeMs | undefined,
): string | undefined {
  const date = new Date(startMs);
  const previous = previousMs === undefined ? undefined : new Date(previousMs);
  const newYear = previous === undefined || previous.getFullYear() !== date.getFullYear();
  if (unit === "month") return newYear ? String(date.getFullYear()) : undefined;
  if (previous !== undefined && previous.getMonth() === date.getMonth()) return undefined;
  return newYear && previous !== undefined ? String(date.getFullYear()) : shortMonth.format(date);
}
