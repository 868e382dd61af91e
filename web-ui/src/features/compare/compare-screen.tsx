/** What differs between two snapshots: below a folder as a tree, of a file as text or picture. */
import { ArrowLeftRight, FileQuestion } from "lucide-react";
import type { ReactNode } from "react";

import type {
  EncodedPath,
  EntryDetails,
  PathCrumb,
  SnapshotInfo,
} from "../../../../src/server/api.ts";
import { isNotFound } from "../../api/client.ts";
import { useEntry, useSnapshot } from "../../api/queries.ts";
import { Breadcrumbs } from "../../components/breadcrumbs.tsx";
import { IconButton, LinkButton } from "../../components/button.tsx";
import { Link } from "../../components/link.tsx";
import { Screen, ScreenHead, ScreenTitle } from "../../components/screen.tsx";
import { EmptyState, ErrorState, SkeletonRows, SlowNotice } from "../../components/states.tsx";
import { DateTime } from "../../components/time.tsx";
import { navigate } from "../../router.ts";
import { browseHref, compareHref, fileHref } from "../../routes.ts";
import { useTitle } from "../../shell/use-title.ts";
import styles from "./compare-screen.module.css";
import { FileCompare } from "./file-compare.tsx";
import { FolderCompare } from "./folder-compare.tsx";

export default function CompareScreen({
  beforeId,
  afterId,
  path,
}: {
  readonly beforeId: string;
  readonly afterId: string;
  readonly path: EncodedPath;
}): ReactNode {
  const before = useEntry(beforeId, path);
  const after = useEntry(afterId, path);
  const crumbs = after.data?.crumbs ?? before.data?.crumbs ?? [];
  const name = crumbs.at(-1)?.name;
  useTitle(name === undefined ? "Compare snapshots" : `Compare ${name}`);
  return (
    <Screen>
      <Head beforeId={beforeId} afterId={afterId} path={path} crumbs={crumbs} />
      {before.isPending || after.isPending ? (
        <>
          <SlowNotice pending />
          <SkeletonRows count={10} rowHeight={38} label="Comparing" />
        </>
      ) : before.isError || after.isError ? (
        <Missing
          before={before.data}
          after={after.data}
          error={before.error ?? after.error}
          path={path}
          onRetry={() => {
            if (before.isError) void before.refetch();
            if (after.isError) void after.refetch();
          }}
        />
      ) : before.data.entry.type === "directory" && after.data.entry.type === "directory" ? (
        <FolderCompare beforeId={beforeId} afterId={afterId} path={path} />
      ) : (
        <FileCompare before={before.data} after={after.data} path={path} />
      )}
    </Screen>
  );
}

/** One side does not have the path, or could not be asked. */
function Missing({
  before,
  after,
  error,
  path,
  onRetry,
}: {
  readonly before: EntryDetails | undefined;
  readonly after: EntryDetails | undefined;
  readonly error: Error | null;
  readonly path: EncodedPath;
  readonly onRetry: () => void;
}): ReactNode {
  if (!isNotFound(error)) {
    return <ErrorState title="This cannot be compared" error={error} onRetry={onRetry} />;
  }
  const one = after ?? before;
  if (one === undefined) {
    return (
      <EmptyState icon={FileQuestion} title="Neither snapshot has this path">
        It may have another name, or the address was cut.
      </EmptyState>
    );
  }
  const href =
    one.entry.type === "directory"
      ? browseHref(one.snapshotId, path)
      : fileHref(one.snapshotId, path);
  return (
    <EmptyState
      icon={FileQuestion}
      title={`Only the ${after ? "later" : "earlier"} snapshot has ${one.entry.name}`}
      actions={<LinkButton href={href}>Open it</LinkButton>}
    >
      There is nothing to compare it with.
    </EmptyState>
  );
}

function Head({
  beforeId,
  afterId,
  path,
  crumbs,
}: {
  readonly beforeId: string;
  readonly afterId: string;
  readonly path: EncodedPath;
  readonly crumbs: readonly PathCrumb[];
}): ReactNode {
  const before = useSnapshot(beforeId);
  const after = useSnapshot(afterId);
  return (
    <ScreenHead>
      <ScreenTitle>Compare</ScreenTitle>
      <div className={styles["sides"]}>
        <Side label="Before" id={beforeId} snapshot={before} />
        <IconButton
          icon={ArrowLeftRight}
          label="Swap before and after"
          onClick={() => {
            navigate(compareHref(afterId, beforeId, path), { replace: true });
          }}
        />
        <Side label="After" id={afterId} snapshot={after} />
      </div>
      <Breadcrumbs
        crumbs={[
          { key: "/", label: "All files", href: compareHref(beforeId, afterId) },
          ...crumbs.map((crumb) => ({
            key: crumb.path,
            label: crumb.name,
            href: compareHref(beforeId, afterId, crumb.path),
          })),
        ]}
      />
    </ScreenHead>
  );
}

function Side({
  label,
  id,
  snapshot,
}: {
  readonly label: string;
  readonly id: string;
  readonly snapshot: SnapshotInfo | undefined;
}): ReactNode {
  return (
    <div className={styles["side"]}>
      <span className={styles["sideLabel"]}>{label}</span>
      <Link href={browseHref(id, "")} className={styles["sideTime"]}>
        {snapshot ? <DateTime timeMs={snapshot.timeMs} /> : `Snapshot ${id.slice(0, 8)}`}
      </Link>
      {snapshot && (
        <span className={styles["sideAbout"]}>
          {snapshot.hostname} · {snapshot.shortId}
        </span>
      )}
    </div>
  );
}
