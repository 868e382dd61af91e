/**
 * Which blobs have to move before packs can go: those that snapshots need and that no staying pack
 * holds.
 */
import { toHex } from "../base/bytes.ts";
import { ForgeError } from "../base/errors.ts";
import type { PackId } from "../base/ids.ts";
import type { BlobIndex } from "../index/blob-index.ts";
import { RECORD_BYTES } from "../index/index-record.ts";
import type { PackEntry } from "../packs/pack-format.ts";
import { PackMoves } from "./pack-moves.ts";
import { recordsOf } from "./pack-usage.ts";
import { PlacedBlobs } from "./placed-blobs.ts";
import type { ReachableBlobs } from "./reachable.ts";
import { type ChunkPart, isIdIn } from "./referred-chunks.ts";

export interface MovesOptions {
  readonly index: BlobIndex;
  readonly reachable: ReachableBlobs;
  readonly staying: ReadonlySet<string>;
  /** Packs to be emptied. */
  readonly leaving: readonly PackId[];
  readonly onProblem: (error: ForgeError) => void;
}

/** Fields of a record: `index-record.ts`. */
const PACK_AT = 32;
const OFFSET_AT = 36;
const KIND_AT = 48;

export class Moves {
  readonly #byPack: ReadonlyMap<string, PackMoves>;

  constructor(byPack: ReadonlyMap<string, PackMoves>) {
    this.#byPack = byPack;
  }

  /** Whether the blob has to move out of the pack; true once. */
  take(packId: PackId, { offset, id }: Pick<PackEntry, "offset" | "id">): boolean {
    return this.#byPack.get(packId)?.take(offset, id) === true;
  }

  /**
   * What is wrong with a pack of which all entries were offered: only when nothing is, it may go.
   * @param entries How many blobs the pack says it holds.
   */
  faultOf(packId: PackId, entries: number): string | undefined {
    const { left = 0, records = 0 } = this.#byPack.get(packId) ?? {};
    if (left > 0) return `${left} blobs that the index places in it are not there`;
    // Whether the others are needed was not asked.
    return entries > records ? `the index knows ${records} of its ${entries} blobs` : undefined;
  }
}

/**
 * @throws ForgeError "missing-object" when something that is needed stands in none of these packs, as far
 *   as the index can be read.
 */
export async function planMoves(options: MovesOptions): Promise<Moves> {
  const { reachable, staying } = options;
  const byPack = new Map<string, PackMoves>(options.leaving.map((id) => [id, new PackMoves()]));
  for (const part of reachable.chunkParts()) {
    const placed = new PlacedBlobs(reachable, part);
    const stays = (packId: PackId): true | undefined => staying.has(packId) || undefined;
    await visitRecords(options, part, stays, (_, { records, at, view }) => {
      placed.place(view.getUint8(at + KIND_AT), records, at);
    });
    const leaves = (packId: PackId): PackMoves | undefined => byPack.get(packId);
    await visitRecords(options, part, leaves, (pack, { segmentId, records, at, view }) => {
      pack.countRecord(segmentId);
      const isFirst = placed.place(view.getUint8(at + KIND_AT), records, at) === "first";
      if (isFirst) pack.add(view.getUint32(at + OFFSET_AT, true), records, at);
    });
    for (const id of placed.missing()) throw notPlaced(toHex(id));
  }
  for (const pack of byPack.values()) pack.close();
  return new Moves(byPack);
}

interface RecordAt {
  readonly segmentId: string;
  readonly records: Uint8Array;
  readonly view: DataView;
  at: number;
}

/** Visits the records of a part whose packs `choose` gives something for. */
async function visitRecords<Chosen>(
  { index, onProblem }: MovesOptions,
  part: ChunkPart,
  choose: (packId: PackId) => Chosen | undefined,
  visit: (chosen: Chosen, record: RecordAt) => void,
): Promise<void> {
  for (const segment of index.segments()) {
    const chosen = Array.from({ length: segment.packCount }, (_, pack) =>
      choose(segment.packId(pack)),
    );
    if (chosen.every((one) => one === undefined)) continue;
    for await (const records of recordsOf(segment, part, onProblem)) {
      const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
      const record: RecordAt = { segmentId: segment.id, records, view, at: 0 };
      for (; record.at < records.length; record.at += RECORD_BYTES) {
        const pack = chosen[view.getUint32(record.at + PACK_AT, true)];
        if (pack !== undefined && isIdIn(part, records, record.at)) visit(pack, record);
      }
    }
  }
}

function notPlaced(blobId: string): ForgeError {
  return new ForgeError(
    "missing-object",
    `Cannot write packs anew: the index does not say any more where blob ${blobId} stands, which snapshots need; nothing was deleted, see: forge check`,
    { context: { blobId } },
  );
}
