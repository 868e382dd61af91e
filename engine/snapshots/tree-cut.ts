/**
 * Where the pages of a large directory end. Cuts follow from the names alone wherever they can, so
 * one new file changes one or two pages and not all after it. Pure; concerns writers only.
 * FORMAT.md "Cutting".
 */
import {
  TREE_PAGE_BYTES_CUT,
  TREE_PAGE_ENTRIES_MAX,
  TREE_SINGLE_PAGE_ENTRIES,
} from "../base/limits.ts";
import { LEAF_ENTRY_BYTES, LEAF_HEADER_BYTES, LEAF_REF_BYTES } from "./leaf-layout.ts";
import { refsOf } from "./leaf-page-encode.ts";
import { extrasBytes } from "./tree-extras.ts";
import type { TreeNode } from "./tree-node.ts";

/** A page has at least this many entries before a name may end it. */
const ENTRIES_MIN = 64;
/** The upper 9 bits of the hash: one name in 512 ends a page. */
const CUT_SHIFT = 32 - 9;
/** 2^32 divided by the golden ratio: spreads the table's bits into the upper ones. */
const SPREAD = 0x9e3779b1;
/** A child of a page of references: name end, entries below, id. */
const REFERENCE_BYTES = 40;

/** Bytes that `node` adds to a leaf page, owner names (which entries share) not counted. */
export function leafEntryBytes(node: TreeNode): number {
  return LEAF_ENTRY_BYTES + node.name.length + LEAF_REF_BYTES * refsOf(node) + extrasBytes(node);
}

/** Bytes of a leaf page of these nodes, owner names not counted. */
export function leafPageBytes(nodes: readonly TreeNode[]): number {
  let bytes = LEAF_HEADER_BYTES;
  for (const node of nodes) bytes += leafEntryBytes(node);
  return bytes;
}

/**
 * Cuts the sorted entries of a directory into leaf pages.
 *
 * @param cutTable 256 × u32, secret of the repository.
 * @returns the end (exclusive) of each page, ascending; the last is `nodes.length`. One page, which
 *   may be empty, for a small directory.
 */
export function cutLeafPages(nodes: readonly TreeNode[], cutTable: Uint32Array): number[] {
  if (nodes.length <= TREE_SINGLE_PAGE_ENTRIES && leafPageBytes(nodes) < TREE_PAGE_BYTES_CUT) {
    return [nodes.length];
  }
  return cut(cutTable, {
    count: nodes.length,
    emptyBytes: LEAF_HEADER_BYTES,
    name: (i) => (nodes[i] as TreeNode).name,
    bytes: (i) => leafEntryBytes(nodes[i] as TreeNode),
  });
}

/**
 * Cuts the children of one level into pages of references, by their first names.
 * @returns as `cutLeafPages`.
 */
export function cutReferencePages(
  children: readonly { readonly firstName: Uint8Array }[],
  cutTable: Uint32Array,
): number[] {
  if (children.length <= TREE_SINGLE_PAGE_ENTRIES) return [children.length];
  const name = (i: number): Uint8Array => (children[i] as { firstName: Uint8Array }).firstName;
  return cut(cutTable, {
    count: children.length,
    emptyBytes: 20,
    name,
    bytes: (i) => REFERENCE_BYTES + name(i).length,
  });
}

function cut(
  cutTable: Uint32Array,
  items: {
    readonly count: number;
    readonly emptyBytes: number;
    readonly name: (i: number) => Uint8Array;
    readonly bytes: (i: number) => number;
  },
): number[] {
  const ends: number[] = [];
  let start = 0;
  let bytes = items.emptyBytes;
  for (let i = 0; i < items.count; i++) {
    bytes += items.bytes(i);
    const entries = i + 1 - start;
    const full = entries >= TREE_PAGE_ENTRIES_MAX || bytes >= TREE_PAGE_BYTES_CUT;
    if (full || (entries >= ENTRIES_MIN && cutHash(items.name(i), cutTable) >>> CUT_SHIFT === 0)) {
      ends.push(i + 1);
      start = i + 1;
      bytes = items.emptyBytes;
    }
  }
  if (start < items.count) ends.push(items.count);
  return ends;
}

/** The keyed hash of a name, u32. */
export function cutHash(name: Uint8Array, cutTable: Uint32Array): number {
  let hash = 0;
  for (let i = 0; i < name.length; i++) {
    hash = ((hash << 5) | (hash >>> 27)) ^ (cutTable[name[i] as number] as number);
  }
  return Math.imul(hash, SPREAD) >>> 0;
}
