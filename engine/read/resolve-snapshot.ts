/** Which snapshot somebody means: an id, the beginning of one, `latest`, or `latest~N`; and filters. */
import { type Bytes, equalBytes, lossyUtf8 } from "../base/bytes.ts";
import { ForgeError } from "../base/errors.ts";
import type { Snapshot } from "../snapshots/snapshot.ts";

/** Every given part must hold; what is absent holds for all. */
export interface SnapshotFilter {
  /** One of them. */
  readonly hosts?: readonly string[] | undefined;
  /** One of them; `a,b` asks for both. */
  readonly tags?: readonly string[] | undefined;
  /** All of them were asked to be backed up, exactly so. */
  readonly paths?: readonly Bytes[] | undefined;
}

type Filtered = Pick<Snapshot, "hostname" | "tags" | "paths">;

export function matchesFilter(snapshot: Filtered, filter: SnapshotFilter): boolean {
  const { hosts, tags, paths } = filter;
  if (hosts !== undefined && hosts.length > 0 && !hosts.includes(snapshot.hostname)) return false;
  if (tags !== undefined && tags.length > 0) {
    const hasAll = (wanted: string): boolean =>
      wanted.split(",").every((tag) => tag === "" || snapshot.tags.includes(tag));
    if (!tags.some(hasAll)) return false;
  }
  return (paths ?? []).every((wanted) => snapshot.paths.some((path) => equalBytes(path, wanted)));
}

const LATEST = /^latest(?:~([0-9]{1,6}))?$/;
const PREFIX = /^[0-9a-f]{1,64}$/;

/**
 * @param reference `latest` and `latest~N` count among those that `filter` holds for; an id is looked
 *   for among all.
 * @throws ForgeError "not-found", "ambiguous", "usage" when the reference cannot be one.
 */
export function resolveSnapshot(
  snapshots: readonly Snapshot[],
  reference: string,
  filter: SnapshotFilter = {},
): Snapshot {
  const latest = LATEST.exec(reference);
  if (latest !== null) return nthLatest(snapshots, Number(latest[1] ?? 0), filter);
  if (!PREFIX.test(reference)) {
    throw new ForgeError(
      "usage",
      `Cannot find snapshot "${reference}": a snapshot is named by its id, the beginning of it, "latest" or "latest~1"`,
    );
  }
  const found = snapshots.filter((snapshot) => snapshot.id.startsWith(reference));
  const [first, second] = found;
  if (first === undefined) {
    throw new ForgeError(
      "not-found",
      `Cannot find snapshot ${reference}: none of ${snapshots.length} has an id that begins so`,
    );
  }
  if (second !== undefined) {
    const some = found.slice(0, 5).map((snapshot) => snapshot.id.slice(0, 16));
    throw new ForgeError(
      "ambiguous",
      `Cannot tell which snapshot ${reference} is: ${found.length} begin so (${some.join(", ")}${found.length > 5 ? ", …" : ""}); give more digits`,
    );
  }
  return first;
}

/** Newest first; equal times in order of their ids. */
export function newestFirst(snapshots: readonly Snapshot[]): Snapshot[] {
  return [...snapshots].sort((a, b) => {
    if (a.timeNs !== b.timeNs) return a.timeNs < b.timeNs ? 1 : -1;
    return a.id < b.id ? 1 : -1;
  });
}

function nthLatest(snapshots: readonly Snapshot[], back: number, filter: SnapshotFilter): Snapshot {
  const matching = snapshots.filter((snapshot) => matchesFilter(snapshot, filter));
  const found = newestFirst(matching)[back];
  if (found !== undefined) return found;
  const name = back === 0 ? "the latest snapshot" : `snapshot latest~${back}`;
  const filtered = describeFilter(filter);
  const among =
    filtered === ""
      ? `the repository has ${matching.length}`
      : `${matching.length} have ${filtered}`;
  throw new ForgeError("not-found", `Cannot find ${name}: ${among}`);
}

function describeFilter(filter: SnapshotFilter): string {
  const parts: string[] = [];
  if (filter.hosts?.length) parts.push(`host ${filter.hosts.join(" or ")}`);
  if (filter.tags?.length) parts.push(`tag ${filter.tags.join(" or ")}`);
  if (filter.paths?.length) parts.push(`path ${filter.paths.map(lossyUtf8).join(" and ")}`);
  return parts.join(", ");
}
