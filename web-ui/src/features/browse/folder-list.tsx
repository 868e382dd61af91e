/** The entries of a folder as a list: sorted, filtered, selected, and all of it by keyboard. */
import { FolderOpen, SearchX } from "lucide-react";
import { useCallback, useEffect, useMemo, useRef } from "react";
import type { KeyboardEvent, MouseEvent, ReactNode, RefObject } from "react";

import type { EncodedName, EncodedPath, Entry } from "../../../../src/server/api.ts";
import { Button } from "../../components/button.tsx";
import { EmptyState } from "../../components/states.tsx";
import { VirtualList } from "../../components/virtual-list.tsx";
import type { VirtualListHandle } from "../../components/virtual-list.tsx";
import { navigate, useAddress } from "../../router.ts";
import { browseHref, fileHref, joinPath, lastName, parentPath } from "../../routes.ts";
import styles from "./browse-screen.module.css";
import { EntryRow } from "./entry-row.tsx";
import { FolderHeader } from "./folder-header.tsx";
import {
  clearSelection,
  moveCursor,
  selectOne,
  selectRange,
  toggle,
  toggleAll,
} from "./selection.ts";
import type { ListSelection } from "./selection.ts";
import { usePrefetchFolder } from "./use-folder.ts";

const ROW = 38;
const ROW_TOUCH = 46;
const HEADER = 36;
/** A pointer that only passes over a folder does not ask for it. */
const HOVER_MS = 80;

/** Where the cursor was, by entry of the history. */
const cursors = new Map<string, EncodedName>();

export function FolderList({
  snapshotId,
  path,
  entries,
  shown,
  selection,
  onSelect,
  filterField,
  onClearFilter,
}: {
  readonly snapshotId: string;
  readonly path: EncodedPath;
  /** All that the folder has, and those that pass the filter, in order. */
  readonly entries: readonly Entry[];
  readonly shown: readonly Entry[];
  readonly selection: ListSelection;
  readonly onSelect: (selection: ListSelection) => void;
  readonly filterField: RefObject<HTMLInputElement | null>;
  readonly onClearFilter: () => void;
}): ReactNode {
  const list = useRef<VirtualListHandle>(null);
  const address = useAddress();
  const prefetch = usePrefetchFolder();
  const hovering = useRef(0);
  const keys = useMemo(() => shown.map(({ key }) => key), [shown]);
  const touch = useMemo(() => matchMedia("(pointer: coarse)").matches, []);
  const rowHeight = touch ? ROW_TOUCH : ROW;
  const { cursor } = selection;
  const cursorAt = useMemo(
    () => (cursor === undefined ? -1 : keys.indexOf(cursor)),
    [keys, cursor],
  );

  // Event handlers of rows stay the same while the list changes: rows are rendered when they change.
  const now = useRef({ shown, selection, keys });
  useEffect(() => {
    now.current = { shown, selection, keys };
  });

  const hrefOf = useCallback(
    (entry: Entry): string => {
      const below = joinPath(path, entry.key);
      return entry.type === "directory"
        ? browseHref(snapshotId, below)
        : fileHref(snapshotId, below);
    },
    [snapshotId, path],
  );
  const open = useCallback(
    (index: number): void => {
      const entry = now.current.shown[index];
      if (entry === undefined) return;
      cursors.set(address.key, entry.key);
      navigate(hrefOf(entry));
    },
    [hrefOf, address.key],
  );
  const toggleAt = useCallback(
    (index: number): void => {
      const entry = now.current.shown[index];
      if (entry !== undefined) onSelect(toggle(now.current.selection, entry.key));
    },
    [onSelect],
  );
  const click = useCallback(
    (event: MouseEvent, index: number): void => {
      const entry = now.current.shown[index];
      if (entry === undefined) return;
      const before = now.current.selection;
      const onLink = event.target instanceof Element && event.target.closest("a") !== null;
      event.preventDefault();
      list.current?.focus();
      if (event.shiftKey) onSelect(selectRange(before, entry.key, now.current.keys));
      else if (event.ctrlKey || event.metaKey) onSelect(toggle(before, entry.key));
      else if (onLink || touch) open(index);
      else onSelect(selectOne(entry.key));
    },
    [onSelect, open, touch],
  );
  const hover = useCallback(
    (index: number): void => {
      clearTimeout(hovering.current);
      const entry = now.current.shown[index];
      if (entry?.type !== "directory") return;
      hovering.current = window.setTimeout(() => {
        prefetch(snapshotId, joinPath(path, entry.key));
      }, HOVER_MS);
    },
    [prefetch, snapshotId, path],
  );

  // A folder that was opened has the keyboard; coming back, the cursor is where it was.
  const arrived = useRef("");
  useEffect(() => {
    if (arrived.current === address.key || shown.length === 0) return;
    arrived.current = address.key;
    const key = address.state ?? cursors.get(address.key);
    const at = key === undefined ? -1 : shown.findIndex((entry) => entry.key === key);
    if (key !== undefined && at >= 0) {
      onSelect({ selected: new Set(), anchor: key, cursor: key });
      list.current?.reveal(at);
    }
    if (document.activeElement === document.body) list.current?.focus();
  }, [address, shown, onSelect]);

  const goTo = (index: number, extend: boolean): void => {
    const at = Math.max(0, Math.min(shown.length - 1, index));
    const key = keys[at];
    if (key === undefined) return;
    onSelect(extend ? selectRange(selection, key, keys) : moveCursor(selection, key));
    list.current?.reveal(at);
  };

  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>): void => {
    const target = event.target;
    if (target instanceof Element && target.closest("button, input") !== null) return;
    const { shiftKey } = event;
    const control = event.ctrlKey || event.metaKey;
    const page = list.current?.rowsPerPage() ?? 10;
    const act = (doIt: () => void): void => {
      event.preventDefault();
      doIt();
    };
    if (control) {
      if (event.key.toLowerCase() === "a")
        act(() => {
          onSelect(toggleAll(selection, keys));
        });
      return;
    }
    if (event.altKey) {
      if (event.key === "ArrowUp")
        act(() => {
          goUp(snapshotId, path);
        });
      return;
    }
    switch (event.key) {
      case "ArrowDown":
        act(() => {
          goTo(cursorAt + 1, shiftKey);
        });
        return;
      case "ArrowUp":
        act(() => {
          goTo(cursorAt - 1, shiftKey);
        });
        return;
      case "PageDown":
        act(() => {
          goTo(cursorAt + page, shiftKey);
        });
        return;
      case "PageUp":
        act(() => {
          goTo(cursorAt - page, shiftKey);
        });
        return;
      case "Home":
        act(() => {
          goTo(0, shiftKey);
        });
        return;
      case "End":
        act(() => {
          goTo(shown.length - 1, shiftKey);
        });
        return;
      case "Enter":
        if (cursorAt >= 0)
          act(() => {
            open(cursorAt);
          });
        return;
      case " ":
        if (cursorAt >= 0)
          act(() => {
            toggleAt(cursorAt);
          });
        return;
      case "Backspace":
        act(() => {
          goUp(snapshotId, path);
        });
        return;
      case "Escape":
        act(() => {
          if (selection.selected.size > 0) onSelect(clearSelection(selection));
          else onClearFilter();
        });
        return;
      case "/":
        act(() => {
          filterField.current?.focus();
        });
        return;
      default:
        // What is typed in the list is typed into the filter.
        if (event.key.length === 1) filterField.current?.focus();
    }
  };

  if (shown.length === 0) {
    return (
      <NothingShown
        empty={entries.length === 0}
        onClearFilter={onClearFilter}
        onKeyDown={onKeyDown}
      />
    );
  }
  const all = selection.selected.size >= shown.length;
  return (
    <VirtualList
      ref={list}
      role="grid"
      label="Entries of the folder"
      memory={`folder ${snapshotId}`}
      count={shown.length}
      rowHeight={rowHeight}
      rowKey={(index) => keys[index] ?? index}
      headerHeight={HEADER}
      header={
        <FolderHeader
          all={all}
          some={selection.selected.size > 0}
          onToggleAll={() => {
            onSelect(toggleAll(selection, keys));
          }}
        />
      }
      ariaProps={{
        "aria-rowcount": shown.length + 1,
        "aria-multiselectable": true,
        "aria-activedescendant": cursorAt >= 0 ? rowId(cursorAt) : undefined,
      }}
      onKeyDown={onKeyDown}
      onFocus={(event) => {
        const element = event.currentTarget;
        // Only the keyboard needs a cursor at once. The browser decides after the event.
        requestAnimationFrame(() => {
          const first = now.current.keys[0];
          if (now.current.selection.cursor === undefined && first !== undefined)
            if (element.matches(":focus-visible"))
              onSelect(moveCursor(now.current.selection, first));
        });
      }}
      renderRow={(index) => {
        const entry = shown[index];
        return (
          entry && (
            <EntryRow
              id={rowId(index)}
              index={index}
              entry={entry}
              href={hrefOf(entry)}
              selected={selection.selected.has(entry.key)}
              current={index === cursorAt}
              onClick={click}
              onOpen={open}
              onToggle={toggleAt}
              onHover={hover}
            />
          )
        );
      }}
    />
  );
}

function rowId(index: number): string {
  return `entry-${index}`;
}

function goUp(snapshotId: string, path: EncodedPath): void {
  if (path === "") return;
  navigate(browseHref(snapshotId, parentPath(path)), { state: lastName(path) });
}

/** In place of the list, with its keys. */
function NothingShown({
  empty,
  onClearFilter,
  onKeyDown,
}: {
  readonly empty: boolean;
  readonly onClearFilter: () => void;
  readonly onKeyDown: (event: KeyboardEvent<HTMLDivElement>) => void;
}): ReactNode {
  const frame = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (document.activeElement === document.body) frame.current?.focus();
  }, []);
  return (
    <div
      ref={frame}
      role="group"
      aria-label="Entries of the folder"
      tabIndex={-1}
      className={styles["nothing"]}
      onKeyDown={onKeyDown}
    >
      {empty ? (
        <EmptyState icon={FolderOpen} title="This folder is empty" />
      ) : (
        <EmptyState
          icon={SearchX}
          title="Nothing here has such a name"
          actions={<Button onClick={onClearFilter}>Show all entries</Button>}
        >
          The filter looks at the names in this folder only.
        </EmptyState>
      )}
    </div>
  );
}
