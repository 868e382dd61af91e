/**
 * A made-up home directory that can be as large as one likes: users, projects of 50 folders, folders
 * of 50 files, and one folder of 100,000 entries beside them. Every folder follows from its number, so
 * nothing of it is kept in memory: what an edit changed is all there is to remember.
 */
import { crc32 } from "node:zlib";
import { type Bytes, compareBytes, concatBytes, utf8 } from "../../../engine/base/bytes.ts";
import type { BlobId } from "../../../engine/base/ids.ts";
import type { ChunkRef, TreeNode } from "../../../engine/snapshots/tree-node.ts";

export const FILES_PER_FOLDER = 50;
export const FOLDERS_PER_PROJECT = 50;
export const USERS = ["anna", "ben", "chiara", "dmitri", "elif", "farid", "grace", "hiro"] as const;
/** Entries of the one large folder, which is the same in repositories of every size. */
export const LARGE_FOLDER_ENTRIES = 100_000;
export const LARGE_FOLDER_PATH = "/home/archive/camera";
/** Contents that the files of the large folder share. */
const LARGE_FOLDER_CONTENTS = 256;

const CHUNK_BYTES = 24;
const START_NS = 1_700_000_000_000_000_000n;
const WORDS =
  "report invoice notes draft budget meeting summary plan sketch contract review photo scan letter " +
  "index module parser render client schema worker queue cache layout theme widget router fixture";
const NAMES = WORDS.split(" ");
const SUFFIXES = ["txt", "pdf", "ts", "json", "jpg", "md", "docx", "csv", "png", "html"];

/** A file of a folder that was changed; the number counts its changes. */
export type Edits = ReadonlyMap<number, number>;

/** Takes a chunk's content: stores it or not, and gives its id. */
export type ChunkSink = (plain: Bytes) => BlobId;

export interface FolderShape {
  readonly folder: number;
  /** Of all files, the share that has a second chunk. */
  readonly secondChunkShare: number;
  readonly edits: Edits | undefined;
}

/** The files of a folder, sorted. `sink` is called for every chunk of theirs. */
export function folderNodes({ folder, secondChunkShare, edits }: FolderShape, sink: ChunkSink) {
  const nodes: TreeNode[] = [];
  for (let file = 0; file < FILES_PER_FOLDER; file++) {
    const version = edits?.get(file) ?? 0;
    const mixed = mix(folder * 64 + file);
    const contents = [contentOf({ folder, file, chunk: 0, version: 0 })];
    // An edit changes the last chunk or adds it, as an edit at the end of a file does.
    if (version > 0 || mixed / 2 ** 32 < secondChunkShare) {
      contents.push(contentOf({ folder, file, chunk: 1, version }));
    }
    const name = `${pick(NAMES, mixed)}-${pick(NAMES, mixed >>> 8)}-${file}.${pick(SUFFIXES, mixed >>> 16)}`;
    const changedNs = START_NS + BigInt(version) * 86_400_000_000_000n + BigInt(mixed) * 1000n;
    nodes.push(fileNode({ name, contents, serial: folder * 64 + file, changedNs }, sink));
  }
  return nodes.sort((a, b) => compareBytes(a.name, b.name));
}

/** The 100,000 entries of the large folder. */
export function largeFolderNodes(sink: ChunkSink): TreeNode[] {
  const nodes: TreeNode[] = [];
  for (let file = 0; file < LARGE_FOLDER_ENTRIES; file++) {
    const mixed = mix(file);
    const contents = [
      contentOf({ folder: 0xffff_ffff, file: mixed % LARGE_FOLDER_CONTENTS, chunk: 0, version: 0 }),
    ];
    const name = `IMG_${String(20_200_101 + (mixed % 900))}_${String(file).padStart(6, "0")}.jpg`;
    const changedNs = START_NS + BigInt(mixed) * 1000n;
    nodes.push(fileNode({ name, contents, serial: 2 ** 40 + file, changedNs }, sink));
  }
  return nodes.sort((a, b) => compareBytes(a.name, b.name));
}

export function directoryNode(name: string, subtree: BlobId, serial: number): TreeNode {
  return {
    ...metadataOf({ serial: 2 ** 41 + serial, changedNs: START_NS }),
    name: utf8(name),
    type: "directory",
    mode: 0o755,
    linkCount: 2,
    subtree,
  };
}

/** Names of folders and projects sort as they are numbered: a backup walks them in that order. */
export function folderName(folder: number): string {
  return `${String(folder % FOLDERS_PER_PROJECT).padStart(2, "0")} ${pick(NAMES, mix(folder))}`;
}

export function projectName(project: number): string {
  return `${String(project).padStart(6, "0")} ${pick(NAMES, mix(project + 77))}`;
}

function fileNode(
  file: {
    readonly name: string;
    readonly contents: readonly Bytes[];
    readonly serial: number;
    readonly changedNs: bigint;
  },
  sink: ChunkSink,
): TreeNode {
  const { contents } = file;
  const chunks = contents.map((plain): ChunkRef => ({ id: sink(plain), plainBytes: plain.length }));
  return {
    ...metadataOf(file),
    name: utf8(file.name),
    content: {
      sizeBytes: contents.reduce((sum, { length }) => sum + length, 0),
      crc32: crc32(concatBytes(contents)),
      chunks,
      holes: [],
    },
  };
}

function metadataOf({ serial, changedNs }: { serial: number; changedNs: bigint }) {
  const uid = 1000 + (serial % USERS.length);
  return {
    type: "file" as const,
    mode: 0o644,
    uid,
    gid: 100,
    user: pick(USERS, uid),
    group: "users",
    mtimeNs: changedNs,
    ctimeNs: changedNs + 1_000_000n,
    device: 64_769n,
    inode: BigInt(serial + 1000),
    linkCount: 1,
    deviceMajor: 0,
    deviceMinor: 0,
    xattrs: [],
  };
}

/** A few bytes that no other chunk has; under the repository's key their id is random. */
function contentOf(of: { folder: number; file: number; chunk: number; version: number }): Bytes {
  const plain = new Uint8Array(CHUNK_BYTES);
  const view = new DataView(plain.buffer);
  view.setUint32(0, of.folder, true);
  view.setUint32(4, of.file, true);
  view.setUint32(8, of.chunk, true);
  view.setUint32(12, of.version, true);
  view.setUint32(16, mix(of.folder ^ of.file), true);
  view.setUint32(20, mix(of.folder + of.file), true);
  return plain;
}

function pick<Item>(items: readonly Item[], number: number): Item {
  const item = items[number % items.length];
  if (item === undefined) throw new Error("a choice among nothing");
  return item;
}

/** The finaliser of MurmurHash3: 32 bits in which every bit of `number` counts. */
function mix(number: number): number {
  let h = (number ^ (number / 2 ** 32)) >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85eb_ca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
