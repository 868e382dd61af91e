/** One path that was found: its name and place, and where to go from here. */
import { FolderOpen, History } from "lucide-react";
import type { ReactNode } from "react";

import type { SearchHit } from "../../../../src/server/api.ts";
import { Badge } from "../../components/badge.tsx";
import { EntryIcon } from "../../components/entry-icon.tsx";
import { Link } from "../../components/link.tsx";
import { LeadCell, ListRow } from "../../components/list-row.tsx";
import { DateTime } from "../../components/time.tsx";
import { formatCount, formatSize } from "../../format.ts";
import { browseHref, fileHref, lastName, parentPath, versionsHref } from "../../routes.ts";
import styles from "./hit-row.module.css";
import { markName } from "./mark-name.ts";

/** The page of what was found, in the newest snapshot that has it. */
export function hitHref({ entry, path, newestSnapshotId }: SearchHit): string {
  return entry.type === "directory"
    ? browseHref(newestSnapshotId, path)
    : fileHref(newestSnapshotId, path);
}

export function folderHref({ path, newestSnapshotId }: SearchHit): string {
  return browseHref(newestSnapshotId, parentPath(path));
}

export function HitRow({
  id,
  hit,
  query,
  current,
}: {
  readonly id: string;
  readonly hit: SearchHit;
  readonly query: string;
  /** The cursor of the keyboard is on it. */
  readonly current: boolean;
}): ReactNode {
  const { entry, folder, path } = hit;
  return (
    <ListRow id={id} current={current} className={styles["row"]}>
      <LeadCell className={styles["lead"]}>
        <EntryIcon entry={entry} size={20} />
        <span className={styles["words"]}>
          <span className={styles["nameLine"]}>
            <Link href={hitHref(hit)} tabIndex={-1} className={styles["name"]} title={entry.name}>
              {markName(entry.name, query).map(({ text, marked }, index) =>
                marked ? <mark key={index}>{text}</mark> : <span key={index}>{text}</span>,
              )}
            </Link>
            {hit.deleted && (
              <Badge tone="danger" title="The latest snapshots no longer have it">
                Deleted
              </Badge>
            )}
          </span>
          <Link
            href={folderHref(hit)}
            state={lastName(path)}
            tabIndex={-1}
            className={styles["folder"]}
            title={folder}
          >
            {/* Cut at the beginning: the end of a path says more. */}
            <bdi>{folder}</bdi>
          </Link>
        </span>
      </LeadCell>
      <div role="gridcell" className={styles["size"]}>
        {entry.type === "file" ? formatSize(entry.sizeBytes) : ""}
      </div>
      <div role="gridcell" className={styles["time"]}>
        <DateTime timeMs={entry.mtimeMs} />
      </div>
      <div role="gridcell" className={styles["versions"]}>
        <Link href={versionsHref(path)} tabIndex={-1} className={styles["action"]}>
          <History aria-hidden size={15} />
          {formatCount(hit.versionCount, "version")}
        </Link>
      </div>
      <div role="gridcell" className={styles["open"]}>
        <Link
          href={folderHref(hit)}
          state={lastName(path)}
          tabIndex={-1}
          className={styles["action"]}
          aria-label={`Show ${entry.name} in its folder`}
          title="Show in folder"
        >
          <FolderOpen aria-hidden size={16} />
        </Link>
      </div>
    </ListRow>
  );
}
