/** Which snapshots the timeline shows. Pure; the filter lives in the address. */
import type { SnapshotInfo } from "../../../../src/server/api.ts";

export interface SnapshotFilter {
  /** Empty: all. */
  readonly host: string;
  readonly tag: string;
  /** One of `SnapshotInfo.paths`, by name. */
  readonly path: string;
  /** Words, each of which stands somewhere in what the snapshot says of itself. */
  readonly text: string;
}

export function filterOf(params: URLSearchParams): SnapshotFilter {
  return {
    host: params.get("host") ?? "",
    tag: params.get("tag") ?? "",
    path: params.get("path") ?? "",
    text: params.get("text") ?? "",
  };
}

export function isFiltering(filter: SnapshotFilter): boolean {
  return Object.values(filter).some((value) => value !== "");
}

export function filterSnapshots(
  snapshots: readonly SnapshotInfo[],
  { host, tag, path, text }: SnapshotFilter,
): readonly SnapshotInfo[] {
  const words = text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== "");
  return snapshots.filter(
    (snapshot) =>
      (host === "" || snapshot.hostname === host) &&
      (tag === "" || snapshot.tags.includes(tag)) &&
      (path === "" || snapshot.paths.some(({ name }) => name === path)) &&
      (words.length === 0 || hasWords(snapshot, words)),
  );
}

function hasWords(snapshot: SnapshotInfo, words: readonly string[]): boolean {
  const text = [
    snapshot.id,
    snapshot.hostname,
    snapshot.username,
    snapshot.label,
    snapshot.name,
    ...snapshot.tags,
    ...snapshot.paths.map(({ name }) => name),
  ]
    .join("\n")
    .toLowerCase();
  return words.every((word) => text.includes(word));
}

export interface FilterChoices {
  readonly hosts: readonly string[];
  readonly tags: readonly string[];
  readonly paths: readonly string[];
}

/** What can be chosen, each in alphabetical order. */
export function filterChoices(snapshots: readonly SnapshotInfo[]): FilterChoices {
  const sorted = (values: readonly string[]): string[] =>
    [...new Set(values)].sort((a, b) => a.localeCompare(b));
  return {
    hosts: sorted(snapshots.map(({ hostname }) => hostname)),
    tags: sorted(snapshots.flatMap(({ tags }) => tags)),
    paths: sorted(snapshots.flatMap(({ paths }) => paths.map(({ name }) => name))),
  };
}
