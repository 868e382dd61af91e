import { expect, test } from "vitest";

import {
  NO_SELECTION,
  clearSelection,
  moveCursor,
  selectOne,
  selectRange,
  toggle,
  toggleAll,
} from "../../web-ui/src/features/browse/selection.ts";
import type { ListSelection } from "../../web-ui/src/features/browse/selection.ts";

const KEYS = ["a", "b", "c", "d", "e"];
const selected = (selection: ListSelection): string => [...selection.selected].sort().join("");

test("a click takes one, Ctrl adds and takes away", () => {
  const one = selectOne("b");
  expect(selected(one)).toBe("b");
  const two = toggle(one, "d");
  expect(selected(two)).toBe("bd");
  expect(selected(toggle(two, "b"))).toBe("d");
  expect(selected(one)).toBe("b");
});

test("Shift takes the range from the anchor in both directions, and the anchor stays", () => {
  const anchored = selectOne("c");
  const down = selectRange(anchored, "e", KEYS);
  expect(selected(down)).toBe("cde");
  expect(selected(selectRange(down, "a", KEYS))).toBe("abc");
  expect(down.cursor).toBe("e");
});

test("a range whose anchor was filtered away is the entry itself", () => {
  expect(selected(selectRange(selectOne("gone"), "b", KEYS))).toBe("b");
  expect(selected(selectRange(NO_SELECTION, "b", KEYS))).toBe("b");
});

test("the cursor moves without a selection, and Shift begins where it is", () => {
  const moved = moveCursor(NO_SELECTION, "b");
  expect(selected(moved)).toBe("");
  expect(selected(selectRange(moved, "d", KEYS))).toBe("bcd");
});

test("all, and then none", () => {
  const all = toggleAll(selectOne("b"), KEYS);
  expect(selected(all)).toBe("abcde");
  expect(selected(toggleAll(all, KEYS))).toBe("");
  expect(selected(toggleAll(NO_SELECTION, []))).toBe("");
});

test("clearing leaves the cursor where it was", () => {
  const cleared = clearSelection(toggle(selectOne("a"), "c"));
  expect(selected(cleared)).toBe("");
  expect(cleared.cursor).toBe("c");
});
