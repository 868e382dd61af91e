/** Decoders of stored objects: what a storage server, or somebody with the keys, can give us. */
import { type Bytes, toHex } from "../../../engine/base/bytes.ts";
import { type IndexId, type SnapshotId, idOf, parseId } from "../../../engine/base/ids.ts";
import { openSync } from "../../../engine/crypto/envelope.ts";
import {
  decodeKeyMaterial,
  decodeKeySlot,
  wrappedEpochs,
} from "../../../engine/crypto/key-slot-format.ts";
import { openStandalone } from "../../../engine/crypto/standalone-object.ts";
import { readRecord } from "../../../engine/index/index-record.ts";
import { openIndexSegment } from "../../../engine/index/index-segment-reader.ts";
import {
  decodePackDirectory,
  decodePackTrailer,
  openPackDirectorySync,
} from "../../../engine/packs/pack-format.ts";
import { nativePlatform, nativeSyncPlatform } from "../../../engine/platform/node/native.ts";
import { decodeConfig, verifyConfig } from "../../../engine/repository/config.ts";
import { readLease } from "../../../engine/repository/lease.ts";
import { readPlan } from "../../../engine/repository/collection-plan.ts";
import { readTombstone } from "../../../engine/repository/tombstone.ts";
import { decodeSnapshot } from "../../../engine/snapshots/snapshot.ts";
import { type FuzzTarget, expectThat } from "../fuzz-target.ts";
import {
  OBJECT_ID,
  fixStandalone,
  fixTag,
  fuzzPlatform,
  fuzzSyncPlatform,
  keys,
  repositoryWith,
  sealedStandalone,
} from "../fuzz-world.ts";

const NAME = toHex(OBJECT_ID);
const INFO = { sizeBytes: 1, modifiedMs: 0 };

/** Three of four inputs get checksums and tags that fit, so that more than those is reached. */
function isFixed(seed: number): boolean {
  return seed % 4 !== 0;
}

const JSON_WORDS = [
  '"version":1',
  '"version":2',
  '"version":-1',
  '"time":"1700000000000000000"',
  '"deleted":"-1"',
  '"paths":[{"base64":"/w=="}]',
  '"__proto__":{}',
  '"constructor":1',
  '"packs":[]',
  '"plans":[""]',
  '"stats":{}',
  '"writer":"00000000000000000000000000000000"',
  '"\\u0000"',
  '"\\ud800"',
  "null",
  "true",
  "1e308",
  "-0",
  "9007199254740993",
  "18446744073709551616",
  "0.5",
  "[[[[[[[[",
  "{}",
  "[]",
  '""',
  ",",
  ":",
  '"',
  "{",
  "}",
  "[",
  "]",
  "\\",
  "e",
];

export const OBJECT_TARGETS: readonly FuzzTarget[] = [
  {
    name: "config",
    async run(input, seed) {
      if (isFixed(seed) && input.length >= 120) {
        input.set(nativeSyncPlatform.hash(input.slice(0, 72)).subarray(0, 16), 72);
        input.set(nativeSyncPlatform.keyedHash(keys.configKey, input.slice(0, 88)), 88);
      }
      const config = await decodeConfig(nativePlatform, input);
      await verifyConfig(nativePlatform, keys, input);
      expectThat(config.chunker.maxBytes <= 8 * 1024 * 1024, "chunks larger than a chunk can be");
    },
  },
  {
    name: "key-slot",
    run(input) {
      const { header, wrapped } = decodeKeySlot(input);
      expectThat(header.kdf.memoryKib <= 1024 * 1024, "Argon2 memory beyond the limit");
      expectThat(header.kdf.passes <= 16 && header.kdf.lanes <= 16, "Argon2 cost beyond the limit");
      wrappedEpochs(wrapped);
    },
  },
  {
    name: "key-material",
    run(input) {
      const { masterKey, epochKeys } = decodeKeyMaterial(input);
      expectThat(masterKey.length === 32 && epochKeys.length >= 1, "keys that are none");
      expectThat(
        epochKeys.every((key) => key.length === 32),
        "an epoch key of another length",
      );
    },
  },
  {
    name: "envelope",
    /** codec u8, kind u8, epoch u8, 0, plain length u32, sealed. */
    run(input, seed) {
      if (input.length < 8) return;
      const view = new DataView(input.buffer);
      const codec = CODEC_NAMES[(input[0] ?? 0) % 3] ?? "none";
      const kind = KIND_NAMES[(input[1] ?? 0) % KIND_NAMES.length] ?? "data";
      const epoch = input[2] ?? 0;
      // Also lengths that are beyond all limits, which are to be refused before anything is made.
      const plainBytes = view.getUint32(4, true);
      const sealed = input.subarray(8);
      const facts = { kind, objectId: OBJECT_ID, epoch, plainBytes };
      if (isFixed(seed)) fixTag(sealed, { ...facts, codec: (input[0] ?? 0) % 3 });
      const plain = openSync(fuzzSyncPlatform, keys, { ...facts, codec }, sealed);
      expectThat(plain.length === plainBytes, "another length than was written");
    },
  },
  {
    name: "standalone",
    async run(input, seed) {
      if (isFixed(seed)) fixStandalone(input, "snapshot");
      await openStandalone(fuzzPlatform, keys, {
        kind: "snapshot",
        objectId: OBJECT_ID,
        bytes: input,
      });
    },
  },
  {
    name: "snapshot",
    words: JSON_WORDS,
    isJson: true,
    run(input) {
      const snapshot = decodeSnapshot(input, parseId<SnapshotId>(NAME));
      expectThat(Number.isSafeInteger(snapshot.seq), "a place in a chain that is no number");
      expectThat(typeof snapshot.timeNs === "bigint", "a time that is none");
    },
  },
  {
    name: "lease",
    words: JSON_WORDS,
    isJson: true,
    run: (input) =>
      readLease(repositoryWith(sealedStandalone("lease", input, 7)), {
        ...INFO,
        name: `${NAME}.00000007`,
      }),
  },
  {
    name: "tombstone",
    words: JSON_WORDS,
    isJson: true,
    run: (input) =>
      readTombstone(repositoryWith(sealedStandalone("tombstone", input)), parseId(NAME)),
  },
  {
    name: "plan",
    words: JSON_WORDS,
    isJson: true,
    run: (input) =>
      readPlan(repositoryWith(sealedStandalone("plan", input)), { ...INFO, name: `${NAME}.plan` }),
  },
  {
    name: "pack-trailer",
    /** Size of the pack u32, trailer. */
    run(input) {
      if (input.length < 4) return;
      const packBytes = new DataView(input.buffer).getUint32(0, true);
      const { trailer, directoryOffset } = decodePackTrailer(input.subarray(4), packBytes);
      expectThat(directoryOffset + trailer.sealedBytes + 48 === packBytes, "it does not end there");
    },
  },
  {
    name: "pack-directory",
    /** Where the directory begins u32, directory. */
    run(input) {
      if (input.length < 4) return;
      const directoryOffset = new DataView(input.buffer).getUint32(0, true);
      checkEntries(decodePackDirectory(input.subarray(4), directoryOffset), directoryOffset);
    },
  },
  {
    name: "pack",
    run(input, seed) {
      if (isFixed(seed)) fixPack(input);
      checkEntries(openPackDirectorySync(fuzzSyncPlatform, keys, input), input.length);
    },
  },
  {
    name: "index-segment",
    async run(input, seed) {
      if (isFixed(seed)) fixSegment(input);
      const segment = await openIndexSegment({
        read: ({ offset, length }) => Promise.resolve(input.slice(offset, offset + length)),
        platform: fuzzPlatform,
        keys,
        id: idOf<IndexId>(OBJECT_ID),
        totalBytes: input.length,
      });
      const pageEnd = Math.min(segment.pageCount, 4);
      if (pageEnd === 0) return;
      for (const page of await segment.readPages(0, pageEnd)) {
        for (let slot = 0; slot < page.length / 51; slot++) {
          const { packNumber, offset, sealedBytes } = readRecord(page, slot);
          segment.packId(packNumber);
          const end = offset + sealedBytes;
          expectThat(end <= segment.packBytes(packNumber), "a blob outside its pack");
        }
      }
    },
  },
];

const CODEC_NAMES = ["none", "zstd", "lz4"] as const;
const KIND_NAMES = ["data", "tree", "list", "pack-directory", "snapshot", "lease"] as const;

function checkEntries(
  entries: readonly { readonly offset: number; readonly sealedBytes: number }[],
  endMax: number,
): void {
  let end = 0;
  for (const { offset, sealedBytes } of entries) {
    expectThat(offset >= end, "blobs that overlap");
    end = offset + sealedBytes;
  }
  expectThat(end <= endMax, "a blob beyond the end");
}

/** The tag of the directory that the trailer tells of. */
function fixPack(pack: Bytes): void {
  const at = pack.length - 48;
  if (at < 0) return;
  const view = new DataView(pack.buffer, pack.byteOffset, pack.byteLength);
  const sealedBytes = view.getUint32(at + 8, true);
  if (sealedBytes > at) return;
  fixTag(pack.subarray(at - sealedBytes, at), {
    kind: "pack-directory",
    objectId: pack.slice(at + 16),
    epoch: view.getUint8(at + 5),
    codec: view.getUint8(at + 6),
    plainBytes: view.getUint32(at + 12, true),
  });
}

/** The tags of a segment's directory and of its first pages, where those can be found at all. */
function fixSegment(segment: Bytes): void {
  if (segment.length < 32) return;
  const view = new DataView(segment.buffer, segment.byteOffset, segment.byteLength);
  const u32 = (at: number): number => view.getUint32(at, true);
  const epoch = view.getUint8(5);
  const codec = view.getUint8(6);
  const [records, perPage, directoryBytes] = [u32(8), u32(12), u32(24)];
  const end = 32 + directoryBytes;
  if (end > segment.length || perPage === 0) return;
  const pages = Math.ceil(records / perPage);
  // Lengths of pages are the last column, before the tag.
  const lengthsAt = end - 16 - 4 * pages;
  if (lengthsAt >= 32) {
    let at = end;
    for (let number = 0; number < Math.min(pages, 4); number++) {
      const length = u32(lengthsAt + 4 * number);
      if (at + length > segment.length) break;
      fixTag(segment.subarray(at, at + length), {
        kind: "index-page",
        objectId: OBJECT_ID,
        epoch,
        codec,
        plainBytes: Math.min(perPage, records - number * perPage) * 51,
        extra: [number, pages],
      });
      at += length;
    }
  }
  const facts = { objectId: OBJECT_ID, epoch, codec, plainBytes: u32(28) };
  fixTag(segment.subarray(32, end), { kind: "index-directory", ...facts });
}
