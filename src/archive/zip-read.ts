/**
 * Any range of a planned ZIP archive: headers from the layout, content from the snapshot, and of that
 * only what the range holds. Small files that follow are loaded together, by pack, before their turn.
 */
import { crc32 } from "node:zlib";
import { type Bytes, lossyUtf8 } from "../../engine/base/bytes.ts";
import { throwIfAborted } from "../../engine/base/concurrency.ts";
import { ForgeError } from "../../engine/base/errors.ts";
import { readExactly, streamFile } from "../../engine/node.ts";
import { Gathered } from "./gathered.ts";
import type { EntryReader } from "./entry-table.ts";
import type { ZipLayout, ZipPlace } from "./zip-layout.ts";
import type { ZipPlan } from "./zip-plan.ts";
import { SMALL_FILE_BYTES, SmallFilesAhead } from "./small-files-ahead.ts";

export interface ZipRange {
  readonly offset: number;
  readonly length: number;
}

/** Headers and small contents go out in pieces of about this size. */
const PIECE_BYTES = 256 * 1024;

/**
 * The bytes of a range, exactly as many as it has; the same for the same plan however often.
 * @param range Inside the archive.
 * @throws ForgeError of reading; "corrupt" when a content is not what its checksum says, so that what
 *   was given out until then is not a whole archive; "aborted".
 */
export async function* readZip(
  plan: Pick<ZipPlan, "layout" | "entries">,
  range: ZipRange,
  signal: AbortSignal,
): AsyncGenerator<Bytes> {
  const { layout } = plan;
  const end = Math.min(layout.sizeBytes, range.offset + range.length);
  let at = range.offset;
  const out = new Gathered(PIECE_BYTES);
  /** Puts what of `bytes`, which stand at `start`, is in the range. */
  const put = (bytes: Bytes, start: number): void => {
    out.put(bytes.subarray(Math.max(0, at - start), Math.max(0, end - start)));
    at = Math.min(end, Math.max(at, start + bytes.length));
  };

  if (at < Math.min(end, layout.centralStart)) {
    const last = layout.entryAt(Math.min(end, layout.centralStart) - 1);
    const entries = plan.entries.reader();
    const ahead = new SmallFilesAhead(layout, entries, last);
    const sources: Sources = { layout, entries, ahead, signal };
    for (let entry = layout.entryAt(at); entry <= last; entry++) {
      throwIfAborted(signal);
      const place = layout.place(entry);
      if (at < place.contentOffset) put(layout.localHeader(entry), place.offset);
      const contentEnd = Math.min(end, place.contentOffset + place.sizeBytes);
      if (at < contentEnd) {
        const skip = at - place.contentOffset;
        const wanted = { offset: skip, length: contentEnd - at };
        for await (const bytes of contentOf(sources, place, wanted)) {
          if (bytes.length >= PIECE_BYTES) {
            yield* out.take();
            yield bytes;
            at += bytes.length;
          } else put(bytes, at);
        }
      }
      if (out.isFull) yield* out.take();
    }
  }

  if (at < Math.min(end, layout.centralEnd)) {
    const last = layout.centralEntryAt(Math.min(end, layout.centralEnd) - 1);
    for (let entry = layout.centralEntryAt(at); entry <= last; entry++) {
      put(layout.centralHeader(entry), layout.centralOffset(entry));
      if (out.isFull) {
        throwIfAborted(signal);
        yield* out.take();
      }
    }
  }
  if (at < end) put(layout.end, layout.centralEnd);
  yield* out.take();
}

interface Sources {
  readonly layout: ZipLayout;
  readonly entries: EntryReader;
  readonly ahead: SmallFilesAhead;
  readonly signal: AbortSignal;
}

/** A part of an entry's content. Where it is all of it, its checksum is compared. */
async function* contentOf(
  sources: Sources,
  place: ZipPlace,
  wanted: ZipRange,
): AsyncGenerator<Bytes> {
  let sum = 0;
  for await (const bytes of rawContentOf(sources, place, wanted)) {
    sum = crc32(bytes, sum);
    yield bytes;
  }
  if (wanted.length !== place.sizeBytes || sum === place.crc32) return;
  throw new ForgeError(
    "corrupt",
    `Cannot archive ${lossyUtf8(sources.layout.name(place.entry))}: its content has the CRC-32 ${hex32(sum)}, the snapshot says ${hex32(place.crc32)}`,
  );
}

async function* rawContentOf(
  sources: Sources,
  place: ZipPlace,
  wanted: ZipRange,
): AsyncGenerator<Bytes> {
  const { entries, ahead, signal } = sources;
  const { offset, length } = wanted;
  if (place.type === "file" && place.sizeBytes <= SMALL_FILE_BYTES) {
    const file = await ahead.file(place.entry);
    const now = file.readNow?.(wanted);
    if (now === undefined) yield await readExactly(file, wanted, signal);
    // Copies: whoever takes them may wait for a slow client with them.
    else for (const part of now) yield part.slice();
    return;
  }
  const entry = await entries.entry(place.entry);
  if (entry.type === "file") yield* streamFile(entry, wanted, signal);
  else if (entry.type === "symlink") yield entry.target.slice(offset, offset + length);
}

function hex32(value: number): string {
  return value.toString(16).padStart(8, "0");
}
