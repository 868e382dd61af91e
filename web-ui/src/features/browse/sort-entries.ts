/** The order of the entries of a folder: folders first, then by one column. Pure. */
import type { Entry } from "../../../../src/server/api.ts";

export type SortColumn = "name" | "size" | "modified" | "type";

export interface Sorting {
  readonly column: SortColumn;
  readonly descending: boolean;
}

export const DEFAULT_SORTING: Sorting = { column: "name", descending: false };

/**
 * A text whose order as code units is the order in which people expect names: small and capital
 * letters together, accents beside their letters, "photo-2" before "photo-10". Comparing such keys is
 * many times faster than a collator, which 100,000 entries feel.
 */
export function nameKey(name: string): string {
  const lower = name.toLowerCase();
  const folded = ASCII.test(lower) ? lower : lower.normalize("NFKD").replace(/\p{M}+/gu, "");
  // A number becomes its count of digits and itself: the longer is the larger.
  return folded.replace(/\d+/g, (digits) => {
    const { length } = digits.replace(/^0+(?=\d)/, "");
    return String.fromCharCode(0x30 + Math.min(0x7f, length)) + digits;
  });
}

const ASCII = /^[\0-\x7f]*$/;

/** What is compared, beside the entry: made once for each page. */
interface Ranked {
  readonly entry: Entry;
  readonly folder: boolean;
  readonly name: string;
}

const rankedPages = new WeakMap<readonly Entry[], readonly Ranked[]>();

function rankedOf(entries: readonly Entry[]): readonly Ranked[] {
  const known = rankedPages.get(entries);
  if (known !== undefined) return known;
  const ranked = entries
    .map((entry) => ({ entry, folder: entry.type === "directory", name: nameKey(entry.name) }))
    .sort(compareNames);
  rankedPages.set(entries, ranked);
  return ranked;
}

/**
 * The entries of all pages in the order of `sorting`, folders first; equal ones in the order of their
 * names. A page is prepared once: when the next comes, the ones before are merged and not sorted
 * again.
 */
export function sortPages(
  pages: readonly (readonly Entry[])[],
  { column, descending }: Sorting,
): readonly Entry[] {
  const sign = descending ? -1 : 1;
  const byColumn = COMPARE[column];
  return pages
    .flatMap(rankedOf)
    .sort((a, b) => {
      if (a.folder !== b.folder) return a.folder ? -1 : 1;
      const order = sign * byColumn(a, b);
      return order !== 0 ? order : compareNames(a, b);
    })
    .map(({ entry }) => entry);
}

const COMPARE: Readonly<Record<SortColumn, (a: Ranked, b: Ranked) => number>> = {
  name: compareNames,
  size: (a, b) => a.entry.sizeBytes - b.entry.sizeBytes,
  modified: (a, b) => a.entry.mtimeMs - b.entry.mtimeMs,
  type: (a, b) =>
    compareText(a.entry.type, b.entry.type) ||
    compareText(endingOf(a.entry.name), endingOf(b.entry.name)),
};

function compareNames(a: Ranked, b: Ranked): number {
  return compareText(a.name, b.name) || compareText(a.entry.key, b.entry.key);
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
