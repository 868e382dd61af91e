/** Random directories for property tests, and a node of each kind for others. */
import { type Bytes, compareBytes, utf8 } from "../../../engine/base/bytes.ts";
import { type BlobId, idOf } from "../../../engine/base/ids.ts";
import { NODE_TYPES, type NodeType, type TreeNode } from "../../../engine/snapshots/tree-node.ts";
import type { SeededRandom } from "../../helpers/seeded-random.ts";

export function randomId(random: SeededRandom): BlobId {
  return idOf<BlobId>(random.bytes(32));
}

/** A file without content, in every field like a new one. */
export function plainNode(name: Bytes | string, given: Partial<TreeNode> = {}): TreeNode {
  return {
    name: typeof name === "string" ? utf8(name) : name,
    type: "file",
    mode: 0o644,
    uid: 1000,
    gid: 1000,
    user: "ann",
    group: "ann",
    mtimeNs: 1_700_000_000_123_456_789n,
    ctimeNs: 1_700_000_000_123_456_789n,
    atimeNs: undefined,
    device: 2049n,
    inode: 1n,
    linkCount: 1,
    deviceMajor: 0,
    deviceMinor: 0,
    xattrs: [],
    ...((given.type ?? "file") === "file" && {
      content: { sizeBytes: 0, crc32: 0, chunks: [], holes: [] },
    }),
    ...given,
  };
}

function randomName(random: SeededRandom): Bytes {
  const name = random.bytes(1 + random.below(random.chance(0.05) ? 255 : 20));
  return name.map((byte) => (byte === 0 || byte === 0x2f || byte === 0x2e ? 0x61 : byte));
}

function randomTime(random: SeededRandom): bigint {
  const value = BigInt.asIntN(64, (BigInt(random.u32()) << 32n) | BigInt(random.u32()));
  // Now and then beyond what the fast way splits.
  return random.chance(0.1) ? value * 1_000_000n : value >> BigInt(random.below(40));
}

function randomContent(random: SeededRandom): TreeNode["content"] {
  const chunks = Array.from({ length: random.below(4) }, () => ({
    id: randomId(random),
    plainBytes: 1 + random.below(8 * 1024 * 1024),
  }));
  const dataBytes = chunks.reduce((sum, chunk) => sum + chunk.plainBytes, 0);
  const crc32 = random.u32();
  if (random.chance(0.1)) {
    const chunkList = { id: randomId(random), level: random.below(4) };
    return { sizeBytes: random.u32() * 2 ** 20, crc32, chunks: [], chunkList, holes: [] };
  }
  if (random.chance(0.1)) {
    const holeLists = [randomId(random), randomId(random)];
    return { sizeBytes: dataBytes + random.u32(), crc32, chunks, holes: [], holeLists };
  }
  const holes: { offset: number; length: number }[] = [];
  let at = 0;
  for (let n = random.chance(0.2) ? random.below(5) : 0; n > 0; n--) {
    const hole = { offset: at + 1 + random.below(100), length: 1 + random.below(2 ** 32) };
    holes.push(hole);
    at = hole.offset + hole.length;
  }
  const holeBytes = holes.reduce((sum, hole) => sum + hole.length, 0);
  // Data must reach to the beginning of the last hole.
  const missing = Math.max(0, at - holeBytes - dataBytes);
  if (missing > 0) chunks.push({ id: randomId(random), plainBytes: missing });
  return { sizeBytes: dataBytes + missing + holeBytes, crc32, chunks, holes };
}

export function randomNode(random: SeededRandom, name: Bytes): TreeNode {
  const type = random.pick<NodeType>([
    "file",
    "file",
    "file",
    ...(Object.keys(NODE_TYPES) as NodeType[]),
  ]);
  const isDevice = type === "char-device" || type === "block-device";
  const xattrs = Array.from({ length: random.chance(0.2) ? 3 : 0 }, (_, i) => ({
    name: utf8(`user.${i}`),
    value: random.bytes(random.below(50)),
  }));
  return {
    ...plainNode(name, { type }),
    mode: random.below(0o10000),
    uid: random.u32(),
    gid: random.u32(),
    user: random.pick(["", "root", "ann", "jürgen"]),
    group: random.pick(["", "root", "staff"]),
    mtimeNs: randomTime(random),
    ctimeNs: randomTime(random),
    atimeNs: random.chance(0.2) ? randomTime(random) : undefined,
    device: (BigInt(random.u32()) << 32n) | BigInt(random.u32()),
    inode: (BigInt(random.u32()) << 32n) | BigInt(random.u32()),
    linkCount: random.u32(),
    deviceMajor: isDevice ? random.u32() : 0,
    deviceMinor: isDevice ? random.u32() : 0,
    xattrs,
    ...(type === "file" && { content: randomContent(random) }),
    ...(type === "directory" && { subtree: randomId(random) }),
    ...(type === "symlink" && {
      linkTarget: random.bytes(random.below(50)).map((byte) => byte || 0x2f),
    }),
  };
}

/** Sorted by name, names unique. */
export function randomNodes(random: SeededRandom, count: number): TreeNode[] {
  const names = Array.from({ length: count }, () => randomName(random)).sort(compareBytes);
  const unique = names.filter((name, i) => i === 0 || compareBytes(names[i - 1] ?? name, name) < 0);
  return unique.map((name) => randomNode(random, name));
}
