import { expect, test } from "vitest";

import {
  formatCount,
  formatDateTime,
  formatDuration,
  formatMode,
  formatModeNumber,
  formatRelative,
  formatSize,
  msOfNs,
} from "../../web-ui/src/format.ts";

/** Words and separators are the locale's; they are looked at where it is the one of the words here. */
const inEnglish = test.skipIf(new Intl.NumberFormat().resolvedOptions().locale !== "en-US");

inEnglish.each([
  [0, "0 bytes"],
  [1, "1 byte"],
  [1023, "1,023 bytes"],
  [1024, "1 KiB"],
  [1536, "1.5 KiB"],
  [1023 * 1024, "1 MiB"],
  [999 * 1024, "999 KiB"],
  [5_000_000, "4.77 MiB"],
  [23.4 * 1024 ** 3, "23.4 GiB"],
  [Number.MAX_SAFE_INTEGER, "8 PiB"],
])("%d bytes are %s", (bytes, text) => {
  expect(formatSize(bytes)).toBe(text);
});

test.each([
  ["file", 0o644, "-rw-r--r--"],
  ["directory", 0o1777, "drwxrwxrwt"],
  ["file", 0o4755, "-rwsr-xr-x"],
  ["file", 0o6644, "-rwSr-Sr--"],
  ["symlink", 0o777, "lrwxrwxrwx"],
  ["directory", 0o1776, "drwxrwxrwT"],
] as const)("a %s of mode %o is %s", (type, mode, text) => {
  expect(formatMode(type, mode)).toBe(text);
});

test("a mode is shown with its special bits", () => {
  expect(formatModeNumber(0o4755)).toBe("4755");
  expect(formatModeNumber(0o7)).toBe("0007");
});

inEnglish.each([
  [0, "just now"],
  [-59_000, "just now"],
  [-60_000, "1 minute ago"],
  [-3 * 3_600_000, "3 hours ago"],
  [-86_400_000, "yesterday"],
  [-15 * 86_400_000, "2 weeks ago"],
  [-400 * 86_400_000, "last year"],
  [2 * 3_600_000, "in 2 hours"],
])("%d ms from now is %s", (ms, text) => {
  expect(formatRelative(1e12 + ms, 1e12)).toBe(text);
});

inEnglish("counts and spans of time are words", () => {
  expect(formatCount(1, "entry", "entries")).toBe("1 entry");
  expect(formatCount(57_331, "file")).toBe("57,331 files");
  expect(formatDuration(45_000)).toBe("45 s");
  expect(formatDuration(200_000)).toBe("3 min 20 s");
  expect(formatDuration(7_500_000)).toBe("2 h 5 min");
});

test("times that no calendar has do not throw", () => {
  expect(formatDateTime(9e15)).toBe("unknown");
  expect(formatDateTime(Number.NaN)).toBe("unknown");
});

test("nanoseconds before 1970 and beyond 2^53 become milliseconds", () => {
  expect(msOfNs("1700000000123456789")).toBe(1_700_000_000_123);
  expect(msOfNs("-1500000")).toBe(-1);
});
