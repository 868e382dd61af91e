/** All versions of a path: the page that answers "which one do I want back?". */
import { FileQuestion } from "lucide-react";
import type { ReactNode } from "react";

import type { EncodedPath, Version } from "../../../../src/server/api.ts";
import { isNotFound } from "../../api/client.ts";
import { useSnapshots } from "../../api/queries.ts";
import { EntryIcon } from "../../components/entry-icon.tsx";
import { FilterChoice, namedOptions } from "../../components/filter-bar.tsx";
import { Link } from "../../components/link.tsx";
import { ScreenTitle } from "../../components/screen.tsx";
import { EmptyState, ErrorState, SlowNotice } from "../../components/states.tsx";
import { formatCount } from "../../format.ts";
import { useQueryParams } from "../../router.ts";
import { browseHref, lastName, parentPath } from "../../routes.ts";
import { useTitle } from "../../shell/use-title.ts";
import { useVersions } from "./use-versions.ts";
import { RestoreVersion } from "../take-back/selection-actions.tsx";
import { VersionItems } from "./version-list.tsx";
import { VersionSkeletons } from "./version-panel.tsx";
import styles from "./versions-screen.module.css";

export default function VersionsScreen({ path }: { readonly path: EncodedPath }): ReactNode {
  const [params, setParams] = useQueryParams();
  const host = params.get("host") ?? "";
  const query = useVersions(path, host);
  const name = query.data?.crumbs.at(-1)?.name ?? "";
  useTitle(name === "" ? "Versions" : `Versions of ${name}`);
  return (
    <div className={styles["screen"]}>
      <div className={styles["page"]}>
        {query.data === undefined && <h1 className="visually-hidden">Versions</h1>}
        {query.isPending ? (
          <>
            <SlowNotice pending />
            <VersionSkeletons count={4} />
          </>
        ) : query.isError ? (
          isNotFound(query.error) ? (
            <EmptyState icon={FileQuestion} title="No snapshot has this path">
              It may have another name, or stand in another folder. Search for a part of its name.
            </EmptyState>
          ) : (
            <ErrorState
              title="The versions cannot be listed"
              error={query.error}
              onRetry={() => void query.refetch()}
            />
          )
        ) : (
          <>
            <Head
              path={path}
              crumbs={query.data.crumbs}
              newest={query.data.versions[0]}
              summary={summaryOf(query.data)}
              host={host}
              onHost={(value) => {
                setParams({ host: value });
              }}
            />
            <VersionItems
              path={path}
              versions={query.data.versions}
              restoreButton={(version) => <RestoreVersion version={version} path={path} />}
            />
          </>
        )}
      </div>
    </div>
  );
}

function summaryOf({
  versions,
  snapshotCount,
  absentCount,
}: {
  readonly versions: readonly Version[];
  readonly snapshotCount: number;
  readonly absentCount: number;
}): string {
  const absent = absentCount === 0 ? "" : `, ${formatCount(absentCount, "snapshot")} without it`;
  return `${formatCount(versions.length, "version")} in ${formatCount(snapshotCount - absentCount, "snapshot")}${absent}`;
}

function Head({
  path,
  crumbs,
  newest,
  summary,
  host,
  onHost,
}: {
  readonly path: EncodedPath;
  readonly crumbs: readonly { readonly name: string }[];
  readonly newest: Version | undefined;
  readonly summary: string;
  readonly host: string;
  readonly onHost: (host: string) => void;
}): ReactNode {
  const snapshots = useSnapshots().data?.snapshots ?? [];
  const hosts = [...new Set(snapshots.map(({ hostname }) => hostname))].sort();
  return (
    <header className={styles["head"]}>
      <div className={styles["titles"]}>
        <ScreenTitle className={styles["name"]}>
          {newest && <EntryIcon entry={newest.entry} size={24} />}
          <bdi>{crumbs.at(-1)?.name ?? "/"}</bdi>
        </ScreenTitle>
        <p className={styles["folder"]}>
          <FolderLink snapshotId={newest?.lastSnapshotId} path={path}>
            <bdi>
              /
              {crumbs
                .slice(0, -1)
                .map(({ name }) => name)
                .join("/")}
            </bdi>
          </FolderLink>
        </p>
        <p className={styles["summary"]}>{summary}</p>
      </div>
      {(hosts.length > 1 || host !== "") && (
        <FilterChoice
          label="Host"
          all="All hosts"
          value={host}
          options={namedOptions(hosts, host)}
          className={styles["host"]}
          onValueChange={onHost}
        />
      )}
    </header>
  );
}

/** To the folder in the newest snapshot that has the entry, with the cursor on it. */
function FolderLink({
  snapshotId,
  path,
  children,
}: {
  readonly snapshotId: string | undefined;
  readonly path: EncodedPath;
  readonly children: ReactNode;
}): ReactNode {
  if (snapshotId === undefined) return children;
  return (
    <Link href={browseHref(snapshotId, parentPath(path))} state={lastName(path)}>
      {children}
    </Link>
  );
}
