import { expect, test } from "vitest";

import { utf8 } from "../../../engine/base/bytes.ts";
import { matchesFilter, resolveSnapshot } from "../../../engine/read/resolve-snapshot.ts";
import type { Snapshot } from "../../../engine/snapshots/snapshot.ts";
import { snapshotRecord } from "../../helpers/snapshot-fields.ts";

function snapshot(prefix: string, timeNs: bigint, fields: Partial<Snapshot> = {}): Snapshot {
  const paths = [utf8("/home")];
  return snapshotRecord(prefix, { timeNs, hostname: "h", paths, ...fields });
}

const all = [
  snapshot("abc1", 30n, { hostname: "beta", tags: ["daily", "db"] }),
  snapshot("abc2", 10n, { tags: ["daily"] }),
  snapshot("def0", 20n),
];
const [one, two, three] = all;

test("a snapshot is named by its id or the beginning of it", () => {
  expect(resolveSnapshot(all, "d")).toBe(three);
  expect(resolveSnapshot(all, "abc2")).toBe(two);
  expect(resolveSnapshot(all, one?.id ?? "")).toBe(one);
});

test("latest counts back by time among those the filter holds for", () => {
  expect(resolveSnapshot(all, "latest")).toBe(one);
  expect(resolveSnapshot(all, "latest~0")).toBe(one);
  expect(resolveSnapshot(all, "latest~2")).toBe(two);
  expect(resolveSnapshot(all, "latest", { hosts: ["h"] })).toBe(three);
  expect(resolveSnapshot(all, "abc1", { hosts: ["h"] })).toBe(one);
});

test("what names none, several or nothing is told apart", () => {
  const code = (reference: string, filter = {}): unknown => {
    try {
      return resolveSnapshot(all, reference, filter);
    } catch (error) {
      return (error as { code?: unknown }).code;
    }
  };
  expect(code("abc")).toBe("ambiguous");
  expect(code("123")).toBe("not-found");
  expect(code("latest~3")).toBe("not-found");
  expect(code("latest", { tags: ["none"] })).toBe("not-found");
  expect(code("yesterday")).toBe("usage");
  expect(code("")).toBe("usage");
  expect(code("ABC1")).toBe("usage");
});

test("tags joined by a comma are asked for together, hosts and tags one by one, paths all", () => {
  const ids = (filter: Parameters<typeof matchesFilter>[1]): string[] =>
    all.filter((each) => matchesFilter(each, filter)).map(({ id }) => id.slice(0, 4));
  expect(ids({ tags: ["daily"] })).toEqual(["abc1", "abc2"]);
  expect(ids({ tags: ["daily,db"] })).toEqual(["abc1"]);
  expect(ids({ tags: ["db", "daily"] })).toEqual(["abc1", "abc2"]);
  expect(ids({ hosts: ["h", "beta"], tags: [] })).toHaveLength(3);
  expect(ids({ paths: [utf8("/home")] })).toHaveLength(3);
  expect(ids({ paths: [utf8("/home"), utf8("/etc")] })).toEqual([]);
});
