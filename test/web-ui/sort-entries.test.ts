import { expect, test } from "vitest";

import type { Entry } from "../../src/server/api.ts";
import {
  DEFAULT_SORTING,
  endingOf,
  filterEntries,
  nextSorting,
  sortPages,
} from "../../web-ui/src/features/browse/sort-entries.ts";
import { sampleEntry } from "./sample.ts";

const names = (entries: readonly Entry[]): string[] => entries.map(({ name }) => name);

test("names are in the order people expect: numbers by size, case and accents aside, folders first", () => {
  const given = ["photo-10", "Zebra", "photo-9", "äpfel", "apple", "photo-009b", "10", "9", "éa"];
  const entries = [
    ...given.map((name) => sampleEntry(name)),
    sampleEntry("zfolder", { type: "directory" }),
  ];
  expect(names(sortPages([entries], DEFAULT_SORTING))).toEqual([
    "zfolder",
    "9",
    "10",
    "äpfel",
    "apple",
    "éa",
    "photo-009b",
    "photo-9",
    "photo-10",
    "Zebra",
  ]);
});

test("sizes and times can be turned round, folders stay first, equals are in the order of names", () => {
  const entries = [
    sampleEntry("b", { sizeBytes: 5 }),
    sampleEntry("a", { sizeBytes: 5 }),
    sampleEntry("c", { sizeBytes: 9 }),
    sampleEntry("d", { type: "directory", sizeBytes: 0 }),
  ];
  const sorted = (descending: boolean): string[] =>
    names(sortPages([entries], { column: "size", descending }));
  expect(sorted(true)).toEqual(["d", "c", "a", "b"]);
  expect(sorted(false)).toEqual(["d", "a", "b", "c"]);
});

test("types go by the end of the name", () => {
  const entries = ["b.txt", "a.zip", "c.jpg", ".profile"].map((name) => sampleEntry(name));
  expect(names(sortPages([entries], { column: "type", descending: false }))).toEqual([
    ".profile",
    "c.jpg",
    "b.txt",
    "a.zip",
  ]);
  expect(endingOf(".profile")).toBe("");
  expect(endingOf("a.tar.gz")).toBe("gz");
});

test("pages in any order give what one page gives, and are left as they are", () => {
  const all = Array.from({ length: 1000 }, (_, index) => sampleEntry(`f${(index * 7919) % 1009}`));
  const pages = [all.slice(700), all.slice(0, 300), all.slice(300, 700)];
  const before = pages.map((page) => [...page]);
  expect(sortPages(pages, DEFAULT_SORTING)).toEqual(sortPages([all], DEFAULT_SORTING));
  expect(pages).toEqual(before);
});

test("the filter wants all words, anywhere, in any case", () => {
  const entries = ["Invoice 2024 March.pdf", "invoice 2023.pdf", "notes"].map((name) =>
    sampleEntry(name),
  );
  expect(names(filterEntries(entries, "  march INV "))).toEqual(["Invoice 2024 March.pdf"]);
  expect(filterEntries(entries, " ")).toBe(entries);
});

test("a column's head sorts, and then turns round", () => {
  const bySize = nextSorting(DEFAULT_SORTING, "size");
  expect(bySize).toEqual({ column: "size", descending: true });
  expect(nextSorting(bySize, "size")).toEqual({ column: "size", descending: false });
  expect(nextSorting(bySize, "name")).toEqual({ column: "name", descending: false });
});
