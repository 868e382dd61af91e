/** What has a name that was looked for, in all snapshots or in one. */
import { Search, SearchX } from "lucide-react";
import { useMemo, useRef, useState } from "react";
import type { KeyboardEvent, ReactNode } from "react";

import type { SearchHit, SearchLine } from "../../../../src/server/api.ts";
import { useSnapshots } from "../../api/queries.ts";
import { searchUrl } from "../../api/urls.ts";
import { useStream } from "../../api/use-stream.ts";
import type { StreamState } from "../../api/use-stream.ts";
import { Button } from "../../components/button.tsx";
import { classNames } from "../../components/class-names.ts";
import { HEADING_ROW, ListHeading } from "../../components/list-heading.tsx";
import { ClickableRow } from "../../components/list-row.tsx";
import { ProgressBar } from "../../components/progress-bar.tsx";
import { Screen, ScreenHead, ScreenTitle } from "../../components/screen.tsx";
import { EmptyState, ErrorState, Notice, SkeletonRows } from "../../components/states.tsx";
import { useNarrow } from "../../components/use-media-query.ts";
import { VirtualList } from "../../components/virtual-list.tsx";
import type { VirtualListHandle } from "../../components/virtual-list.tsx";
import { formatCount, formatNumber } from "../../format.ts";
import { navigate, useQueryParams } from "../../router.ts";
import { versionsHref } from "../../routes.ts";
import { useTitle } from "../../shell/use-title.ts";
import { HitRow, folderHref, hitHref } from "./hit-row.tsx";
import { SearchFilters } from "./search-filters.tsx";
import type { SearchFilter } from "./search-filters.tsx";
import { searchRows } from "./search-rows.ts";
import styles from "./search-screen.module.css";

const HIT_ROW = 58;

export default function SearchScreen(): ReactNode {
  const [params, setParams] = useQueryParams();
  const query = (params.get("q") ?? "").trim();
  useTitle(query === "" ? "Search" : `Search: ${query}`);
  const filter: SearchFilter = {
    snapshot: params.get("snapshot") ?? "",
    type: params.get("type") ?? "",
    host: params.get("host") ?? "",
  };
  const snapshots = useSnapshots().data?.snapshots ?? [];
  const url = query === "" ? undefined : urlOf(query, filter);
  const [state, retry] = useStream<SearchLine>(url);
  return (
    <Screen>
      <ScreenHead>
        <ScreenTitle>Search</ScreenTitle>
        <SearchFilters snapshots={snapshots} filter={filter} onChange={setParams} />
        <Summary state={state} url={url} />
      </ScreenHead>
      <Results
        state={state}
        url={url}
        query={query}
        oneSnapshot={filter.snapshot !== ""}
        onRetry={retry}
        onWiden={
          filter.snapshot === "" && filter.type === "" && filter.host === ""
            ? undefined
            : () => {
                setParams({ snapshot: "", type: "", host: "" });
              }
        }
      />
    </Screen>
  );
}

function urlOf(query: string, { snapshot, type, host }: SearchFilter): string {
  const given: Record<string, string> = { q: query };
  if (snapshot !== "") given["snapshot"] = snapshot;
  if (type !== "") given["type"] = type;
  if (host !== "" && snapshot === "") given["host"] = host;
  return searchUrl(given);
}

/** Always one line high, so that nothing below it moves. */
function Summary({
  state,
  url,
}: {
  readonly state: StreamState<SearchLine> | undefined;
  readonly url: string | undefined;
}): ReactNode {
  const isOld = state?.url !== url;
  const last = state?.lines.at(-1);
  const progress = isOld ? undefined : state?.lines.findLast((line) => line.type === "progress");
  return (
    <div role="status" className={styles["summary"]}>
      {url === undefined ? (
        "Part of a name, or a pattern like *.pdf"
      ) : !isOld && last?.type === "done" ? (
        <>
          {last.hits === 0
            ? "Nothing found"
            : last.truncated
              ? `The best ${formatNumber((state?.lines ?? []).filter(isHit).length)} of ${formatNumber(last.hits)} paths`
              : formatCount(last.hits, "path")}
        </>
      ) : state?.status === "failed" && !isOld ? (
        "The search failed"
      ) : progress?.type === "progress" ? (
        <span className={styles["progress"]}>
          <span>
            Reading names: {formatNumber(progress.snapshotsDone)} of{" "}
            {formatCount(progress.snapshotsTotal, "snapshot")}
          </span>
          <ProgressBar
            label="Snapshots searched"
            value={progress.snapshotsDone / Math.max(1, progress.snapshotsTotal)}
          />
        </span>
      ) : (
        "Searching…"
      )}
    </div>
  );
}

function isHit(line: SearchLine): line is Extract<SearchLine, { type: "hit" }> {
  return line.type === "hit";
}

function Results({
  state,
  url,
  query,
  oneSnapshot,
  onRetry,
  onWiden,
}: {
  readonly state: StreamState<SearchLine> | undefined;
  readonly url: string | undefined;
  readonly query: string;
  readonly oneSnapshot: boolean;
  readonly onRetry: () => void;
  /** Takes the filters away. */
  readonly onWiden: (() => void) | undefined;
}): ReactNode {
  const hits = useMemo(() => (state?.lines ?? []).filter(isHit).map(({ hit }) => hit), [state]);
  if (url === undefined) {
    return (
      <EmptyState icon={Search} title="Find files and folders by name">
        Type into the field above. Small letters find capitals as well. Use * for any letters, and a
        slash for folders: etc/*.conf
      </EmptyState>
    );
  }
  const isCurrent = state?.url === url;
  if (isCurrent && state.status === "failed") {
    return (
      <>
        {hits.length > 0 && (
          <Notice tone="danger">The search broke off. Some hits are missing.</Notice>
        )}
        <ErrorState title="The search failed" error={state.error} onRetry={onRetry} />
      </>
    );
  }
  if (isCurrent && state.status === "done" && hits.length === 0) {
    return (
      <EmptyState
        icon={SearchX}
        title={`No file or folder is called “${query}”`}
        actions={onWiden && <Button onClick={onWiden}>Search everywhere</Button>}
      >
        {oneSnapshot
          ? "This snapshot has nothing of that name."
          : "Try a shorter part of the name, or a pattern like *.pdf"}
      </EmptyState>
    );
  }
  if (hits.length === 0) {
    return (
      <div className={styles["skeletons"]}>
        <SkeletonRows count={12} rowHeight={HIT_ROW} label="Searching" />
      </div>
    );
  }
  return <HitList key={state?.url} hits={hits} query={queryOf(state)} isOld={!isCurrent} />;
}

/** What was looked for when these hits were found. */
function queryOf(state: StreamState<SearchLine> | undefined): string {
  const at = state?.url.indexOf("?") ?? -1;
  return state === undefined ? "" : (new URLSearchParams(state.url.slice(at)).get("q") ?? "");
}

function HitList({
  hits,
  query,
  isOld,
}: {
  readonly hits: readonly SearchHit[];
  readonly query: string;
  /** Another search is under way; these are the hits of the one before. */
  readonly isOld: boolean;
}): ReactNode {
  const rows = useMemo(() => searchRows(hits), [hits]);
  const list = useRef<VirtualListHandle>(null);
  const narrow = useNarrow();
  const [cursor, setCursor] = useState(-1);
  const current = rows[cursor];
  const hitRow = narrow ? 64 : HIT_ROW;

  const moveTo = (index: number, step: 1 | -1): void => {
    let at = Math.max(0, Math.min(rows.length - 1, index));
    if (rows[at]?.kind === "title") at += at === 0 ? 1 : step;
    setCursor(at);
    list.current?.reveal(at);
  };
  const go = (href: (hit: SearchHit) => string): void => {
    if (current?.kind === "hit") navigate(href(current.hit));
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = list.current?.rowsPerPage() ?? 10;
    const keys: Readonly<Record<string, () => void>> = {
      ArrowDown: () => {
        moveTo(cursor + 1, 1);
      },
      j: () => {
        moveTo(cursor + 1, 1);
      },
      ArrowUp: () => {
        moveTo(cursor - 1, -1);
      },
      k: () => {
        moveTo(cursor - 1, -1);
      },
      PageDown: () => {
        moveTo(cursor + page, 1);
      },
      PageUp: () => {
        moveTo(cursor - page, -1);
      },
      Home: () => {
        moveTo(0, 1);
      },
      End: () => {
        moveTo(rows.length - 1, -1);
      },
      Enter: () => {
        go(hitHref);
      },
      f: () => {
        go(folderHref);
      },
      v: () => {
        go(({ path }) => versionsHref(path));
      },
    };
    const act = keys[event.key];
    if (act === undefined) return;
    event.preventDefault();
    act();
  };
  return (
    <>
      <VirtualList
        ref={list}
        role="grid"
        label="Found files and folders"
        memory="search"
        count={rows.length}
        rowHeight={(index) => (rows[index]?.kind === "title" ? HEADING_ROW : hitRow)}
        rowKey={(index) => {
          const row = rows[index];
          return row?.kind === "hit" ? `/${row.hit.path}` : (row?.title ?? index);
        }}
        ariaProps={{
          "aria-rowcount": rows.length,
          "aria-busy": isOld,
          "aria-activedescendant": current?.kind === "hit" ? `hit-${cursor}` : undefined,
        }}
        className={classNames(styles["list"], isOld && styles["old"])}
        onKeyDown={onKeyDown}
        onFocus={(event) => {
          if (cursor < 0 && event.target === event.currentTarget) moveTo(0, 1);
        }}
        renderRow={(index) => {
          const row = rows[index];
          if (row === undefined) return null;
          if (row.kind === "title") {
            return <ListHeading title={row.title} count={formatNumber(row.count)} />;
          }
          return (
            <ClickableRow href={hitHref(row.hit)}>
              <HitRow id={`hit-${index}`} hit={row.hit} query={query} current={index === cursor} />
            </ClickableRow>
          );
        }}
      />
      <p className={styles["keys"]}>
        <kbd>↑</kbd> <kbd>↓</kbd> move · <kbd>Enter</kbd> open · <kbd>F</kbd> show in folder ·{" "}
        <kbd>V</kbd> versions
      </p>
    </>
  );
}
