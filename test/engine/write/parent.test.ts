import { describe, expect, it } from "vitest";

import { utf8 } from "../../../engine/base/bytes.ts";
import type { Snapshot } from "../../../engine/snapshots/snapshot.ts";
import { findChainEnd, findParent } from "../../../engine/write/parent.ts";

function snapshot(fields: {
  readonly name: string;
  readonly hostname?: string;
  readonly paths?: readonly string[];
  readonly timeNs?: bigint;
  readonly writer?: string;
  readonly seq?: number;
}): Snapshot {
  const { paths = ["/a"], ...rest } = fields;
  const plain = { hostname: "host", timeNs: 1n, writer: "w", seq: 1 };
  return { ...plain, ...rest, paths: paths.map(utf8) } as unknown as Snapshot;
}

describe("the parent", () => {
  const wanted = { hostname: "host", paths: [utf8("/a"), utf8("/b")] };

  it("is the newest snapshot of the same host and paths, in any order", () => {
    const both = ["/b", "/a"];
    const found = findParent(
      [
        snapshot({ name: "old", paths: both, timeNs: 5n }),
        snapshot({ name: "newest", paths: both, timeNs: 9n }),
        snapshot({ name: "older", paths: both, timeNs: 7n }),
        snapshot({ name: "other host", paths: both, timeNs: 20n, hostname: "else" }),
        snapshot({ name: "fewer paths", paths: ["/a"], timeNs: 20n }),
        snapshot({ name: "more paths", paths: ["/a", "/b", "/c"], timeNs: 20n }),
      ],
      wanted,
    );
    expect(found?.name).toBe("newest");
  });

  it("is missing when nothing fits", () => {
    expect(findParent([], wanted)).toBeUndefined();
    expect(findParent([snapshot({ name: "x" })], wanted)).toBeUndefined();
  });
});

describe("the end of a writer's chain", () => {
  it("is its snapshot of the highest number, whatever the clocks said", () => {
    const all = [
      snapshot({ name: "1", seq: 1, timeNs: 9n }),
      snapshot({ name: "3", seq: 3, timeNs: 2n }),
      snapshot({ name: "2", seq: 2, timeNs: 5n }),
      snapshot({ name: "of another", seq: 9, writer: "v" }),
    ];
    expect(findChainEnd(all, "w")?.name).toBe("3");
    expect(findChainEnd(all, "x")).toBeUndefined();
  });
});
