/** The contents that one path had over time. */
import {
  type FsEntry,
  ForgeError,
  type Snapshot,
  displayName,
  pathVersions,
  versionKey,
} from "../../../engine/node.ts";
import { abortedSignal } from "../../../webdav/index.ts";
import type { Version, VersionList } from "../api.ts";
import { type ApiRoute, getRoute } from "../api-route.ts";
import { entryJson, milliseconds } from "../entry-json.ts";
import { sendJson } from "../send-json.ts";
import { crumbsOf, decodeEncodedPath } from "../snapshot-place.ts";
import { createTurns } from "../turns.ts";
import type { WebContext } from "../web-context.ts";

export function versionRoutes(context: WebContext): readonly ApiRoute[] {
  return [
    getRoute("/versions/{path...}", async ({ response, param, query }) => {
      const options = { host: query.findText("host"), signal: abortedSignal(response) };
      sendJson(response, await versionList(context, param("path"), options));
    }),
  ];
}

/** Snapshots that hold one content. */
interface Holders {
  readonly first: Snapshot;
  last: Snapshot;
  /** As in `last`. */
  entry: FsEntry;
  count: number;
}

/** @throws ForgeError "not-found" when no snapshot has the path. */
async function versionList(
  { catalog, now }: WebContext,
  path: string,
  { host, signal }: { readonly host: string | undefined; readonly signal: AbortSignal },
): Promise<VersionList> {
  const names = decodeEncodedPath(path);
  const pause = createTurns(now);
  const all = (await catalog.list()).snapshots;
  const snapshots = all.filter(({ hostname }) => host === undefined || hostname === host);
  const roots = async function* () {
    for (const snapshot of snapshots) {
      await pause();
      yield { snapshot, root: await catalog.rootOf(snapshot) };
    }
  };
  const contents = new Map<string, Holders>();
  let absentCount = 0;
  for await (const { snapshot, entry } of pathVersions(roots(), names, { signal })) {
    if (entry === undefined) {
      absentCount++;
      continue;
    }
    const key = versionKey(entry);
    const known = contents.get(key);
    if (known === undefined) {
      contents.set(key, { first: snapshot, last: snapshot, entry, count: 1 });
    } else {
      known.last = snapshot;
      known.entry = entry;
      known.count++;
    }
  }
  if (contents.size === 0) {
    throw new ForgeError(
      "not-found",
      `Cannot find versions of /${names.map(displayName).join("/")}: no snapshot has it`,
    );
  }
  const versions = Array.from(contents.values(), versionJson);
  return {
    crumbs: crumbsOf(names),
    versions: versions.sort((a, b) => b.lastTimeMs - a.lastTimeMs),
    snapshotCount: snapshots.length,
    absentCount,
  };
}

function versionJson({ first, last, entry, count }: Holders): Version {
  return {
    entry: entryJson(entry),
    firstSnapshotId: first.id,
    firstTimeMs: milliseconds(first.timeNs),
    lastSnapshotId: last.id,
    lastTimeMs: milliseconds(last.timeNs),
    snapshotCount: count,
  };
}
