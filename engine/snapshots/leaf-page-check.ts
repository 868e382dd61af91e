/**
 * The complete check of a leaf page, done once when it is decoded: after it every accessor of
 * `LeafPage` may read its columns without looking. Millions of entries pass here, so it makes no
 * object for an entry without extras. FORMAT.md "Trees".
 */
import { type Bytes, findUtf8 } from "../base/bytes.ts";
import { ForgeError } from "../base/errors.ts";
import { BLOB_BYTES_MAX, TREE_PAGE_ENTRIES_MAX } from "../base/limits.ts";
import { type BlobHeader, checkBlobHeader } from "./blob-header.ts";
import { nameFault, neighboursAscend } from "./entry-name.ts";
import {
  EXTRA_HEADER_BYTES,
  EXTRA_TAGS,
  EXTRA_TAG_OPTIONAL,
  LEAF_HEADER_BYTES,
  LEAF_PAGE,
  type LeafColumns,
  TREE_PAGE_VERSION,
  TYPE_BY_NUMBER,
  leafColumns,
} from "./leaf-layout.ts";
import {
  decodeChunkListLevel,
  decodeDeviceNumber,
  decodeHoleLists,
  decodeHoles,
  decodeLinkTarget,
  decodeTime,
  decodeXattrs,
} from "./tree-extras.ts";
import { NODE_TYPES } from "./tree-node.ts";

/** A page that was found right, and what the check learned on its way. */
export interface CheckedLeaf {
  readonly columns: LeafColumns;
  /** Number of the first id of each entry, and the total at the end. */
  readonly firstRefs: Uint32Array;
  /** By string number; "" at 0. */
  readonly strings: readonly string[];
  /** Offset of the first extra of each entry, and the end; absent when the page has no extras. */
  readonly extraStarts: Uint32Array | undefined;
}

const HEADER: BlobHeader = {
  what: "a directory page",
  kind: LEAF_PAGE,
  version: TREE_PAGE_VERSION,
  headerBytes: LEAF_HEADER_BYTES,
};
const FILE = NODE_TYPES.file;
const DIRECTORY = NODE_TYPES.directory;
const SYMLINK = NODE_TYPES.symlink;

/**
 * @param root Whether the page must be a root page: one directory with the empty name.
 * @throws ForgeError "corrupt", "unsupported-version".
 */
export function checkLeafPage(bytes: Bytes, root: boolean): CheckedLeaf {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const columns = checkHeader(bytes, view);
  checkNames(bytes, view, columns, root);
  const strings = checkStrings(bytes, columns);
  checkMetadata(bytes, view, columns, strings.length);
  const firstRefs = checkRefs(bytes, view, columns);
  const extras = checkExtras(bytes, view, columns);
  checkContents(bytes, view, columns, firstRefs, extras);
  return { columns, firstRefs, strings, extraStarts: extras?.starts };
}

function checkHeader(bytes: Bytes, view: DataView): LeafColumns {
  checkBlobHeader(bytes, HEADER);
  if (view.getUint16(2, true) !== 0) fault("its reserved bytes are not zero");
  const columns = leafColumns({
    count: view.getUint32(4, true),
    nameBytes: view.getUint32(8, true),
    stringBytes: view.getUint32(12, true),
    extraBytes: view.getUint32(16, true),
    refs: view.getUint32(20, true),
  });
  if (columns.count > TREE_PAGE_ENTRIES_MAX) fault(`it has ${columns.count} entries`);
  if (columns.end !== bytes.length || columns.end > BLOB_BYTES_MAX) {
    fault(`its columns take ${columns.end} bytes, it has ${bytes.length}`);
  }
  return columns;
}

function checkNames(bytes: Bytes, view: DataView, columns: LeafColumns, root: boolean): void {
  const { count, names, nameBytes, nameEnds } = columns;
  if (root) {
    const isRoot = count === 1 && nameBytes === 0 && bytes[columns.types] === DIRECTORY;
    if (!isRoot || view.getUint32(nameEnds, true) !== 0) fault("it is not the page of a root");
    return;
  }
  let before = names;
  let start = names;
  for (let i = 0; i < count; i++) {
    const end = names + view.getUint32(nameEnds + 4 * i, true);
    if (end < start || end > names + nameBytes) fault(`the end of name ${i} is out of place`);
    const found = nameFault(bytes, start, end);
    if (found !== undefined) fault(found);
    if (i > 0 && !neighboursAscend(bytes, before, start, end)) fault("its names are not sorted");
    before = start;
    start = end;
  }
  if (start !== names + nameBytes) fault("its names do not fill their column");
}

function checkStrings(bytes: Bytes, columns: LeafColumns): string[] {
  const strings = [""];
  let at = columns.strings;
  while (at < columns.extras) {
    const length = bytes[at] as number;
    if (length === 0 || at + 1 + length > columns.extras) fault("its string table is cut off");
    const text = findUtf8(bytes.subarray(at + 1, at + 1 + length));
    if (text === undefined) fault("an owner name is not UTF-8");
    strings.push(text);
    at += 1 + length;
    if (strings.length > 2 * TREE_PAGE_ENTRIES_MAX + 1) fault("its string table is too long");
  }
  return strings;
}

function checkMetadata(bytes: Bytes, view: DataView, columns: LeafColumns, strings: number): void {
  for (let i = 0; i < columns.count; i++) {
    const type = bytes[columns.types + i] as number;
    if (type >= TYPE_BY_NUMBER.length) fault(`entry ${i} is of type ${type}`);
    if (view.getUint16(columns.modes + 2 * i, true) > 0o7777) fault(`entry ${i} has a wide mode`);
    const user = view.getUint16(columns.users + 2 * i, true);
    const group = view.getUint16(columns.groups + 2 * i, true);
    if (user >= strings || group >= strings) fault(`entry ${i} names an owner that is not there`);
    const mtimeNanos = view.getUint32(columns.mtimeNanos + 4 * i, true);
    const ctimeNanos = view.getUint32(columns.ctimeNanos + 4 * i, true);
    if (mtimeNanos > 999_999_999 || ctimeNanos > 999_999_999) fault(`entry ${i} has a wrong time`);
    // 2^21 × 2^32: sizes are numbers, so they have to be safe ones.
    if (view.getUint32(columns.sizes + 8 * i + 4, true) >= 0x20_0000) {
      fault(`entry ${i} is too large for any file`);
    }
    if (
      type !== FILE &&
      (readSize(view, columns, i) | view.getUint32(columns.crcs + 4 * i)) !== 0
    ) {
      fault(`entry ${i} is no file and has a size`);
    }
  }
}

/** Size of entry `i`; exact because the check bounded its upper half. */
export function readSize(view: DataView, columns: LeafColumns, i: number): number {
  const at = columns.sizes + 8 * i;
  return view.getUint32(at + 4, true) * 0x1_0000_0000 + view.getUint32(at, true);
}

function checkRefs(bytes: Bytes, view: DataView, columns: LeafColumns): Uint32Array {
  const { count, refs } = columns;
  const firstRefs = new Uint32Array(count + 1);
  let total = 0;
  for (let i = 0; i < count; i++) {
    firstRefs[i] = total;
    const own = view.getUint32(columns.refCounts + 4 * i, true);
    const type = bytes[columns.types + i];
    if (type === DIRECTORY ? own !== 1 : type !== FILE && own !== 0) {
      fault(`entry ${i} has ${own} ids`);
    }
    total += own;
    if (total > refs) fault("its entries have more ids than it holds");
  }
  if (total !== refs) fault("it holds ids of no entry");
  firstRefs[count] = total;
  return firstRefs;
}

interface Extras {
  readonly starts: Uint32Array;
  /** By entry: which of the known tags it has, one bit each. */
  readonly tags: Uint8Array;
  /** By entry: bytes of inline holes. */
  readonly holeBytes: Float64Array;
}

function checkExtras(bytes: Bytes, view: DataView, columns: LeafColumns): Extras | undefined {
  const { count, extras, end } = columns;
  if (extras === end) return undefined;
  const found: Extras = {
    starts: new Uint32Array(count + 1).fill(end),
    tags: new Uint8Array(count),
    holeBytes: new Float64Array(count),
  };
  let at = extras;
  let entryBefore = -1;
  let tagBefore = 0;
  while (at < end) {
    if (end - at < EXTRA_HEADER_BYTES) fault("its extras are cut off");
    const entry = view.getUint32(at, true);
    const tag = bytes[at + 4] as number;
    const valueAt = at + EXTRA_HEADER_BYTES;
    const length = view.getUint32(at + 5, true);
    if (length > end - valueAt) fault("its extras are cut off");
    if (entry >= count || entry < entryBefore || (entry === entryBefore && tag <= tagBefore)) {
      fault("its extras are not sorted");
    }
    // Entries without extras begin where the next one's begin.
    if (entry !== entryBefore) found.starts.fill(at, entryBefore + 1, entry + 1);
    checkExtra(bytes.subarray(valueAt, valueAt + length), { view, columns, entry, tag }, found);
    entryBefore = entry;
    tagBefore = tag;
    at = valueAt + length;
  }
  return found;
}

function checkExtra(
  value: Bytes,
  where: {
    readonly view: DataView;
    readonly columns: LeafColumns;
    readonly entry: number;
    readonly tag: number;
  },
  found: Extras,
): void {
  const { view, columns, entry, tag } = where;
  if (tag >= EXTRA_TAG_OPTIONAL) return;
  const type = view.getUint8(columns.types + entry);
  let fits = true;
  switch (tag) {
    case EXTRA_TAGS.linkTarget:
      fits = type === SYMLINK;
      decodeLinkTarget(value);
      break;
    case EXTRA_TAGS.xattrs:
      decodeXattrs(value);
      break;
    case EXTRA_TAGS.holes:
      fits = type === FILE;
      for (const hole of decodeHoles(value, readSize(view, columns, entry))) {
        found.holeBytes[entry] = (found.holeBytes[entry] as number) + hole.length;
      }
      break;
    case EXTRA_TAGS.deviceNumber:
      fits = type === NODE_TYPES["char-device"] || type === NODE_TYPES["block-device"];
      decodeDeviceNumber(value);
      break;
    case EXTRA_TAGS.atime:
      decodeTime(value);
      break;
    case EXTRA_TAGS.chunkList:
      fits = type === FILE;
      decodeChunkListLevel(value);
      break;
    case EXTRA_TAGS.holeLists:
      fits = type === FILE;
      decodeHoleLists(value);
      break;
    default:
      throw new ForgeError(
        "unsupported-version",
        `Cannot read a directory page with an extra of kind ${tag}: it was made by a newer forge`,
      );
  }
  if (!fits) fault(`entry ${entry} cannot have an extra of kind ${tag}`);
  found.tags[entry] = (found.tags[entry] as number) | (1 << tag);
}

const HAS_HOLES = 1 << EXTRA_TAGS.holes;
const HAS_CHUNK_LIST = 1 << EXTRA_TAGS.chunkList;
const HAS_HOLE_LISTS = 1 << EXTRA_TAGS.holeLists;
const HAS_TARGET = 1 << EXTRA_TAGS.linkTarget;

/** Chunk lengths, and that data and holes make up the size. */
function checkContents(
  bytes: Bytes,
  view: DataView,
  columns: LeafColumns,
  firstRefs: Uint32Array,
  extras: Extras | undefined,
): void {
  for (let i = 0; i < columns.count; i++) {
    const type = bytes[columns.types + i] as number;
    const tags = extras === undefined ? 0 : (extras.tags[i] as number);
    if ((type === SYMLINK) !== ((tags & HAS_TARGET) !== 0)) fault(`symlink ${i} has no target`);
    const first = firstRefs[i] as number;
    const end = firstRefs[i + 1] as number;
    const chunked = type === FILE && (tags & HAS_CHUNK_LIST) === 0;
    let dataBytes = 0;
    for (let ref = first; ref < end; ref++) {
      const length = view.getUint32(columns.chunkBytes + 4 * ref, true);
      if (chunked ? length === 0 || length > BLOB_BYTES_MAX : length !== 0) {
        fault(`entry ${i} has a chunk of ${length} bytes`);
      }
      dataBytes += length;
    }
    if (type !== FILE) continue;
    if (!chunked && end - first !== 1) fault(`file ${i} has ${end - first} chunk lists`);
    if ((tags & HAS_HOLES) !== 0 && (tags & HAS_HOLE_LISTS) !== 0) {
      fault(`file ${i} has holes twice`);
    }
    const known = dataBytes + (extras === undefined ? 0 : (extras.holeBytes[i] as number));
    const size = readSize(view, columns, i);
    // What stands in lists can only be more: then the reader of the lists compares.
    const complete = chunked && (tags & HAS_HOLE_LISTS) === 0;
    if (complete ? known !== size : known > size) {
      fault(`file ${i} of ${size} bytes has ${known} bytes of chunks and holes`);
    }
  }
}

function fault(found: string): never {
  throw new ForgeError("corrupt", `Cannot decode a directory page: ${found}`);
}
