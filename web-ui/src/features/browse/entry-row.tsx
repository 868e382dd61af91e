/** One entry of a folder. Light: forty of them are made anew while a folder of 100,000 scrolls by. */
import { memo } from "react";
import type { MouseEvent, ReactNode } from "react";

import type { Entry } from "../../../../src/server/api.ts";
import { classNames } from "../../components/class-names.ts";
import { EntryIcon } from "../../components/entry-icon.tsx";
import { formatDateTime, formatMode, formatSize } from "../../format.ts";
import styles from "./entry-row.module.css";

export interface EntryRowProps {
  /** Of the element, for `aria-activedescendant`. */
  readonly id: string;
  readonly index: number;
  readonly entry: Entry;
  readonly href: string;
  readonly selected: boolean;
  readonly current: boolean;
  readonly onClick: (event: MouseEvent, index: number) => void;
  readonly onOpen: (index: number) => void;
  readonly onToggle: (index: number) => void;
  readonly onHover: (index: number) => void;
}

export const EntryRow = memo(function EntryRow({
  id,
  index,
  entry,
  href,
  selected,
  current,
  onClick,
  onOpen,
  onToggle,
  onHover,
}: EntryRowProps): ReactNode {
  return (
    <div
      id={id}
      role="row"
      aria-rowindex={index + 2}
      aria-selected={selected}
      className={classNames(
        styles["row"],
        selected && styles["selected"],
        current && styles["current"],
      )}
      onClick={(event) => {
        onClick(event, index);
      }}
      onDoubleClick={() => {
        onOpen(index);
      }}
      onPointerEnter={() => {
        onHover(index);
      }}
    >
      <span
        role="gridcell"
        className={styles["check"]}
        onClick={(event) => {
          event.stopPropagation();
          onToggle(index);
        }}
        onDoubleClick={(event) => {
          event.stopPropagation();
        }}
      >
        {/* The row says whether it is selected; this shows it. */}
        <input type="checkbox" checked={selected} readOnly tabIndex={-1} aria-hidden />
      </span>
      <span role="gridcell" className={styles["name"]}>
        <EntryIcon entry={entry} />
        <a href={href} tabIndex={-1} className={styles["link"]} draggable={false}>
          {entry.name}
        </a>
        {entry.target !== undefined && (
          <span className={styles["target"]}>
            <span aria-label="leads to">→</span> {entry.target}
          </span>
        )}
      </span>
      <span role="gridcell" className={styles["size"]}>
        {entry.type === "file" ? formatSize(entry.sizeBytes) : ""}
      </span>
      <span role="gridcell" className={styles["modified"]}>
        {formatDateTime(entry.mtimeMs)}
      </span>
      <span role="gridcell" className={styles["owner"]} title={entry.owner}>
        {entry.owner}
      </span>
      <span role="gridcell" className={styles["mode"]}>
        {formatMode(entry.type, entry.mode)}
      </span>
    </div>
  );
});
