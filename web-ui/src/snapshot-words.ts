/** How a snapshot is named to people. Pure. */
import type { SnapshotInfo } from "../../src/server/api.ts";
import { formatDateTime } from "./format.ts";

/** What it is of: its name, its label, or what was backed up. */
export function snapshotSubject(snapshot: SnapshotInfo): string {
  return snapshot.name ?? snapshot.label ?? pathsText(snapshot);
}

/** "/home, /etc and 3 more" */
export function pathsText({ paths }: SnapshotInfo, shown = 3): string {
  if (paths.length === 0) return "Nothing";
  const names = paths.slice(0, shown).map(({ name }) => name);
  const more = paths.length - names.length;
  return more > 0 ? `${names.join(", ")} and ${more} more` : names.join(", ");
}

/** "Nov 21, 2026, 2:05 PM on atlas" */
export function snapshotTitle(snapshot: SnapshotInfo): string {
  return `${formatDateTime(snapshot.timeMs)} on ${snapshot.hostname}`;
}
