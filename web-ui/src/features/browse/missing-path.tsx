/** What is shown where a snapshot has no such path: that it has none, and where it is found. */
import { useQuery } from "@tanstack/react-query";
import { FileQuestion } from "lucide-react";
import type { ReactNode } from "react";

import type { EncodedPath, SnapshotInfo, VersionList } from "../../../../src/server/api.ts";
import { apiGet } from "../../api/client.ts";
import { versionsUrl } from "../../api/urls.ts";
import { LinkButton } from "../../components/button.tsx";
import { EmptyState } from "../../components/states.tsx";
import { formatDateTime } from "../../format.ts";
import { browseHref, parentPath } from "../../routes.ts";

export function MissingPath({
  snapshotId,
  snapshot,
  path,
  what,
  hrefIn,
}: {
  readonly snapshotId: string;
  readonly snapshot: SnapshotInfo | undefined;
  readonly path: EncodedPath;
  readonly what: "folder" | "file";
  readonly hrefIn: (snapshotId: string) => string;
}): ReactNode {
  const versions = useQuery({
    queryKey: ["versions", path],
    queryFn: ({ signal }) => apiGet<VersionList>(versionsUrl(path), { signal }),
    enabled: path !== "",
  });
  const last = versions.data?.versions[0];
  return (
    <EmptyState
      icon={FileQuestion}
      title={`This snapshot has no such ${what}`}
      actions={
        <>
          {last && (
            <LinkButton href={hrefIn(last.lastSnapshotId)} variant="primary">
              Open it there
            </LinkButton>
          )}
          <LinkButton href={browseHref(snapshotId, parentPath(path))}>
            Show the folder above
          </LinkButton>
        </>
      }
    >
      {snapshot && <>It is not in the snapshot of {formatDateTime(snapshot.timeMs)}. </>}
      {last && <>It was last in the one of {formatDateTime(last.lastTimeMs)}.</>}
    </EmptyState>
  );
}
