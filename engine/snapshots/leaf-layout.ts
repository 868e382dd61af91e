/**
 * Where the columns of a leaf page begin, and the tags of its extras: the one place that knows the
 * order both the encoder and the decoder follow. FORMAT.md "Trees".
 */
import { NODE_TYPES, type NodeType } from "./tree-node.ts";

export const LEAF_PAGE = 1;
export const REFERENCE_PAGE = 2;
export const TREE_PAGE_VERSION = 1;

/** Byte 0, version, u16 of zeros, five u32. */
export const LEAF_HEADER_BYTES = 24;
/** Bytes of one entry's fixed columns; 4 of them are its name end. */
export const LEAF_ENTRY_BYTES = 79;
/** One id and its chunk length. */
export const LEAF_REF_BYTES = 36;
/** Entry number u32, tag u8, length u32. */
export const EXTRA_HEADER_BYTES = 9;

export const EXTRA_TAGS = {
  linkTarget: 1,
  xattrs: 2,
  holes: 3,
  deviceNumber: 4,
  atime: 5,
  chunkList: 6,
  holeLists: 7,
} as const;

/** Tags from here on may be skipped by a reader that does not know them. */
export const EXTRA_TAG_OPTIONAL = 128;

/** The node type of each stored number. */
export const TYPE_BY_NUMBER: readonly NodeType[] = (Object.keys(NODE_TYPES) as NodeType[]).sort(
  (a, b) => NODE_TYPES[a] - NODE_TYPES[b],
);

/** The five totals of the header. */
export interface LeafTotals {
  readonly count: number;
  readonly nameBytes: number;
  readonly stringBytes: number;
  readonly extraBytes: number;
  readonly refs: number;
}

/** Byte offsets from the page's beginning. */
export interface LeafColumns extends LeafTotals {
  readonly nameEnds: number;
  readonly names: number;
  readonly types: number;
  readonly modes: number;
  readonly uids: number;
  readonly gids: number;
  readonly users: number;
  readonly groups: number;
  readonly mtimeSeconds: number;
  readonly mtimeNanos: number;
  readonly ctimeSeconds: number;
  readonly ctimeNanos: number;
  readonly devices: number;
  readonly inodes: number;
  readonly linkCounts: number;
  readonly sizes: number;
  readonly crcs: number;
  readonly refCounts: number;
  readonly ids: number;
  readonly chunkBytes: number;
  readonly strings: number;
  readonly extras: number;
  /** Length of the whole page. */
  readonly end: number;
}

/** Sums only: with totals of 32 bits no offset can pass 2^53, so a decoder may call it unchecked. */
export function leafColumns(totals: LeafTotals): LeafColumns {
  const { count, nameBytes, stringBytes, extraBytes, refs } = totals;
  const nameEnds = LEAF_HEADER_BYTES;
  const names = nameEnds + 4 * count;
  const types = names + nameBytes;
  const modes = types + count;
  const uids = modes + 2 * count;
  const gids = uids + 4 * count;
  const users = gids + 4 * count;
  const groups = users + 2 * count;
  const mtimeSeconds = groups + 2 * count;
  const mtimeNanos = mtimeSeconds + 8 * count;
  const ctimeSeconds = mtimeNanos + 4 * count;
  const ctimeNanos = ctimeSeconds + 8 * count;
  const devices = ctimeNanos + 4 * count;
  const inodes = devices + 8 * count;
  const linkCounts = inodes + 8 * count;
  const sizes = linkCounts + 4 * count;
  const crcs = sizes + 8 * count;
  const refCounts = crcs + 4 * count;
  const ids = refCounts + 4 * count;
  const chunkBytes = ids + 32 * refs;
  const strings = chunkBytes + 4 * refs;
  const extras = strings + stringBytes;
  return {
    count,
    nameBytes,
    stringBytes,
    extraBytes,
    refs,
    nameEnds,
    names,
    types,
    modes,
    uids,
    gids,
    users,
    groups,
    mtimeSeconds,
    mtimeNanos,
    ctimeSeconds,
    ctimeNanos,
    devices,
    inodes,
    linkCounts,
    sizes,
    crcs,
    refCounts,
    ids,
    chunkBytes,
    strings,
    extras,
    end: extras + extraBytes,
  };
}
