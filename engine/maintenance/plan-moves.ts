/**
 * Which blobs have to move before packs can go: those that snapshots need and that no staying pack
 * holds.
 */
import { toHex } from "../base/bytes.ts";
import { ForgeError } from "../base/errors.ts";
import type { PackId } from "../base/ids.ts";
import type { BlobIndex } from "../index/blob-index.ts";
import { KIND_AT, OFFSET_AT } from "../index/index-record.ts";
import type { PackEntry } from "../packs/pack-format.ts";
import { PackMoves } from "./pack-moves.ts";
import { PlacedBlobs } from "./placed-blobs.ts";
import type { ReachableBlobs } from "./reachable.ts";
import { type RecordAt, visitRecords } from "./visit-records.ts";

export interface MovesOptions {
  readonly index: BlobIndex;
  readonly reachable: ReachableBlobs;
  readonly staying: ReadonlySet<string>;
  /** Packs to be emptied. */
  readonly leaving: readonly PackId[];
  readonly onProblem: (error: ForgeError) => void;
}

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
  const { index, reachable, staying, onProblem } = options;
  const byPack = new Map<string, PackMoves>(options.leaving.map((id) => [id, new PackMoves()]));
  for (const part of reachable.chunkParts()) {
    const placed = new PlacedBlobs(reachable, part);
    const place = ({ records, at, view }: RecordAt): boolean =>
      placed.place(view.getUint8(at + KIND_AT), records, at) === "first";
    await visitRecords({
      index,
      range: part,
      onProblem,
      choose: (packId) => staying.has(packId) || undefined,
      visit: (_, record) => place(record),
    });
    await visitRecords({
      index,
      range: part,
      onProblem,
      choose: (packId) => byPack.get(packId),
      visit: (pack, record) => {
        const { segmentId, records, at, view } = record;
        pack.countRecord(segmentId);
        if (place(record)) pack.add(view.getUint32(at + OFFSET_AT, true), records, at);
      },
    });
    for (const id of placed.missing()) throw notPlaced(toHex(id));
  }
  for (const pack of byPack.values()) pack.close();
  return new Moves(byPack);
}

function notPlaced(blobId: string): ForgeError {
  return new ForgeError(
    "missing-object",
    `Cannot write packs anew: the index does not say any more where blob ${blobId} stands, which snapshots need; nothing was deleted, see: forge check`,
    { context: { blobId } },
  );
}
