/** Brings together what several pages of names say of one name, without making keys of names. */
import type { NamePage } from "./name-page.ts";

/** A name: a page and the number in it. */
export interface NamePlace {
  readonly page: NamePage;
  readonly index: number;
}

/**
 * Merges `more` into `all`; both are in order of their names, each name once.
 * @param all Changed.
 * @param join Told of a name that both have; the one of `all` stays.
 */
export function mergeByName<Item extends NamePlace>(
  all: Item[],
  more: readonly Item[],
  join: (known: Item, again: Item) => void,
): void {
  const first = more[0];
  if (first === undefined) return;
  // Pages of one directory overlap little: only the part where both have names is gone through.
  const start = lowerBound(all, first);
  const merged: Item[] = [];
  let at = start;
  let grew = false;
  for (const item of more) {
    let known = all[at];
    let order = known === undefined ? 1 : compare(known, item);
    while (known !== undefined && order < 0) {
      merged.push(known);
      known = all[++at];
      order = known === undefined ? 1 : compare(known, item);
    }
    if (known !== undefined && order === 0) {
      join(known, item);
      merged.push(known);
      at++;
    } else {
      merged.push(item);
      grew = true;
    }
  }
  if (!grew) return;
  const rest = all.slice(at);
  all.length = start;
  for (const item of merged) all.push(item);
  for (const item of rest) all.push(item);
}

/** Number of items of `all` before `item`. */
function lowerBound(all: readonly NamePlace[], item: NamePlace): number {
  let low = 0;
  let high = all.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compare(all[middle] as NamePlace, item) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function compare(a: NamePlace, b: NamePlace): number {
  return a.page.compareName(a.index, b.page, b.index);
}
