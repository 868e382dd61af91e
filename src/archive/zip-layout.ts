/**
 * ZipLayout: where every byte of a ZIP archive stands, known before any content is read: sizes and
 * checksums come from the snapshot. The same entries give the same bytes.
 *
 * In columns, because archives of 100,000 files are ordinary: an entry takes 42 bytes and its name.
 */
import { type Bytes, utf8 } from "../../engine/base/bytes.ts";
import { ForgeError } from "../../engine/base/errors.ts";
import {
  ZIP_NAME_BYTES_MAX,
  type ZipFields,
  centralHeaderBytes,
  encodeCentralHeader,
  encodeLocalHeader,
  encodeZipEnd,
  localHeaderBytes,
} from "./zip-records.ts";

export interface ZipEntry {
  /** The whole path, of a directory without the slash at the end. Unique in the archive. */
  readonly path: string;
  readonly type: "file" | "directory" | "symlink";
  /** Permission bits. */
  readonly mode: number;
  readonly mtimeNs: bigint;
  /** Of the content, of a symlink its target; 0 for directories. */
  readonly sizeBytes: number;
  readonly crc32: number;
}

/** An entry of which a given byte is a part. */
export interface ZipPlace {
  readonly entry: number;
  /** Of its local header. */
  readonly offset: number;
  /** Of its content. */
  readonly contentOffset: number;
  readonly sizeBytes: number;
  readonly crc32: number;
  readonly type: ZipEntry["type"];
}

const TYPE_BITS: Readonly<Record<ZipEntry["type"], number>> = {
  file: 0o100000,
  directory: 0o040000,
  symlink: 0o120000,
};
const S_IFMT = 0o170000;
const FIRST_CAPACITY = 256;
/** Names together, so that their ends fit into 32 bits. */
const NAMES_BYTES_MAX = 1024 * 1024 * 1024;

interface Columns {
  readonly nameEnds: Uint32Array;
  /** Of local headers. */
  readonly offsets: Float64Array;
  /** Of central headers, counted from the first of them. */
  readonly centralOffsets: Float64Array;
  readonly sizes: Float64Array;
  readonly seconds: Float64Array;
  readonly crcs: Uint32Array;
  readonly modes: Uint16Array;
}

export class ZipLayoutBuilder {
  #columns = columnsOf(FIRST_CAPACITY);
  #names: Bytes = new Uint8Array(FIRST_CAPACITY * 32);
  #count = 0;
  #namesBytes = 0;
  #offset = 0;
  #centralBytes = 0;

  get count(): number {
    return this.#count;
  }

  /** Memory taken so far. */
  get heldBytes(): number {
    return this.#names.length + this.#columns.modes.length * 42;
  }

  /**
   * @returns false when the format cannot hold it, because its path is too long.
   * @throws ForgeError "too-large" when the archive as a whole becomes too large.
   */
  add(entry: ZipEntry): boolean {
    const name = utf8(entry.type === "directory" ? `${entry.path}/` : entry.path);
    if (name.length > ZIP_NAME_BYTES_MAX) return false;
    const i = this.#count;
    if (i === this.#columns.modes.length) this.#columns = grown(this.#columns);
    const fields = {
      sizeBytes: entry.sizeBytes,
      mtimeSeconds: Number(entry.mtimeNs / 1_000_000_000n) - (isBeforeItsSecond(entry) ? 1 : 0),
      offset: this.#offset,
    };
    this.#appendName(name);
    const columns = this.#columns;
    columns.nameEnds[i] = this.#namesBytes;
    columns.offsets[i] = this.#offset;
    columns.centralOffsets[i] = this.#centralBytes;
    columns.sizes[i] = entry.sizeBytes;
    columns.seconds[i] = fields.mtimeSeconds;
    columns.crcs[i] = entry.crc32;
    columns.modes[i] = TYPE_BITS[entry.type] | entry.mode;
    this.#offset += localHeaderBytes(fields, name.length) + entry.sizeBytes;
    this.#centralBytes += centralHeaderBytes(fields, name.length);
    if (!Number.isSafeInteger(this.#offset + this.#centralBytes)) throw tooLarge();
    this.#count++;
    return true;
  }

  /** The builder is not to be used after it. */
  finish(): ZipLayout {
    const { offsets, centralOffsets } = this.#columns;
    const columns: Columns = {
      ...this.#columns,
      offsets: offsets.subarray(0, this.#count),
      centralOffsets: centralOffsets.subarray(0, this.#count),
    };
    return new ZipLayout({
      columns,
      names: this.#names,
      centralStart: this.#offset,
      centralBytes: this.#centralBytes,
      heldBytes: this.heldBytes,
    });
  }

  #appendName(name: Bytes): void {
    const end = this.#namesBytes + name.length;
    if (end > NAMES_BYTES_MAX) throw tooLarge();
    if (end > this.#names.length) {
      const wider = new Uint8Array(Math.max(end, this.#names.length * 2));
      wider.set(this.#names);
      this.#names = wider;
    }
    this.#names.set(name, this.#namesBytes);
    this.#namesBytes = end;
  }
}

export class ZipLayout {
  readonly count: number;
  /** Of the whole archive. */
  readonly sizeBytes: number;
  /** Where the contents end and the list of entries begins. */
  readonly centralStart: number;
  readonly centralEnd: number;
  readonly heldBytes: number;
  readonly #columns: Columns;
  readonly #names: Bytes;
  readonly #end: Bytes;

  /** @internal Made by the builder. */
  constructor(parts: {
    readonly columns: Columns;
    readonly names: Bytes;
    readonly centralStart: number;
    readonly centralBytes: number;
    readonly heldBytes: number;
  }) {
    this.count = parts.columns.offsets.length;
    this.centralStart = parts.centralStart;
    this.centralEnd = parts.centralStart + parts.centralBytes;
    this.heldBytes = parts.heldBytes;
    this.#columns = parts.columns;
    this.#names = parts.names;
    const central = { entries: this.count, offset: parts.centralStart };
    this.#end = encodeZipEnd({ ...central, sizeBytes: parts.centralBytes });
    this.sizeBytes = this.centralEnd + this.#end.length;
  }

  place(entry: number): ZipPlace {
    const { offsets, sizes, crcs, modes } = this.#columns;
    const offset = offsets[entry] ?? 0;
    const next = entry + 1 < this.count ? (offsets[entry + 1] ?? 0) : this.centralStart;
    const sizeBytes = sizes[entry] ?? 0;
    const mode = modes[entry] ?? 0;
    const contentOffset = next - sizeBytes;
    return {
      entry,
      offset,
      contentOffset,
      sizeBytes,
      crc32: crcs[entry] ?? 0,
      type: typeOf(mode),
    };
  }

  /** The entry whose header or content has the byte at `offset`, below `centralStart`. */
  entryAt(offset: number): number {
    return lastAtOrBefore(this.#columns.offsets, offset);
  }

  /** The entry whose central header has the byte at `offset`, between `centralStart` and `centralEnd`. */
  centralEntryAt(offset: number): number {
    return lastAtOrBefore(this.#columns.centralOffsets, offset - this.centralStart);
  }

  centralOffset(entry: number): number {
    return this.centralStart + (this.#columns.centralOffsets[entry] ?? 0);
  }

  /** The path of an entry, of a directory with a slash at the end. A view. */
  name(entry: number): Bytes {
    const { nameEnds } = this.#columns;
    const start = entry === 0 ? 0 : (nameEnds[entry - 1] ?? 0);
    return this.#names.subarray(start, nameEnds[entry] ?? 0);
  }

  localHeader(entry: number): Bytes {
    return encodeLocalHeader(this.#fields(entry));
  }

  centralHeader(entry: number): Bytes {
    return encodeCentralHeader(this.#fields(entry));
  }

  /** The records behind the list of entries. */
  get end(): Bytes {
    return this.#end;
  }

  #fields(entry: number): ZipFields {
    const { sizes, crcs, modes, seconds, offsets } = this.#columns;
    return {
      name: this.name(entry),
      unixMode: modes[entry] ?? 0,
      mtimeSeconds: seconds[entry] ?? 0,
      sizeBytes: sizes[entry] ?? 0,
      crc32: crcs[entry] ?? 0,
      offset: offsets[entry] ?? 0,
    };
  }
}

/** @throws ForgeError "too-large" for a path longer than the format holds, or too much of all. */
export function zipLayout(entries: Iterable<ZipEntry>): ZipLayout {
  const builder = new ZipLayoutBuilder();
  for (const entry of entries) {
    if (!builder.add(entry)) {
      throw new ForgeError(
        "too-large",
        "Cannot put an entry into a ZIP archive: its path is too long",
      );
    }
  }
  return builder.finish();
}

function columnsOf(capacity: number): Columns {
  return {
    nameEnds: new Uint32Array(capacity),
    offsets: new Float64Array(capacity),
    centralOffsets: new Float64Array(capacity),
    sizes: new Float64Array(capacity),
    seconds: new Float64Array(capacity),
    crcs: new Uint32Array(capacity),
    modes: new Uint16Array(capacity),
  };
}

function grown(columns: Columns): Columns {
  const wider = columnsOf(columns.modes.length * 2);
  wider.nameEnds.set(columns.nameEnds);
  wider.offsets.set(columns.offsets);
  wider.centralOffsets.set(columns.centralOffsets);
  wider.sizes.set(columns.sizes);
  wider.seconds.set(columns.seconds);
  wider.crcs.set(columns.crcs);
  wider.modes.set(columns.modes);
  return wider;
}

/** BigInt division rounds towards zero, which for times before 1970 is a second late. */
function isBeforeItsSecond({ mtimeNs }: ZipEntry): boolean {
  return mtimeNs < 0n && mtimeNs % 1_000_000_000n !== 0n;
}

function typeOf(mode: number): ZipEntry["type"] {
  const bits = mode & S_IFMT;
  if (bits === TYPE_BITS.directory) return "directory";
  return bits === TYPE_BITS.symlink ? "symlink" : "file";
}

/** The number of the last value that is not greater; values ascend strictly. */
function lastAtOrBefore(values: Float64Array, wanted: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((values[middle] ?? Infinity) <= wanted) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function tooLarge(): ForgeError {
  return new ForgeError(
    "too-large",
    "Cannot make one ZIP archive of so much: choose fewer folders, or take a tar archive",
  );
}
