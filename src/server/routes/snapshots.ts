/** The list of snapshots. */
import {
  type Bytes,
  type Snapshot,
  displayName,
  isForgeError,
  splitPath,
} from "../../../engine/node.ts";
import type { SnapshotInfo, SnapshotList, SnapshotStats } from "../api.ts";
import { type ApiRoute, getRoute } from "../api-route.ts";
import { milliseconds } from "../entry-json.ts";
import { sendJson } from "../send-json.ts";
import { encodePath } from "../snapshot-place.ts";
import type { WebContext } from "../web-context.ts";

export function snapshotRoutes({ catalog }: WebContext): readonly ApiRoute[] {
  return [
    getRoute("/snapshots", async ({ response }) => {
      const { snapshots, problems } = await catalog.list();
      const list: SnapshotList = { snapshots: snapshots.map(snapshotJson).reverse(), problems };
      sendJson(response, list);
    }),
  ];
}

function snapshotJson(snapshot: Snapshot): SnapshotInfo {
  return {
    id: snapshot.id,
    shortId: snapshot.id.slice(0, 8),
    timeMs: milliseconds(snapshot.timeNs),
    endTimeMs: milliseconds(snapshot.endTimeNs),
    hostname: snapshot.hostname,
    username: snapshot.username,
    paths: snapshot.paths.map((path) => ({
      name: displayName(path),
      path: encodePath(componentsOf(path)),
    })),
    tags: snapshot.tags,
    label: snapshot.label,
    name: snapshot.name,
    parentId: snapshot.parent,
    stats: statsJson(snapshot.stats),
    problems: snapshot.problems,
    program: snapshot.program,
  };
}

function statsJson(stats: Snapshot["stats"]): SnapshotStats {
  const { files, directories, others, bytes, bytesNew, bytesStored } = stats;
  const { filesNew, filesChanged, filesUnchanged } = stats;
  const counts = { files, directories, others, filesNew, filesChanged, filesUnchanged };
  return { ...counts, bytes, bytesNew, bytesStored };
}

/** Whoever wrote the snapshot chose the path: one with `..` leads nowhere in it. */
function componentsOf(path: Bytes): readonly Bytes[] {
  try {
    return splitPath(path);
  } catch (error) {
    if (!isForgeError(error, "usage")) throw error;
    return [];
  }
}
