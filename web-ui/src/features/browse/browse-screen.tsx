/** A folder of a snapshot. */
import { X } from "lucide-react";
import { useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import type { ReactNode, RefObject } from "react";

import type { EncodedPath, SnapshotInfo } from "../../../../src/server/api.ts";
import { ApiFailure, isNotFound } from "../../api/client.ts";
import { Button, IconButton } from "../../components/button.tsx";
import { SearchField } from "../../components/field.tsx";
import { Screen } from "../../components/screen.tsx";
import { ErrorState, Notice, SkeletonRows, SlowNotice } from "../../components/states.tsx";
import { formatCount, formatDateTime, formatNumber, formatSize } from "../../format.ts";
import { navigate } from "../../router.ts";
import { browseHref, fileHref, joinPath } from "../../routes.ts";
import { SelectionActions } from "../take-back/selection-actions.tsx";
import { useTitle } from "../../shell/use-title.ts";
import styles from "./browse-screen.module.css";
import { FolderList } from "./folder-list.tsx";
import { MissingPath } from "./missing-path.tsx";
import { PathToolbar } from "./path-toolbar.tsx";
import { NO_SELECTION, clearSelection } from "./selection.ts";
import type { ListSelection } from "./selection.ts";
import { filterEntries, sortPages } from "./sort-entries.ts";
import { useAddressSnapshot } from "./use-address-snapshot.ts";
import { useFolder } from "./use-folder.ts";
import type { Folder } from "./use-folder.ts";
import { useSorting } from "./use-sorting.ts";

export default function BrowseScreen({
  snapshotId,
  path,
}: {
  readonly snapshotId: string;
  readonly path: EncodedPath;
}): ReactNode {
  const { id, snapshot, known, listed } = useAddressSnapshot(snapshotId);
  const { folder, pending, error, retry } = useFolder(id, path, { enabled: known });
  const isFile = error instanceof ApiFailure && error.code === "not-a-directory";
  useEffect(() => {
    if (isFile) navigate(fileHref(snapshotId, path), { replace: true });
  }, [isFile, snapshotId, path]);
  const name = folder?.crumbs.at(-1)?.name;
  useTitle(name ?? (snapshot ? formatDateTime(snapshot.timeMs) : "Snapshot"));
  return (
    <Screen>
      <h1 className="visually-hidden">{name ?? "Top of the snapshot"}</h1>
      <PathToolbar
        what="folder"
        snapshotId={snapshotId}
        snapshot={snapshot}
        path={path}
        crumbs={folder?.crumbs}
      />
      {folder ? (
        <FolderContent
          key={`${id} ${path}`}
          snapshotId={id}
          path={path}
          folder={folder}
          onRetry={retry}
        />
      ) : pending || isFile ? (
        <Loading />
      ) : isNotFound(error) ? (
        <Missing snapshotId={id} snapshot={snapshot} path={path} listed={listed} />
      ) : (
        <ErrorState title="This folder cannot be shown" error={error} onRetry={retry} />
      )}
    </Screen>
  );
}

function Missing({
  snapshotId,
  snapshot,
  path,
  listed,
}: {
  readonly snapshotId: string;
  readonly snapshot: SnapshotInfo | undefined;
  readonly path: EncodedPath;
  readonly listed: boolean;
}): ReactNode {
  if (snapshot === undefined && listed) {
    return (
      <ErrorState
        title="There is no such snapshot"
        error="It may have been deleted since this address was made."
      />
    );
  }
  return (
    <MissingPath
      snapshotId={snapshotId}
      snapshot={snapshot}
      path={path}
      what="folder"
      hrefIn={(other) => browseHref(other, path)}
    />
  );
}

function Loading(): ReactNode {
  return (
    <div className={styles["loading"]}>
      <div className={styles["bar"]}>
        <SlowNotice pending>
          This folder takes longer than usual. The storage may be slow to answer.
        </SlowNotice>
      </div>
      <SkeletonRows count={16} rowHeight={38} label="Loading the folder" />
    </div>
  );
}

function FolderContent({
  snapshotId,
  path,
  folder,
  onRetry,
}: {
  readonly snapshotId: string;
  readonly path: EncodedPath;
  readonly folder: Folder;
  readonly onRetry: () => void;
}): ReactNode {
  const [filter, setFilter] = useState("");
  const [selection, setSelection] = useState<ListSelection>(NO_SELECTION);
  const sorting = useSorting();
  const looked = useDeferredValue(filter);
  const sorted = useMemo(() => sortPages(folder.pages, sorting), [folder.pages, sorting]);
  const shown = useMemo(() => filterEntries(sorted, looked), [sorted, looked]);
  const filterField = useRef<HTMLInputElement>(null);
  const frame = useRef<HTMLDivElement>(null);
  const focusList = (): void => {
    frame.current?.querySelector<HTMLElement>('[role="grid"]')?.focus();
  };
  return (
    <>
      <div className={styles["bar"]}>
        {selection.selected.size > 0 ? (
          <SelectionBar
            snapshotId={snapshotId}
            path={path}
            folder={folder}
            selection={selection}
            onClear={() => {
              setSelection(clearSelection(selection));
              focusList();
            }}
          />
        ) : (
          <FilterBar
            snapshotId={snapshotId}
            path={path}
            field={filterField}
            folder={folder}
            filter={filter}
            shownCount={shown.length}
            onFilter={setFilter}
            onLeave={focusList}
          />
        )}
      </div>
      {folder.nextError && (
        <div className={styles["notice"]}>
          <Notice
            tone="danger"
            action={
              <Button
                size="small"
                onClick={() => {
                  onRetry();
                  // The button goes with the notice.
                  focusList();
                }}
              >
                Try again
              </Button>
            }
          >
            Only the first {formatNumber(folder.entries.length)} entries are shown, more could not
            be read. {folder.nextError.message}
          </Notice>
        </div>
      )}
      <div ref={frame} className={styles["list"]}>
        <FolderList
          snapshotId={snapshotId}
          path={path}
          entries={folder.entries}
          shown={shown}
          selection={selection}
          onSelect={setSelection}
          filterField={filterField}
          onClearFilter={() => {
            setFilter("");
          }}
        />
      </div>
    </>
  );
}

function FilterBar({
  snapshotId,
  path,
  field,
  folder,
  filter,
  shownCount,
  onFilter,
  onLeave,
}: {
  readonly snapshotId: string;
  readonly path: EncodedPath;
  readonly field: RefObject<HTMLInputElement | null>;
  readonly folder: Folder;
  readonly filter: string;
  readonly shownCount: number;
  readonly onFilter: (filter: string) => void;
  /** To the list. */
  readonly onLeave: () => void;
}): ReactNode {
  const bytes = useMemo(
    () => folder.entries.reduce((sum, entry) => sum + entry.sizeBytes, 0),
    [folder.entries],
  );
  const reading = !folder.complete && folder.nextError === undefined;
  const count = formatCount(folder.entries.length, "entry", "entries");
  return (
    <>
      <SearchField
        ref={field}
        label="Filter this folder"
        placeholder="Filter this folder"
        aria-keyshortcuts="/"
        value={filter}
        onValueChange={onFilter}
        className={styles["filter"]}
        onKeyDown={(event) => {
          if (event.key === "Escape") onFilter("");
          if (["Escape", "ArrowDown", "Enter"].includes(event.key)) {
            event.preventDefault();
            onLeave();
          }
        }}
      />
      <p role="status" className={styles["summary"]}>
        {filter !== "" && `${formatNumber(shownCount)} of `}
        {reading ? `${count} so far` : count}
        {bytes > 0 && !reading && `, ${formatSize(bytes)} in files`}
      </p>
      <div className={styles["folderActions"]}>
        <SelectionActions snapshotId={snapshotId} paths={[path]} />
      </div>
    </>
  );
}

function SelectionBar({
  snapshotId,
  path,
  folder,
  selection,
  onClear,
}: {
  readonly snapshotId: string;
  readonly path: EncodedPath;
  readonly folder: Folder;
  readonly selection: ListSelection;
  readonly onClear: () => void;
}): ReactNode {
  const selected = useMemo(
    () => folder.entries.filter(({ key }) => selection.selected.has(key)),
    [folder.entries, selection.selected],
  );
  const bytes = selected.reduce((sum, entry) => sum + entry.sizeBytes, 0);
  return (
    <div role="region" aria-label="Selection" className={styles["selection"]}>
      <IconButton icon={X} label="Clear the selection" size="small" onClick={onClear} />
      <span role="status" className={styles["selected"]}>
        {formatNumber(selected.length)} selected
        {bytes > 0 && <span className={styles["bytes"]}>{formatSize(bytes)}</span>}
      </span>
      <SelectionActions
        snapshotId={snapshotId}
        paths={selected.map(({ key }) => joinPath(path, key))}
        isFile={selected.length === 1 && selected[0]?.type === "file"}
        isMain
      />
    </div>
  );
}
