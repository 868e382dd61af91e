/**
 * A list of which only what is seen is in the page: 100,000 rows scroll as ten do. It fills the place
 * it is given and scrolls itself; where it was scrolled to is remembered with the history.
 */
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useImperativeHandle, useLayoutEffect, useRef } from "react";
import type { AriaRole, FocusEvent, KeyboardEvent, ReactNode, Ref } from "react";

import { rememberScroll, rememberedScroll, useAddress } from "../router.ts";
import { classNames } from "./class-names.ts";
import styles from "./virtual-list.module.css";

export interface VirtualListHandle {
  /** Scrolls so far that the row is seen. */
  readonly reveal: (index: number, align?: "auto" | "start" | "center") => void;
  readonly focus: () => void;
  /** Rows that fit, for Page Up and Page Down. */
  readonly rowsPerPage: () => number;
}

export interface VirtualListProps {
  readonly count: number;
  /** Height of a row in pixels: of all, or of each. It must be what the row really takes. */
  readonly rowHeight: number | ((index: number) => number);
  readonly rowKey: (index: number) => string | number;
  readonly renderRow: (index: number) => ReactNode;
  /** For screen readers. */
  readonly label: string;
  /** Under what name the place is remembered; absent: it is not. */
  readonly memory?: string;
  readonly role?: AriaRole;
  readonly ariaProps?: Readonly<Record<`aria-${string}`, string | number | boolean | undefined>>;
  readonly className?: string | undefined;
  /** Stays above the rows: a line of `headerHeight` pixels. */
  readonly header?: ReactNode;
  readonly headerHeight?: number;
  readonly after?: ReactNode;
  readonly onKeyDown?: (event: KeyboardEvent<HTMLDivElement>) => void;
  readonly onFocus?: (event: FocusEvent<HTMLDivElement>) => void;
  /** The first row that is seen, whenever it is another. */
  readonly onFirstVisible?: (index: number) => void;
  readonly ref?: Ref<VirtualListHandle>;
}

export function VirtualList({
  count,
  rowHeight,
  rowKey,
  renderRow,
  label,
  memory,
  role = "list",
  ariaProps = {},
  className,
  header,
  headerHeight = 0,
  after,
  onKeyDown,
  onFocus,
  onFirstVisible,
  ref,
}: VirtualListProps): ReactNode {
  const scroller = useRef<HTMLDivElement>(null);
  const { key } = useAddress();
  const heightOf = typeof rowHeight === "number" ? () => rowHeight : rowHeight;
  const virtual = useVirtualizer({
    count,
    getScrollElement: () => scroller.current,
    estimateSize: heightOf,
    getItemKey: rowKey,
    overscan: 12,
    scrollMargin: headerHeight,
    scrollPaddingStart: headerHeight,
    initialRect: { width: 800, height: 900 },
    useFlushSync: false,
  });

  // Heights that depend on the row change with the rows.
  const remeasure = typeof rowHeight === "number" ? rowHeight : count;
  useLayoutEffect(() => {
    virtual.measure();
  }, [virtual, remeasure]);

  useImperativeHandle(ref, () => ({
    reveal: (index, align = "auto") => {
      virtual.scrollToIndex(index, { align });
    },
    focus: () => {
      scroller.current?.focus({ preventScroll: true });
    },
    rowsPerPage: () =>
      Math.max(1, Math.floor(((scroller.current?.clientHeight ?? 0) - headerHeight) / heightOf(0))),
  }));

  const ready = count > 0;
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null || memory === undefined || !ready) return;
    element.scrollTop = rememberedScroll(key, memory);
    const keep = (): void => {
      rememberScroll(key, memory, element.scrollTop);
    };
    element.addEventListener("scroll", keep, { passive: true });
    return () => {
      element.removeEventListener("scroll", keep);
    };
  }, [key, memory, ready]);

  const rows = virtual.getVirtualItems();
  const offset = virtual.scrollOffset ?? 0;
  const firstVisible = rows.find((row) => row.end > offset + headerHeight)?.index ?? 0;
  useEffect(() => {
    onFirstVisible?.(firstVisible);
  }, [firstVisible, onFirstVisible]);

  return (
    <div
      {...ariaProps}
      ref={scroller}
      role={role}
      aria-label={label}
      tabIndex={0}
      className={classNames(styles["scroller"], className)}
      onKeyDown={onKeyDown}
      onFocus={onFocus}
    >
      {header}
      <div
        role="presentation"
        className={styles["content"]}
        style={{ height: virtual.getTotalSize() }}
      >
        {rows.map((row) => (
          <div
            key={row.key}
            role="presentation"
            className={styles["row"]}
            style={{ height: row.size, transform: `translateY(${row.start - headerHeight}px)` }}
          >
            {renderRow(row.index)}
          </div>
        ))}
      </div>
      {after}
    </div>
  );
}
