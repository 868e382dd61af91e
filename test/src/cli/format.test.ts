import { describe, expect, test } from "vitest";
import {
  displayText,
  formatBytes,
  formatClock,
  formatCount,
  formatDuration,
  formatIsoTime,
  formatMode,
  plural,
} from "../../../src/cli/format.ts";
import { displayWidth, fitEnd, formatTable } from "../../../src/cli/table.ts";
import { findMomentNs, findSize, findSpanSeconds } from "../../../src/quantities.ts";
import { editDistance, findSimilar } from "../../../src/config/similar.ts";

describe("numbers and times as people read them", () => {
  test("bytes", () => {
    expect([0, 1023, 1024, 1536, 1048575, 5e9].map(formatBytes)).toEqual([
      "0 B",
      "1023 B",
      "1.0 KiB",
      "1.5 KiB",
      "1.0 MiB",
      "4.7 GiB",
    ]);
  });

  test("spans of time", () => {
    expect([5, 61, 3661].map(formatClock)).toEqual(["0:05", "1:01", "1:01:01"]);
    expect([0.421, 12.34, 75, 3700].map(formatDuration)).toEqual([
      "0.42 s",
      "12.3 s",
      "1 min 15 s",
      "1 h 1 min",
    ]);
  });

  test("counts", () => {
    expect(formatCount(1234567)).toBe("1,234,567");
    expect(plural(1, "file")).toBe("1 file");
    expect(plural(2, "entry", "entries")).toBe("2 entries");
  });

  test("moments with all nine digits, also before 1970", () => {
    expect(formatIsoTime(1_700_000_000_123_456_789n)).toBe("2023-11-14T22:13:20.123456789Z");
    expect(formatIsoTime(-1n)).toBe("1969-12-31T23:59:59.999999999Z");
  });

  test("modes as ls(1) writes them", () => {
    expect(formatMode("directory", 0o1777)).toBe("drwxrwxrwt");
    expect(formatMode("file", 0o4644)).toBe("-rwSr--r--");
    expect(formatMode("symlink", 0o777)).toBe("lrwxrwxrwx");
  });

  test("control characters and reversed text are escaped", () => {
    expect(displayText("a\u001b[31m\u202eb\n")).toBe("a\\u001b[31m\\u202eb\\u000a");
  });
});

describe("what people write", () => {
  test("sizes", () => {
    expect(["512", "10M", "1.5 GiB", "2gb", "0"].map(findSize)).toEqual([
      512, 10485760, 1610612736, 2147483648, 0,
    ]);
    expect(["", "M", "10X", "-1", "1e3"].map(findSize)).toEqual(Array(5).fill(undefined));
  });

  test("spans", () => {
    expect(["24h", "7d", "1y6m", "90min", "1d 12h"].map(findSpanSeconds)).toEqual([
      86400, 604800, 47088000, 5400, 129600,
    ]);
    expect(["", "7", "d7", "7x", "7d!"].map(findSpanSeconds)).toEqual(Array(5).fill(undefined));
  });

  test("moments", () => {
    expect(findMomentNs("1970-01-01T00:00:01Z", 0)).toBe(1_000_000_000n);
    expect(findMomentNs("1d", 86_400_000)).toBe(0n);
    expect(findMomentNs("2026-13-01", 0)).toBeUndefined();
    expect(findMomentNs("yesterday", 0)).toBeUndefined();
    expect(findMomentNs("2026-03-01", 0)).toBe(BigInt(new Date(2026, 2, 1).getTime()) * 1_000_000n);
  });

  test("typos", () => {
    expect(editDistance("kitten", "sitting")).toBe(3);
    expect(editDistance("ab", "ba")).toBe(1);
    expect(findSimilar("keep_dayly", ["keep-daily", "keep-last"])).toBe("keep-daily");
    expect(findSimilar("zzz", ["keep-daily"])).toBeUndefined();
  });
});

describe("tables", () => {
  test("columns are as wide as their widest cell", () => {
    const lines = formatTable(
      [{ title: "Name" }, { title: "Size", align: "right" }, { title: "Tags" }],
      [
        ["日本", "10", "a"],
        ["b", "2", ""],
      ],
    );
    expect(lines).toEqual(["Name  Size  Tags", "日本    10  a", "b        2"]);
  });

  test("a long text is cut at its beginning", () => {
    expect(fitEnd("/a/very/long/path", 8)).toBe("…ng/path");
    expect(fitEnd("short", 8)).toBe("short");
    expect(displayWidth("e\u0301日")).toBe(3);
  });
});
