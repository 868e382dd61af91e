/** The versions of a file beside its preview. */
import { History } from "lucide-react";
import type { ReactNode } from "react";

import type { EncodedPath, Version } from "../../../../src/server/api.ts";
import { LinkButton } from "../../components/button.tsx";
import { ErrorState, Skeleton } from "../../components/states.tsx";
import { formatCount } from "../../format.ts";
import { versionsHref } from "../../routes.ts";
import { useVersions } from "./use-versions.ts";
import { VersionItems } from "./version-list.tsx";
import styles from "./versions-screen.module.css";

/** More are on their own page. */
const SHOWN_MAX = 6;

export function VersionPanel({
  path,
  snapshotId,
  restoreButton,
}: {
  readonly path: EncodedPath;
  /** The snapshot that is looked at. */
  readonly snapshotId: string;
  readonly restoreButton?: ((version: Version) => ReactNode) | undefined;
}): ReactNode {
  const query = useVersions(path);
  if (query.isPending) return <VersionSkeletons count={2} />;
  if (query.isError) {
    return (
      <ErrorState
        title="The versions cannot be listed"
        error={query.error}
        onRetry={() => void query.refetch()}
      />
    );
  }
  const { versions, snapshotCount } = query.data;
  return (
    <div className={styles["panel"]}>
      <p className={styles["panelSummary"]}>
        {versions.length === 1
          ? `The same content in all ${formatCount(snapshotCount - query.data.absentCount, "snapshot")} that have it`
          : `${formatCount(versions.length, "version")} in ${formatCount(snapshotCount, "snapshot")}`}
      </p>
      <VersionItems
        path={path}
        versions={versions.slice(0, SHOWN_MAX)}
        shownSnapshotId={snapshotId}
        restoreButton={restoreButton}
        compact
      />
      {versions.length > SHOWN_MAX && (
        <LinkButton href={versionsHref(path)} size="small" icon={History}>
          All {formatCount(versions.length, "version")}
        </LinkButton>
      )}
    </div>
  );
}

export function VersionSkeletons({ count }: { readonly count: number }): ReactNode {
  return (
    <div role="status" aria-label="Loading versions" className={styles["skeletons"]}>
      {Array.from({ length: count }, (_, index) => (
        <div key={index} className={styles["skeleton"]}>
          <Skeleton width="38%" height={16} />
          <Skeleton width="64%" />
          <Skeleton width="48%" height={26} />
        </div>
      ))}
    </div>
  );
}
