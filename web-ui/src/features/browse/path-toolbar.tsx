/** Where one is in a snapshot, the way up, and the same path in other snapshots. */
import { ArrowLeft, ArrowUp } from "lucide-react";
import type { ReactNode } from "react";

import type { EncodedPath, PathCrumb, SnapshotInfo } from "../../../../src/server/api.ts";
import { IconButton } from "../../components/button.tsx";
import { navigate } from "../../router.ts";
import { browseHref, fileHref, lastName, parentPath } from "../../routes.ts";
import { FolderCrumbs } from "./folder-crumbs.tsx";
import styles from "./path-toolbar.module.css";
import { SnapshotSwitcher } from "./snapshot-switcher.tsx";

export function PathToolbar({
  what,
  snapshotId,
  snapshot,
  path,
  crumbs,
}: {
  /** Of a folder, all crumbs are shown; of a file, those of the folder it is in. */
  readonly what: "folder" | "file";
  /** As the address has it. */
  readonly snapshotId: string;
  /** Absent while the list of snapshots is loading. */
  readonly snapshot: SnapshotInfo | undefined;
  readonly path: EncodedPath;
  /** All of `path`; absent while they are loading. */
  readonly crumbs: readonly PathCrumb[] | undefined;
}): ReactNode {
  const isFile = what === "file";
  const goUp = (): void => {
    navigate(browseHref(snapshotId, parentPath(path)), { state: lastName(path) });
  };
  return (
    <div className={styles["toolbar"]}>
      <div className={styles["where"]}>
        {isFile ? (
          <IconButton icon={ArrowLeft} label="Back to the folder" onClick={goUp} />
        ) : (
          <IconButton icon={ArrowUp} label="Folder above" disabled={path === ""} onClick={goUp} />
        )}
        <FolderCrumbs
          snapshotId={snapshotId}
          path={isFile ? parentPath(path) : path}
          crumbs={isFile ? crumbs?.slice(0, -1) : crumbs}
          linkLast={isFile}
        />
      </div>
      <SnapshotSwitcher
        snapshot={snapshot}
        path={path}
        hrefIn={(other) => (isFile ? fileHref(other, path) : browseHref(other, path))}
      />
    </div>
  );
}
