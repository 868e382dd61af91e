/**
 * READDIR and READDIRPLUS: a directory as the kernel asks for it, a piece at a time, without ever
 * loading a large one whole.
 *
 * Position 0 is `.`, 1 is `..`, and 2 + n is entry number n; the offset that comes with an entry is
 * the position after it. The page that was read last is kept, because the kernel's pieces (a memory page
 * in older kernels: about 25 entries) are smaller than ours.
 */
import type { Bytes } from "../../engine/base/bytes.ts";
import type { FsEntry } from "../../engine/read/readonly-fs.ts";
import { directoryEntryTypeOf } from "../attributes.ts";
import { inodeNumberOf } from "../inode-number.ts";
import type { Inode, InodeTable } from "../inode-table.ts";
import { ENTRY_BYTES, type Validity, direntBytes, writeDirent, writeEntry } from "./protocol.ts";
import { directoryOf } from "./refusal.ts";

const DOT = new Uint8Array([0x2e]);
const DOT_DOT = new Uint8Array([0x2e, 0x2e]);
const DIRECTORY_TYPE = 4;
const FIRST_ENTRY_POSITION = 2;

export interface DirectoryRequest {
  readonly position: number;
  /** Room in the answer. */
  readonly sizeBytes: number;
  /** READDIRPLUS: every entry comes with its attributes and counts as looked up. */
  readonly plus: boolean;
}

/** Some consecutive entries, beginning with number `from`. */
export interface DirectoryPage {
  readonly from: number;
  readonly entries: readonly FsEntry[];
}

const NO_PAGE: DirectoryPage = { from: 0, entries: [] };

export class DirectoryReader {
  readonly #inode: Inode;
  #page = NO_PAGE;

  /** @param inode Of a directory. Its entry may be replaced while it is listed, if it can change. */
  constructor(inode: Inode) {
    this.#inode = inode;
  }

  /** The page for a request when it is at hand. Beginning anew in a directory that changes reads it anew. */
  findPage(request: DirectoryRequest): DirectoryPage | undefined {
    const at = request.position - FIRST_ENTRY_POSITION - this.#page.from;
    const isInPage = at >= 0 && at < this.#page.entries.length;
    if (isInPage && request.position > 0) return this.#page;
    const from = firstEntryOf(request);
    const entries = directoryOf(this.#inode).readEntriesNow?.(from);
    if (entries === undefined) return undefined;
    this.#page = { from, entries };
    return this.#page;
  }

  async readPage(request: DirectoryRequest, signal: AbortSignal): Promise<DirectoryPage> {
    const from = firstEntryOf(request);
    const entries = await directoryOf(this.#inode).readEntries(from, { signal });
    this.#page = { from, entries };
    return this.#page;
  }

  /**
   * Writes entries from a position until the room or the page is used up.
   *
   * @param options.entered Filled with the nodes that READDIRPLUS counted as looked up.
   * @returns Bytes written; 0 at the end of the directory.
   */
  write(
    out: Bytes,
    request: DirectoryRequest,
    options: {
      readonly page: DirectoryPage;
      readonly table: InodeTable;
      readonly validityOf: (entry: FsEntry) => Validity;
      readonly entered: Inode[];
    },
  ): number {
    const view = new DataView(out.buffer, out.byteOffset, out.byteLength);
    const room = Math.min(request.sizeBytes, out.length);
    const headBytes = request.plus ? ENTRY_BYTES : 0;
    const { entries, from } = options.page;
    let at = 0;
    for (let position = request.position; ; position++) {
      const entry =
        position < FIRST_ENTRY_POSITION
          ? undefined
          : entries[position - FIRST_ENTRY_POSITION - from];
      const name = position === 0 ? DOT : position === 1 ? DOT_DOT : entry?.name;
      if (name === undefined || at + headBytes + direntBytes(name.length) > room) return at;
      let number = this.#inode.number;
      if (entry === undefined) {
        if (position === 1) number = this.#inode.parent?.number ?? number;
        // The kernel does not count `.` and `..`: they come with an empty entry.
        out.fill(0, at, at + headBytes);
      } else if (request.plus) {
        const inode = options.table.enter(this.#inode, entry);
        options.entered.push(inode);
        writeEntry(view, at, inode, options.validityOf(entry));
        number = inode.number;
      } else {
        number = inodeNumberOf(this.#inode.number, entry);
      }
      const type = entry === undefined ? DIRECTORY_TYPE : directoryEntryTypeOf(entry);
      at += headBytes;
      at += writeDirent(view, at, { number, nextOffset: position + 1, name, type });
    }
  }
}

function firstEntryOf(request: DirectoryRequest): number {
  return Math.max(0, request.position - FIRST_ENTRY_POSITION);
}
