/** Salvage: the good blobs of a damaged pack, each verified by its id, go sealed as they are into a new one. */
import type { Bytes } from "../base/bytes.ts";
import { type BlobId, type PackId, idOf } from "../base/ids.ts";
import { PACK_BYTES_MAX } from "../base/limits.ts";
import type { BlobLocation } from "../index/blob-location.ts";
import { PackBuilder } from "../packs/pack-builder.ts";
import type { PackEntry } from "../packs/pack-format.ts";
import type { SyncPlatform } from "../platform/platform.ts";
import type { Repository } from "../repository/repository.ts";
import type { Backend } from "../storage/backend.ts";
import { verifyStoredPack } from "./check-packs.ts";
import type { CheckedIndex } from "./index-source.ts";
import type { ListedPack } from "./rebuild-index.ts";
import type { PackVerifier } from "./verify-pack.ts";

export interface SalvageOptions {
  readonly repository: Repository<Backend>;
  readonly platform: SyncPlatform;
  readonly verifier: PackVerifier;
  readonly checked: CheckedIndex;
  /** Whether what the index places in this pack can be relied on. */
  readonly isGoodPack: (packId: PackId) => boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Stores what is good in `pack` and stands in no other good pack. The damaged pack stays.
 * @returns the new packs, none when there is nothing to be saved; `undefined` when the pack is not
 *   damaged after all, as when the storage had read it wrongly.
 * @throws what the backend throws.
 */
export async function salvagePack(
  pack: ListedPack,
  options: SalvageOptions,
): Promise<readonly ListedPack[] | undefined> {
  const { repository, verifier, checked, isGoodPack, signal } = options;
  const { state, good } = await verifyStoredPack({ repository, verifier, checked, signal }, pack);
  if (state !== "damaged") return undefined;
  const places = await checked.index.findMany(good.map(({ id }) => idOf<BlobId>(id)));
  const isElsewhere = ({ packId }: BlobLocation): boolean =>
    packId !== pack.packId && isGoodPack(packId);
  const wanted = good.filter(({ id }) => !(places.get(idOf<BlobId>(id)) ?? []).some(isElsewhere));
  if (wanted.length === 0) return [];
  const ref = { kind: "packs", name: pack.packId } as const;
  const bytes = await repository.backend.read(ref, { bytesMax: PACK_BYTES_MAX, signal });
  return storeBlobs(wanted, bytes, options);
}

async function storeBlobs(
  entries: readonly PackEntry[],
  bytes: Bytes,
  { repository, platform }: SalvageOptions,
): Promise<readonly ListedPack[]> {
  const { backend, keys, config } = repository;
  const stored: ListedPack[] = [];
  for (const isData of [true, false]) {
    const own = entries.filter(({ kind }) => (kind === "data") === isData);
    const targetBytes = isData ? config.dataPackBytes : config.treePackBytes;
    const builder = new PackBuilder({ targetBytes });
    const finish = async (): Promise<void> => {
      if (builder.blobCount === 0) return;
      const pack = builder.finish(platform, keys);
      await backend.put({ kind: "packs", name: pack.id }, pack.bytes);
      stored.push({ packId: pack.id, packBytes: pack.bytes.length });
      builder.reuse(pack.bytes);
    };
    for (const { offset, sealedBytes, ...entry } of own) {
      builder.add({ ...entry, sealed: bytes.subarray(offset, offset + sealedBytes) });
      if (builder.isFull) await finish();
    }
    await finish();
  }
  return stored;
}
