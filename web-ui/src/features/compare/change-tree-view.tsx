/** The tree of differences on the screen. Arrows move, open and close; Enter opens what is chosen. */
import { ChevronRight } from "lucide-react";
import { useMemo, useRef, useState } from "react";
import type { KeyboardEvent, ReactNode } from "react";

import type { ChangeKind, EncodedPath } from "../../../../src/server/api.ts";
import { EntryIcon } from "../../components/entry-icon.tsx";
import { Link } from "../../components/link.tsx";
import { LeadCell, ListRow } from "../../components/list-row.tsx";
import { EmptyState } from "../../components/states.tsx";
import { VirtualList } from "../../components/virtual-list.tsx";
import type { VirtualListHandle } from "../../components/virtual-list.tsx";
import { formatNumber, formatSize } from "../../format.ts";
import { navigate } from "../../router.ts";
import { browseHref, compareHref, fileHref } from "../../routes.ts";
import styles from "./change-tree-view.module.css";
import { visibleRows } from "./change-tree.ts";
import type { ChangeNode, ChangeRow } from "./change-tree.ts";

const ROW = 38;
const INDENT = 20;

interface Sides {
  readonly beforeId: string;
  readonly afterId: string;
}

export function ChangeTree({
  tree,
  beforeId,
  afterId,
}: Sides & { readonly tree: readonly ChangeNode[] }): ReactNode {
  const [toggled, setToggled] = useState<ReadonlySet<EncodedPath>>(new Set());
  const rows = useMemo(() => visibleRows(tree, toggled), [tree, toggled]);
  const [cursor, setCursor] = useState(-1);
  const list = useRef<VirtualListHandle>(null);
  const current = rows[cursor];

  const toggle = (path: EncodedPath): void => {
    const next = new Set(toggled);
    if (!next.delete(path)) next.add(path);
    setToggled(next);
  };
  const moveTo = (index: number): void => {
    const at = Math.max(0, Math.min(rows.length - 1, index));
    setCursor(at);
    list.current?.reveal(at);
  };
  const open = (): void => {
    if (current?.expanded === true) moveTo(cursor + 1);
    else if (current?.expanded === false) toggle(current.node.path);
  };
  const close = (): void => {
    if (current === undefined) return;
    if (current.expanded === true) {
      toggle(current.node.path);
      return;
    }
    const above = rows.slice(0, cursor).findLastIndex((row) => row.depth < current.depth);
    if (above >= 0) moveTo(above);
  };
  const choose = (): void => {
    if (current === undefined) return;
    if (current.expanded === undefined) navigate(hrefOf(current.node, { beforeId, afterId }));
    else toggle(current.node.path);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = list.current?.rowsPerPage() ?? 10;
    const keys: Readonly<Record<string, () => void>> = {
      ArrowDown: () => {
        moveTo(cursor + 1);
      },
      ArrowUp: () => {
        moveTo(cursor - 1);
      },
      PageDown: () => {
        moveTo(cursor + page);
      },
      PageUp: () => {
        moveTo(cursor - page);
      },
      Home: () => {
        moveTo(0);
      },
      End: () => {
        moveTo(rows.length - 1);
      },
      ArrowRight: open,
      ArrowLeft: close,
      Enter: choose,
    };
    const act = keys[event.key];
    if (act === undefined) return;
    event.preventDefault();
    act();
  };
  if (rows.length === 0) {
    return (
      <EmptyState title="No change of the chosen kinds">
        Choose more kinds of changes above.
      </EmptyState>
    );
  }
  return (
    <VirtualList
      ref={list}
      role="treegrid"
      label="Changes"
      memory="changes"
      count={rows.length}
      rowHeight={ROW}
      rowKey={(index) => rows[index]?.node.path ?? index}
      ariaProps={{
        "aria-rowcount": rows.length,
        "aria-activedescendant": current ? `change-${cursor}` : undefined,
      }}
      className={styles["list"]}
      onKeyDown={onKeyDown}
      onFocus={(event) => {
        if (cursor < 0 && event.target === event.currentTarget) moveTo(0);
      }}
      renderRow={(index) => {
        const row = rows[index];
        if (row === undefined) return null;
        return (
          <Row
            id={`change-${index}`}
            row={row}
            current={index === cursor}
            beforeId={beforeId}
            afterId={afterId}
            onToggle={() => {
              setCursor(index);
              toggle(row.node.path);
            }}
          />
        );
      }}
    />
  );
}

/** Where an entry is looked at: both sides of it, or the one that it is on. */
function hrefOf({ change, path, type }: ChangeNode, { beforeId, afterId }: Sides): string {
  const open = type === "directory" ? browseHref : fileHref;
  if (change?.change === "added") return open(afterId, path);
  if (change?.change === "removed") return open(beforeId, path);
  return compareHref(beforeId, afterId, path);
}

const LETTERS: Readonly<Record<ChangeKind, readonly [string, string]>> = {
  added: ["A", "Added"],
  removed: ["R", "Removed"],
  modified: ["C", "Changed"],
  type: ["T", "Became something else"],
  metadata: ["D", "Details changed"],
};

function Row({
  id,
  row,
  current,
  beforeId,
  afterId,
  onToggle,
}: Sides & {
  readonly id: string;
  readonly row: ChangeRow;
  /** The cursor of the keyboard is on it. */
  readonly current: boolean;
  readonly onToggle: () => void;
}): ReactNode {
  const { node, depth, expanded } = row;
  const { change, names } = node;
  const kind = change?.change;
  const letter = kind === undefined ? undefined : LETTERS[kind];
  const name = names.at(-1) ?? "";
  return (
    <ListRow
      id={id}
      aria-level={depth + 1}
      aria-expanded={expanded}
      data-kind={kind}
      current={current}
      className={styles["row"]}
      onClick={(event) => {
        if (event.target instanceof Element && event.target.closest("a, button")) return;
        if (expanded === undefined) navigate(hrefOf(node, { beforeId, afterId }));
        else onToggle();
      }}
    >
      <LeadCell className={styles["lead"]} style={{ paddingLeft: depth * INDENT }}>
        {expanded === undefined ? (
          <span className={styles["twist"]} />
        ) : (
          <button
            type="button"
            tabIndex={-1}
            aria-label={expanded ? `Close ${name}` : `Open ${name}`}
            className={styles["twist"]}
            data-open={expanded}
            onClick={onToggle}
          >
            <ChevronRight aria-hidden size={16} />
          </button>
        )}
        <EntryIcon entry={{ type: node.type, name }} />
        <Link
          href={hrefOf(node, { beforeId, afterId })}
          tabIndex={-1}
          className={styles["name"]}
          title={names.join("/")}
        >
          {names.slice(0, -1).map((folder, index) => (
            <span key={index} className={styles["above"]}>
              {folder}/
            </span>
          ))}
          <bdi>{name}</bdi>
        </Link>
      </LeadCell>
      <div role="gridcell" className={styles["numbers"]}>
        {node.children.length > 0 ? <Counts node={node} /> : <Sizes node={node} />}
      </div>
      <div role="gridcell" className={styles["kind"]}>
        {letter && (
          <span className={styles["letter"]} title={letter[1]}>
            <span aria-hidden>{letter[0]}</span>
            <span className="visually-hidden">{letter[1]}</span>
          </span>
        )}
      </div>
    </ListRow>
  );
}

function Counts({ node: { counts } }: { readonly node: ChangeNode }): ReactNode {
  return (
    <span className={styles["counts"]}>
      {counts.added > 0 && (
        <span className={styles["more"]} title="Added">
          +{formatNumber(counts.added)}
        </span>
      )}
      {counts.removed > 0 && (
        <span className={styles["less"]} title="Removed">
          −{formatNumber(counts.removed)}
        </span>
      )}
      {counts.modified > 0 && (
        <span className={styles["other"]} title="Changed">
          ~{formatNumber(counts.modified)}
        </span>
      )}
      {counts.metadata > 0 && (
        <span title="Details changed">{formatNumber(counts.metadata)} details</span>
      )}
    </span>
  );
}

function Sizes({ node: { change } }: { readonly node: ChangeNode }): ReactNode {
  if (change === undefined) return null;
  const { before, after, fields } = change;
  if (change.change === "metadata") return <span>{fields.map(fieldWord).join(", ")}</span>;
  const old = before?.type === "file" ? formatSize(before.sizeBytes) : undefined;
  const now = after?.type === "file" ? formatSize(after.sizeBytes) : undefined;
  if (old !== undefined && now !== undefined && old !== now) {
    return (
      <>
        <span className={styles["old"]}>{old}</span> → {now}
      </>
    );
  }
  return now ?? old ?? null;
}

function fieldWord(field: string): string {
  const words: Readonly<Record<string, string>> = {
    mode: "permissions",
    uid: "owner",
    user: "owner",
    gid: "group",
    mtime: "time",
    xattrs: "attributes",
  };
  return words[field] ?? field;
}
