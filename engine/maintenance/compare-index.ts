/** Holds what the index says of a pack against the pack's own directory. */
import { type BlobId, type PackId, idOf } from "../base/ids.ts";
import type { BlobIndex } from "../index/blob-index.ts";
import type { BlobLocation } from "../index/blob-location.ts";
import type { PackEntry } from "../packs/pack-format.ts";

export interface IndexComparison {
  /** Blobs of the pack that the index does not know there. */
  readonly unindexed: number;
  /** The first blob that the index places where the pack does not have it. */
  readonly misplaced: BlobId | undefined;
  /** Records of the index that agree. */
  readonly agreeing: number;
}

export async function compareWithIndex(
  index: Pick<BlobIndex, "findMany">,
  packId: PackId,
  entries: readonly PackEntry[],
): Promise<IndexComparison> {
  const ids = entries.map(({ id }) => idOf<BlobId>(id));
  const places = await index.findMany(ids);
  let unindexed = 0;
  let agreeing = 0;
  let misplaced: BlobId | undefined;
  // One blob may stand in a pack twice: then each of its records is of one of the entries.
  const byId = new Map<BlobId, PackEntry[]>();
  entries.forEach((entry, i) => {
    const id = ids[i] as BlobId;
    const known = byId.get(id);
    if (known === undefined) byId.set(id, [entry]);
    else known.push(entry);
  });
  for (const [id, same] of byId) {
    const inPack = (places.get(id) ?? []).filter((place) => place.packId === packId);
    const right = inPack.filter((place) => same.some((entry) => isSamePlace(place, entry)));
    agreeing += right.length;
    if (inPack.length === 0) unindexed += same.length;
    else if (right.length < inPack.length) misplaced ??= id;
  }
  return { unindexed, misplaced, agreeing };
}

function isSamePlace(place: BlobLocation, entry: PackEntry): boolean {
  return (
    place.offset === entry.offset &&
    place.sealedBytes === entry.sealedBytes &&
    place.plainBytes === entry.plainBytes &&
    place.kind === entry.kind &&
    place.codec === entry.codec &&
    place.epoch === entry.epoch
  );
}
