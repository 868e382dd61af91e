/**
 * The versions of a path as a line through time, the newest at the top: what each is, how long it was
 * there, and what can be done with it.
 */
import { Download, Eye, GitCompareArrows, TriangleAlert } from "lucide-react";
import { useState } from "react";
import type { ReactNode } from "react";

import type { EncodedPath, Version, VersionList } from "../../../../src/server/api.ts";
import { contentUrl } from "../../api/urls.ts";
import { Badge } from "../../components/badge.tsx";
import { Button, LinkButton } from "../../components/button.tsx";
import { classNames } from "../../components/class-names.ts";
import { Link } from "../../components/link.tsx";
import { DateTime } from "../../components/time.tsx";
import { formatCount, formatSize } from "../../format.ts";
import { navigate } from "../../router.ts";
import { browseHref, compareHref, fileHref } from "../../routes.ts";
import { sizeChange } from "./size-change.ts";
import styles from "./version-list.module.css";

export interface VersionItemsProps {
  readonly path: EncodedPath;
  readonly versions: VersionList["versions"];
  /** The snapshot that is looked at: the version it has is marked. */
  readonly shownSnapshotId?: string | undefined;
  /** A button that takes one version back. */
  readonly restoreButton?: ((version: Version) => ReactNode) | undefined;
  /** In a narrow column: less beside each. */
  readonly compact?: boolean;
}

export function VersionItems({
  path,
  versions,
  shownSnapshotId,
  restoreButton,
  compact = false,
}: VersionItemsProps): ReactNode {
  const [picked, setPicked] = useState<Version>();
  return (
    <>
      {picked && (
        <div role="status" className={styles["picking"]}>
          <span>Choose the version to compare with.</span>
          <Button
            size="small"
            variant="quiet"
            onClick={() => {
              setPicked(undefined);
            }}
          >
            Cancel
          </Button>
        </div>
      )}
      <ol className={classNames(styles["list"], compact && styles["compact"])}>
        {versions.map((version, index) => (
          <VersionItem
            key={version.firstSnapshotId}
            path={path}
            version={version}
            older={versions[index + 1]}
            isNewest={index === 0}
            isShown={
              shownSnapshotId !== undefined &&
              (version.firstSnapshotId === shownSnapshotId ||
                version.lastSnapshotId === shownSnapshotId)
            }
            picked={picked}
            canCompare={versions.length > 1}
            onPick={() => {
              if (picked === undefined) setPicked(version);
              else if (picked === version) setPicked(undefined);
              else navigate(compareVersions(path, picked, version));
            }}
            restoreButton={restoreButton}
          />
        ))}
      </ol>
    </>
  );
}

/** The comparison of two versions, the older one first. */
function compareVersions(path: EncodedPath, a: Version, b: Version): string {
  const [before, after] = a.lastTimeMs < b.lastTimeMs ? [a, b] : [b, a];
  return compareHref(before.lastSnapshotId, after.lastSnapshotId, path);
}

function VersionItem({
  path,
  version,
  older,
  isNewest,
  isShown,
  picked,
  canCompare,
  onPick,
  restoreButton,
}: {
  readonly path: EncodedPath;
  readonly version: Version;
  readonly older: Version | undefined;
  readonly isNewest: boolean;
  readonly isShown: boolean;
  readonly picked: Version | undefined;
  readonly canCompare: boolean;
  readonly onPick: () => void;
  readonly restoreButton: ((version: Version) => ReactNode) | undefined;
}): ReactNode {
  const { entry, firstTimeMs, lastTimeMs, lastSnapshotId, snapshotCount } = version;
  const isFile = entry.type === "file";
  const href =
    entry.type === "directory" ? browseHref(lastSnapshotId, path) : fileHref(lastSnapshotId, path);
  const isPicked = picked === version;
  return (
    <li
      className={classNames(
        styles["item"],
        isNewest && styles["newest"],
        isPicked && styles["picked"],
      )}
    >
      <span aria-hidden className={styles["dot"]} />
      <div className={styles["body"]}>
        <div className={styles["title"]}>
          <Link href={href} className={styles["time"]}>
            <DateTime timeMs={entry.mtimeMs} />
          </Link>
          {isNewest && <Badge tone="accent">Newest</Badge>}
          {isShown && <Badge>Shown here</Badge>}
          {isFile && entry.sizeBytes === 0 && older && older.entry.sizeBytes > 0 && (
            <Badge tone="warning" icon={TriangleAlert} title="The version before it had content">
              Empty
            </Badge>
          )}
        </div>
        <p className={styles["facts"]}>
          {isFile && (
            <span className={styles["size"]}>
              {formatSize(entry.sizeBytes)}
              {older?.entry.type === "file" && (
                <span className={styles["change"]}>
                  {sizeChange(older.entry.sizeBytes, entry.sizeBytes)}
                </span>
              )}
            </span>
          )}
          {entry.type === "symlink" && <span>Link to {entry.target}</span>}
          <span>
            {snapshotCount === 1 ? (
              <>
                Seen once, <DateTime timeMs={lastTimeMs} />
              </>
            ) : (
              <>
                In {formatCount(snapshotCount, "snapshot")}, <DateTime timeMs={firstTimeMs} /> to{" "}
                <DateTime timeMs={lastTimeMs} />
              </>
            )}
          </span>
        </p>
        <div className={styles["actions"]}>
          <LinkButton href={href} size="small" icon={Eye}>
            Open
          </LinkButton>
          {isFile && (
            <LinkButton
              href={contentUrl(lastSnapshotId, path)}
              download
              size="small"
              icon={Download}
            >
              Download
            </LinkButton>
          )}
          {restoreButton?.(version)}
          {older && picked === undefined && (
            <LinkButton
              href={compareVersions(path, older, version)}
              size="small"
              variant="quiet"
              icon={GitCompareArrows}
            >
              What changed
            </LinkButton>
          )}
          {canCompare && (
            <Button
              size="small"
              variant={picked === undefined || isPicked ? "quiet" : "primary"}
              aria-pressed={isPicked}
              onClick={onPick}
            >
              {picked === undefined ? "Compare with…" : isPicked ? "Chosen" : "Compare with this"}
            </Button>
          )}
        </div>
      </div>
    </li>
  );
}
