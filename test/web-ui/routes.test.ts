import { expect, test } from "vitest";

import {
  browseHref,
  compareHref,
  fileHref,
  joinPath,
  lastName,
  parentPath,
  parseRoute,
  searchHref,
  versionsHref,
} from "../../web-ui/src/routes.ts";

/** A name of bytes that are no text, one with `/` and `#` and `?` as bytes, and a dot name. */
const HARD = "a%FF%FE/100%25%23%3F/%2E%2E.txt";

test.each([
  ["/", { name: "timeline" }],
  ["", { name: "timeline" }],
  [browseHref("abc", ""), { name: "browse", snapshot: "abc", path: "" }],
  ["/browse/latest", { name: "browse", snapshot: "latest", path: "" }],
  [browseHref("abc", HARD), { name: "browse", snapshot: "abc", path: HARD }],
  [fileHref("abc", HARD), { name: "file", snapshot: "abc", path: HARD }],
  [versionsHref(HARD), { name: "versions", path: HARD }],
  [compareHref("a", "b"), { name: "compare", before: "a", after: "b", path: "" }],
  [compareHref("a", "b", HARD), { name: "compare", before: "a", after: "b", path: HARD }],
  ["/search", { name: "search" }],
  ["/restores", { name: "restores" }],
])("%s is understood, and its path kept byte for byte", (pathname, route) => {
  expect(parseRoute(pathname)).toEqual(route);
});

test.each(["/browse", "/browse/", "/compare/a", "/nothing", "/search/more", "//x"])(
  "%s is no page",
  (pathname) => {
    expect(parseRoute(pathname)).toEqual({ name: "unknown" });
  },
);

test("a browser's own parser leaves paths as they are", () => {
  expect(new URL(browseHref("abc", HARD), "http://localhost").pathname).toBe(`/browse/abc/${HARD}`);
});

test("paths are joined and taken apart at slashes alone", () => {
  expect(joinPath("", "a%2Fb")).toBe("a%2Fb");
  expect(joinPath("home", "a%2Fb")).toBe("home/a%2Fb");
  expect(parentPath("home/a%2Fb")).toBe("home");
  expect(parentPath("home")).toBe("");
  expect(parentPath("")).toBe("");
  expect(lastName("home/a%2Fb")).toBe("a%2Fb");
  expect(lastName("")).toBe("");
});

test("a query is encoded as one", () => {
  const { search } = new URL(searchHref("a&b=#? *.txt"), "http://localhost");
  expect(new URLSearchParams(search).get("q")).toBe("a&b=#? *.txt");
});
