/** Goes through all records of the index that place blobs into certain packs, a range of ids at a time. */
import type { Bytes } from "../base/bytes.ts";
import { type ForgeError, isForgeError } from "../base/errors.ts";
import { type IdRange, isIdIn } from "../base/id-range.ts";
import type { IndexId, PackId } from "../base/ids.ts";
import type { BlobIndex } from "../index/blob-index.ts";
import { PACK_AT, RECORD_BYTES } from "../index/index-record.ts";
import type { IndexSegment } from "../index/index-segment-reader.ts";

/** Pages of an index segment read in one request: 3 MiB. */
const RUN_PAGES = 64;

/** A record where it stands; used again for the next one. Its fields: `index-record.ts`. */
export interface RecordAt {
  readonly segmentId: IndexId;
  readonly records: Bytes;
  readonly view: DataView;
  at: number;
}

export interface VisitOptions<Chosen> {
  readonly index: BlobIndex;
  readonly range: IdRange;
  /** Asked once for each pack of each segment; records of the others are passed over. */
  readonly choose: (packId: PackId) => Chosen | undefined;
  readonly visit: (chosen: Chosen, record: RecordAt) => void;
  /** Pages that cannot be read: their records are left out. */
  readonly onProblem: (error: ForgeError) => void;
}

/** @throws what reading throws, but "corrupt". */
export async function visitRecords<Chosen>(options: VisitOptions<Chosen>): Promise<void> {
  const { index, range, choose, visit } = options;
  for (const segment of index.segments()) {
    const chosen = Array.from({ length: segment.packCount }, (_, pack) =>
      choose(segment.packId(pack)),
    );
    if (chosen.every((one) => one === undefined)) continue;
    for await (const records of pagesOf(segment, range, options.onProblem)) {
      const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
      const record: RecordAt = { segmentId: segment.id, records, view, at: 0 };
      for (; record.at < records.length; record.at += RECORD_BYTES) {
        const pack = chosen[view.getUint32(record.at + PACK_AT, true)];
        if (pack !== undefined && isIdIn(range, records, record.at)) visit(pack, record);
      }
    }
  }
}

async function* pagesOf(
  segment: IndexSegment,
  range: IdRange,
  onProblem: (error: ForgeError) => void,
): AsyncGenerator<Bytes> {
  const wanted = segment.pagesWith(range);
  for (let page = wanted.first; page < wanted.end; page += RUN_PAGES) {
    const end = Math.min(wanted.end, page + RUN_PAGES);
    try {
      yield* await segment.readPages(page, end);
    } catch (error) {
      if (!isForgeError(error, "corrupt")) throw error;
      onProblem(error);
    }
  }
}
