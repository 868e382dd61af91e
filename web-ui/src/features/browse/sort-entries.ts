/** The order of the entries of a folder: folders first, then by one column. Pure. */
import type { Entry } from "../../../../src/server/api.ts";

export type SortColumn = "name" | "size" | "modified" | "type";

export interface Sorting {
  readonly column: SortColumn;
  readonly descending: boolean;
}

export const DEFAULT_SORTING: Sorting = { column: "name", descending: false };

const keys = new WeakMap<Entry, string>();

/**
 * A text whose order as code units is the order in which people expect names: small and capital
 * letters together, accents beside their letters, "photo-2" before "photo-10". Comparing such keys is
 * many times faster than a collator, which 100,000 entries feel.
 */
export function nameKey(entry: Entry): string {
  const known = keys.get(entry);
  if (known !== undefined) return known;
  const folded = entry.name
    .toLowerCase()
    .normalize("NFKD")
    .replace(/\p{M}+/gu, "");
  // A number becomes its count of digits and itself: the longer is the larger.
  const key = folded.replace(
    /\d+/g,
    (digits) => String.fromCharCode(0x30 + Math.min(0x7f, stripZeros(digits).length)) + digits,
  );
  keys.set(entry, key);
  return key;
}

function stripZeros(digits: string): string {
  return digits.replace(/^0+(?=\d)/, "");
}

/** A new array in the order of `sorting`. Equal entries are in the order of their names. */
export function sortEntries(entries: readonly Entry[], sorting: Sorting): readonly Entry[] {
  const { column, descending } = sorting;
  const sign = descending ? -1 : 1;
  const byColumn = COMPARE[column];
  return entries.toSorted((a, b) => {
    const aFolder = a.type === "directory";
    if (aFolder !== (b.type === "directory")) return aFolder ? -1 : 1;
    const order = sign * byColumn(a, b);
    return order !== 0 ? order : compareNames(a, b);
  });
}

const COMPARE: Readonly<Record<SortColumn, (a: Entry, b: Entry) => number>> = {
  name: compareNames,
  size: (a, b) => a.sizeBytes - b.sizeBytes,
  modified: (a, b) => a.mtimeMs - b.mtimeMs,
  type: (a, b) => compareText(a.type, b.type) || compareText(endingOf(a.name), endingOf(b.name)),
};

function compareNames(a: Entry, b: Entry): number {
  return compareText(nameKey(a), nameKey(b)) || compareText(a.key, b.key);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** "gz" of "a.tar.gz"; nothing of ".profile". */
export function endingOf(name: string): string {
  const dot = name.lastIndexOf(".");
  return dot <= 0 ? "" : name.slice(dot + 1).toLowerCase();
}

/** What another click on a column's head makes of `sorting`. Sizes and times begin with the largest. */
export function nextSorting(sorting: Sorting, column: SortColumn): Sorting {
  if (sorting.column === column) return { column, descending: !sorting.descending };
  return { column, descending: column === "size" || column === "modified" };
}

/** The entries whose names have all words of `text` somewhere. */
export function filterEntries(entries: readonly Entry[], text: string): readonly Entry[] {
  const words = text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== "");
  if (words.length === 0) return entries;
  return entries.filter(({ name }) => {
    const lower = name.toLowerCase();
    return words.every((word) => lower.includes(word));
  });
}
