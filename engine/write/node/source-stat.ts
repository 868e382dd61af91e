/** What lstat and fstat say, in the terms of a source. */
import type { BigIntStats } from "node:fs";

import { splitDevice } from "../../platform/node/libc.ts";
import type { NodeType } from "../../snapshots/tree-node.ts";
import type { SourceStat } from "../source.ts";

const S_IFMT = 0o170000n;
const TYPES = new Map<bigint, NodeType>([
  [0o100000n, "file"],
  [0o040000n, "directory"],
  [0o120000n, "symlink"],
  [0o010000n, "fifo"],
  [0o140000n, "socket"],
  [0o020000n, "char-device"],
  [0o060000n, "block-device"],
]);
const NO_DEVICE = { major: 0, minor: 0 };

export function sourceStatOf(stats: BigIntStats): SourceStat {
  const type = TYPES.get(stats.mode & S_IFMT) ?? "file";
  const isDevice = type === "char-device" || type === "block-device";
  const device = isDevice ? splitDevice(stats.rdev) : NO_DEVICE;
  return {
    type,
    mode: Number(stats.mode & 0o7777n),
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    sizeBytes: type === "file" ? Number(stats.size) : 0,
    mtimeNs: stats.mtimeNs,
    ctimeNs: stats.ctimeNs,
    atimeNs: stats.atimeNs,
    device: stats.dev,
    inode: stats.ino,
    linkCount: Number(stats.nlink),
    deviceMajor: device.major,
    deviceMinor: device.minor,
  };
}
