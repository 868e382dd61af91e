/** All snapshots by time: the first screen. */
import { ArchiveX, FolderOpen, GitCompareArrows, SearchX } from "lucide-react";
import { useCallback, useMemo, useRef, useState } from "react";
import type { KeyboardEvent, ReactNode } from "react";

import type { SnapshotInfo } from "../../../../src/server/api.ts";
import { useSnapshots } from "../../api/queries.ts";
import { Button, LinkButton } from "../../components/button.tsx";
import { HEADING_ROW, ListHeading } from "../../components/list-heading.tsx";
import { ClickableRow } from "../../components/list-row.tsx";
import { PageColumn, Screen, ScreenTitle } from "../../components/screen.tsx";
import {
  EmptyState,
  ErrorState,
  Notice,
  SkeletonRows,
  SlowNotice,
} from "../../components/states.tsx";
import { RelativeTime, useNow } from "../../components/time.tsx";
import { useNarrow } from "../../components/use-media-query.ts";
import { VirtualList } from "../../components/virtual-list.tsx";
import type { VirtualListHandle } from "../../components/virtual-list.tsx";
import { formatCount, formatMonth } from "../../format.ts";
import { navigate, useQueryParams } from "../../router.ts";
import { browseHref, compareHref } from "../../routes.ts";
import { useTitle } from "../../shell/use-title.ts";
import { DensityStrip } from "./density-strip.tsx";
import { filterChoices, filterOf, filterSnapshots, isFiltering } from "./snapshot-filter.ts";
import { SnapshotRow } from "./snapshot-row.tsx";
import { TimelineFilters } from "./timeline-filters.tsx";
import { timelineRows } from "./timeline-rows.ts";
import type { TimelineRow } from "./timeline-rows.ts";
import styles from "./timeline-screen.module.css";

export function TimelineScreen(): ReactNode {
  useTitle("Snapshots");
  const query = useSnapshots();
  if (query.isPending) {
    return (
      <Screen>
        <SlowNotice pending>
          Reading the list of snapshots takes longer than usual. The storage may be slow to answer.
        </SlowNotice>
        <SkeletonRows count={14} rowHeight={60} label="Loading snapshots" />
      </Screen>
    );
  }
  if (query.isError && query.data === undefined) {
    return (
      <ErrorState
        title="The snapshots cannot be listed"
        error={query.error}
        onRetry={() => void query.refetch()}
      />
    );
  }
  return (
    <Timeline
      snapshots={query.data.snapshots}
      problems={query.data.problems}
      refreshError={query.error}
    />
  );
}

function Timeline({
  snapshots,
  problems,
  refreshError,
}: {
  readonly snapshots: readonly SnapshotInfo[];
  readonly problems: readonly string[];
  /** Why the list that is shown may be old. */
  readonly refreshError: Error | null;
}): ReactNode {
  const [params, setParams] = useQueryParams();
  const filter = useMemo(() => filterOf(params), [params]);
  const choices = useMemo(() => filterChoices(snapshots), [snapshots]);
  const shown = useMemo(() => filterSnapshots(snapshots, filter), [snapshots, filter]);
  const latest = shown[0];
  return (
    <Screen>
      <PageColumn className={styles["head"]}>
        <div className={styles["titleRow"]}>
          <div>
            <ScreenTitle>Snapshots</ScreenTitle>
            <p role="status" className={styles["summary"]}>
              {isFiltering(filter)
                ? `${shown.length} of ${formatCount(snapshots.length, "snapshot")}`
                : formatCount(snapshots.length, "snapshot")}
              {latest && (
                <>
                  {" · latest "}
                  <RelativeTime timeMs={latest.timeMs} />
                </>
              )}
            </p>
          </div>
          {latest && (
            <LinkButton href={browseHref(latest.id, "")} variant="primary" icon={FolderOpen}>
              Browse latest
            </LinkButton>
          )}
        </div>
        {snapshots.length > 0 && (
          <TimelineFilters choices={choices} filter={filter} onChange={setParams} />
        )}
        {refreshError && <Notice>The list may be old. {refreshError.message}</Notice>}
        {problems.length > 0 && (
          <Notice>
            {formatCount(problems.length, "snapshot")} cannot be read. {problems[0]}
          </Notice>
        )}
      </PageColumn>
      {snapshots.length === 0 ? (
        <EmptyState icon={ArchiveX} title="There are no snapshots yet">
          Make the first one with <code>forge backup</code>. It appears here by itself.
        </EmptyState>
      ) : shown.length === 0 ? (
        <EmptyState
          icon={SearchX}
          title="No snapshot matches"
          actions={
            <Button
              onClick={() => {
                setParams({ host: "", tag: "", path: "", text: "" });
              }}
            >
              Show all snapshots
            </Button>
          }
        >
          Try fewer filters.
        </EmptyState>
      ) : (
        <TimelineList snapshots={shown} />
      )}
    </Screen>
  );
}

function TimelineList({ snapshots }: { readonly snapshots: readonly SnapshotInfo[] }): ReactNode {
  const rows = useMemo(() => timelineRows(snapshots), [snapshots]);
  const list = useRef<VirtualListHandle>(null);
  const nowMs = useNow();
  const narrow = useNarrow();
  const [top, setTop] = useState(0);
  const [cursor, setCursor] = useState<string | undefined>();
  const [picked, setPicked] = useState<readonly string[]>([]);
  const row = narrow ? 84 : 60;

  const cursorAt = cursor === undefined ? -1 : rows.findIndex((one) => idOf(one) === cursor);
  const shownMs = timeOf(rows[top]) ?? snapshots[0]?.timeMs;
  const pickedSnapshots = snapshots.filter(({ id }) => picked.includes(id));

  const moveTo = (from: number, step: 1 | -1): void => {
    let at = from;
    while (rows[at]?.kind === "month") at += step;
    // Above the first snapshot there is only its month.
    const target = rows[at] ?? rows[Math.max(1, Math.min(rows.length - 1, at))];
    if (target?.kind !== "snapshot") return;
    setCursor(target.snapshot.id);
    list.current?.reveal(rows.indexOf(target));
  };
  const pick = (id: string): void => {
    setPicked((before) =>
      before.includes(id) ? before.filter((one) => one !== id) : [...before, id].slice(-2),
    );
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = list.current?.rowsPerPage() ?? 10;
    const moves: Readonly<Record<string, () => void>> = {
      ArrowDown: () => {
        moveTo(cursorAt + 1, 1);
      },
      j: () => {
        moveTo(cursorAt + 1, 1);
      },
      ArrowUp: () => {
        moveTo(Math.max(0, cursorAt - 1), cursorAt <= 1 ? 1 : -1);
      },
      k: () => {
        moveTo(Math.max(0, cursorAt - 1), cursorAt <= 1 ? 1 : -1);
      },
      PageDown: () => {
        moveTo(Math.min(rows.length - 1, cursorAt + page), 1);
      },
      PageUp: () => {
        moveTo(Math.max(0, cursorAt - page), 1);
      },
      Home: () => {
        moveTo(0, 1);
      },
      End: () => {
        moveTo(rows.length - 1, -1);
      },
      Enter: () => {
        if (cursor !== undefined) navigate(browseHref(cursor, ""));
      },
      " ": () => {
        if (cursor !== undefined) pick(cursor);
      },
      Escape: () => {
        setPicked([]);
      },
    };
    const move = moves[event.key];
    if (move === undefined) return;
    event.preventDefault();
    move();
  };

  return (
    <>
      <PageColumn className={styles["strip"]}>
        <DensityStrip
          snapshots={snapshots}
          shownMs={shownMs}
          onJump={({ endMs }) => {
            const at = rows.findIndex(
              (one) => one.kind === "snapshot" && one.snapshot.timeMs < endMs,
            );
            const first = rows[at - 1]?.kind === "month" ? at - 1 : at;
            list.current?.reveal(Math.max(0, first), "start");
          }}
        />
      </PageColumn>
      <VirtualList
        ref={list}
        role="grid"
        label="Snapshots"
        memory="timeline"
        count={rows.length}
        rowHeight={useCallback(
          (index: number) => (rows[index]?.kind === "month" ? HEADING_ROW : row),
          [rows, row],
        )}
        rowKey={(index) => keyOf(rows[index]) ?? index}
        ariaProps={{
          "aria-rowcount": rows.length,
          "aria-multiselectable": true,
          "aria-activedescendant": cursorAt >= 0 ? `snapshot-${cursor ?? ""}` : undefined,
        }}
        className={styles["list"]}
        onKeyDown={onKeyDown}
        onFocus={(event) => {
          if (cursor === undefined && event.target === event.currentTarget) moveTo(top, 1);
        }}
        onFirstVisible={setTop}
        renderRow={(index) => {
          const one = rows[index];
          if (one === undefined) return null;
          if (one.kind === "month") {
            return (
              <ListHeading
                title={formatMonth(one.timeMs)}
                count={formatCount(one.count, "snapshot")}
              />
            );
          }
          const { id } = one.snapshot;
          return (
            <ClickableRow href={browseHref(id, "")}>
              <SnapshotRow
                id={`snapshot-${id}`}
                snapshot={one.snapshot}
                startsDay={one.startsDay}
                nowMs={nowMs}
                current={cursor === id}
                picked={picked.includes(id)}
                onPick={() => {
                  pick(id);
                }}
              />
            </ClickableRow>
          );
        }}
      />
      {pickedSnapshots.length > 0 && (
        <CompareBar
          snapshots={pickedSnapshots}
          onClear={() => {
            setPicked([]);
          }}
        />
      )}
    </>
  );
}

function CompareBar({
  snapshots,
  onClear,
}: {
  /** One or two, the newest first. */
  readonly snapshots: readonly SnapshotInfo[];
  readonly onClear: () => void;
}): ReactNode {
  const [after, before] = snapshots;
  return (
    <div role="region" aria-label="Comparison" className={styles["bar"]}>
      <span role="status">
        {before ? "Two snapshots chosen" : "Choose a second snapshot to compare with"}
      </span>
      <span className={styles["barActions"]}>
        <Button variant="quiet" onClick={onClear}>
          Cancel
        </Button>
        <Button
          variant="primary"
          icon={GitCompareArrows}
          disabled={before === undefined}
          onClick={() => {
            if (before && after) navigate(compareHref(before.id, after.id));
          }}
        >
          Compare
        </Button>
      </span>
    </div>
  );
}

function idOf(row: TimelineRow): string | undefined {
  return row.kind === "snapshot" ? row.snapshot.id : undefined;
}

function timeOf(row: TimelineRow | undefined): number | undefined {
  return row?.kind === "snapshot" ? row.snapshot.timeMs : row?.timeMs;
}

function keyOf(row: TimelineRow | undefined): string | undefined {
  return row?.kind === "month" ? `month ${row.timeMs}` : row?.snapshot.id;
}
