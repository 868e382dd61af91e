import { describe, expect, test } from "vitest";
import type { RestoreJob } from "../../src/server/api.ts";
import {
  itemsTitle,
  rateOf,
  rateWords,
  targetWords,
} from "../../web-ui/src/features/take-back/job-words.ts";

const progress: RestoreJob["progress"] = {
  filesDone: 1,
  filesTotal: 4,
  bytesDone: 1024 * 1024,
  bytesTotal: 11 * 1024 * 1024,
  counting: false,
  problems: 0,
};

function job(items: readonly string[], itemCount = items.length): RestoreJob {
  return {
    id: "x",
    state: "running",
    dryRun: false,
    startedMs: 0,
    snapshotId: "s",
    items,
    itemCount,
    progress,
  };
}

describe("a restore in words", () => {
  test("is named by what was selected", () => {
    expect(itemsTitle(job(["/home/ada/notes.txt"]))).toBe("notes.txt");
    expect(itemsTitle(job(["/home/a", "/home/b"]))).toBe("a and 1 more");
    expect(itemsTitle(job(["/home/a"], 30))).toBe("a and 29 more");
    expect(itemsTitle(job(["/"]))).toBe("Everything");
    expect(targetWords(job(["/"]))).toBe("where it came from");
  });

  test("has a rate once there is something to tell, and a time once the total is known", () => {
    expect(rateOf([])).toBeUndefined();
    expect(
      rateOf([
        { timeMs: 0, bytes: 0 },
        { timeMs: 500, bytes: 9 },
      ]),
    ).toBeUndefined();
    const rate = rateOf([
      { timeMs: 0, bytes: 0 },
      { timeMs: 2000, bytes: 1024 * 1024 * 2 },
    ]);
    expect(rate).toBe(1024 * 1024);
    expect(rateWords(rate, progress)).toBe("1 MiB/s, about 10 s left");
    expect(rateWords(rate, { ...progress, counting: true })).toBe("1 MiB/s");
    expect(rateWords(0, progress)).toBe("0 bytes/s");
    expect(rateWords(undefined, progress)).toBe("");
  });
});
