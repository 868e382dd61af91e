/** Keys, random packs and a storage of index segments for the tests of the index. */
import { type Bytes, toHex } from "../../../engine/base/bytes.ts";
import { ForgeError } from "../../../engine/base/errors.ts";
import { type BlobId, type IndexId, type PackId, idOf, parseId } from "../../../engine/base/ids.ts";
import type { KeyRing } from "../../../engine/crypto/key-ring.ts";
import { deriveKeyRing } from "../../../engine/crypto/master-key.ts";
import type { BlobLocation } from "../../../engine/index/blob-location.ts";
import { type SegmentPack, encodeIndexSegment } from "../../../engine/index/index-segment.ts";
import type { SegmentStorage } from "../../../engine/index/stored-segments.ts";
import type { Cipher } from "../../../engine/platform/platform.ts";
import { nativePlatform } from "../../../engine/platform/node/native.ts";
import type { SeededRandom } from "../../helpers/seeded-random.ts";

export async function testKeys(cipher: Cipher = "aes-256-gcm"): Promise<KeyRing> {
  const material = {
    masterKey: new Uint8Array(32).fill(1),
    epochKeys: [new Uint8Array(32).fill(2)],
  };
  return deriveKeyRing(nativePlatform, material, { repositoryId: new Uint8Array(32), cipher });
}

export function randomPack(random: SeededRandom, blobs: number): SegmentPack {
  let offset = 0;
  const entries = Array.from({ length: blobs }, () => {
    const sealedBytes = 28 + random.below(5000);
    const entry = {
      id: random.bytes(32),
      kind: random.pick(["data", "tree", "list"] as const),
      codec: random.pick(["none", "zstd", "lz4"] as const),
      epoch: 0,
      offset,
      sealedBytes,
      plainBytes: random.below(8 * 1024 * 1024),
    };
    offset += sealedBytes;
    return entry;
  });
  return { packId: idOf<PackId>(random.bytes(32)), packBytes: offset + 500, entries };
}

/** Where the blobs of packs are, by blob id. */
export function locationsOf(packs: readonly SegmentPack[]): Map<BlobId, BlobLocation[]> {
  const locations = new Map<BlobId, BlobLocation[]>();
  for (const { packId, entries } of packs) {
    for (const { id: bytes, ...blob } of entries) {
      const id = idOf<BlobId>(bytes);
      locations.set(id, [...(locations.get(id) ?? []), { id, packId, ...blob }]);
    }
  }
  return locations;
}

/** Sorted, so that places from several segments compare equal whatever their order. */
export function byPack(locations: readonly BlobLocation[]): BlobLocation[] {
  return [...locations].sort((a, b) => (a.packId < b.packId ? -1 : 1));
}

/** Index segments in memory; counts reads and fails on demand. */
export class SegmentStore implements SegmentStorage {
  readonly objects = new Map<string, Bytes>();
  reads = 0;
  /** Called before every read; may throw or change the objects. */
  beforeRead: (name: string) => void = () => undefined;
  readonly #keys: KeyRing;

  constructor(keys: KeyRing) {
    this.#keys = keys;
  }

  /** Stores a segment of these packs. */
  async put(
    packs: readonly SegmentPack[],
    superseded: readonly IndexId[] = [],
  ): Promise<{ readonly id: IndexId; readonly bytes: Bytes }> {
    const id = parseId<IndexId>(toHex(nativePlatform.randomBytes(32)));
    const bytes = await encodeIndexSegment(nativePlatform, this.#keys, { id, packs, superseded });
    this.objects.set(id, bytes);
    return { id, bytes };
  }

  list(): Promise<{ name: string; sizeBytes: number }[]> {
    const found = Array.from(this.objects, ([name, { length }]) => ({ name, sizeBytes: length }));
    return Promise.resolve(found);
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- what is thrown is a rejection
  async read(
    { name }: { readonly name: string },
    { span }: { readonly span: { readonly offset: number; readonly length: number } },
  ): Promise<Bytes> {
    this.reads++;
    this.beforeRead(name);
    const bytes = this.objects.get(name);
    if (bytes === undefined) throw new ForgeError("missing-object", `index/${name} is not there`);
    return bytes.slice(span.offset, span.offset + span.length);
  }
}
