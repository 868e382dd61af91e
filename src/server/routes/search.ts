/** Search by name, in one snapshot or in all. */
import { setTimeout as sleep } from "node:timers/promises";
import {
  type Bytes,
  type FsDirectory,
  type FsEntryType,
  ForgeError,
  type NameHit,
  NameIndex,
  type NamePattern,
  type NamedSnapshot,
  type Snapshot,
  displayName,
  findEntry,
  searchNames,
} from "../../../engine/node.ts";
import { textPattern } from "../../cli/name-pattern.ts";
import type { SearchHit, SearchLine } from "../api.ts";
import { type ApiRoute, type SessionCall, getRoute } from "../api-route.ts";
import { backupCovers } from "../backup-covers.ts";
import { entryJson } from "../entry-json.ts";
import { sendJsonLines } from "../send-json.ts";
import { decodeEncodedPath, encodePath } from "../snapshot-place.ts";
import { createTurns } from "../turns.ts";
import type { WebContext } from "../web-context.ts";

const QUERY_CHARACTERS_MAX = 1000;
const LIMIT_DEFAULT = 500;
const LIMIT_MAX = 5000;
const PROGRESS_MS = 120;

export function searchRoutes(context: WebContext): readonly ApiRoute[] {
  const index = new NameIndex(context.readSide.trees);
  return [
    getRoute("/search", async (call) => {
      // What cannot be looked for is said with a status; only then the stream begins.
      const request = readRequest(call);
      const snapshots = await chooseSnapshots(context, request);
      await sendJsonLines(
        call,
        (signal) => search(context, { index, request, snapshots, signal }),
        context.onError,
      );
    }),
  ];
}

interface SearchRequest {
  readonly pattern: NamePattern;
  readonly ignoreCase: boolean;
  readonly types: ReadonlySet<FsEntryType> | undefined;
  /** `undefined`: all. */
  readonly snapshot: string | undefined;
  readonly host: string | undefined;
  /** The folder to search below. */
  readonly folder: readonly Bytes[];
  readonly limit: number;
}

function readRequest({ query }: SessionCall): SearchRequest {
  const text = (query.findText("q") ?? "").normalize("NFC");
  if (text.replace(/\/+$/, "") === "") {
    throw new ForgeError("usage", "Cannot search: there is nothing to look for");
  }
  if (text.length > QUERY_CHARACTERS_MAX) {
    throw new ForgeError("usage", `Cannot search for ${text.length} characters: it is too long`);
  }
  const ignoreCase = text === text.toLowerCase();
  const isGlob = /[*?[]/.test(text);
  const snapshot = query.findRaw("snapshot");
  return {
    pattern: isGlob
      ? { kind: "test", ...textPattern(text, { ignoreCase }) }
      : { kind: "part", text },
    ignoreCase,
    types: typesOf(query.findRaw("type")),
    snapshot: snapshot === "all" ? undefined : snapshot,
    host: query.findText("host"),
    folder: decodeEncodedPath(query.findRaw("path") ?? ""),
    limit: query.number("limit", { min: 1, max: LIMIT_MAX, fallback: LIMIT_DEFAULT }),
  };
}

function typesOf(text: string | undefined): ReadonlySet<FsEntryType> | undefined {
  switch (text) {
    case undefined:
    case "":
      return undefined;
    case "file":
    case "directory":
      return new Set([text]);
    default:
      throw new ForgeError("usage", 'Cannot search for this type: it is "file" or "directory"');
  }
}

/** The newest first. */
async function chooseSnapshots(
  { catalog }: WebContext,
  { snapshot, host }: SearchRequest,
): Promise<readonly Snapshot[]> {
  if (snapshot !== undefined) return [await catalog.resolve(snapshot)];
  const { snapshots } = await catalog.list();
  const chosen = snapshots.filter(({ hostname }) => host === undefined || hostname === host);
  return chosen.toReversed();
}

interface SearchWork {
  readonly index: NameIndex;
  readonly request: SearchRequest;
  readonly snapshots: readonly Snapshot[];
  readonly signal: AbortSignal;
}

async function* search(
  context: WebContext,
  { index, request, snapshots, signal }: SearchWork,
): AsyncGenerator<SearchLine> {
  const { folder, limit, pattern, ignoreCase, types } = request;
  const pause = createTurns(context.now);
  const named: NamedSnapshot<Snapshot>[] = [];
  for (const snapshot of snapshots) {
    signal.throwIfAborted();
    await pause();
    const root = await context.catalog.rootOf(snapshot);
    named.push({ snapshot, root: await folderOf(root, folder) });
  }
  let snapshotsDone = 0;
  const searching = searchNames(
    index,
    named,
    { pattern, ignoreCase, types },
    {
      limit,
      signal,
      pause,
      onProgress: (done) => (snapshotsDone = done),
      misses: (later, newest, path) =>
        later.hostname === newest.hostname && backupCovers(later, [...folder, path]),
    },
  );
  const ended = searching.then(
    () => true,
    () => true,
  );
  while (!(await Promise.race([ended, sleep(PROGRESS_MS, false)]))) {
    yield { type: "progress", snapshotsDone, snapshotsTotal: named.length };
  }
  const { hits, total } = await searching;
  for (const hit of hits) yield { type: "hit", hit: hitJson(hit, folder) };
  yield { type: "done", hits: total, truncated: total > hits.length };
}

async function folderOf(
  root: FsDirectory,
  names: readonly Bytes[],
): Promise<FsDirectory | undefined> {
  const entry = await findEntry(root, names);
  return entry?.type === "directory" ? entry : undefined;
}

function hitJson(hit: NameHit<Snapshot>, folder: readonly Bytes[]): SearchHit {
  const names = [...folder, ...hit.parts];
  return {
    entry: entryJson(hit.entry),
    path: encodePath(names),
    folder: `/${names.slice(0, -1).map(displayName).join("/")}`,
    newestSnapshotId: hit.newest.id,
    oldestSnapshotId: hit.oldest.id,
    snapshotCount: hit.snapshotCount,
    versionCount: hit.versionCount,
    deleted: hit.isDeleted,
  };
}
