/** Two texts as rows that stand side by side. Pure, and slow for large texts: run it in a worker. */
import { diffArrays, diffWordsWithSpace } from "diff";

/** A piece of a line; `changed` when the other side has something else there. */
export interface LinePiece {
  readonly text: string;
  readonly changed: boolean;
}

export interface DiffSide {
  /** Number of the line, from 1. */
  readonly number: number;
  readonly pieces: readonly LinePiece[];
}

/** One row: equal lines on both sides, or what was there and what came instead. */
export type DiffRow =
  | { readonly kind: "same"; readonly before: DiffSide; readonly after: DiffSide }
  | {
      readonly kind: "changed";
      readonly before: DiffSide | undefined;
      readonly after: DiffSide | undefined;
    };

export interface TextDiff {
  readonly rows: readonly DiffRow[];
  readonly added: number;
  readonly removed: number;
  /** Only the ends of the lines differ, or the one at the end of the file. */
  readonly onlyLineEnds: boolean;
}

/** What takes longer differs so much that nobody would read it line by line. */
const LINES_MS_MAX = 4000;
const WORDS_MS_MAX = 1000;
/** Words of longer lines (data, minified code) are not told apart. */
const WORDS_LINE_MAX = 1000;

/** @returns `undefined` when the texts differ too much. */
export function diffText(before: string, after: string): TextDiff | undefined {
  const old = before.split(/\r?\n/);
  const now = after.split(/\r?\n/);
  const changes = diffArrays(old, now, { timeout: LINES_MS_MAX });
  if (changes === undefined) return undefined;
  const deadlineMs = performance.now() + WORDS_MS_MAX;
  const rows: DiffRow[] = [];
  let beforeNumber = 1;
  let afterNumber = 1;
  let added = 0;
  let removed = 0;
  let waiting: readonly string[] = [];
  const flush = (come: readonly string[]): void => {
    for (let i = 0; i < Math.max(waiting.length, come.length); i++) {
      const [oldPieces, newPieces] = compareLines(waiting[i], come[i], deadlineMs);
      rows.push({
        kind: "changed",
        before: oldPieces && { number: beforeNumber++, pieces: oldPieces },
        after: newPieces && { number: afterNumber++, pieces: newPieces },
      });
    }
    removed += waiting.length;
    added += come.length;
    waiting = [];
  };
  for (const change of changes) {
    if (change.removed) {
      waiting = change.value;
    } else if (change.added) {
      flush(change.value);
    } else {
      flush([]);
      for (const text of change.value) {
        const pieces = [{ text, changed: false }];
        rows.push({
          kind: "same",
          before: { number: beforeNumber++, pieces },
          after: { number: afterNumber++, pieces },
        });
      }
    }
  }
  flush([]);
  return { rows, added, removed, onlyLineEnds: added === 0 && removed === 0 && before !== after };
}

type Pieces = readonly LinePiece[];

/** Where two lines differ; a line that stands alone is changed as a whole. */
function compareLines(
  before: string | undefined,
  after: string | undefined,
  deadlineMs: number,
): readonly [Pieces | undefined, Pieces | undefined] {
  const whole = (text: string | undefined): Pieces | undefined =>
    text === undefined ? undefined : [{ text, changed: false }];
  const tooLong = (before?.length ?? 0) + (after?.length ?? 0) > 2 * WORDS_LINE_MAX;
  if (before === undefined || after === undefined || tooLong || performance.now() > deadlineMs) {
    return [whole(before), whole(after)];
  }
  const words = diffWordsWithSpace(before, after);
  const equal = words.reduce(
    (sum, { value, added, removed }) => sum + (added || removed ? 0 : value.trim().length),
    0,
  );
  // Lines that have little in common are two lines, not one that was changed.
  if (equal * 3 < Math.max(before.length, after.length)) return [whole(before), whole(after)];
  const side = (other: "added" | "removed", own: "added" | "removed"): Pieces =>
    words.filter((word) => !word[other]).map((word) => ({ text: word.value, changed: word[own] }));
  return [side("added", "removed"), side("removed", "added")];
}

/** Rows that are shown, and equal ones in between that are folded. */
export type DiffSection =
  | { readonly kind: "rows"; readonly rows: readonly DiffRow[] }
  | { readonly kind: "folded"; readonly rows: readonly DiffRow[]; readonly key: number };

/** Equal lines that stay beside each change. */
const CONTEXT = 3;
/** Fewer are shown: the words that stand for them would take as much room. */
const FOLDED_MIN = 5;

export function foldRows(rows: readonly DiffRow[]): readonly DiffSection[] {
  const sections: DiffSection[] = [];
  let shown: DiffRow[] = [];
  let at = 0;
  while (at < rows.length) {
    let end = at;
    while (rows[end]?.kind === "same") end++;
    const from = at === 0 ? 0 : at + CONTEXT;
    const to = end === rows.length ? end : end - CONTEXT;
    if (to - from >= FOLDED_MIN) {
      shown.push(...rows.slice(at, from));
      if (shown.length > 0) sections.push({ kind: "rows", rows: shown });
      sections.push({ kind: "folded", rows: rows.slice(from, to), key: from });
      shown = rows.slice(to, end);
    } else {
      shown.push(...rows.slice(at, end));
    }
    at = end;
    while (rows[at]?.kind === "changed") shown.push(rows[at++] as DiffRow);
  }
  if (shown.length > 0) sections.push({ kind: "rows", rows: shown });
  return sections;
}
