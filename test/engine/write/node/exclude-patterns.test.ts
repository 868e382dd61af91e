import { expect, test } from "vitest";
import { isForgeError } from "../../../../engine/base/errors.ts";
import { ExcludePatterns, patternLines } from "../../../../engine/write/node/exclude-patterns.ts";

function excluded(root: string, patterns: readonly string[], paths: readonly string[]): string[] {
  const set = new ExcludePatterns(root, patterns);
  return paths.filter((path) => set.excludes(path));
}

test("names match at any depth, patterns with a slash from the root, case counts", () => {
  const paths = ["a.tmp", "d/b.tmp", "A.TMP", "cache/", "cache", "d/cache/", "d/x/y", "x/y"];
  expect(excluded("/home/me", ["*.tmp"], paths)).toEqual(["a.tmp", "d/b.tmp"]);
  expect(excluded("/home/me", ["cache/"], paths)).toEqual(["cache/", "d/cache/"]);
  expect(excluded("/home/me", ["/cache"], paths)).toEqual(["cache/", "cache"]);
  expect(excluded("/home/me", ["x/y"], paths)).toEqual(["x/y"]);
  expect(excluded("/home/me", ["**/x/y"], paths)).toEqual(["d/x/y", "x/y"]);
});

test("an absolute pattern that leads below the root is one relative to it", () => {
  const paths = ["cache/", "d/cache/", "other/"];
  expect(excluded("/home/me", ["/home/me/cache"], paths)).toEqual(["cache/"]);
  expect(excluded("/home/me", ["/home/*/cache"], paths)).toEqual(["cache/"]);
  expect(excluded("/home/me", ["/home/**/cache"], paths)).toEqual(["cache/", "d/cache/"]);
  expect(excluded("/home/you", ["/home/me/cache"], paths)).toEqual([]);
  expect(excluded("", ["/cache"], paths)).toEqual(["cache/"]);
});

test("a pattern for the root itself, or above it, excludes nothing", () => {
  for (const pattern of ["/home", "/home/", "/home/me", "/home/me/", "home", "me/"]) {
    expect(excluded("/home/me", [pattern], ["x", "d/"])).toEqual([]);
  }
});

test("of the patterns that match the last decides, also across both readings", () => {
  const paths = ["a/keep.tmp", "a/x.tmp", "b/keep.tmp"];
  expect(excluded("/r", ["*.tmp", "!/a/keep.tmp"], paths)).toEqual(["a/x.tmp", "b/keep.tmp"]);
  expect(excluded("/r", ["*.tmp", "!/r/a/keep.tmp"], paths)).toEqual(["a/x.tmp", "b/keep.tmp"]);
  expect(excluded("/r", ["!keep.tmp", "*.tmp"], paths)).toEqual(paths);
});

test("it goes on being right after very many paths", () => {
  const set = new ExcludePatterns("", ["*.tmp"]);
  for (let i = 0; i < 60_000; i++) set.excludes(`f${i}`);
  expect([set.excludes("a.tmp"), set.excludes("a.txt")]).toEqual([true, false]);
});

test("comments and empty lines of an exclude file are no patterns", () => {
  expect(patternLines("# c\n\n*.tmp\r\n \n!x\n")).toEqual(["*.tmp", "!x"]);
});

test("any text as a pattern matches, does not, or is refused as usage", () => {
  for (const pattern of [
    "[",
    "[z-a]",
    "\\",
    "!",
    "/",
    "//",
    "***",
    "a\\",
    "(",
    "a**b",
    "[]]",
    "?*",
  ]) {
    try {
      new ExcludePatterns("/home/me", [pattern, `/home/me/${pattern}`]).excludes("a/b");
    } catch (error) {
      expect(isForgeError(error, "usage")).toBe(true);
    }
  }
});
