/**
 * READ and LSEEK: the content of files as the kernel asks for it. What is in memory is answered at
 * once; what has to be loaded is answered later and can be interrupted.
 */
import { type Bytes, ByteReader, releaseLarge } from "../../engine/base/bytes.ts";
import { ForgeError } from "../../engine/base/errors.ts";
import type { FsFile } from "../../engine/read/readonly-fs.ts";
import { ERRNO } from "../errno.ts";
import { HoleCache } from "../hole-cache.ts";
import { Prefetcher } from "../prefetch.ts";
import { SEEK_DATA, SEEK_HOLE, seekInHoles } from "../seek.ts";
import { READ_BYTES_MAX } from "./negotiation.ts";
import type { PendingRequests } from "./pending.ts";
import { type Request, writeU64 } from "./protocol.ts";
import { refuse } from "./refusal.ts";
import type { Channel } from "./session.ts";

/** Files up to this size are asked for in one piece. */
const SMALL_BYTES = 64 * 1024;

interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

export class ContentReader {
  readonly #pending: PendingRequests;
  readonly #prefetcher: Prefetcher;
  readonly #holes = new HoleCache();

  constructor(pending: PendingRequests, options: { readonly prefetchBytesMax: number }) {
    this.#pending = pending;
    this.#prefetcher = new Prefetcher({ budgetBytes: options.prefetchBytesMax });
  }

  /** fuse_read_in: handle (8), offset (8), size (4), and more that does not matter here. */
  read(file: FsFile, request: Request, channel: Channel): Promise<void> | undefined {
    const reader = new ByteReader(request.body, "FUSE READ");
    reader.u64();
    const offset = reader.u64();
    const length = Math.min(reader.u32(), READ_BYTES_MAX);
    this.#prefetcher.onRead(file, { offset, length });
    if (replyNow(file, { offset, length }, request, channel)) return undefined;
    return this.#pending.run(request.unique, async (signal) => {
      await file.load?.({ offset, length, signal });
      if (replyNow(file, { offset, length }, request, channel)) return;
      const bytes = await file.read({ offset, length, signal });
      checkReadBytes(file, { offset, length }, [bytes]);
      channel.reply(request.unique, bytes);
      // Ours alone: freed now, and not when the collector comes by.
      releaseLarge(bytes);
    });
  }

  /** fuse_lseek_in: handle (8), offset (8), whence (4). */
  async seek(file: FsFile, request: Request, channel: Channel): Promise<void> {
    const reader = new ByteReader(request.body, "FUSE LSEEK");
    reader.u64();
    // Signed and possibly huge: beyond every file is ENXIO, no defect.
    const offset = Number(reader.i64());
    const whence = reader.u32();
    if (whence !== SEEK_DATA && whence !== SEEK_HOLE) refuse(ERRNO.EINVAL);
    const holes = await this.#holes.holesOf(file);
    const found = seekInHoles(holes, file.attributes.sizeBytes, { offset, whence });
    if (found === undefined) refuse(ERRNO.ENXIO);
    const answer = new Uint8Array(8);
    writeU64(new DataView(answer.buffer), 0, found);
    channel.reply(request.unique, answer);
  }
}

/** Answers with what is in memory, as it lies there. @returns false when not all of it is. */
function replyNow(file: FsFile, range: ByteRange, request: Request, channel: Channel): boolean {
  const { sizeBytes } = file.attributes;
  const isWhole = range.offset === 0 && range.length >= sizeBytes;
  // The kernel keeps the pages; a copy of them here would only take the place of something else.
  const once = isWhole && sizeBytes <= SMALL_BYTES;
  const parts = file.readNow?.({ ...range, once });
  if (parts === undefined) return false;
  checkReadBytes(file, range, parts);
  channel.reply(request.unique, ...parts);
  return true;
}

/** The kernel fills up a short answer with zeros: that must never happen inside a file. */
function checkReadBytes(
  file: FsFile,
  { offset, length }: ByteRange,
  parts: readonly Bytes[],
): void {
  const got = parts.reduce((sum, part) => sum + part.length, 0);
  const wanted = Math.max(0, Math.min(length, file.attributes.sizeBytes - offset));
  if (got === wanted) return;
  const found = `got ${got} of ${wanted} bytes at offset ${offset}`;
  throw new ForgeError("corrupt", `the content does not have the size of the file: ${found}`);
}
