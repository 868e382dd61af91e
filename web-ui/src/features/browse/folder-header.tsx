/** The heads of the columns: they say what is sorted by, and change it. */
import { ArrowDown, ArrowUp } from "lucide-react";
import type { ReactNode } from "react";

import { classNames } from "../../components/class-names.ts";
import styles from "./entry-row.module.css";
import { nextSorting } from "./sort-entries.ts";
import type { SortColumn, Sorting } from "./sort-entries.ts";
import { setSorting, useSorting } from "./use-sorting.ts";

export function FolderHeader({
  all,
  some,
  onToggleAll,
}: {
  /** Whether all entries that are shown are selected, or some. */
  readonly all: boolean;
  readonly some: boolean;
  readonly onToggleAll: () => void;
}): ReactNode {
  const sorting = useSorting();
  return (
    <div role="row" aria-rowindex={1} className={styles["header"]}>
      <span role="columnheader" className={styles["check"]} onClick={onToggleAll}>
        <input
          type="checkbox"
          aria-label="Select all"
          checked={all}
          onChange={onToggleAll}
          onClick={(event) => {
            event.stopPropagation();
          }}
          ref={(input) => {
            if (input !== null) input.indeterminate = some && !all;
          }}
        />
      </span>
      <span role="columnheader" aria-sort={ariaSort(sorting, "name")} className={styles["name"]}>
        <SortButton column="name" label="Name" sorting={sorting} />
        <SortButton column="type" label="Type" sorting={sorting} />
      </span>
      <span role="columnheader" aria-sort={ariaSort(sorting, "size")} className={styles["size"]}>
        <SortButton column="size" label="Size" sorting={sorting} />
      </span>
      <span
        role="columnheader"
        aria-sort={ariaSort(sorting, "modified")}
        className={styles["modified"]}
      >
        <SortButton column="modified" label="Modified" sorting={sorting} />
      </span>
      <span role="columnheader" className={styles["owner"]}>
        Owner
      </span>
      <span role="columnheader" className={styles["mode"]}>
        Permissions
      </span>
    </div>
  );
}

function ariaSort(sorting: Sorting, column: SortColumn): "ascending" | "descending" | "none" {
  if (sorting.column !== column) return "none";
  return sorting.descending ? "descending" : "ascending";
}

function SortButton({
  column,
  label,
  sorting,
}: {
  readonly column: SortColumn;
  readonly label: string;
  readonly sorting: Sorting;
}): ReactNode {
  const sorted = sorting.column === column;
  const Arrow = sorting.descending ? ArrowDown : ArrowUp;
  return (
    <button
      type="button"
      className={classNames(styles["sort"], sorted && styles["sorted"])}
      title={`Sort by ${label.toLowerCase()}`}
      onClick={() => {
        setSorting(nextSorting(sorting, column));
      }}
    >
      {label}
      {sorted && <Arrow aria-hidden size={14} />}
    </button>
  );
}
