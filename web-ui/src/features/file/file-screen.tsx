/** One file of a snapshot: what is in it, what is known of it, and the versions it had. */
import { Download } from "lucide-react";
import { useEffect, useState } from "react";
import type { ReactNode } from "react";

import type { EncodedPath, EntryDetails } from "../../../../src/server/api.ts";
import { isNotFound } from "../../api/client.ts";
import { useEntry } from "../../api/queries.ts";
import { contentUrl } from "../../api/urls.ts";
import { LinkButton } from "../../components/button.tsx";
import { EntryIcon } from "../../components/entry-icon.tsx";
import { Screen } from "../../components/screen.tsx";
import { ErrorState, Skeleton, SlowNotice } from "../../components/states.tsx";
import { Tabs } from "../../components/tabs.tsx";
import { DateTime } from "../../components/time.tsx";
import { formatSize } from "../../format.ts";
import { navigate } from "../../router.ts";
import { browseHref, fileHref } from "../../routes.ts";
import { useTitle } from "../../shell/use-title.ts";
import { MissingPath } from "../browse/missing-path.tsx";
import { PathToolbar } from "../browse/path-toolbar.tsx";
import { useAddressSnapshot } from "../browse/use-address-snapshot.ts";
import { RestoreButton, RestoreVersion } from "../take-back/selection-actions.tsx";
import { VersionPanel } from "../versions/version-panel.tsx";
import { DetailsPanel } from "./details-panel.tsx";
import styles from "./file-screen.module.css";
import { FileSteps } from "./file-steps.tsx";
import { PreviewSkeleton } from "./preview-frame.tsx";
import { Preview } from "./preview.tsx";

export default function FileScreen({
  snapshotId,
  path,
}: {
  readonly snapshotId: string;
  readonly path: EncodedPath;
}): ReactNode {
  const { id, snapshot, known } = useAddressSnapshot(snapshotId);
  const query = useEntry(id, path, { enabled: known });
  const details = query.data;
  useTitle(details?.entry.name ?? "File");

  const isFolder = details?.entry.type === "directory";
  useEffect(() => {
    if (isFolder) navigate(browseHref(snapshotId, path), { replace: true });
  }, [isFolder, snapshotId, path]);

  return (
    <Screen flowing>
      {query.isError && <h1 className="visually-hidden">File</h1>}
      <PathToolbar
        what="file"
        snapshotId={snapshotId}
        snapshot={snapshot}
        path={path}
        crumbs={details?.crumbs}
      />
      {query.isError && isNotFound(query.error) ? (
        <MissingPath
          snapshotId={id}
          snapshot={snapshot}
          path={path}
          what="file"
          hrefIn={(other) => fileHref(other, path)}
        />
      ) : query.isError ? (
        <ErrorState
          title="This file cannot be shown"
          error={query.error}
          onRetry={() => void query.refetch()}
        />
      ) : (
        <>
          <FileHead details={details} path={path} />
          <div className={styles["content"]}>
            <section aria-label="Preview" className={styles["preview"]}>
              {details && !isFolder ? (
                <Preview key={`${id} ${path}`} details={details} path={path} />
              ) : (
                <>
                  <SlowNotice pending />
                  <PreviewSkeleton />
                </>
              )}
            </section>
            <aside aria-label="About this file" className={styles["side"]}>
              {details && !isFolder && <Side details={details} path={path} />}
            </aside>
          </div>
        </>
      )}
    </Screen>
  );
}

function FileHead({
  details,
  path,
}: {
  readonly details: EntryDetails | undefined;
  readonly path: EncodedPath;
}): ReactNode {
  if (details === undefined) {
    return (
      <div className={styles["head"]}>
        <Skeleton width={260} height={22} />
      </div>
    );
  }
  const { entry, snapshotId } = details;
  return (
    <div className={styles["head"]}>
      <EntryIcon entry={entry} size={28} />
      <div className={styles["title"]}>
        <h1 title={entry.name}>{entry.name}</h1>
        <p>
          {entry.type === "file" && `${formatSize(entry.sizeBytes)} · `}
          modified <DateTime timeMs={entry.mtimeMs} />
        </p>
      </div>
      <FileSteps snapshotId={snapshotId} path={path} />
      <div className={styles["actions"]}>
        {entry.type === "file" && (
          <LinkButton
            href={contentUrl(snapshotId, path)}
            variant="primary"
            icon={Download}
            download
          >
            Download
          </LinkButton>
        )}
        <RestoreButton snapshotId={snapshotId} paths={[path]} size="medium" />
      </div>
    </div>
  );
}

function Side({
  details,
  path,
}: {
  readonly details: EntryDetails;
  readonly path: EncodedPath;
}): ReactNode {
  const [tab, setTab] = useState<"details" | "versions">("details");
  return (
    <Tabs
      label="About this file"
      value={tab}
      onValueChange={setTab}
      tabs={[
        {
          value: "details",
          label: "Details",
          content: () => <DetailsPanel details={details} />,
        },
        {
          value: "versions",
          label: "Versions",
          content: () => (
            <div className={styles["versions"]}>
              <VersionPanel
                path={path}
                snapshotId={details.snapshotId}
                restoreButton={(version) => <RestoreVersion version={version} path={path} />}
              />
            </div>
          ),
        },
      ]}
    />
  );
}
