import { expect, test } from "vitest";
import { utf8 } from "../../../engine/base/bytes.ts";
import { namePattern } from "../../../src/cli/name-pattern.ts";

function matches(pattern: string, path: string): boolean {
  const { name, path: whole } = namePattern(pattern, { ignoreCase: false });
  return (name ?? whole)?.(utf8(path)) ?? false;
}

test.each([
  ["*.pdf", "a.pdf", true],
  ["*.pdf", ".pdf", true],
  ["*", "with\nnewline", true],
  ["a{b,c}d", "abd", true],
  ["[a-c]x", "bx", true],
  ["[!a]", "b", true],
  ["[!a]", "a", false],
  ["[^a]", "a", false],
  ["report (1).pdf", "report (1).pdf", true],
  ["report (1).pdf", "report 1.pdf", false],
  ["@(a|b)", "a", false],
  ["a|b*", "a|bc", true],
  ["a|b*", "ac", false],
  ["!important", "!important", true],
  ["a\\[b", "a[b", true],
  ["\\{a*", "{ab", true],
  ["sub/*.txt", "deep/sub/x.txt", true],
  ["/sub/*.txt", "deep/sub/x.txt", false],
  ["/a/**/z", "a/b/c/z", true],
])("%s on %s: %s", (pattern, path, expected) => {
  expect(matches(pattern, path)).toBe(expected);
});

test.each(["", "/", "[z-a]", "{a", "a\\"])("%s is a usage error", (pattern) => {
  expect(() => matches(pattern, "a")).toThrow(expect.objectContaining({ code: "usage" }) as Error);
});
