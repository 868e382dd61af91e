/** A text with line numbers. Only the lines that are seen are in the page, once there are many. */
import { useVirtualizer } from "@tanstack/react-virtual";
import { useMemo, useRef } from "react";
import type { ReactNode } from "react";

import type { Line } from "./highlight-lines.ts";
import styles from "./text-view.module.css";

const LINE = 20;
/** Up to here all lines are there, so that the browser's own search finds them. */
const WHOLE_MAX = 3000;
/** A longer line is cut: browsers take seconds to lay out one of a million characters. */
const LINE_CHARS_MAX = 5000;

export function TextView({
  lines,
  label,
}: {
  readonly lines: readonly Line[];
  readonly label: string;
}): ReactNode {
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => LINE,
    overscan: lines.length <= WHOLE_MAX ? lines.length : 40,
    initialRect: { width: 800, height: 900 },
    useFlushSync: false,
  });
  const longest = useMemo(
    () => lines.reduce((most, line) => Math.max(most, lengthOf(line)), 0),
    [lines],
  );
  const digits = String(lines.length).length;
  return (
    <div
      ref={scroller}
      className={styles["scroller"]}
      tabIndex={0}
      role="region"
      aria-label={label}
    >
      <pre
        className={styles["text"]}
        style={{
          height: virtual.getTotalSize(),
          minWidth: `calc(${Math.min(longest, LINE_CHARS_MAX) + digits + 2}ch + 56px)`,
        }}
      >
        {virtual.getVirtualItems().map((row) => (
          <div
            key={row.key}
            className={styles["line"]}
            style={{ transform: `translateY(${row.start}px)` }}
          >
            <span
              aria-hidden
              className={styles["number"]}
              style={{ width: `calc(${digits}ch + 32px)` }}
              data-line={row.index + 1}
            />
            <code>
              <Pieces line={lines[row.index] ?? []} />
              {"\n"}
            </code>
          </div>
        ))}
      </pre>
    </div>
  );
}

function lengthOf(line: Line): number {
  return line.reduce((sum, { text }) => sum + text.length, 0);
}

function Pieces({ line }: { readonly line: Line }): ReactNode {
  let room = LINE_CHARS_MAX;
  const pieces: ReactNode[] = [];
  for (const [index, { text, marks }] of line.entries()) {
    if (room <= 0) break;
    const shown = text.slice(0, room);
    room -= shown.length;
    pieces.push(
      marks === "" ? (
        shown
      ) : (
        <span key={index} className={marks}>
          {shown}
        </span>
      ),
    );
  }
  const cut = lengthOf(line) - LINE_CHARS_MAX;
  if (cut > 0) {
    pieces.push(
      <span key="cut" className={styles["cut"]}>
        … {cut} more characters in this line
      </span>,
    );
  }
  return pieces;
}
