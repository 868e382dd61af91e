/** Snapshots as the rows of the timeline: under their months, the first of a day with its date. Pure. */
import type { SnapshotInfo, TimeMs } from "../../../../src/server/api.ts";

export type TimelineRow =
  | { readonly kind: "month"; readonly timeMs: TimeMs; readonly count: number }
  | {
      readonly kind: "snapshot";
      readonly snapshot: SnapshotInfo;
      /** The first of its day: the day is shown beside it. */
      readonly startsDay: boolean;
    };

/** @param snapshots  The newest first. */
export function timelineRows(snapshots: readonly SnapshotInfo[]): readonly TimelineRow[] {
  const rows: TimelineRow[] = [];
  let monthAt = -1;
  let month = "";
  let day = "";
  for (const snapshot of snapshots) {
    const nextMonth = monthKey(snapshot.timeMs);
    if (nextMonth !== month) {
      month = nextMonth;
      day = "";
      monthAt = rows.length;
      rows.push({ kind: "month", timeMs: snapshot.timeMs, count: 0 });
    }
    const header = rows[monthAt];
    if (header?.kind === "month") rows[monthAt] = { ...header, count: header.count + 1 };
    const nextDay = dayKey(snapshot.timeMs);
    rows.push({ kind: "snapshot", snapshot, startsDay: nextDay !== day });
    day = nextDay;
  }
  return rows;
}

/** In local time, as people count. */
export function monthKey(timeMs: TimeMs): string {
  const date = new Date(timeMs);
  return `${date.getFullYear()}-${date.getMonth()}`;
}

export function dayKey(timeMs: TimeMs): string {
  return `${monthKey(timeMs)}-${new Date(timeMs).getDate()}`;
}
