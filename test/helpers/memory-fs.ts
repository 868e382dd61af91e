/** A ReadonlyFs in memory, for tests of what shows one: the mount, WebDAV, archives. */
import { crc32 } from "node:zlib";
import { type Bytes, compareBytes, equalBytes, toHex, utf8 } from "../../engine/base/bytes.ts";
import type {
  FsAttributes,
  FsDirectory,
  FsEntry,
  FsFile,
  FsHole,
  FsRange,
  FsSpecial,
  FsSymlink,
  FsXattr,
  ReadonlyFs,
} from "../../engine/read/readonly-fs.ts";

export interface EntryOptions {
  readonly attributes?: Partial<FsAttributes>;
  readonly xattrs?: Readonly<Record<string, string | Bytes>>;
  /** Default true; everything below an immutable directory must be immutable. */
  readonly immutable?: boolean;
}

const DEFAULT_TIME_NS = 1_700_000_000_123_456_789n;

/** Attributes with all fields, those of a plain file unless `given` says otherwise. */
export function attributesOf(mode: number, given: Partial<FsAttributes> = {}): FsAttributes {
  return {
    mode,
    uid: 0,
    gid: 0,
    user: "",
    group: "",
    mtimeNs: DEFAULT_TIME_NS,
    ctimeNs: DEFAULT_TIME_NS,
    atimeNs: undefined,
    sizeBytes: 0,
    blocks512: 0,
    linkCount: 1,
    deviceMajor: 0,
    deviceMinor: 0,
    hardLinkKey: undefined,
    ...given,
  };
}

function nameOf(name: string | Bytes): Bytes {
  return typeof name === "string" ? utf8(name) : name;
}

function xattrsOf(options: EntryOptions): readonly FsXattr[] {
  return Object.entries(options.xattrs ?? {})
    .map(([name, value]) => ({ name: utf8(name), value: nameOf(value) }))
    .sort((a, b) => compareBytes(a.name, b.name));
}

/** Content by function: the bytes of a range, whole inside the file. */
export interface FileContent {
  readonly sizeBytes: number;
  readonly contentKey: string;
  readonly holes?: readonly FsHole[];
  /** 0 when absent. */
  readonly crc32?: number;
  readonly read: (range: FsRange) => Bytes | Promise<Bytes>;
  readonly prefetch?: (range: { readonly offset: number; readonly length: number }) => void;
}

export function contentOf(bytes: Bytes, holes: readonly FsHole[] = []): FileContent {
  const contentKey = `${bytes.length}:${toHex(bytes.subarray(0, 64))}`;
  return {
    sizeBytes: bytes.length,
    contentKey,
    holes,
    crc32: crc32(bytes),
    read: ({ offset, length }) => bytes.slice(offset, offset + length),
  };
}

/**
 * A large file that takes no memory: every 8 bytes are their own offset, little-endian, plus `seed`.
 */
export function syntheticContent(sizeBytes: number, seed = 0): FileContent {
  return {
    sizeBytes,
    contentKey: `synthetic:${sizeBytes}:${seed}`,
    read: ({ offset, length }) => {
      const first = offset - (offset % 8);
      const words = Math.ceil((offset + length - first) / 8);
      const numbers = new Float64Array(words);
      const low = new Uint32Array(numbers.buffer);
      for (let i = 0; i < words; i++) {
        const value = first + i * 8 + seed;
        low[2 * i] = value % 0x1_0000_0000;
        low[2 * i + 1] = Math.floor(value / 0x1_0000_0000);
      }
      return new Uint8Array(numbers.buffer).slice(offset - first, offset - first + length);
    },
  };
}

export function file(
  name: string | Bytes,
  content: FileContent | string | Bytes,
  options: EntryOptions = {},
): FsFile {
  const given = isContent(content) ? content : contentOf(nameOf(content));
  const { sizeBytes, contentKey, holes, read, prefetch } = given;
  const holeBytes = (holes ?? []).reduce((sum, hole) => sum + hole.length, 0);
  const blocks512 = Math.ceil((sizeBytes - holeBytes) / 512);
  return {
    type: "file",
    name: nameOf(name),
    attributes: attributesOf(0o644, { sizeBytes, blocks512, ...options.attributes }),
    xattrs: xattrsOf(options),
    immutable: options.immutable ?? true,
    contentKey,
    crc32: given.crc32 ?? 0,
    read: async ({ offset, length, signal }) => {
      const cut = Math.max(0, Math.min(length, sizeBytes - offset));
      return await read({ offset, length: cut, signal });
    },
    prefetch: prefetch ?? (() => undefined),
    holes: () => Promise.resolve(holes ?? []),
  };
}

function isContent(content: FileContent | string | Bytes): content is FileContent {
  return typeof content !== "string" && !(content instanceof Uint8Array);
}

export function symlink(
  name: string | Bytes,
  target: string | Bytes,
  options: EntryOptions = {},
): FsSymlink {
  const bytes = nameOf(target);
  return {
    type: "symlink",
    name: nameOf(name),
    attributes: attributesOf(0o777, { sizeBytes: bytes.length, ...options.attributes }),
    xattrs: xattrsOf(options),
    immutable: options.immutable ?? true,
    target: bytes,
  };
}

export function special(
  name: string | Bytes,
  type: FsSpecial["type"],
  options: EntryOptions = {},
): FsSpecial {
  return {
    type,
    name: nameOf(name),
    attributes: attributesOf(0o600, options.attributes),
    xattrs: xattrsOf(options),
    immutable: options.immutable ?? true,
  };
}

/** An immutable directory; `pageEntries` bounds what one `readEntries` gives. */
export function directory(
  name: string | Bytes,
  children: readonly FsEntry[],
  options: EntryOptions & { readonly pageEntries?: number } = {},
): FsDirectory {
  const sorted = children.toSorted((a, b) => compareBytes(a.name, b.name));
  const pageEntries = options.pageEntries ?? 1000;
  return {
    type: "directory",
    name: nameOf(name),
    attributes: attributesOf(0o755, { linkCount: 2, ...options.attributes }),
    xattrs: xattrsOf(options),
    immutable: options.immutable ?? true,
    contentKey: undefined,
    readEntries: (from) => Promise.resolve(sorted.slice(from, from + pageEntries)),
    lookup: (wanted) => Promise.resolve(findByName(sorted, wanted)),
  };
}

/**
 * A directory whose entries are asked for anew each time: what the list of snapshots is. Its mtime goes
 * forward when their names change.
 */
export function liveDirectory(
  name: string | Bytes,
  children: () => readonly FsEntry[],
  options: EntryOptions = {},
): FsDirectory {
  const now = (): FsDirectory => directory(name, children(), options);
  const { attributes, ...fixed } = directory(name, [], options);
  let listing: string | undefined;
  let changes = 0n;
  return {
    ...fixed,
    get attributes(): FsAttributes {
      const names = children().map((child) => toHex(child.name));
      const found = names.sort().join("/");
      if (listing !== undefined && listing !== found) changes++;
      listing = found;
      return { ...attributes, mtimeNs: attributes.mtimeNs + changes };
    },
    immutable: false,
    readEntries: (from) => now().readEntries(from),
    lookup: (wanted) => now().lookup(wanted),
  };
}

export function memoryFs(
  root: FsDirectory,
  totals: ReadonlyFs["totals"] = { bytes: 0, entries: 0 },
): ReadonlyFs {
  return { root, totals };
}

/** Binary search: directories of 100,000 entries are looked through name by name. */
function findByName(sorted: readonly FsEntry[], wanted: Bytes): FsEntry | undefined {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const entry = sorted[middle];
    if (entry !== undefined && compareBytes(entry.name, wanted) < 0) low = middle + 1;
    else high = middle;
  }
  const found = sorted[low];
  return found !== undefined && equalBytes(found.name, wanted) ? found : undefined;
}
