/** PackBuilder: sealed blobs → the bytes of a finished pack, ready to be stored under its name. */
import { type Bytes, EMPTY_BYTES, equalBytes, releaseBytes } from "../base/bytes.ts";
import { assert } from "../base/errors.ts";
import { ID_BYTES, type PackId, idOf } from "../base/ids.ts";
import { BLOB_BYTES_MAX, PACK_BLOBS_TARGET_MAX, PACK_BYTES_MAX } from "../base/limits.ts";
import {
  type OpeningPlatform,
  type SealingPlatform,
  SEAL_OVERHEAD_BYTES,
  sealSync,
} from "../crypto/envelope.ts";
import type { BlobKind, KeyRing } from "../crypto/key-ring.ts";
import type { Codec, SyncPlatform } from "../platform/platform.ts";
import {
  PACK_TRAILER_BYTES,
  type PackEntry,
  encodePackDirectory,
  encodePackTrailer,
  openPackDirectorySync,
} from "./pack-format.ts";

/** A blob as the envelope made it. */
export interface SealedBlob {
  /** The blob id, 32 bytes. Kept until `finish`. */
  readonly id: Bytes;
  readonly kind: BlobKind;
  readonly codec: Codec;
  readonly epoch: number;
  readonly plainBytes: number;
  /** Copied. */
  readonly sealed: Bytes;
}

export interface FinishedPack {
  readonly id: PackId;
  /**
   * The whole pack, the beginning of an ArrayBuffer of its own, which may be transferred to a thread.
   * Once it is stored the memory may go back to the builder: `reuse`.
   */
  readonly bytes: Bytes;
  /** In order of offset. */
  readonly entries: readonly PackEntry[];
}

/** Ids are random and kinds all alike: level 1 finds what there is. */
const DIRECTORY_COMPRESSION = { codec: "zstd", level: 1 } as const;

/** Memory of packs that were stored: for one that is filled while another waits for the storage. */
const SPARES_MAX = 2;

/**
 * Collects blobs until it is full. After `finish` it is empty again. Memory that comes back is used
 * again: a new buffer has the kernel clear each of its pages, which takes as long as filling them.
 */
export class PackBuilder {
  readonly #targetBytes: number;
  readonly #spares: Bytes[] = [];
  #buffer: Bytes = EMPTY_BYTES;
  #sizeBytes = 0;
  #entries: PackEntry[] = [];

  /** @param options `targetBytes`: the size at which the pack is full; the last blob may exceed it. */
  constructor(options: { readonly targetBytes: number }) {
    const { targetBytes } = options;
    const largestBytes = targetBytes + BLOB_BYTES_MAX + SEAL_OVERHEAD_BYTES;
    assert(targetBytes > 0 && largestBytes < PACK_BYTES_MAX / 2, `packs of ${targetBytes} bytes`);
    this.#targetBytes = targetBytes;
  }

  /** Bytes of the blobs so far, without the directory. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get blobCount(): number {
    return this.#entries.length;
  }

  /** Whether it should be finished now. */
  get isFull(): boolean {
    return this.#sizeBytes >= this.#targetBytes || this.#entries.length >= PACK_BLOBS_TARGET_MAX;
  }

  /** Appends a blob. Data goes with data alone, trees and lists with each other. */
  add(blob: SealedBlob): void {
    const { sealed, ...facts } = blob;
    this.room(sealed.length).set(sealed);
    this.addPlaced({ ...facts, sealedBytes: sealed.length });
  }

  /** Memory of the pack for the next blob: filled by the caller, who calls `addPlaced` then. */
  room(sealedBytes: number): Bytes {
    assert(!this.isFull, "a blob for a pack that is full");
    this.#makeRoom(sealedBytes);
    return this.#buffer.subarray(this.#sizeBytes, this.#sizeBytes + sealedBytes);
  }

  /** `add` of a blob that stands in the `room` it was given. */
  addPlaced(blob: Omit<SealedBlob, "sealed"> & { readonly sealedBytes: number }): void {
    const { id, kind, codec, epoch, plainBytes, sealedBytes } = blob;
    assert(!this.isFull, "a blob for a pack that is full");
    assert(id.length === ID_BYTES, `a blob id of ${id.length} bytes`);
    const firstKind = this.#entries[0]?.kind ?? kind;
    assert((kind === "data") === (firstKind === "data"), `a ${kind} among ${firstKind} blobs`);
    const offset = this.#sizeBytes;
    assert(offset + sealedBytes <= this.#buffer.length, `no room for ${sealedBytes} bytes`);
    this.#entries.push({ id, kind, codec, epoch, offset, sealedBytes, plainBytes });
    this.#sizeBytes += sealedBytes;
  }

  /**
   * Seals the directory, names the pack, and reads the directory back from the finished bytes: a
   * pack that its own reader cannot read must never be stored.
   */
  finish(
    platform: SealingPlatform & OpeningPlatform & Pick<SyncPlatform, "hash">,
    keys: KeyRing,
  ): FinishedPack {
    const entries = this.#entries;
    assert(entries.length > 0, "a pack without blobs");
    const objectId = platform.randomBytes(ID_BYTES);
    const directory = sealSync(platform, keys, {
      kind: "pack-directory",
      objectId,
      plain: encodePackDirectory(entries),
      compression: DIRECTORY_COMPRESSION,
    });
    const { codec, epoch, plainBytes, sealed } = directory;
    const trailer = { epoch, codec, plainBytes, objectId, sealedBytes: sealed.length };
    const totalBytes = this.#sizeBytes + sealed.length + PACK_TRAILER_BYTES;
    this.#makeRoom(totalBytes - this.#sizeBytes);
    this.#buffer.set(sealed, this.#sizeBytes);
    this.#buffer.set(encodePackTrailer(trailer), this.#sizeBytes + sealed.length);
    const bytes = this.#buffer.subarray(0, totalBytes);
    const readBack = openPackDirectorySync(platform, keys, bytes);
    assert(
      readBack.length === entries.length &&
        readBack.every((entry, i) => isSameEntry(entry, entries[i])),
      "a pack whose directory reads back differently",
    );
    this.#entries = [];
    this.#sizeBytes = 0;
    this.#buffer = EMPTY_BYTES;
    return { id: idOf<PackId>(platform.hash(bytes)), bytes, entries };
  }

  /** Takes the memory of a finished pack back. The caller owns all of `bytes.buffer` and is done with it. */
  reuse(bytes: Bytes): void {
    if (this.#spares.length < SPARES_MAX) this.#spares.push(new Uint8Array(bytes.buffer));
    else releaseBytes(bytes);
  }

  #makeRoom(bytes: number): void {
    if (this.#buffer.length === 0) {
      // Room for most last blobs. Pages not touched cost nothing.
      const usualBytes = this.#targetBytes + Math.ceil(this.#targetBytes / 8);
      this.#buffer = this.#spares.pop() ?? new Uint8Array(usualBytes);
    }
    const neededBytes = this.#sizeBytes + bytes;
    if (neededBytes <= this.#buffer.length) return;
    const grown = new Uint8Array(Math.max(neededBytes, this.#targetBytes + BLOB_BYTES_MAX / 2));
    grown.set(this.#buffer.subarray(0, this.#sizeBytes));
    this.#buffer = grown;
  }
}

function isSameEntry(a: PackEntry, b: PackEntry | undefined): boolean {
  return (
    b !== undefined &&
    equalBytes(a.id, b.id) &&
    a.kind === b.kind &&
    a.codec === b.codec &&
    a.epoch === b.epoch &&
    a.offset === b.offset &&
    a.sealedBytes === b.sealedBytes &&
    a.plainBytes === b.plainBytes
  );
}
