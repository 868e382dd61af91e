/**
 * BlobWriter: plaintext → id → claim → seal → pack, in one thread, synchronously. Each worker thread
 * has one for data; the thread that owns the index has one for trees and lists.
 */
import type { Bytes } from "../base/bytes.ts";
import { blobIdSync } from "../crypto/blob-id.ts";
import { type Compression, sealInto } from "../crypto/envelope.ts";
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
  readonly #builder: PackBuilder;
  /** What was stored since the writer was made, or since `takeTotals`. */
  #totals: BlobTotals = { blobs: 0, plainBytes: 0, sealedBytes: 0 };

  constructor(options: BlobWriterOptions) {
    this.#options = options;
    this.#builder = new PackBuilder({ targetBytes: options.packBytes });
  }

  id(kind: BlobKind, plain: Bytes): Bytes {
    return blobIdSync(this.#options.platform, this.#options.keys, kind, plain);
  }

  /** Seals the blob and puts it into the pack begun. The caller has claimed its id. */
  store(kind: BlobKind, id: Bytes, plain: Bytes): void {
    const { platform, keys, compression } = this.#options;
    const request = { kind, objectId: id, plain, compression };
    const sealed = sealInto(platform, keys, request, (bytes) => this.#builder.room(bytes));
    const { codec, epoch, plainBytes, sealedBytes } = sealed;
    this.#builder.addPlaced({ id, kind, codec, epoch, plainBytes, sealedBytes });
    this.#totals.blobs++;
    this.#totals.plainBytes += plain.length;
    this.#totals.sealedBytes += sealedBytes;
    if (this.#builder.isFull) this.flush();
  }

  /** Ends the pack begun, if any. */
  flush(): void {
    if (this.#builder.blobCount === 0) return;
    this.#options.onPack(this.#builder.finish(this.#options.platform, this.#options.keys));
  }

  /** Takes the memory of a pack back that was stored. */
  reuse(bytes: Bytes): void {
    this.#builder.reuse(bytes);
  }

  takeTotals(): BlobTotals {
    const totals = this.#totals;
    this.#totals = { blobs: 0, plainBytes: 0, sealedBytes: 0 };
    return totals;
  }
}
