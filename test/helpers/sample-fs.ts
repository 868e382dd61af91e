/**
 * A ReadonlyFs with one of everything that a file system can hold, for the contract of mounts. The
 * server builds it in its own process, the test builds the same again to compare.
 */
import { type Bytes, utf8 } from "../../engine/base/bytes.ts";
import { ForgeError } from "../../engine/base/errors.ts";
import { type FsDirectory, type FsEntry, type ReadonlyFs } from "../../engine/read/readonly-fs.ts";
import {
  type FileContent,
  contentOf,
  directory,
  file,
  liveDirectory,
  memoryFs,
  special,
  symlink,
  syntheticContent,
} from "./memory-fs.ts";

export const HUGE_BYTES: number = 6 * 2 ** 30;
export const MANY_ENTRIES = 100_000;
export const NOT_UTF8: Bytes = new Uint8Array([0x66, 0xff, 0x6f]);
export const SPARSE_BYTES = 1024 * 1024;
/** The sparse file: data, hole, data, hole up to the end. */
export const SPARSE_HOLES = [
  { offset: 64 * 1024, length: 128 * 1024 },
  { offset: 512 * 1024, length: 512 * 1024 },
];

export interface Sample {
  readonly fs: ReadonlyFs;
  /** Everything in `snapshot/`, which never changes. */
  readonly fixed: readonly FsEntry[];
  /** Adds a snapshot to `live/` and points `live/latest` at it. */
  addSnapshot(name: string): void;
}

export function sampleFs(): Sample {
  const snapshots: FsEntry[] = [snapshot("first")];
  let latest = "first";
  const fixed = fixedEntries();
  const live = liveDirectory("live", () => [
    ...snapshots,
    symlink("latest", latest, { immutable: false }),
  ]);
  const folders = [
    live,
    directory("snapshot", fixed, { pageEntries: 3 }),
    directory("broken", brokenEntries()),
    directory("many", manyEntries(), { pageEntries: 4096 }),
  ];
  const root = liveDirectory("", () => folders);
  return {
    fs: memoryFs(root, { bytes: 123_456_789, entries: 4242 }),
    fixed,
    addSnapshot: (name) => {
      snapshots.push(snapshot(name));
      latest = name;
    },
  };
}

function snapshot(name: string): FsDirectory {
  return directory(name, [file("note.txt", `this is ${name}\n`)]);
}

function fixedEntries(): readonly FsEntry[] {
  const linked = {
    attributes: { linkCount: 2, hardLinkKey: "link-1", mode: 0o640, uid: 12, gid: 34 },
  };
  return [
    file("plain.txt", "hello\n", { attributes: { uid: 1000, gid: 1001, mode: 0o4755 } }),
    file("empty", ""),
    file("before-1970", "x", {
      attributes: { mtimeNs: -1_000_000_001n, ctimeNs: -1n, atimeNs: -86_400_000_000_000n },
    }),
    file("far-future", "x", { attributes: { mtimeNs: 7_258_118_400_987_654_321n } }),
    file("one", "linked\n", linked),
    file("two", "linked\n", linked),
    file("random.bin", noise(3_000_001)),
    file("huge", syntheticContent(HUGE_BYTES)),
    file("sparse", sparseContent()),
    file("with-xattrs", "x", {
      xattrs: { "user.text": "value", "user.bytes": new Uint8Array([0, 255, 1]), "user.empty": "" },
    }),
    file(NOT_UTF8, "the name is not UTF-8\n"),
    file("n".repeat(255), "a long name\n"),
    file('quo"te\\back\nline', "an odd name\n"),
    file("Grüße-€-😀", "UTF-8\n"),
    symlink("link", "plain.txt"),
    symlink("dangling", "/no/such/place"),
    special("fifo", "fifo"),
    special("socket", "socket"),
    special("char", "char-device", { attributes: { deviceMajor: 1, deviceMinor: 3 } }),
    special("block", "block-device", { attributes: { deviceMajor: 259, deviceMinor: 70_000 } }),
    directory(
      "folder",
      [
        directory("inner", [file("deep.txt", "deep\n")], { attributes: { mode: 0o1777 } }),
        directory("empty-folder", []),
      ],
      { attributes: { mode: 0o750, uid: 7, gid: 8 }, xattrs: { "user.of-folder": "yes" } },
    ),
  ];
}

function sparseContent(): FileContent {
  const bytes = noise(SPARSE_BYTES);
  for (const hole of SPARSE_HOLES) bytes.fill(0, hole.offset, hole.offset + hole.length);
  return contentOf(bytes, SPARSE_HOLES);
}

/** Files that cannot be read: a program must see an error, never zeros. */
function brokenEntries(): readonly FsEntry[] {
  return [
    file("corrupt", {
      sizeBytes: 1000,
      contentKey: "corrupt",
      read: () => Promise.reject(new ForgeError("corrupt", "the seal does not fit")),
    }),
    file("short", { sizeBytes: 1000, contentKey: "short", read: () => utf8("too short") }),
    // As a store that never answers: only an abort ends it.
    file("stuck", {
      sizeBytes: 1000,
      contentKey: "stuck",
      read: ({ signal }) =>
        new Promise((_, reject) => {
          signal?.addEventListener("abort", () => reject(new ForgeError("aborted", "stopped")));
        }),
    }),
  ];
}

function manyEntries(): readonly FsEntry[] {
  return Array.from({ length: MANY_ENTRIES }, (_, i) => file(`file-${i}`, "x"));
}

/** Bytes that do not repeat, the same in every run. */
function noise(length: number): Bytes {
  const bytes = new Uint8Array(length);
  let state = 0x12345678;
  for (let i = 0; i < length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[i] = state;
  }
  return bytes;
}
