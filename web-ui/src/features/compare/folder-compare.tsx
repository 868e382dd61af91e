/** The differences below a folder: how many of each kind, and the tree of them. */
import { CircleCheck } from "lucide-react";
import { useMemo } from "react";
import type { ReactNode } from "react";

import type { ChangeKind, DiffLine, EncodedPath } from "../../../../src/server/api.ts";
import { diffUrl } from "../../api/urls.ts";
import { useStream } from "../../api/use-stream.ts";
import { PageColumn } from "../../components/screen.tsx";
import { EmptyState, ErrorState, Notice, SkeletonRows } from "../../components/states.tsx";
import { formatNumber, formatSize } from "../../format.ts";
import { useQueryParams } from "../../router.ts";
import { CHANGE_GROUPS, buildChangeTree } from "./change-tree.ts";
import type { ChangeGroup } from "./change-tree.ts";
import { ChangeTree } from "./change-tree-view.tsx";
import styles from "./folder-compare.module.css";

const WORDS: Readonly<Record<ChangeGroup, string>> = {
  added: "Added",
  removed: "Removed",
  modified: "Changed",
  metadata: "Details only",
};

export function FolderCompare({
  beforeId,
  afterId,
  path,
}: {
  readonly beforeId: string;
  readonly afterId: string;
  readonly path: EncodedPath;
}): ReactNode {
  const [params, setParams] = useQueryParams();
  const [state, retry] = useStream<DiffLine>(diffUrl(path, { before: beforeId, after: afterId }));
  const changes = useMemo(
    () => (state?.lines ?? []).flatMap((line) => (line.type === "change" ? [line.change] : [])),
    [state],
  );
  const last = state?.lines.at(-1);
  const totals = last?.type === "done" ? last : undefined;
  const counts = useMemo(
    () => groupCounts(totals?.counts ?? countChanges(changes)),
    [totals, changes],
  );
  const shown = shownGroups(params.get("show"), counts);
  const shownKey = [...shown].join();
  const tree = useMemo(
    () => buildChangeTree(changes, new Set(shownKey.split(",") as ChangeGroup[])),
    [changes, shownKey],
  );
  if (state?.status === "failed" && changes.length === 0) {
    return (
      <ErrorState title="The snapshots cannot be compared" error={state.error} onRetry={retry} />
    );
  }
  if (state === undefined || (state.status === "running" && changes.length === 0)) {
    return <SkeletonRows count={12} rowHeight={38} label="Comparing" />;
  }
  if (totals && changes.length === 0) {
    return (
      <EmptyState icon={CircleCheck} title="Nothing differs">
        Both snapshots have the same files here, with the same content and details.
      </EmptyState>
    );
  }
  return (
    <>
      <PageColumn className={styles["summary"]}>
        <div role="group" aria-label="Kinds of changes" className={styles["kinds"]}>
          {CHANGE_GROUPS.map((group) => (
            <button
              key={group}
              type="button"
              aria-pressed={shown.has(group)}
              disabled={counts[group] === 0}
              className={styles["kind"]}
              data-kind={group}
              onClick={() => {
                const next = new Set(shown);
                if (!next.delete(group)) next.add(group);
                setParams({ show: next.size === 0 ? "none" : [...next].join(",") });
              }}
            >
              <span aria-hidden className={styles["mark"]} />
              {WORDS[group]} <strong>{formatNumber(counts[group])}</strong>
            </button>
          ))}
        </div>
        <p role="status" className={styles["bytes"]}>
          {totals ? (
            <>
              {totals.bytesAdded > 0 && (
                <span className={styles["more"]}>+{formatSize(totals.bytesAdded)}</span>
              )}{" "}
              {totals.bytesRemoved > 0 && (
                <span className={styles["less"]}>−{formatSize(totals.bytesRemoved)}</span>
              )}
            </>
          ) : (
            "Comparing…"
          )}
        </p>
      </PageColumn>
      {totals?.truncated === true && (
        <PageColumn className={styles["notice"]}>
          <Notice>
            Only the first {formatNumber(changes.length)} changes are listed. The numbers above
            count all of them. Open a folder to compare less.
          </Notice>
        </PageColumn>
      )}
      {state.status === "failed" && (
        <PageColumn className={styles["notice"]}>
          <Notice tone="danger">
            The comparison broke off:{" "}
            {state.error instanceof Error ? state.error.message : "unknown"}. Some changes are
            missing.
          </Notice>
        </PageColumn>
      )}
      <ChangeTree key={shownKey} tree={tree} beforeId={beforeId} afterId={afterId} />
    </>
  );
}

function countChanges(
  changes: readonly { readonly change: ChangeKind }[],
): Record<ChangeKind, number> {
  const counts = { added: 0, removed: 0, modified: 0, metadata: 0, type: 0 };
  for (const { change } of changes) counts[change]++;
  return counts;
}

function groupCounts(
  counts: Readonly<Record<ChangeKind, number>>,
): Readonly<Record<ChangeGroup, number>> {
  const { added, removed, modified, metadata, type } = counts;
  return { added, removed, modified: modified + type, metadata };
}

/** Details alone are noise beside what was really changed: times of folders change with anything in them. */
function shownGroups(
  text: string | null,
  counts: Readonly<Record<ChangeGroup, number>>,
): ReadonlySet<ChangeGroup> {
  if (text !== null)
    return new Set(CHANGE_GROUPS.filter((group) => text.split(",").includes(group)));
  const content = CHANGE_GROUPS.filter((group) => group !== "metadata");
  return new Set(content.some((group) => counts[group] > 0) ? content : CHANGE_GROUPS);
}
