/**
 * Which entries of a list are selected, as file managers do it: a click takes one, Ctrl adds or takes
 * away, Shift takes all from the anchor. Pure: each function gives a new selection.
 */
import type { EncodedName } from "../../../../src/server/api.ts";

export interface ListSelection {
  readonly selected: ReadonlySet<EncodedName>;
  /** Where a range begins. */
  readonly anchor: EncodedName | undefined;
  /** Where the keyboard is. */
  readonly cursor: EncodedName | undefined;
}

export const NO_SELECTION: ListSelection = {
  selected: new Set(),
  anchor: undefined,
  cursor: undefined,
};

/** Only `key`. */
export function selectOne(key: EncodedName): ListSelection {
  return { selected: new Set([key]), anchor: key, cursor: key };
}

/** `key` in or out; the others stay. */
export function toggle(selection: ListSelection, key: EncodedName): ListSelection {
  const selected = new Set(selection.selected);
  if (!selected.delete(key)) selected.add(key);
  return { selected, anchor: key, cursor: key };
}

/**
 * All from the anchor to `key`, in the order of `keys`. An anchor that is not in the list any more
 * is `key` itself.
 */
export function selectRange(
  selection: ListSelection,
  key: EncodedName,
  keys: readonly EncodedName[],
): ListSelection {
  const anchor = selection.anchor ?? selection.cursor ?? key;
  const to = keys.indexOf(key);
  const found = keys.indexOf(anchor);
  const from = found < 0 ? to : found;
  const selected = new Set(keys.slice(Math.min(from, to), Math.max(from, to) + 1));
  return { selected, anchor: found < 0 ? key : anchor, cursor: key };
}

/** The cursor goes to `key`; what is selected stays. */
export function moveCursor(selection: ListSelection, key: EncodedName): ListSelection {
  return { ...selection, cursor: key, anchor: key };
}

/** All of `keys`; nothing when all are selected already. */
export function toggleAll(selection: ListSelection, keys: readonly EncodedName[]): ListSelection {
  const all = keys.length > 0 && keys.every((key) => selection.selected.has(key));
  return { ...selection, selected: all ? new Set() : new Set(keys) };
}

export function clearSelection(selection: ListSelection): ListSelection {
  return { ...selection, selected: new Set(), anchor: selection.cursor };
}
