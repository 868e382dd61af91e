/**
 * TreeNodes → the bytes of a leaf page. Canonical: equal nodes give equal bytes, which is what makes
 * an unchanged directory free. Measured in millions of entries, so columns are written straight into
 * the page: a first pass over the nodes learns the totals, a second writes.
 * FORMAT.md "Trees".
 */
import { ByteWriter, type Bytes, compareBytes, utf8 } from "../base/bytes.ts";
import { ForgeError, assert } from "../base/errors.ts";
import { BLOB_BYTES_MAX, TREE_PAGE_ENTRIES_MAX } from "../base/limits.ts";
import { nameFault } from "./entry-name.ts";
import { writeHexId } from "./hex-id.ts";
import { LEAF_PAGE, type LeafColumns, TREE_PAGE_VERSION, leafColumns } from "./leaf-layout.ts";
import { encodeExtras, extrasBytes } from "./tree-extras.ts";
import { NODE_TYPES, type TreeNode } from "./tree-node.ts";

/**
 * Encodes one leaf page.
 *
 * @param nodes At most TREE_PAGE_ENTRIES_MAX, sorted by name bytes, names unique and valid (the
 *   empty name only as the one entry of a root page). A directory has its `subtree`, a symlink its
 *   `linkTarget`, a file its `content`; xattrs are sorted. User and group names above 255 bytes of
 *   UTF-8 are left out; the numbers stay.
 * @returns a fresh buffer.
 * @throws ForgeError "too-large" when xattrs or the page pass their limits.
 */
export function encodeLeafPage(nodes: readonly TreeNode[]): Bytes {
  assert(nodes.length <= TREE_PAGE_ENTRIES_MAX, `a leaf page of ${nodes.length} entries`);
  const strings = new StringTable();
  const extras = new ByteWriter(64);
  let nameBytes = 0;
  let refs = 0;
  let previous: Bytes | undefined;
  for (let i = 0; i < nodes.length; i++) {
    const node = nodes[i] as TreeNode;
    checkNode(node, previous, nodes.length);
    previous = node.name;
    nameBytes += node.name.length;
    refs += refsOf(node);
    strings.numberOf(node.user);
    strings.numberOf(node.group);
    if (extrasBytes(node) > 0) encodeExtras(extras, i, node);
  }
  const columns = leafColumns({
    count: nodes.length,
    nameBytes,
    stringBytes: strings.bytes.length,
    extraBytes: extras.length,
    refs,
  });
  if (columns.end > BLOB_BYTES_MAX) {
    throw new ForgeError(
      "too-large",
      `Cannot store a directory page of ${columns.end} bytes, at most ${BLOB_BYTES_MAX}`,
    );
  }
  const page = new Uint8Array(columns.end);
  writeHeader(page, columns);
  writeMetadata(page, columns, nodes, strings);
  writeContents(page, columns, nodes);
  page.set(strings.bytes.finish(), columns.strings);
  page.set(extras.finish(), columns.extras);
  return page;
}

/** Ids that `node` has in the page: chunks, or one chunk list, or one subtree. */
export function refsOf(node: TreeNode): number {
  if (node.type === "directory") return 1;
  const content = node.content;
  if (content === undefined) return 0;
  return content.chunkList === undefined ? content.chunks.length : 1;
}

function checkNode(node: TreeNode, previous: Bytes | undefined, count: number): void {
  const name = node.name;
  const isRoot = name.length === 0 && count === 1 && node.type === "directory";
  if (!isRoot) {
    const fault = nameFault(name, 0, name.length);
    assert(fault === undefined, `a directory entry of which ${fault ?? ""}`);
  }
  assert(
    previous === undefined || compareBytes(previous, name) < 0,
    "directory entries that are not sorted",
  );
  assert((node.type === "file") === (node.content !== undefined), "a file without content");
  assert((node.type === "directory") === (node.subtree !== undefined), "a directory without one");
  assert((node.type === "symlink") === (node.linkTarget !== undefined), "a symlink without target");
}

/** Numbers strings in order of first use; "" is 0. */
class StringTable {
  readonly bytes: ByteWriter = new ByteWriter(64);
  readonly #numbers = new Map<string, number>([["", 0]]);

  numberOf(text: string): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    const encoded = utf8(text);
    const number = encoded.length > 255 ? 0 : this.#next++;
    this.#numbers.set(text, number);
    if (number === 0) return 0;
    this.bytes.u8(encoded.length);
    this.bytes.bytes(encoded);
    return number;
  }

  #next = 1;
}

function writeHeader(page: Bytes, columns: LeafColumns): void {
  const view = new DataView(page.buffer);
  view.setUint8(0, LEAF_PAGE);
  view.setUint8(1, TREE_PAGE_VERSION);
  view.setUint32(4, columns.count, true);
  view.setUint32(8, columns.nameBytes, true);
  view.setUint32(12, columns.stringBytes, true);
  view.setUint32(16, columns.extraBytes, true);
  view.setUint32(20, columns.refs, true);
}

function writeMetadata(
  page: Bytes,
  columns: LeafColumns,
  nodes: readonly TreeNode[],
  strings: StringTable,
): void {
  const view = new DataView(page.buffer);
  let nameEnd = 0;
  for (let i = 0; i < nodes.length; i++) {
    const node = nodes[i] as TreeNode;
    page.set(node.name, columns.names + nameEnd);
    nameEnd += node.name.length;
    view.setUint32(columns.nameEnds + 4 * i, nameEnd, true);
    page[columns.types + i] = NODE_TYPES[node.type];
    view.setUint16(columns.modes + 2 * i, node.mode & 0o7777, true);
    view.setUint32(columns.uids + 4 * i, node.uid, true);
    view.setUint32(columns.gids + 4 * i, node.gid, true);
    view.setUint16(columns.users + 2 * i, strings.numberOf(node.user), true);
    view.setUint16(columns.groups + 2 * i, strings.numberOf(node.group), true);
    const mtimeAt = columns.mtimeSeconds + 8 * i;
    writeTime(view, mtimeAt, columns.mtimeNanos + 4 * i, node.mtimeNs);
    const ctimeAt = columns.ctimeSeconds + 8 * i;
    writeTime(view, ctimeAt, columns.ctimeNanos + 4 * i, node.ctimeNs);
    view.setBigUint64(columns.devices + 8 * i, node.device, true);
    view.setBigUint64(columns.inodes + 8 * i, node.inode, true);
    view.setUint32(columns.linkCounts + 4 * i, node.linkCount, true);
  }
}

function writeContents(page: Bytes, columns: LeafColumns, nodes: readonly TreeNode[]): void {
  const view = new DataView(page.buffer);
  let ref = 0;
  for (let i = 0; i < nodes.length; i++) {
    const node = nodes[i] as TreeNode;
    view.setUint32(columns.refCounts + 4 * i, refsOf(node), true);
    if (node.subtree !== undefined) {
      writeHexId(page, columns.ids + 32 * ref++, node.subtree);
      continue;
    }
    const content = node.content;
    if (content === undefined) continue;
    const size = content.sizeBytes;
    assert(Number.isSafeInteger(size) && size >= 0, `a file of ${size} bytes`);
    view.setUint32(columns.sizes + 8 * i, size >>> 0, true);
    view.setUint32(columns.sizes + 8 * i + 4, Math.floor(size / 0x1_0000_0000), true);
    view.setUint32(columns.crcs + 4 * i, content.crc32, true);
    if (content.chunkList !== undefined) {
      writeHexId(page, columns.ids + 32 * ref++, content.chunkList.id);
      continue;
    }
    for (const chunk of content.chunks) {
      writeHexId(page, columns.ids + 32 * ref, chunk.id);
      view.setUint32(columns.chunkBytes + 4 * ref++, chunk.plainBytes, true);
    }
  }
}

const NANOS = 1_000_000_000n;
/** Times within ±2^61 ns (1896 … 2043) go the fast way. */
const FAST_TIME = 2 ** 61;

/** Splits nanoseconds into seconds, rounded down, and the rest. */
function writeTime(view: DataView, secondsAt: number, nanosAt: number, ns: bigint): void {
  const approximate = Number(ns);
  if (!(Math.abs(approximate) < FAST_TIME)) {
    const rest = ((ns % NANOS) + NANOS) % NANOS;
    view.setBigInt64(secondsAt, (ns - rest) / NANOS, true);
    view.setUint32(nanosAt, Number(rest), true);
    return;
  }
  // A double is off by at most 128 ns here, so the quotient is right or one off, and the rest fits
  // 32 bits: it follows exactly from the lower halves. BigInt division costs five times as much.
  let seconds = Math.floor(approximate / 1e9);
  view.setBigInt64(secondsAt, ns, true);
  let rest = (view.getInt32(secondsAt, true) - Math.imul(seconds, 1_000_000_000)) | 0;
  if (rest < 0) {
    seconds--;
    rest += 1_000_000_000;
  } else if (rest >= 1_000_000_000) {
    seconds++;
    rest -= 1_000_000_000;
  }
  view.setInt32(secondsAt, seconds | 0, true);
  view.setInt32(secondsAt + 4, Math.floor(seconds / 0x1_0000_0000), true);
  view.setUint32(nanosAt, rest, true);
}
