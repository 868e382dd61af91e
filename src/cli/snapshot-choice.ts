/** How commands name snapshots and what is in them: filters, `SNAPSHOT[:PATH]`, and what is found. */
import {
  type Bytes,
  type FsEntry,
  ForgeError,
  type ReadonlyFs,
  type Snapshot,
  type SnapshotFilter,
  displayName,
  findEntry,
  resolveSnapshot,
  splitPath,
} from "../../engine/node.ts";
import { texts } from "./option-kinds.ts";
import { argumentBytes, findShownPath, localPathBytes } from "./path-argument.ts";
import type { Session } from "./session.ts";

/** What `latest` counts among, for commands whose own argument is a path. */
export const LATEST_OPTIONS = {
  host: texts("-H, --host <host>", "only snapshots of this host (repeatable)"),
  tag: texts("--tag <tag>", "only snapshots with this tag; a,b asks for both (repeatable)"),
} as const;

/** Options of the commands that look at several snapshots. */
export const FILTER_OPTIONS = {
  ...LATEST_OPTIONS,
  path: texts("--path <path>", "only snapshots of this path (repeatable)"),
} as const;

export interface FilterValues {
  readonly host: readonly string[];
  readonly tag: readonly string[];
  readonly path?: readonly string[];
}

export function snapshotFilter(values: FilterValues): SnapshotFilter {
  return {
    hosts: values.host,
    tags: values.tag,
    paths: (values.path ?? []).map((path) => withoutTrailingSlash(localPathBytes(path))),
  };
}

/** A snapshot and the path inside of it, from `SNAPSHOT:PATH` or two arguments. */
export interface SnapshotPath {
  readonly reference: string;
  readonly path: string | undefined;
}

/** @throws ForgeError "usage" when a path is given twice. */
export function splitReference(argument: string, path?: string): SnapshotPath {
  const colon = argument.indexOf(":");
  if (colon === -1) return { reference: argument, path };
  if (path !== undefined) {
    throw new ForgeError(
      "usage",
      `Cannot use both "${argument.slice(colon)}" and "${path}": give the path once`,
    );
  }
  return { reference: argument.slice(0, colon), path: argument.slice(colon + 1) };
}

export interface OpenedPath {
  readonly snapshot: Snapshot;
  readonly fs: ReadonlyFs;
  /** Components joined by slashes, with one at the beginning; "/" is the root. */
  readonly path: Bytes;
  readonly entry: FsEntry;
}

/** @throws ForgeError "not-found", "ambiguous", "usage" and those of reading. */
export async function openPath(
  session: Session,
  { reference, path }: SnapshotPath,
  filter: SnapshotFilter = {},
): Promise<OpenedPath> {
  const snapshot = resolveSnapshot(session.snapshots, reference, filter);
  const fs = await session.openFs(snapshot);
  const text = path ?? "/";
  for (const bytes of [argumentBytes(text), findShownPath(text)]) {
    if (bytes === undefined) continue;
    const parts = splitPath(bytes);
    const entry = await findEntry(fs.root, parts);
    if (entry !== undefined) return { snapshot, fs, path: joinPath(parts), entry };
  }
  throw new ForgeError(
    "not-found",
    `Cannot find ${displayName(argumentBytes(text))} in snapshot ${snapshot.id.slice(0, 8)}: ` +
      `there is nothing of that name; look with: forge ls ${snapshot.id.slice(0, 8)}`,
  );
}

/** "/a/b" of its components. */
export function joinPath(parts: readonly Bytes[]): Bytes {
  if (parts.length === 0) return new Uint8Array([0x2f]);
  const length = parts.reduce((sum, part) => sum + part.length + 1, 0);
  const joined = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    joined[at] = 0x2f;
    joined.set(part, at + 1);
    at += part.length + 1;
  }
  return joined;
}

function withoutTrailingSlash(path: Bytes): Bytes {
  let end = path.length;
  while (end > 1 && path[end - 1] === 0x2f) end--;
  return path.subarray(0, end);
}
