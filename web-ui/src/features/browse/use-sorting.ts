/** The order that was chosen last; it holds for all folders, and for the next visit. */
import { useSyncExternalStore } from "react";

import { DEFAULT_SORTING } from "./sort-entries.ts";
import type { SortColumn, Sorting } from "./sort-entries.ts";

const KEY = "forge-sorting";
const COLUMNS: readonly string[] = ["name", "size", "modified", "type"] satisfies SortColumn[];
const listeners = new Set<() => void>();
let current = read();

function read(): Sorting {
  try {
    const [column, order] = (localStorage.getItem(KEY) ?? "").split(" ");
    if (column !== undefined && COLUMNS.includes(column))
      return { column: column as SortColumn, descending: order === "descending" };
  } catch {
    // Storage is switched off.
  }
  return DEFAULT_SORTING;
}

export function setSorting(sorting: Sorting): void {
  current = sorting;
  try {
    localStorage.setItem(KEY, `${sorting.column} ${sorting.descending ? "descending" : ""}`);
  } catch {
    // Storage is switched off: the choice holds until the page is left.
  }
  for (const listener of listeners) listener();
}

export function useSorting(): Sorting {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => current,
  );
}
