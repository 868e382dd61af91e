/** DirectoryFrame: a directory on its way into the snapshot, while its entries become known. */
import type { TreeNode } from "../snapshots/tree-node.ts";
import type { SourceDirectory, SourceEntry } from "./source.ts";
import { type PreviousDirectory, type PreviousEntry, isUnchanged } from "./unchanged.ts";

export interface DirectoryFrame {
  readonly parent: DirectoryFrame | undefined;
  /** Place among the parent's nodes. */
  readonly slot: number;
  readonly depth: number;
  readonly entry: SourceEntry;
  readonly listing: SourceDirectory;
  /** The same directory in the parent snapshot. */
  readonly previousEntry: PreviousEntry | undefined;
  readonly previous: PreviousDirectory | undefined;
  /** `undefined` where nothing is known yet, or nothing is kept. */
  readonly nodes: (TreeNode | PreviousEntry | undefined)[];
  next: number;
  /** Entries not known yet, and one for the walk while it is inside. */
  pending: number;
  /** Whether any entry differs from the parent snapshot's. */
  changed: boolean;
}

/** What is kept of its entries; those of the parent snapshot are taken apart. */
export function nodesOf({ nodes }: DirectoryFrame): TreeNode[] {
  const kept = nodes.filter((node) => node !== undefined);
  return kept.map((node) => ("page" in node ? node.page.node(node.index) : node));
}

/** Whether it has the entries that it has in the parent snapshot, all unchanged. */
export function hasSameEntries({ changed, previous, nodes }: DirectoryFrame): boolean {
  if (changed || previous === undefined) return false;
  let count = 0;
  for (const node of nodes) if (node !== undefined) count++;
  return previous.count === count;
}

/** Whether it is itself what it is in the parent snapshot, whatever is in it. */
export function isSameDirectory({ previousEntry, entry }: DirectoryFrame): boolean {
  return (
    previousEntry !== undefined &&
    isUnchanged(previousEntry, entry.stat) &&
    previousEntry.page.device(previousEntry.index) === entry.stat.device
  );
}
