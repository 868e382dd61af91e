import { expect, test } from "vitest";

import { findSnapshot } from "../../web-ui/src/find-snapshot.ts";
import { isWithin, seriesOf } from "../../web-ui/src/features/browse/neighbours.ts";
import { sampleSnapshot } from "./sample.ts";

const home = sampleSnapshot("ccc1", { timeMs: 3 });
const etc = sampleSnapshot("ccc2", { timeMs: 2, paths: [{ name: "/etc", path: "etc" }] });
const other = sampleSnapshot("bbb", { timeMs: 1, hostname: "birch" });
const older = sampleSnapshot("aaa", { timeMs: 0 });
const all = [home, etc, other, older];

test("the neighbours of a snapshot are those of its host that may hold the path", () => {
  expect(seriesOf(all, home, "home/ada").map(({ id }) => id)).toEqual(["ccc1", "aaa"]);
  expect(seriesOf(all, home, "").map(({ id }) => id)).toEqual(["ccc1", "ccc2", "aaa"]);
});

test("a snapshot is always among its neighbours", () => {
  expect(seriesOf(all, etc, "home/ada").map(({ id }) => id)).toContain("ccc2");
});

test("a path is within a folder at a slash, not in the middle of a name", () => {
  expect(isWithin("home/ada", "home")).toBe(true);
  expect(isWithin("homes", "home")).toBe(false);
  expect(isWithin("home", "home")).toBe(true);
  expect(isWithin("home", "")).toBe(true);
});

test("addresses name snapshots by id, the beginning of one, or latest", () => {
  expect(findSnapshot(all, "latest")?.id).toBe("ccc1");
  expect(findSnapshot(all, "aaa")?.id).toBe("aaa");
  expect(findSnapshot(all, "bb")?.id).toBe("bbb");
  expect(findSnapshot(all, "zzz")).toBeUndefined();
});
