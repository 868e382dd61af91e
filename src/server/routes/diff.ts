/** What differs below a folder between two snapshots. */
import {
  type Bytes,
  type DiffEntry as EngineDiffEntry,
  ForgeError,
  type FsDirectory,
  type FsEntry,
  diffDirectories,
  displayName,
  splitPath,
} from "../../../engine/node.ts";
import type { ChangeKind, DiffEntry, DiffLine } from "../api.ts";
import { type ApiRoute, type SessionCall, getRoute } from "../api-route.ts";
import { entryJson } from "../entry-json.ts";
import { sendJsonLines } from "../send-json.ts";
import { directoryOf, encodePath, findSnapshotPlace } from "../snapshot-place.ts";
import { createTurns } from "../turns.ts";
import type { WebContext } from "../web-context.ts";

const LIMIT_DEFAULT = 20_000;
const LIMIT_MAX = 200_000;

export function diffRoutes(context: WebContext): readonly ApiRoute[] {
  return [
    getRoute("/diff/{path...}", async (call) => {
      const compared = await findCompared(context, call);
      await sendJsonLines(call, (signal) => compare(context, compared, signal), context.onError);
    }),
  ];
}

interface Compared {
  readonly before: FsDirectory;
  readonly after: FsDirectory;
  /** Of the folder, from the root. */
  readonly folder: readonly Bytes[];
  readonly limit: number;
}

async function findCompared(
  { catalog }: WebContext,
  { param, query }: SessionCall,
): Promise<Compared> {
  const before = query.findRaw("before") ?? "";
  const after = query.findRaw("after") ?? "";
  if (before === "" || after === "") {
    throw new ForgeError("usage", "Cannot compare: two snapshots are needed");
  }
  const path = param("path");
  const [old, now] = await Promise.all([
    findSnapshotPlace(catalog, { reference: before, path }),
    findSnapshotPlace(catalog, { reference: after, path }),
  ]);
  return {
    before: directoryOf(old),
    after: directoryOf(now),
    folder: old.names,
    limit: query.number("limit", { min: 0, max: LIMIT_MAX, fallback: LIMIT_DEFAULT }),
  };
}

async function* compare(
  { now }: WebContext,
  { before, after, folder, limit }: Compared,
  signal: AbortSignal,
): AsyncGenerator<DiffLine> {
  const pause = createTurns(now);
  const counts: Record<ChangeKind, number> = {
    added: 0,
    removed: 0,
    modified: 0,
    metadata: 0,
    type: 0,
  };
  let changes = 0;
  let bytesAdded = 0;
  let bytesRemoved = 0;
  for await (const entry of diffDirectories(before, after, { signal })) {
    await pause();
    counts[entry.change]++;
    const grown = sizeOf(entry.after) - sizeOf(entry.before);
    if (grown > 0) bytesAdded += grown;
    else bytesRemoved -= grown;
    if (changes++ < limit) yield { type: "change", change: changeJson(entry, folder) };
  }
  yield { type: "done", truncated: changes > limit, counts, bytesAdded, bytesRemoved };
}

function sizeOf(entry: FsEntry | undefined): number {
  return entry?.type === "file" ? entry.attributes.sizeBytes : 0;
}

function changeJson(entry: EngineDiffEntry, folder: readonly Bytes[]): DiffEntry {
  const { path, change, before, after, fields } = entry;
  const names = splitPath(path);
  return {
    path: encodePath([...folder, ...names]),
    names: names.map(displayName),
    change,
    fields,
    before: before && entryJson(before),
    after: after && entryJson(after),
  };
}
