/**
 * BlobWriter: plaintext → id → claim → seal → pack, in one thread, synchronously. Each worker thread
 * has one for data; the thread that owns the index has one for trees and lists.
 */
import type { Bytes } from "../base/bytes.ts";
import { blobIdSync } from "../crypto/blob-id.ts";
import { type Compression, sealSync } from "../crypto/envelope.ts";
import type { BlobKind, KeyRing } from "../crypto/key-ring.ts";
import { type FinishedPack, PackBuilder } from "../packs/pack-builder.ts";
import type { SyncPlatform } from "../platform/platform.ts";

export interface BlobWriterOptions {
  readonly platform: SyncPlatform;
  readonly keys: KeyRing;
  readonly compression: Compression;
  readonly packBytes: number;
  /** Takes ownership. Called synchronously when a pack is full and by `flush`. */
  readonly onPack: (pack: FinishedPack) => void;
}

export interface BlobTotals {
  blobs: number;
  plainBytes: number;
  sealedBytes: number;
}

export class BlobWriter {
  readonly #options: BlobWriterOptions;
  #builder: PackBuilder | undefined;
  /** What was stored since the writer was made, or since `takeTotals`. */
  #totals: BlobTotals = { blobs: 0, plainBytes: 0, sealedBytes: 0 };

  constructor(options: BlobWriterOptions) {
    this.#options = options;
  }

  id(kind: BlobKind, plain: Bytes): Bytes {
    return blobIdSync(this.#options.platform, this.#options.keys, kind, plain);
  }

  /** Seals the blob and puts it into the pack begun. The caller has claimed its id. */
  store(kind: BlobKind, id: Bytes, plain: Bytes): void {
    const { platform, keys, compression, packBytes } = this.#options;
    const sealed = sealSync(platform, keys, { kind, objectId: id, plain, compression });
    this.#builder ??= new PackBuilder({ targetBytes: packBytes });
    this.#builder.add({
      id,
      kind,
      codec: sealed.codec,
      epoch: sealed.epoch,
      plainBytes: sealed.plainBytes,
      sealed: sealed.sealed,
    });
    this.#totals.blobs++;
    this.#totals.plainBytes += plain.length;
    this.#totals.sealedBytes += sealed.sealed.length;
    if (this.#builder.isFull) this.flush();
  }

  /** Ends the pack begun, if any. */
  flush(): void {
    if (this.#builder === undefined) return;
    const pack = this.#builder.finish(this.#options.platform, this.#options.keys);
    this.#builder = undefined;
    this.#options.onPack(pack);
  }

  takeTotals(): BlobTotals {
    const totals = this.#totals;
    this.#totals = { blobs: 0, plainBytes: 0, sealedBytes: 0 };
    return totals;
  }
}
