/**
 * A directory tree as a value: tests store it, and compare what a ReadonlyFs shows with it. Names may
 * be text or bytes; everything not given has a plain default.
 */
import { expect } from "vitest";

import { type Bytes, compareBytes, equalBytes, utf8 } from "../../engine/base/bytes.ts";
import type { FsEntryType } from "../../engine/read/readonly-fs.ts";

export interface ExpectedMetadata {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly user: string;
  readonly group: string;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly atimeNs: bigint | undefined;
  readonly device: bigint;
  readonly inode: bigint;
  readonly linkCount: number;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  readonly xattrs: readonly { readonly name: Bytes; readonly value: Bytes }[];
}

export interface ExpectedEntry extends ExpectedMetadata {
  readonly name: Bytes;
  readonly type: FsEntryType;
  /** Files: the whole content, holes as zeros. */
  readonly content: Bytes;
  readonly holes: readonly { readonly offset: number; readonly length: number }[];
  /** Files: lengths of the chunks the data is cut into; the last repeats. */
  readonly chunkBytes: number;
  /** Directories, sorted by name bytes. */
  readonly children: readonly ExpectedEntry[];
  readonly target: Bytes;
}

export type EntryOptions = Partial<ExpectedMetadata> &
  Partial<Pick<ExpectedEntry, "holes" | "chunkBytes">>;

let nextInode = 1000n;

function make(name: string | Bytes, type: FsEntryType, options: EntryOptions): ExpectedEntry {
  return {
    name: typeof name === "string" ? utf8(name) : name,
    type,
    mode: type === "directory" ? 0o755 : 0o644,
    uid: 1000,
    gid: 1000,
    user: "alice",
    group: "users",
    mtimeNs: 1_700_000_000_123_456_789n,
    ctimeNs: 1_700_000_001_000_000_001n,
    atimeNs: undefined,
    device: 64_769n,
    inode: nextInode++,
    linkCount: 1,
    deviceMajor: 0,
    deviceMinor: 0,
    xattrs: [],
    content: new Uint8Array(0),
    holes: [],
    chunkBytes: 1000,
    children: [],
    target: new Uint8Array(0),
    ...options,
  };
}

export function file(
  name: string | Bytes,
  content: string | Bytes,
  options: EntryOptions = {},
): ExpectedEntry {
  const bytes = typeof content === "string" ? utf8(content) : content;
  return { ...make(name, "file", options), content: bytes };
}

export function directory(
  name: string | Bytes,
  children: readonly ExpectedEntry[],
  options: EntryOptions = {},
): ExpectedEntry {
  const sorted = [...children].sort((a, b) => compareBytes(a.name, b.name));
  return { ...make(name, "directory", options), children: sorted };
}

export function symlink(name: string | Bytes, target: string | Bytes): ExpectedEntry {
  const bytes = typeof target === "string" ? utf8(target) : target;
  return { ...make(name, "symlink", { mode: 0o777 }), target: bytes };
}

export function special(
  name: string | Bytes,
  type: Exclude<FsEntryType, "file" | "directory" | "symlink">,
  options: EntryOptions = {},
): ExpectedEntry {
  return make(name, type, options);
}

/** Bytes that look random and are the same in every run. */
export function noise(length: number, seed = 1): Bytes {
  const bytes = new Uint8Array(length);
  let state = seed >>> 0 || 1;
  for (let i = 0; i < length; i++) {
    // xorshift32
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[i] = state;
  }
  return bytes;
}

/** `length` bytes of noise with zeros where the holes are. */
export function sparseNoise(
  length: number,
  holes: readonly { readonly offset: number; readonly length: number }[],
  seed = 1,
): Bytes {
  const bytes = noise(length, seed);
  for (const hole of holes) bytes.fill(0, hole.offset, hole.offset + hole.length);
  return bytes;
}

/** `toEqual` for bytes: compares them itself first, which is a hundred times faster. */
export function expectBytes(actual: Bytes | undefined, wanted: Bytes, what = ""): void {
  if (actual !== undefined && equalBytes(actual, wanted)) return;
  expect(actual?.length, `length ${what}`).toBe(wanted.length);
  expect(actual, what).toEqual(wanted);
}
