import { expect, test } from "vitest";
import type { ChangeKind, DiffEntry, Entry } from "../../src/server/api.ts";
import {
  CHANGE_GROUPS,
  type ChangeRow,
  buildChangeTree,
  visibleRows,
} from "../../web-ui/src/features/compare/change-tree.ts";

function change(path: string, kind: ChangeKind, type: Entry["type"] = "file"): DiffEntry {
  const names = path.split("/");
  const name = names.at(-1) ?? "";
  const entry: Entry = { name, key: name, type, sizeBytes: 1, mtimeMs: 0, mode: 0, owner: "" };
  const sides = {
    before: kind === "added" ? undefined : entry,
    after: kind === "removed" ? undefined : entry,
  };
  return { path: `top/${path}`, names, change: kind, fields: [], ...sides };
}

const all = new Set(CHANGE_GROUPS);
const changes = [
  change("a/b/c/one.txt", "modified"),
  change("a/b/c/two.txt", "added"),
  change("new", "added", "directory"),
  change("new/file", "added"),
  change("time", "metadata"),
];

function shown(rows: readonly ChangeRow[]): string[] {
  return rows.map(({ node, depth }) => `${"  ".repeat(depth)}${node.names.join("/")}`);
}

test("folders that stand alone are one row; what came whole is closed", () => {
  const rows = visibleRows(buildChangeTree(changes, all), new Set());
  expect(shown(rows)).toEqual(["a/b/c", "  one.txt", "  two.txt", "new", "time"]);
  expect(rows[0]?.node).toMatchObject({
    path: "top/a/b/c",
    counts: { added: 1, removed: 0, modified: 1, metadata: 0 },
  });
  expect(rows[3]).toMatchObject({ expanded: false, node: { counts: { added: 1 } } });
});

test("folders are opened and closed", () => {
  const tree = buildChangeTree(changes, all);
  const rows = visibleRows(tree, new Set(["top/a/b/c", "top/new"]));
  expect(shown(rows)).toEqual(["a/b/c", "new", "  file", "time"]);
});

test("kinds that are not wanted take their folders with them", () => {
  const tree = buildChangeTree(changes, new Set(["metadata"] as const));
  expect(shown(visibleRows(tree, new Set()))).toEqual(["time"]);
});

test("large trees begin with their first level", () => {
  const many = Array.from({ length: 200 }, (_, i) => change(`d${i % 2}/f${i}`, "modified"));
  expect(shown(visibleRows(buildChangeTree(many, all), new Set()))).toEqual(["d0", "d1"]);
});
