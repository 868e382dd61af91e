/** Hits as the rows of a list: what is still there first, then what was deleted. */
import type { SearchHit } from "../../../../src/server/api.ts";

export type SearchRow =
  | { readonly kind: "title"; readonly title: string; readonly count: number }
  | { readonly kind: "hit"; readonly hit: SearchHit };

/** Titles only where both kinds were found. */
export function searchRows(hits: readonly SearchHit[]): readonly SearchRow[] {
  const there = hits.filter(({ deleted }) => !deleted);
  const gone = hits.filter(({ deleted }) => deleted);
  const rows: SearchRow[] = [];
  const add = (title: string, group: readonly SearchHit[]): void => {
    if (there.length > 0 && gone.length > 0)
      rows.push({ kind: "title", title, count: group.length });
    for (const hit of group) rows.push({ kind: "hit", hit });
  };
  add("In the latest snapshots", there);
  add("Deleted since", gone);
  return rows;
}
