/**
 * EntryStats: lstat without the fifteen bigints that Node makes for each, by statx into
 * memory that is used again. Where the C library has no statx, or it fails, it is Node that answers.
 */
import { lstatSync } from "node:fs";
import type { Bytes } from "../../base/bytes.ts";
import { isForgeError } from "../../base/errors.ts";
import {
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  STATX_BYTES,
  makeDevice,
  statx,
} from "../../platform/node/libc.ts";
import type { EntryStamp } from "../../snapshots/entry-stamp.ts";
import type { NodeType } from "../../snapshots/tree-node.ts";
import type { SourceStat } from "../source.ts";
import { rawToFs } from "./raw-path.ts";
import { sourceStatOf } from "./source-stat.ts";

/** Paths beyond are Node's to refuse. */
const PATH_BYTES_MAX = 4095;

export class EntryStats {
  readonly #path: Bytes = new Uint8Array(PATH_BYTES_MAX + 1);
  readonly #out: Bytes = new Uint8Array(STATX_BYTES);
  readonly #view: DataView = new DataView(this.#out.buffer);
  /** What stands at the beginning of `#path`. */
  #base = "";
  #isDirect = true;

  /**
   * @param base Raw path with a final slash, shared by neighbours.
   * @param name Raw.
   * @throws what `lstatSync` throws.
   */
  lstat(base: string, name: string): SourceStat {
    const length = base.length + name.length;
    if (length <= PATH_BYTES_MAX && length > 0) {
      this.#setPath(base, name);
      if (this.#fill(AT_FDCWD, AT_SYMLINK_NOFOLLOW)) return new StatxStat(this.#view);
    }
    return sourceStatOf(lstatSync(rawToFs(base + name), { bigint: true }));
  }

  #setPath(base: string, name: string): void {
    const path = this.#path;
    if (base !== this.#base) {
      for (let i = 0; i < base.length; i++) path[i] = base.charCodeAt(i);
      this.#base = base;
    }
    let at = base.length;
    for (let i = 0; i < name.length; i++) path[at++] = name.charCodeAt(i);
    path[at] = 0;
  }

  #fill(directory: number, flags: number): boolean {
    if (!this.#isDirect) return false;
    try {
      return statx(directory, this.#path, flags, this.#out);
    } catch (error) {
      if (!isForgeError(error, "not-supported")) throw error;
      this.#isDirect = false;
      return false;
    }
  }
}

/** By the upper four bits of the mode. */
const TYPES: readonly (NodeType | undefined)[] = Array.from({ length: 16 }, (_, number) => {
  switch (number) {
    case 0o01:
      return "fifo";
    case 0o02:
      return "char-device";
    case 0o04:
      return "directory";
    case 0o06:
      return "block-device";
    case 0o12:
      return "symlink";
    case 0o14:
      return "socket";
    default:
      return undefined;
  }
});

const NANOS = 1_000_000_000n;

/**
 * | offset | size | field of `struct statx` |
 * |---|---|---|
 * | 16 | 4 each | links, uid, gid |
 * | 28 | 2 | mode |
 * | 32 | 8 each | inode, size |
 * | 64, 96, 112 | 8 + 4 | atime, ctime, mtime: seconds, nanoseconds |
 * | 128 | 4 each | major and minor of the device it is, and of the one it is on |
 *
 * A stat whose bigints are made when they are asked for, which for unchanged entries is never.
 */
class StatxStat implements SourceStat, EntryStamp {
  readonly type: NodeType;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly linkCount: number;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  readonly inodeLow: number;
  readonly inodeHigh: number;
  readonly ctimeLow: number;
  readonly ctimeHigh: number;
  readonly ctimeNanos: number;
  readonly mtimeLow: number;
  readonly mtimeHigh: number;
  readonly mtimeNanos: number;
  readonly #atimeSeconds: number;
  readonly #atimeNanos: number;
  readonly #onMajor: number;
  readonly #onMinor: number;

  constructor(view: DataView) {
    const mode = view.getUint16(28, true);
    const type = TYPES[mode >> 12] ?? "file";
    const isDevice = type === "char-device" || type === "block-device";
    this.type = type;
    this.mode = mode & 0o7777;
    this.linkCount = view.getUint32(16, true);
    this.uid = view.getUint32(20, true);
    this.gid = view.getUint32(24, true);
    this.sizeBytes =
      type === "file" ? view.getUint32(44, true) * 0x1_0000_0000 + view.getUint32(40, true) : 0;
    this.deviceMajor = isDevice ? view.getUint32(128, true) : 0;
    this.deviceMinor = isDevice ? view.getUint32(132, true) : 0;
    this.inodeLow = view.getInt32(32, true);
    this.inodeHigh = view.getInt32(36, true);
    this.ctimeLow = view.getInt32(96, true);
    this.ctimeHigh = view.getInt32(100, true);
    this.ctimeNanos = view.getInt32(104, true);
    this.mtimeLow = view.getInt32(112, true);
    this.mtimeHigh = view.getInt32(116, true);
    this.mtimeNanos = view.getInt32(120, true);
    this.#atimeSeconds = view.getInt32(68, true) * 0x1_0000_0000 + view.getUint32(64, true);
    this.#atimeNanos = view.getInt32(72, true);
    this.#onMajor = view.getUint32(136, true);
    this.#onMinor = view.getUint32(140, true);
  }

  get stamp(): EntryStamp {
    return this;
  }

  get mtimeNs(): bigint {
    return nanosOf(this.mtimeHigh, this.mtimeLow, this.mtimeNanos);
  }

  get ctimeNs(): bigint {
    return nanosOf(this.ctimeHigh, this.ctimeLow, this.ctimeNanos);
  }

  get atimeNs(): bigint {
    return BigInt(this.#atimeSeconds) * NANOS + BigInt(this.#atimeNanos);
  }

  get inode(): bigint {
    return BigInt.asUintN(64, wide(this.inodeHigh, this.inodeLow));
  }

  get device(): bigint {
    return deviceOf(this.#onMajor, this.#onMinor);
  }
}

function nanosOf(high: number, low: number, nanos: number): bigint {
  return wide(high, low) * NANOS + BigInt(nanos);
}

function wide(high: number, low: number): bigint {
  const upper = BigInt(high) << 32n;
  return upper | BigInt(low >>> 0);
}

/** Nearly all entries are on the device of the one before. */
let lastDevice: { readonly major: number; readonly minor: number; readonly number: bigint } = {
  major: 0,
  minor: 0,
  number: makeDevice(0, 0),
};

function deviceOf(major: number, minor: number): bigint {
  if (major !== lastDevice.major || minor !== lastDevice.minor) {
    lastDevice = { major, minor, number: makeDevice(major, minor) };
  }
  return lastDevice.number;
}
