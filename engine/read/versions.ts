/** The history of one path: which versions of it the snapshots hold, and since when. */
import type { Bytes } from "../base/bytes.ts";
import { throwIfAborted } from "../base/concurrency.ts";
import { type SearchedSnapshot, versionKey } from "./find.ts";
import { type FsEntry, findEntry } from "./readonly-fs.ts";

export interface PathVersion<Snapshot> {
  readonly snapshot: Snapshot;
  /** `undefined` where the path does not exist. */
  readonly entry: FsEntry | undefined;
  /** Against the snapshot before; "absent" while there is nothing at the path. */
  readonly change: "added" | "changed" | "unchanged" | "removed" | "absent";
}

/**
 * Looks at one path in each snapshot, in the given order, best the oldest first. A snapshot whose
 * whole tree equals the one before is not looked into.
 * @param parts Components of the path, as `splitPath` gives them.
 * @throws ForgeError what reading throws.
 */
export async function* pathVersions<Snapshot>(
  snapshots: AsyncIterable<SearchedSnapshot<Snapshot>> | Iterable<SearchedSnapshot<Snapshot>>,
  parts: readonly Bytes[],
  options: { readonly signal?: AbortSignal | undefined } = {},
): AsyncGenerator<PathVersion<Snapshot>> {
  let lastRoot: string | undefined;
  let last: FsEntry | undefined;
  for await (const { snapshot, root } of snapshots) {
    throwIfAborted(options.signal);
    const same = lastRoot !== undefined && lastRoot === root.contentKey && parts.length > 0;
    const entry = same ? last : await findEntry(root, parts);
    yield { snapshot, entry, change: changeOf(last, entry) };
    lastRoot = root.contentKey;
    last = entry;
  }
}

function changeOf(
  before: FsEntry | undefined,
  now: FsEntry | undefined,
): PathVersion<unknown>["change"] {
  if (now === undefined) return before === undefined ? "absent" : "removed";
  if (before === undefined) return "added";
  return versionKey(before) === versionKey(now) ? "unchanged" : "changed";
}
