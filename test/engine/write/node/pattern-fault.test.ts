import { expect, test } from "vitest";
import { findPatternFault } from "../../../../engine/write/node/pattern-fault.ts";

test.each([
  ["[", "never closed"],
  ["a[b", "never closed"],
  ["[]", "never closed"],
  ["[[:alpha:]", "never closed"],
  ["[a\\]", "never closed"],
  ["a\\", "last backslash"],
  ["\\\\\\", "last backslash"],
  ["!", "exclamation mark"],
  ["[z-a]", "z-a is the wrong way round"],
  ["x/[0-9b-a]*", "b-a is the wrong way round"],
])("%s is refused", (pattern, reason) => {
  expect(findPatternFault(pattern)).toContain(reason);
});

test.each([
  ...["", "  ", "# [", "*.tmp", "!keep", "\\!x", "\\[", "a]", "[]a]", "[!]a]", "[^a-z]", "[a-]"],
  ...["[-a]", "[[:alpha:]x]", "{a", "foo(1)", "x\\\\", "**/x/[a\\]b]", "a b\\ ", "/abs/[é-ü]"],
])("%s is fine", (pattern) => {
  expect(findPatternFault(pattern)).toBeUndefined();
});
