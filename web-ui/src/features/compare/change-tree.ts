/** Differences as a tree of folders, and the rows of it that are seen. Pure. */
import type { ChangeKind, DiffEntry, EncodedPath, EntryType } from "../../../../src/server/api.ts";

/** What people choose between: a type that changed is a change. */
export type ChangeGroup = "added" | "removed" | "modified" | "metadata";

export const CHANGE_GROUPS: readonly ChangeGroup[] = ["added", "removed", "modified", "metadata"];

export function groupOf(change: ChangeKind): ChangeGroup {
  return change === "type" ? "modified" : change;
}

export interface ChangeNode {
  /** From the folder above it to here: several where folders stand alone in one another. */
  readonly names: readonly string[];
  readonly path: EncodedPath;
  readonly type: EntryType;
  /** Absent for a folder that is only on the way. */
  readonly change: DiffEntry | undefined;
  readonly children: readonly ChangeNode[];
  /** Of all below, itself not counted. */
  readonly counts: Readonly<Record<ChangeGroup, number>>;
}

interface Building {
  readonly name: string;
  readonly path: EncodedPath;
  change: DiffEntry | undefined;
  readonly children: Map<string, Building>;
}

/**
 * @param changes In order of paths, each with its names from the folder compared.
 * @param groups What is wanted; folders without any of it are left out.
 */
export function buildChangeTree(
  changes: readonly DiffEntry[],
  groups: ReadonlySet<ChangeGroup>,
): readonly ChangeNode[] {
  const root: Building = { name: "", path: "", change: undefined, children: new Map() };
  for (const change of changes) {
    if (!groups.has(groupOf(change.change))) continue;
    const keys = change.path.split("/").slice(-change.names.length);
    const base = change.path.split("/").slice(0, -change.names.length);
    let at = root;
    for (const [depth, name] of change.names.entries()) {
      const key = keys[depth] ?? "";
      let child = at.children.get(key);
      if (child === undefined) {
        const path = [...base, ...keys.slice(0, depth + 1)].join("/");
        child = { name, path, change: undefined, children: new Map() };
        at.children.set(key, child);
      }
      at = child;
    }
    at.change = change;
  }
  return finish(root).children;
}

function finish(building: Building): ChangeNode {
  const children = Array.from(building.children.values(), finish);
  const { change } = building;
  const [only] = children;
  // Folders that stand alone in one another are one row.
  if (change === undefined && building.name !== "" && only !== undefined && children.length === 1) {
    if (only.type === "directory" && only.change === undefined) {
      return { ...only, names: [building.name, ...only.names] };
    }
  }
  const counts = { added: 0, removed: 0, modified: 0, metadata: 0 };
  for (const child of children) {
    if (child.change !== undefined) counts[groupOf(child.change.change)]++;
    for (const group of CHANGE_GROUPS) counts[group] += child.counts[group];
  }
  const entry = change?.after ?? change?.before;
  const type = children.length > 0 ? "directory" : (entry?.type ?? "directory");
  return { names: [building.name], path: building.path, type, change, children, counts };
}

export interface ChangeRow {
  readonly node: ChangeNode;
  /** 0 at the top. */
  readonly depth: number;
  /** `undefined` when there is nothing below it. */
  readonly expanded: boolean | undefined;
}

/** Trees of no more rows are shown whole. */
const EXPANDED_ROWS_MAX = 60;

/** @param toggled Paths of folders that are shown the other way than they were at first. */
export function visibleRows(
  nodes: readonly ChangeNode[],
  toggled: ReadonlySet<EncodedPath>,
): readonly ChangeRow[] {
  const isSmall = countOf(nodes) <= EXPANDED_ROWS_MAX;
  const rows: ChangeRow[] = [];
  const add = (level: readonly ChangeNode[], depth: number): void => {
    for (const node of level) {
      if (node.children.length === 0) {
        rows.push({ node, depth, expanded: undefined });
        continue;
      }
      // What came or went whole is one thing; what is in it is told when asked for.
      const isWhole = node.change?.change === "added" || node.change?.change === "removed";
      const first = !isWhole && (isSmall || (depth === 0 && level.length === 1));
      const expanded = first !== toggled.has(node.path);
      rows.push({ node, depth, expanded });
      if (expanded) add(node.children, depth + 1);
    }
  };
  add(nodes, 0);
  return rows;
}

function countOf(nodes: readonly ChangeNode[]): number {
  let count = 0;
  for (const { children, change } of nodes) {
    count += 1;
    const isWhole = change?.change === "added" || change?.change === "removed";
    if (!isWhole) count += countOf(children);
    if (count > EXPANDED_ROWS_MAX) return count;
  }
  return count;
}
